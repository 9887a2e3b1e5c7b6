/* The judge's journal row. */
#include "tests/reconciler/judge/docket.h"
#include "tests/reconciler/scarcity.h"

#include <criterion/criterion.h>

#include <string.h>

Test(judge, rows_that_are_not_ours_are_refused)
{
    struct judge judge = docket_start(2);
    json_t *good = docket_row(&judge);
    static const char *const wrong[] = {"null", "\"x\"", "-5000", "[]", "[\"7ff0000000000000\"]"};
    const char *key;
    json_t *value;
    json_object_foreach(good, key, value)
    {
        for (size_t i = 0; i < 6; i++) {
            json_t *copy = json_copy(good);
            if (i < 5)
                (void)json_object_set_new(copy, key, json_loads(wrong[i], JSON_DECODE_ANY, NULL));
            else
                (void)json_object_del(copy, key);
            struct judge read = docket_start(1);
            read.judged_ms = 77;
            struct error err;
            const int status = judge_from_json(copy, &read, &err);
            cr_expect(status == 0 || read.judged_ms == 77, "%s", key);
            if (i < 2 || i == 5)
                cr_expect_eq(status, ERR_INVALID, "%s = %s", key, i < 5 ? wrong[i] : "nothing");
            json_decref(copy);
        }
    }
    /* settings that no judge has */
    static const char *const settings[][2] = {
        {"alpha", "0000000000000000"},
        {"alpha", "3ff0000000000000"},
        {"beta", "0000000000000000"},
        {"beta", "3ff0000000000000"},
        {"tolerance", "3fe0000000000000"},
        {"p_bad", "0000000000000000"},
        {"p_bad", "3ff0000000000000"},
        {"rho", "bff0000000000000"},
        {"rho", "3ff0000000000000"},
        {"rho", "3ff000000000000g"},
        {"rho", "3ff"},
        {"rho", "7ff0000000000000"},
    };
    static const char *const order[] = {"alpha", "beta", "tolerance", "p_bad", "p_limit", "rho"};
    for (size_t i = 0; i < sizeof(settings) / sizeof(settings[0]); i++) {
        json_t *copy = json_deep_copy(good);
        size_t at = 0;
        while (strcmp(order[at], settings[i][0]) != 0)
            at++;
        (void)json_array_set_new(json_object_get(copy, "settings"), at,
                                 json_string(settings[i][1]));
        struct judge read;
        cr_expect_eq(judge_from_json(copy, &read, NULL), ERR_INVALID, "%s", settings[i][0]);
        json_decref(copy);
    }
    /* limits of a metric that are no shares */
    for (size_t i = 0; i < 4; i++) {
        json_t *copy = json_deep_copy(good);
        json_t *limits =
            json_object_get(json_array_get(json_object_get(copy, "metrics"), 0), "limits");
        (void)json_array_set_new(limits, i % 2,
                                 json_string(i < 2 ? "bff0000000000000" : "3ff0000000000000"));
        struct judge read;
        cr_expect_eq(judge_from_json(copy, &read, NULL), ERR_INVALID, "limit %zu", i);
        json_decref(copy);
    }
    static const char *const lists[] = {"limits", "sum",    "relative", "pass",
                                        "guard",  "inside", "bake"};
    for (size_t i = 0; i < sizeof(lists) / sizeof(lists[0]); i++) {
        json_t *copy = json_deep_copy(good);
        (void)json_object_del(json_array_get(json_object_get(copy, "metrics"), 1), lists[i]);
        struct judge read;
        cr_expect_eq(judge_from_json(copy, &read, NULL), ERR_INVALID, "%s", lists[i]);
        json_decref(copy);
    }
    static const struct {
        const char *name;
        json_int_t value;
    } numbers[] = {{"weight", 101}, {"failures", INT64_C(1) << 40}, {"version", 2}, {"window", 0}};
    for (size_t i = 0; i < 4; i++) {
        json_t *copy = json_copy(good);
        (void)json_object_set_new(copy, numbers[i].name, json_integer(numbers[i].value));
        struct judge read;
        cr_expect_eq(judge_from_json(copy, &read, NULL), ERR_INVALID, "%s", numbers[i].name);
        json_decref(copy);
    }
    json_t *many = json_object_get(good, "metrics");
    while (json_array_size(many) <= JUDGE_METRICS_LIMIT)
        (void)json_array_append(many, json_array_get(many, 0));
    struct judge read;
    cr_expect_eq(judge_from_json(good, &read, NULL), ERR_INVALID);
    json_decref(good);
    for (int i = 0; i < JUDGE_VERDICT_COUNT; i++)
        cr_expect_neq(judge_verdict_name((enum judge_verdict)i)[0], '\0');
}

Test(judge, every_allocation_of_a_row_may_fail)
{
    struct judge judge = docket_start(2);
    json_t *row = NULL;
    uint64_t spared = 0;
    for (; row == NULL; spared++) {
        cr_assert_lt(spared, 2000);
        scarcity_begin(spared, false);
        row = judge_to_json(&judge);
        const uint64_t failed = scarcity_end();
        cr_assert_eq(row == NULL, failed > 0, "after %lu", (unsigned long)spared);
    }
    cr_expect_gt(spared, 50);
    struct judge read;
    cr_expect_eq(judge_from_json(row, &read, NULL), 0);
    json_decref(row);
}
