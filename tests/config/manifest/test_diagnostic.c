/* Diagnostics: escaped, capped, sorted; as text, JSON and SARIF. */
#include "config/base/json.h"
#include "config/manifest/diagnostic.h"

#include <criterion/criterion.h>

#include <stdlib.h>
#include <string.h>

static void add(struct diagnostics *list, const char *path, uint32_t line, const char *code,
                const char *message)
{
    diagnostics_add(list, &(struct diagnostic){.severity = DIAGNOSTIC_ERROR,
                                               .code = code,
                                               .at = {path, line, 3},
                                               .message = message});
}

static struct diagnostics *some(void)
{
    struct diagnostics *list = diagnostics_new(10);
    cr_assert_not_null(list);
    add(list, "b.yaml", 1, "E_B", "second file");
    add(list, "a.yaml", 7, "E_A", "later line");
    diagnostics_add(list, &(struct diagnostic){.severity = DIAGNOSTIC_WARNING,
                                               .code = "W_A",
                                               .at = {"a b/\xC3\xA9.yaml", 2, 5},
                                               .message = "a \x1B[31mred\x1B[0m\n text",
                                               .hint = "do this",
                                               .cell = "cart",
                                               .related = {"a.yaml", 1, 1},
                                               .related_message = "first"});
    diagnostics_sort(list);
    return list;
}

Test(diagnostic, text)
{
    struct diagnostics *list = some();
    OWNED_TEXT text;
    text_init(&text, 65536);
    cr_assert_eq(diagnostics_write(list, DIAGNOSTIC_TEXT, &text), 0);
    cr_expect_str_eq(text_get(&text),
                     "a b/\xC3\xA9.yaml:2:5: warning: a \\x1B[31mred\\x1B[0m\\x0A text [W_A]\n"
                     "a.yaml:1:1: note: first\n"
                     "a b/\xC3\xA9.yaml:2:5: note: do this\n"
                     "a.yaml:7:3: error: later line [E_A]\n"
                     "b.yaml:1:3: error: second file [E_B]\n");
    diagnostics_free(list);
}

Test(diagnostic, json)
{
    struct diagnostics *list = some();
    OWNED_TEXT text;
    text_init(&text, 65536);
    cr_assert_eq(diagnostics_write(list, DIAGNOSTIC_JSON, &text), 0);
    OWNED_JSON *json = NULL;
    cr_assert_eq(json_read(text_get(&text), text.length, "it", &json, NULL), 0);
    const json_t *items = json_object_get(json, "diagnostics");
    cr_assert_eq(json_array_size(items), 3u);
    const json_t *first = json_array_get(items, 0);
    cr_expect_str_eq(json_text_or(json_object_get(first, "severity"), ""), "warning");
    cr_expect_str_eq(json_text_or(json_object_get(first, "cell"), ""), "cart");
    cr_expect_eq(json_integer_value(json_at(first, "at", "column", NULL)), 5);
    cr_expect_eq(json_integer_value(json_at(first, "related", "line", NULL)), 1);
    cr_expect(json_is_null(json_object_get(json_array_get(items, 1), "hint")));
    cr_expect_eq(json_integer_value(json_object_get(json, "errors")), 2);
    diagnostics_free(list);
}

/* What SARIF 2.1.0 requires of a log, a run, a result and a location. */
Test(diagnostic, sarif)
{
    struct diagnostics *list = some();
    OWNED_TEXT text;
    text_init(&text, 65536);
    cr_assert_eq(diagnostics_write(list, DIAGNOSTIC_SARIF, &text), 0);
    OWNED_JSON *sarif = NULL;
    cr_assert_eq(json_read(text_get(&text), text.length, "it", &sarif, NULL), 0);
    cr_expect_str_eq(json_text_or(json_object_get(sarif, "version"), ""), "2.1.0");
    const json_t *runs = json_object_get(sarif, "runs");
    cr_assert_eq(json_array_size(runs), 1u);
    const json_t *run = json_array_get(runs, 0);
    cr_expect_str_eq(json_text_or(json_at(run, "tool", "driver", "name", NULL), ""), "celld");
    cr_expect_str_eq(json_text_or(json_object_get(run, "columnKind"), ""), "unicodeCodePoints");
    const json_t *rules = json_at(run, "tool", "driver", "rules", NULL);
    cr_assert_eq(json_array_size(rules), 3u);
    const json_t *results = json_object_get(run, "results");
    cr_assert_eq(json_array_size(results), 3u);
    size_t i;
    const json_t *result;
    json_array_foreach(results, i, result)
    {
        bool known = false;
        for (size_t j = 0; j < json_array_size(rules); j++)
            known |= strcmp(json_text_or(json_object_get(json_array_get(rules, j), "id"), ""),
                            json_text_or(json_object_get(result, "ruleId"), "-")) == 0;
        cr_expect(known, "result %zu names a rule", i);
        const char *level = json_text_or(json_object_get(result, "level"), "");
        cr_expect(strcmp(level, "error") == 0 || strcmp(level, "warning") == 0 ||
                  strcmp(level, "note") == 0);
        cr_expect_gt(strlen(json_text_or(json_at(result, "message", "text", NULL), "")), 0u);
        const json_t *place = json_at(json_array_get(json_object_get(result, "locations"), 0),
                                      "physicalLocation", NULL);
        cr_assert_not_null(place);
        cr_expect_not_null(json_string_value(json_at(place, "artifactLocation", "uri", NULL)));
        cr_expect_geq(json_integer_value(json_at(place, "region", "startLine", NULL)), 1);
        cr_expect_geq(json_integer_value(json_at(place, "region", "startColumn", NULL)), 1);
    }
    const json_t *warning = json_array_get(results, 0);
    cr_expect_str_eq(json_text_or(json_at(json_array_get(json_object_get(warning, "locations"), 0),
                                          "physicalLocation", "artifactLocation", "uri", NULL),
                                  ""),
                     "a%20b/%C3%A9.yaml");
    cr_expect_str_eq(
        json_text_or(json_at(json_array_get(json_object_get(warning, "relatedLocations"), 0),
                             "message", "text", NULL),
                     ""),
        "first");
    diagnostics_free(list);
}

Test(diagnostic, is_capped_and_counts_on)
{
    struct diagnostics *list = diagnostics_new(2);
    for (uint32_t i = 1; i <= 5; i++)
        add(list, "a.yaml", i, "E_A", "x");
    cr_expect_eq(diagnostics_count(list), 2u);
    cr_expect_eq(diagnostics_dropped(list), 3u);
    cr_expect_eq(diagnostics_error_count(list), 5u);
    OWNED_TEXT text;
    text_init(&text, 65536);
    cr_assert_eq(diagnostics_write(list, DIAGNOSTIC_TEXT, &text), 0);
    cr_expect_not_null(strstr(text_get(&text), "3 more diagnostics are not shown\n"));
    diagnostics_free(list);
}

Test(diagnostic, long_messages_are_cut)
{
    struct diagnostics *list = diagnostics_new(2);
    char message[5000];
    memset(message, 'a', sizeof(message) - 1);
    message[sizeof(message) - 1] = '\0';
    add(list, "a.yaml", 1, "E_A", message);
    cr_expect_leq(strlen(diagnostics_get(list, 0)->message), 1024u);
    diagnostics_free(list);
}
