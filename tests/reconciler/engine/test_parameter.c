/* Parameters of workflow runs against their schema. */
#include "config/base/json.h"
#include "reconciler/engine/parameter.h"
#include "tests/reconciler/scarcity.h"

#include <criterion/criterion.h>

#include <errno.h>
#include <string.h>

static json_t *load(const char *text)
{
    json_t *value = json_loads(text, JSON_DECODE_ANY, NULL);
    cr_assert_not_null(value, "%s", text);
    return value;
}

static const struct {
    const char *schema, *value;
    const char *fault; /* NULL = none */
} checks[] = {
    {"{}", "5", NULL},
    {"{\"type\":\"strange\"}", "5", NULL},
    {"{\"type\":\"object\"}", "{}", NULL},
    {"{\"type\":\"object\"}", "[]", "p has to be of type object"},
    {"{\"type\":\"array\"}", "[]", NULL},
    {"{\"type\":\"array\"}", "{}", "p has to be of type array"},
    {"{\"type\":\"string\"}", "\"\"", NULL},
    {"{\"type\":\"string\"}", "1", "p has to be of type string"},
    {"{\"type\":\"integer\"}", "1", NULL},
    {"{\"type\":\"integer\"}", "1.5", "p has to be of type integer"},
    {"{\"type\":\"number\"}", "1", NULL},
    {"{\"type\":\"number\"}", "1.5", NULL},
    {"{\"type\":\"number\"}", "\"1\"", "p has to be of type number"},
    {"{\"type\":\"boolean\"}", "true", NULL},
    {"{\"type\":\"boolean\"}", "false", NULL},
    {"{\"type\":\"boolean\"}", "0", "p has to be of type boolean"},
    {"{\"enum\":[\"a\",\"b\"]}", "\"b\"", NULL},
    {"{\"enum\":[\"a\",\"b\"]}", "\"c\"", "p is none of the allowed values"},
    {"{\"minimum\":2,\"maximum\":4}", "2", NULL},
    {"{\"minimum\":2,\"maximum\":4}", "4.0", NULL},
    {"{\"minimum\":2}", "1.9", "p is out of bounds"},
    {"{\"maximum\":4}", "4.1", "p is out of bounds"},
    {"{\"maximum\":4}", "\"long\"", NULL},
    {"{\"minLength\":2,\"maxLength\":3}", "\"ab\"", NULL},
    {"{\"minLength\":2,\"maxLength\":3}", "\"abc\"", NULL},
    {"{\"minLength\":2}", "\"a\"", "p has a wrong length"},
    {"{\"maxLength\":3}", "\"abcd\"", "p has a wrong length"},
    {"{\"minLength\":2}", "1", NULL},
    {"{\"required\":[\"a\"]}", "{\"a\":1}", NULL},
    {"{\"required\":[\"a\"]}", "{}", "p lacks a"},
    {"{\"required\":[5]}", "{}", "p lacks "},
    {"{\"required\":[\"a\"],\"properties\":{\"a\":{\"default\":1}}}", "{}", NULL},
    {"{\"properties\":{\"a\":{}}}", "{\"b\":1}", "p.b is unknown"},
    {"{\"properties\":{\"a\":{}},\"additionalProperties\":true}", "{\"b\":1}", NULL},
    {"{\"properties\":{\"a\":{\"type\":\"string\"}}}", "{\"a\":1}", "p.a has to be of type string"},
    {"{\"type\":\"object\"}", "{\"b\":1}", NULL},
    {"{\"items\":{\"type\":\"string\"}}", "[\"a\",\"b\"]", NULL},
    {"{\"items\":{\"type\":\"string\"}}", "[\"a\",2]", "p[1] has to be of type string"},
    {"{\"items\":{\"type\":\"string\"},\"maximum\":1}", "2", "p is out of bounds"},
};

Test(parameter, values_are_checked_against_their_schema)
{
    for (size_t i = 0; i < sizeof checks / sizeof *checks; i++) {
        json_t *schema = load(checks[i].schema), *value = load(checks[i].value);
        struct error err = {0};
        const int result = parameter_check(schema, value, "p", &err);
        cr_expect_eq(result, checks[i].fault == NULL ? 0 : ERR_INVALID, "%s of %s", checks[i].value,
                     checks[i].schema);
        cr_expect_str_eq(err.detail, checks[i].fault == NULL ? "" : checks[i].fault);
        json_decref(schema);
        json_decref(value);
    }
}

