/* YAML that is sound and says something that cannot be meant: bad inputs Y17 to Y21 and Y27 to Y35.
 */
#include "tests/config/manifest/fixture.h"

#include <criterion/criterion.h>

#include <string.h>

/* NOLINTBEGIN(clang-analyzer-security.insecureAPI.strcpy): short texts into arrays made for them */

struct row {
    const char *what;
    const char *text; /* appended to the usual cell */
    const char *code;
    uint32_t line, column;
    const char *message; /* a part of it */
    const char *hint;    /* a part of it; NULL = not looked at */
};

static void check(const struct row *row, const char *path, const char *text)
{
    struct fixture fixture = {0};
    if (strcmp(path, "platform.yaml") != 0)
        fixture_add(&fixture, "platform.yaml", fixture_platform);
    fixture_add(&fixture, path, text);
    fixture_load(&fixture, NULL, NULL);
    const struct diagnostic *found = fixture_find(&fixture, row->code);
    cr_expect_not_null(found, "%s: no %s in\n%s", row->what, row->code, fixture_found(fixture.set));
    if (found != NULL) {
        cr_expect_str_eq(found->at.path, path);
        cr_expect(found->at.line == row->line && found->at.column == row->column,
                  "%s: at %u:%u, not %u:%u: %s", row->what, found->at.line, found->at.column,
                  row->line, row->column, found->message);
        cr_expect_not_null(strstr(found->message, row->message), "%s: \"%s\"", row->what,
                           found->message);
        cr_expect(row->hint == NULL ||
                      (found->hint != NULL && strstr(found->hint, row->hint) != NULL),
                  "%s: hint \"%s\"", row->what, found->hint == NULL ? "" : found->hint);
    }
    fixture_free(&fixture);
}

static void check_all(const struct row *rows, size_t count)
{
    char text[8192];
    for (size_t i = 0; i < count; i++) {
        cr_assert_lt(strlen(FIXTURE_CELL) + strlen(rows[i].text), sizeof(text));
        strcpy(text, FIXTURE_CELL);
        strcat(text, rows[i].text);
        check(&rows[i], "cells/cart/cell.yaml", text);
    }
}

#define CHECK_ALL(rows) check_all(rows, sizeof(rows) / sizeof(rows[0]))

Test(bad_values, hints_show_what_to_write)
{
    static const struct row rows[] = {
        {"a mapping of variables", "  env: {PORT: 8080}\n", "E_TYPE", 9, 8, "must be a list",
         "- {name: ..., value: ...}"},
        {"a text as variable", "  env: [PORT=8080]\n", "E_TYPE", 9, 9, "must be a mapping",
         "{name: ..., value: ...}"},
        {"* beside others", "  dependsOn: [\"*\", cart]\n", "E_DEPENDS_ON", 9, 15, "stands alone",
         NULL},
        {"a name cut short", "  environments: {prod: {replicas: 1}}\n", "E_UNKNOWN_ENVIRONMENT", 9,
         18, "no environment \"prod\"", "did you mean \"production\"?"},
        {"no name at all near", "  environments: {qa: {replicas: 1}}\n", "E_UNKNOWN_ENVIRONMENT", 9,
         18, "no environment \"qa\"", "there are: development, production"},
        {"a target without prefix", "  connections: [{name: x, target: cart}]\n",
         "E_UNKNOWN_PROJECT", 9, 35, "no project \"cart\"", "did you mean \"shop-cart\"?"},
        {"the line within the block",
         "  configurations:\n    - name: r\n      type: config-map\n      mount_type: env "
         "variable\n"
         "      env_variables: |\n        {\n          \"A\": \"b\",\n        }\n",
         "E_JSON", 16, 1, "not valid JSON", NULL},
        {"Cell spec without anything", "x-y: z\nspec2:\n", "E_UNKNOWN_FIELD", 10, 1, "spec2",
         "did you mean \"spec\"?"},
    };
    CHECK_ALL(rows);
}

Test(bad_values, scalars_are_typed_by_the_schema)
{
    static const struct row rows[] = {
        {"Y17 no as text", "  env: [{name: COUNTRY, value: no}]\n", "N_TEXT", 9, 32,
         "no is taken as a text", "quotes"},
        {"Y17 yes as flag", "  suspend: yes\n", "E_FLAG", 9, 12, "must be true or false",
         "yes, no, on and off do not"},
        {"Y17 on as flag", "  suspend: on\n", "E_FLAG", 9, 12, "must be true or false", NULL},
        {"Y17 quoted flag", "  suspend: \"true\"\n", "E_FLAG", 9, 12, "without quotes", NULL},
        {"Y18 leading zero", "  replicas: 014\n", "E_NUMBER", 9, 13, "\"014\" is no whole number",
         "leading zeros"},
        {"Y18 octal", "  replicas: 0o14\n", "E_NUMBER", 9, 13, "no whole number", NULL},
        {"Y18 hex", "  replicas: 0x1F\n", "E_NUMBER", 9, 13, "no whole number", NULL},
        {"Y18 underscore", "  replicas: 1_000\n", "E_NUMBER", 9, 13, "no whole number", NULL},
        {"Y18 plus", "  replicas: +1\n", "E_NUMBER", 9, 13, "no whole number", NULL},
        {"Y18 sexagesimal", "  replicas: 12:30:45\n", "E_NUMBER", 9, 13, "no whole number", NULL},
        {"Y18 2^63", "  replicas: 9223372036854775808\n", "E_NUMBER", 9, 13, "no whole number",
         NULL},
        {"Y18 exponent", "  replicas: 1e3\n", "E_NUMBER", 9, 13, "no whole number", NULL},
        {"Y18 range", "  replicas: 1001\n", "E_RANGE", 9, 13,
         "\"replicas\" is 1001; it must be between 0 and 1000", NULL},
        {"Y18 negative", "  replicas: -1\n", "E_RANGE", 9, 13, "\"replicas\" is -1", NULL},
        {"Y18 quoted", "  replicas: \"1\"\n", "E_NUMBER", 9, 13, "no whole number",
         "without quotes"},
        {"Y19 infinity", "  rollout: {analysis: {metrics: [{name: latency, threshold: .inf}]}}\n",
         "E_FORM", 9, 61, "\".inf\" is no decimal number", NULL},
        {"Y19 not a number",
         "  rollout: {analysis: {metrics: [{name: latency, threshold: .nan}]}}\n", "E_FORM", 9, 61,
         "\".nan\" is no decimal number", NULL},
        {"Y21 ~", "  env: [{name: A, value: ~}]\n", "E_NULL", 9, 26, "may not be null", NULL},
        {"Y21 null", "  env: [{name: A, value: null}]\n", "E_NULL", 9, 26, "may not be null",
         "in quotes"},
        {"Y21 empty", "  env:\n    - name: A\n      value:\n", "E_NULL", 11, 13,
         "\"value\" is required, and nothing is written", "write \"\""},
        {"missing", "  env: [{value: a}]\n", "E_REQUIRED", 9, 9, "env needs the field \"name\"",
         "the variable"},
        {"mapping for a text", "  description: {a: b}\n", "E_TYPE", 9, 16,
         "must be a text, not a mapping", NULL},
        {"text for a mapping", "  resources: small\n", "E_TYPE", 9, 14,
         "resources must be a mapping", NULL},
        {"mapping for a list", "  env: {A: b}\n", "E_TYPE", 9, 8, "must be a list", "with -"},
        {"duration without unit", "  rollout: {bake: 5}\n", "E_DURATION", 9, 19,
         "is not a length of time", "90s"},
        {"duration with space", "  rollout: {bake: \"5 m\"}\n", "E_DURATION", 9, 19,
         "is not a length of time", NULL},
        {"negative duration", "  rollout: {bake: -1s}\n", "E_DURATION", 9, 19,
         "is not a length of time", NULL},
        {"endless duration", "  rollout: {bake: 100000d}\n", "E_DURATION", 9, 19,
         "longer than ten years", NULL},
        {"deadline too short", "  rollout: {progressDeadline: 1s}\n", "E_RANGE", 9, 31,
         "is 1s; it must be between 10s and 1d", NULL},
    };
    CHECK_ALL(rows);
}