static const struct {
    const char *schema, *manifest; /* NULL = none */
    const char *filled;            /* NULL = refused */
} fills[] = {
    {"{}", NULL, "{}"},
    {"{\"properties\":{\"cell\":{},\"environment\":{\"type\":\"string\"}}}", NULL,
     "{\"cell\":\"shop\",\"environment\":\"testing\"}"},
    {"{\"properties\":{\"project\":{},\"revision\":{},\"digests\":{\"type\":\"array\"}}}", NULL,
     "{\"digests\":[\"d\"],\"project\":\"acme-shop\",\"revision\":\"c0ffee\"}"},
    {"{\"properties\":{\"cell\":{},\"suite\":{}}}", "{\"cell\":\"mine\",\"suite\":\"all\"}",
     "{\"cell\":\"mine\",\"suite\":\"all\"}"},
    {"{\"properties\":{\"cell\":{\"type\":\"integer\"}}}", NULL, NULL},
};

static int fill(const json_t *schema, const json_t *manifest, json_t **ret_parameters)
{
    const struct node_parameters given = {manifest, "shop", "testing", "c0ffee", "d"};
    return parameter_fill(schema, &given, "acme-shop", ret_parameters, NULL);
}

static const struct {
    const char *schema, *manifest;
    const char *filled;
} builds[] = {
    {"{}", NULL, "{}"},
    {"{\"properties\":{\"repository\":{\"type\":\"string\"}}}", "{\"repository\":\"own\"}",
     "{\"repository\":\"own\"}"},
    {"{\"properties\":{\"repository\":{\"properties\":{\"url\":{},\"appPath\":{}}}}}", NULL,
     "{\"repository\":{\"appPath\":\"src\",\"url\":\"https://git\"}}"},
    {"{\"properties\":{\"repository\":{\"properties\":{\"url\":{},\"revision\":{\"properties\":{"
     "\"commit\":{},\"branch\":{}}}}}}}",
     "{\"repository\":{\"url\":\"mine\",\"revision\":{\"commit\":\"old\"}}}",
     "{\"repository\":{\"revision\":{\"branch\":\"main\",\"commit\":\"c0ffee\"},\"url\":\"mine\"}"
     "}"},
    {"{\"properties\":{\"repository\":{\"properties\":{\"url\":{}}}}}", "{\"repository\":5}",
     "{\"repository\":5}"},
    {"{\"properties\":{\"repository\":{\"properties\":{\"revision\":{\"properties\":{\"commit\":{}}"
     "}}}}}",
     NULL, "{\"repository\":{\"revision\":{\"commit\":\"c0ffee\"}}}"},
    {"{\"properties\":{\"repository\":{\"type\":\"object\",\"properties\":{\"url\":{}}}}}",
     "{\"repository\":5}", NULL},
};

static int fill_build(const json_t *schema, const json_t *manifest, json_t **ret_parameters)
{
    const struct build_parameters given = {manifest, "https://git", "main", "c0ffee", "src"};
    return parameter_fill_build(schema, &given, ret_parameters, NULL);
}

/* With all the memory, then without each piece of it. */
static void expect_filled(int (*fill_in)(const json_t *, const json_t *, json_t **),
                          const char *schema_text, const char *manifest_text, const char *expected)
{
    json_t *schema = load(schema_text);
    json_t *manifest = manifest_text == NULL ? NULL : load(manifest_text);
    json_t *parameters = NULL;
    int result = fill_in(schema, manifest, &parameters);
    cr_expect_eq(result, expected == NULL ? ERR_INVALID : 0, "%s", schema_text);
    char *text = parameters == NULL ? NULL : json_canonical(parameters);
    if (expected != NULL)
        cr_expect_str_eq(text, expected);
    else
        cr_expect_null(parameters);
    free(text);
    json_decref(parameters);
    for (uint64_t spared = 0, failed = 1; failed > 0; spared++) {
        parameters = NULL;
        scarcity_begin(spared, false);
        result = fill_in(schema, manifest, &parameters);
        failed = scarcity_end();
        cr_expect_eq(result,
                     failed > 0         ? -ENOMEM
                     : expected == NULL ? ERR_INVALID
                                        : 0,
                     "%s after %u", schema_text, (unsigned)spared);
        json_decref(parameters);
    }
    json_decref(schema);
    json_decref(manifest);
}

Test(parameter, ours_are_filled_in_where_the_schema_asks_for_them)
{
    for (size_t i = 0; i < sizeof fills / sizeof *fills; i++)
        expect_filled(fill, fills[i].schema, fills[i].manifest, fills[i].filled);
    for (size_t i = 0; i < sizeof builds / sizeof *builds; i++)
        expect_filled(fill_build, builds[i].schema, builds[i].manifest, builds[i].filled);
}