Test(bad_values, unknown_fields_and_words)
{
    static const struct row rows[] = {
        {"Y27 typo", "  suspnd: true\n", "E_UNKNOWN_FIELD", 9, 3,
         "unknown field \"suspnd\" in cell spec", "did you mean \"suspend\"?"},
        {"Y27 wrong case", "  dependson: []\n", "E_UNKNOWN_FIELD", 9, 3, "\"dependson\"",
         "did you mean \"dependsOn\"?"},
        {"Y27 nothing near", "  kubernetes: {}\n", "E_UNKNOWN_FIELD", 9, 3, "\"kubernetes\"", "x-"},
        {"Y27 nested", "  resources: {limit: {cpu: 1}}\n", "E_UNKNOWN_FIELD", 9, 15,
         "unknown field \"limit\" in resources", "did you mean \"limits\"?"},
        {"unknown word", "  rollout: {strategy: canari}\n", "E_WORD", 9, 23,
         "it may be rolling, blue-green, canary", "did you mean \"canary\"?"},
        {"type of a component", "    - {name: x, type: servce, image: \"a:1\"}\n", "E_WORD", 9, 23,
         "it may be service, web-application, worker, scheduled-task", "did you mean \"service\"?"},
    };
    CHECK_ALL(rows);
    struct fixture fixture = {0};
    fixture_add(&fixture, "platform.yaml", fixture_platform);
    fixture_add(&fixture, "cells/cart/cell.yaml", FIXTURE_CELL "  x-owner: {team: [a, b]}\n");
    fixture_load(&fixture, NULL, NULL);
    cr_expect_eq(diagnostics_count(fixture.set->diagnostics), 0u, "%s", fixture_found(fixture.set));
    fixture_free(&fixture);
}

Test(bad_values, kinds_and_versions)
{
    static const struct row rows[] = {
        {"Y28 kind", "apiVersion: celld.dev/v1\nkind: Cells\nmetadata: {name: cart}\n", "E_KIND", 2,
         7, "kind \"Cells\" does not belong into this file", "write kind: Cell"},
        {"Y28 foreign", "apiVersion: apps/v1\nkind: Cell\nmetadata: {name: cart}\n",
         "E_API_VERSION", 1, 13, "apiVersion \"apps/v1\" is not celld.dev/v1", NULL},
        {"Y28 newer", "apiVersion: celld.dev/v2\nkind: Cell\nmetadata: {name: cart}\n",
         "E_API_VERSION", 1, 13, "this celld is too old for it", "upgrade celld"},
        {"Y28 missing", "kind: Cell\nmetadata: {name: cart}\nspec: {}\n", "E_REQUIRED", 1, 1,
         "Cell needs the field \"apiVersion\"", NULL},
        {"second document", FIXTURE_CELL "---\na: 1\n", "E_DOCUMENTS", 10, 1,
         "a second document in the file", NULL},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        check(&rows[i], "cells/cart/cell.yaml", rows[i].text);
}

Test(bad_values, names)
{
    static const struct row rows[] = {
        {"Y31 upper case", "    - {name: Cart, type: worker, image: \"a:1\"}\n", "E_FORM", 9, 14,
         "\"Cart\" may have only a-z, 0-9 and -", NULL},
        {"Y31 dot", "    - {name: cart., type: worker, image: \"a:1\"}\n", "E_FORM", 9, 14,
         "may have only", NULL},
        {"Y31 hyphen at the end", "    - {name: cart-, type: worker, image: \"a:1\"}\n", "E_FORM",
         9, 14, "begins or ends with -", NULL},
        {"Y31 newline", "    - {name: \"cart\\n\", type: worker, image: \"a:1\"}\n", "E_FORM", 9,
         14, "\"cart\\x0A\" may have only", NULL},
        {"Y31 other letters", "    - {name: c\xC3\xA4rt, type: worker, image: \"a:1\"}\n", "E_FORM",
         9, 14, "may have only", NULL},
        {"Y14 direction in a name",
         "    - {name: \"ca\xE2\x80\xAErt\", type: worker, image: \"a:1\"}\n", "E_FORM", 9, 14,
         "\\xE2\\x80\\xAE", NULL},
        {"Y31 too long",
         "    - {name: "
         "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa, type: worker, image: "
         "\"a:1\"}\n",
         "E_FORM", 9, 14, "is longer than 63 characters", NULL},
        {"Y31 empty", "    - {name: \"\", type: worker, image: \"a:1\"}\n", "E_FORM", 9, 14,
         "is empty", NULL},
        {"variable", "  env: [{name: 1A, value: b}]\n", "E_FORM", 9, 16,
         "begins with a letter or _", NULL},
        {"name in a table", "  environments: {Production: {}}\n", "E_NAME", 9, 18,
         "the name \"Production\" may have only", NULL},
        {"target", "  targets: {production: {}}\n", "E_NAME", 9, 13, "is no target", NULL},
        {"Y29 component twice", "    - {name: cartservice, type: worker, image: \"a:1\"}\n",
         "E_DUPLICATE_NAME", 9, 14, "component: \"cartservice\" stands twice", NULL},
        {"variable twice", "  env: [{name: A, value: b}, {name: A, value: c}]\n",
         "E_DUPLICATE_NAME", 9, 37, "env: \"A\" stands twice", NULL},
    };
    CHECK_ALL(rows);
}

Test(bad_values, paths_and_images)
{
    static const struct row rows[] = {
        {"Y32 upwards", "      source: ../secrets\n", "E_FORM", 9, 15, "leads upwards", NULL},
        {"Y32 upwards inside", "      source: a/../../b\n", "E_FORM", 9, 15, "leads upwards", NULL},
        {"Y32 absolute", "      source: /etc\n", "E_FORM", 9, 15, "is absolute", NULL},
        {"Y32 empty element", "      source: a//b\n", "E_FORM", 9, 15, "has an empty element",
         NULL},
        {"Y32 git", "      source: a/.git/config\n", "E_FORM", 9, 15, "the repository's own folder",
         NULL},
        {"Y32 git in other letters", "      source: a/.GIT\n", "E_FORM", 9, 15,
         "the repository's own folder", NULL},
        {"Y32 git by its short name", "      source: git~1/x\n", "E_FORM", 9, 15,
         "the repository's own folder", NULL},
        {"Y32 backslash", "      source: a\\b\n", "E_FORM", 9, 15, "has a character", NULL},
        {"Y32 NUL", "      source: \"a\\0b\"\n", "E_YAML_NUL", 9, 15, "U+0000", NULL},
        {"mount path",
         "  configurations: [{name: a, type: config-map, mount_type: file, "
         "mount_path: etc, files: {a: b}}]\n",
         "E_FORM", 9, 78, "must begin with a slash", NULL},
    };
    static const struct row images[] = {
        {"Y34 no tag", "    - {name: x, type: worker, image: registry.example/cart}\n", "E_FORM", 9,
         38, "has neither a tag nor a digest", NULL},
        {"Y34 port is no tag", "    - {name: x, type: worker, image: \"registry:5000/cart\"}\n",
         "E_FORM", 9, 38, "has neither a tag nor a digest", NULL},
        {"Y34 white space", "    - {name: x, type: worker, image: \"cart:1 \"}\n", "E_FORM", 9, 38,
         "has a character", NULL},
        {"Y34 digest", "    - {name: x, type: worker, image: \"cart@sha256:abc\"}\n", "E_FORM", 9,
         38, "has a digest that is not sha256", NULL},
        {"no image", "    - {name: x, type: worker}\n", "E_IMAGE", 9, 14,
         "neither an image nor a build", "image: <reference>"},
        {"image and build", "    - {name: x, type: worker, image: \"a:1\", build: {workflow: b}}\n",
         "E_IMAGE", 9, 38, "an image and a build", NULL},
    };
    CHECK_ALL(rows);
    CHECK_ALL(images);
    char text[8192];
    strcpy(text, FIXTURE_CELL "    - {name: x, type: worker, image: \"");
    memset(text + strlen(text), 'a', 4096);
    text[strlen(FIXTURE_CELL) + 4096 + 38] = '\0';
    strcat(text, ":1\"}\n");
    check(&(struct row){"Y34 4 KiB", NULL, "E_FORM", 9, 38, "is longer than 512 characters", NULL},
          "cells/cart/cell.yaml", text);
}

Test(bad_values, rollouts)
{
    static const struct row rows[] = {
        {"Y33 weight above 100",
         "  rollout: {strategy: canary, steps: [{weight: 101, soak: 1m}]}\n", "E_RANGE", 9, 48,
         "\"weight\" is 101; it must be between 0 and 100", NULL},
        {"Y33 weights fall",
         "  rollout:\n    strategy: canary\n    steps: [{weight: 50, soak: 1m}, {weight: 20, soak: "
         "1m}]\n",
         "E_WEIGHTS", 11, 46, "weights must rise: 20 comes after 50", NULL},
        {"Y33 negative time", "  rollout: {strategy: canary, steps: [{weight: 5, soak: -1m}]}\n",
         "E_DURATION", 9, 57, "is not a length of time", NULL},
        {"Y33 no time", "  rollout: {strategy: canary, steps: [{weight: 5, soak: 0s}]}\n",
         "E_RANGE", 9, 57, "is 0s; it must be between 1s and 7d", NULL},
        {"Y33 no steps", "  rollout: {strategy: canary, steps: []}\n", "E_COUNT", 9, 38,
         "\"steps\" has 0 entries; 1 to 50 are allowed", NULL},
        {"Y33 interval 0", "  rollout: {analysis: {interval: 0s}}\n", "E_RANGE", 9, 34,
         "is 0s; it must be between 10s and 1h", NULL},
        {"neither soak nor pause", "  rollout: {strategy: canary, steps: [{weight: 5}]}\n",
         "E_STEP", 9, 39, "neither soaks nor pauses", "soak: 5m"},
        {"preset and steps",
         "  rollout: {strategy: canary, preset: fast, steps: [{weight: 5, soak: 1m}]}\n",
         "E_ROLLOUT", 9, 39, "preset and steps exclude each other", NULL},
        {"steps of rolling", "  rollout: {strategy: rolling, preset: fast}\n", "E_ROLLOUT", 9, 40,
         "belong to the strategy canary", NULL},
        {"metric without queries", "  rollout: {analysis: {metrics: [orders]}}\n", "E_METRIC", 9,
         34, "the metric \"orders\" has no queries", "error-rate, latency"},
        {"canary of a worker", "      rollout: {strategy: canary}\n", "E_ROLLOUT", 9, 7,
         "only components with endpoints", NULL},
    };
    CHECK_ALL(rows);
    char text[65536];
    strcpy(text, FIXTURE_CELL "  rollout: {strategy: canary, steps: [");
    for (int i = 0; i < 51; i++)
        strcat(text, "{weight: 1, soak: 1s}, ");
    strcat(text, "]}\n");
    check(&(struct row){"Y33 too many steps", NULL, "E_COUNT", 9, 38, "has 51 entries; 1 to 50",
                        NULL},
          "cells/cart/cell.yaml", text);
}

Test(bad_values, amounts)
{
    static const struct row rows[] = {
        {"cpu", "  resources: {limits: {cpu: lots}}\n", "E_FORM", 9, 29,
         "\"lots\" is no amount of processors", "250m"},
        {"cpu in bytes", "  resources: {limits: {cpu: 1Gi}}\n", "E_FORM", 9, 29,
         "is no amount of processors", NULL},
        {"memory", "  resources: {limits: {memory: 128MB}}\n", "E_FORM", 9, 32,
         "\"128MB\" is no amount of memory", "128Mi"},
        {"memory in thousandths", "  resources: {limits: {memory: 128m}}\n", "E_FORM", 9, 32,
         "is no amount of memory", NULL},
        {"negative", "  resources: {limits: {cpu: -1}}\n", "E_FORM", 9, 29,
         "is no amount of processors", NULL},
        {"zero", "  resources: {limits: {cpu: 0}}\n", "E_FORM", 9, 29, "is zero", NULL},
        {"overflow", "  resources: {limits: {memory: 99999999999999Ti}}\n", "E_FORM", 9, 32,
         "is no amount of memory", NULL},
        {"request above limit",
         "  resources:\n    limits: {cpu: 100m}\n    requests: {cpu: \"1\"}\n", "E_RESOURCES", 11,
         21, "the request of cpu (1) is above its limit (100m)", NULL},
        {"min above max", "  scaling: {min: 5, max: 2}\n", "E_SCALING", 9, 18,
         "min (5) is above max (2)", NULL},
        {"scaling without max", "  scaling: {min: 5}\n", "E_SCALING", 9, 3, "scaling without max",
         "add max"},
    };
    CHECK_ALL(rows);
}

Test(bad_values, configurations)
{
    static const struct row rows[] = {
        {"Y35 secret-looking variable", "  env: [{name: DB_PASSWORD, value: hunter2}]\n",
         "W_SECRET", 9, 36, "DB_PASSWORD looks like a secret", "type secret"},
        {"Y35 secret-looking value", "  env: [{name: X, value: ghp_0123456789abcdef}]\n",
         "W_SECRET", 9, 26, "X looks like a secret", NULL},
        {"value of a secret",
         "  configurations:\n    - name: a\n      type: secret\n      mount_type: env variable\n"
         "      env_variables: {KEY: hunter2}\n",
         "E_SECRET_LITERAL", 13, 28, "KEY: a secret's value may not stand in the repository",
         "${NAME}"},
        {"JSON",
         "  configurations: [{name: a, type: config-map, mount_type: env variable, "
         "env_variables: \"{\"}]\n",
         "E_JSON", 9, 89, "env_variables is not valid JSON", NULL},
        {"number in JSON",
         "  configurations:\n    - name: a\n      type: config-map\n      mount_type: env "
         "variable\n"
         "      env_variables: |\n        {\n          \"A\": 1\n        }\n",
         "E_TYPE", 15, 1, "\"A\" must be a text", "quotes"},
        {"files of variables",
         "  configurations: [{name: a, type: config-map, mount_type: env variable, files: {a: "
         "b}}]\n",
         "E_CONFIGURATION", 9, 20, "has env_variables and nothing else", NULL},
        {"variables of files",
         "  configurations: [{name: a, type: config-map, mount_type: file, env_variables: {A: "
         "b}}]\n",
         "E_CONFIGURATION", 9, 20, "has mount_path, and files or content", NULL},
        {"part of a value", "  env: [{name: A, value: \"http://${CHOREO_CONNECTION_x}/\"}]\n",
         "E_CONNECTION_VALUE", 9, 26, "must be the whole value", "port and path already"},
        {"unknown connection", "  env: [{name: A, value: \"${CHOREO_CONNECTION_x}\"}]\n",
         "E_UNKNOWN_CONNECTION", 9, 26, "variable A: there is no connection \"x\"", NULL},
        {"variable set twice",
         "  env: [{name: A, value: b}]\n"
         "  configurations: [{name: a, type: config-map, mount_type: env variable, env_variables: "
         "{A: c}}]\n",
         "E_DUPLICATE_VARIABLE", 10, 90, "variable A is set by env and by the configuration \"a\"",
         NULL},
    };
    CHECK_ALL(rows);
    struct fixture fixture = {0};
    fixture_add(&fixture, "platform.yaml", fixture_platform);
    fixture_add(&fixture, "cells/cart/cell.yaml",
                FIXTURE_CELL "  env: [{name: DB_PASSWORD, value: hunter2}]\n"
                             "  configurations: [{name: a, type: secret, mount_type: env variable, "
                             "env_variables: {KEY: hunter2}}]\n");
    fixture_load(&fixture, NULL, NULL);
    cr_expect_null(strstr(fixture_found(fixture.set), "hunter2"), "a value is never shown");
    fixture_free(&fixture);
}

/* Y20: times are times only where the schema says so. */
Test(bad_values, times)
{
    static const char head[] =
        "apiVersion: celld.dev/v1\nkind: Platform\nmetadata: {name: shop}\nspec:\n"
        "  namespace: shop\n  regions: [us]\n  environments: [{name: development}]\n"
        "  phases: [{name: all, cells: [cart]}]\n";
    static const struct row rows[] = {
        {"Y20 date alone", "  freeze: [{name: a, from: 2026-12-20, to: 2027-01-04T00:00:00Z}]\n",
         "E_FORM", 9, 28, "\"2026-12-20\" is no point in time", NULL},
        {"backwards",
         "  freeze: [{name: a, from: 2027-01-04T00:00:00Z, to: 2026-12-20T00:00:00Z}]\n",
         "E_WINDOW", 9, 12, "the freeze ends before it begins", NULL},
        {"unknown environment",
         "  freeze: [{name: a, from: 2026-12-20T00:00:00Z, to: 2027-01-04T00:00:00Z, "
         "environments: [prod]}]\n",
         "E_UNKNOWN_ENVIRONMENT", 9, 91, "there is no environment \"prod\"", NULL},
        {"share", "  prune: {budget: 10}\n", "E_FORM", 9, 19, "is no percentage", "\"10%\""},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        char text[2048];
        strcpy(text, head);
        strcat(text, rows[i].text);
        check(&rows[i], "platform.yaml", text);
    }
}
Test(bad_values, an_analysis_that_cannot_judge)
{
#define API                                                                                        \
    "apiVersion: celld.dev/v1\nkind: Cell\nmetadata: {name: cart}\nspec:\n  components:\n"         \
    "    - {name: api, image: \"r/api:1\", endpoints: [{name: http, type: http, port: 80}]}\n"
    static const struct row rows[] = {
        {"workflow without a workflow",
         API "  rollout: {strategy: canary, preset: fast, analysis: {provider: workflow}}\n",
         "E_ANALYSIS", 7, 66, "api: the provider workflow needs the workflow that judges",
         "add workflow: {name: "},
        {"... in one environment",
         API "  rollout: {strategy: blue-green}\n"
             "  environments: {production: {rollout: {analysis: {provider: workflow}}}}\n",
         "E_ANALYSIS", 8, 62, "api: the provider workflow needs", "add workflow: {name: "},
        {"query without metrics",
         API "  rollout: {strategy: canary, preset: fast, analysis: {template: query}}\n",
         "E_ANALYSIS", 7, 66, "there are no metrics", "numerator: ..., denominator: ..."},
        {"query and an error rate without queries",
         API "  rollout: {strategy: canary, preset: fast,\n"
             "    analysis: {provider: prometheus, template: query, metrics: [error-rate]}}\n",
         "E_ANALYSIS", 8, 65, "the template query knows no queries for the metric \"error-rate\"",
         "give numerator and denominator"},
        {"query and half a ratio",
         API "  rollout: {strategy: canary, preset: fast, analysis: {template: query,\n"
             "    metrics: [{name: errors, kind: error-rate, numerator: bad}]}}\n",
         "E_ANALYSIS", 8, 15, "for the metric \"errors\"", "give numerator and denominator"},
        {"query and latency without a histogram",
         API "  rollout: {strategy: canary, preset: fast, analysis: {template: query,\n"
             "    metrics: [{name: orders, numerator: bad, denominator: all}, latency]}}\n",
         "E_ANALYSIS", 8, 65, "for the metric \"latency\"", "give histogram"},
        {"observer and no error rate",
         API "  rollout: {strategy: canary, preset: fast, analysis: {provider: observer,\n"
             "    metrics: [latency]}}\n",
         "E_ANALYSIS", 7, 66, "no metric is error-rate", "add error-rate to metrics"},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        check(&rows[i], "cells/cart/cell.yaml", rows[i].text);
    static const char *const sound[] = {
        /* another layer names it, or nobody asks it */
        API "  rollout: {strategy: canary, preset: fast, analysis: {provider: workflow,\n"
            "    workflow: {name: smoke}}}\n"
            "  environments: {production: {rollout: {analysis: {provider: workflow}}}}\n",
        API "  rollout: {analysis: {provider: workflow}}\n",
        API "    - {name: w, type: worker, image: \"r/w:1\", rollout: {analysis: {provider: "
            "workflow}}}\n",
        API "  rollout: {strategy: canary, preset: fast, analysis: {template: query, metrics: [\n"
            "    {name: error-rate, numerator: bad, denominator: all},\n"
            "    {name: latency, histogram: buckets}]}}\n",
        API "  rollout: {strategy: canary, preset: fast, analysis: {provider: observer}}\n",
        API "  rollout: {strategy: canary, preset: fast, analysis: {provider: observer,\n"
            "    metrics: [latency, error-rate]}}\n",
        API "  rollout: {strategy: canary, preset: fast, analysis: {provider: webhook,\n"
            "    template: query}}\n",
    };
    for (size_t i = 0; i < sizeof(sound) / sizeof(sound[0]); i++) {
        struct fixture fixture = {0};
        fixture_add(&fixture, "platform.yaml", fixture_platform);
        fixture_add(&fixture, "cells/cart/cell.yaml", sound[i]);
        fixture_load(&fixture, NULL, NULL);
        cr_expect_null(fixture_find(&fixture, "E_ANALYSIS"), "%zu: %s", i,
                       fixture_found(fixture.set));
        fixture_free(&fixture);
    }
#undef API
}

/* NOLINTEND(clang-analyzer-security.insecureAPI.strcpy) */
