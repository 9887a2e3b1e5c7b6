#include "config/base/json.h"
#include "reconciler/tree/gate.h"
#include "tests/reconciler/data.h"

#include <criterion/criterion.h>

#include <string.h>

#define IMAGE "registry.example/"

static json_t *recorded;

static void load(void)
{
    recorded = data_load("gate.json");
}

static void unload(void)
{
    json_decref(recorded);
}

TestSuite(gate, .init = load, .fini = unload);

static const json_t *binding_of(const char *key)
{
    const json_t *binding = json_at(recorded, "bindings", key, NULL);
    cr_assert_not_null(binding, "binding %s", key);
    return binding;
}

static const json_t *tree_of(const char *key)
{
    if (key == NULL)
        return NULL;
    const json_t *tree = json_at(recorded, "trees", key, NULL);
    cr_assert_not_null(tree, "tree %s", key);
    return tree;
}

static struct gate_question question_of(const json_t *row)
{
    const json_t *before = json_object_get(row, "generation_before");
    return (struct gate_question){
        .component = json_text_or(json_object_get(row, "component"), ""),
        .release_name = json_text_or(json_object_get(row, "release_name"), NULL),
        .image = json_text_or(json_object_get(row, "image"), NULL),
        .undeploy = json_is_true(json_object_get(row, "undeploy")),
        .generation_before = before == NULL ? 0 : json_integer_value(before),
        .route = json_is_true(json_object_get(row, "route")),
        .weight_a = (int)json_integer_value(json_object_get(row, "weight_a")),
        .weight_b = (int)json_integer_value(json_object_get(row, "weight_b")),
    };
}

/* Recorded answers, by scenario and number: what was asked for, and what the contract says. */
Test(gate, recorded_moments)
{
    json_t *rows = data_load("moments.json");
    size_t index;
    json_t *row;
    json_array_foreach(rows, index, row)
    {
        const char *what = json_text_or(json_object_get(row, "what"), "?");
        const struct gate_question question = question_of(row);
        struct gate_answer answer;
        gate_judge(&question, binding_of(json_text_or(json_object_get(row, "binding"), "?")),
                   tree_of(json_text_or(json_object_get(row, "tree"), NULL)), &answer);
        cr_expect_str_eq(gate_verdict_name(answer.verdict),
                         json_text_or(json_object_get(row, "verdict"), "?"), "%s: %s (%s: %s)",
                         what, gate_verdict_name(answer.verdict), answer.reason, answer.text);
        cr_expect_str_eq(answer.reason, json_text_or(json_object_get(row, "reason"), "?"),
                         "%s: %s: %s", what, answer.reason, answer.text);
        cr_expect_eq(answer.needs_second_look, json_is_true(json_object_get(row, "second_look")),
                     "%s", what);
        cr_expect_eq(answer.needs_grace, json_is_true(json_object_get(row, "grace")), "%s", what);
        cr_expect_eq(answer.weights_verified, question.route && answer.verdict == GATE_SETTLED,
                     "%s", what);
    }
    cr_assert_geq(index, 55);
    json_decref(rows);
}

/* In every recorded flip between two healthy releases, whatever the conditions say: with the tree
 * of the old release it is never settled nor failed, with the tree of the new one it is settled
 * exactly when the last write was taken up. */
Test(gate, stale_windows)
{
    static const char *const scenarios[] = {"03b", "19"};
    size_t looks = 0, fooled = 0;
    for (size_t s = 0; s < sizeof scenarios / sizeof scenarios[0]; s++) {
        int64_t before = -1;
        for (int n = 1; n < 40; n++) {
            char key[16];
            (void)snprintf(key, sizeof key, "%s#%d", scenarios[s], n);
            const json_t *binding = json_at(recorded, "bindings", key, NULL);
            if (binding == NULL)
                continue;
            const char *release = json_text_or(json_at(binding, "spec", "releaseName", NULL), "");
            const bool first = strcmp(release, "orders-000000000001") == 0;
            struct gate_question question = {
                .component = "orders",
                .release_name = release,
                .image = first ? IMAGE "orders:1" : IMAGE "orders:2",
                .generation_before = before,
            };
            struct gate_answer old, new;
            gate_judge(&question, binding, tree_of(first ? "03#18" : "03#10"), &old);
            gate_judge(&question, binding, tree_of(first ? "03#10" : "03#18"), &new);
            if (strcmp(json_text_or(json_object_get(binding, "sent"), ""), "PUT") == 0) {
                before = new.generation;
                continue;
            }
            cr_expect_eq(old.verdict, GATE_STALE, "%s: %s", key, old.reason);
            cr_expect_eq(new.verdict, new.generation > before ? GATE_SETTLED : GATE_STALE, "%s: %s",
                         key, new.reason);
            looks++;
            fooled += new.generation > before ? 1 : 0;
        }
    }
    cr_assert_geq(looks, 25);
    cr_assert_geq(fooled, 15);
}

/* No binding, whatever it says, is settled or undeployed without its tree. */
Test(gate, a_binding_alone_never_settles)
{
    const char *key;
    json_t *binding;
    size_t count = 0;
    json_object_foreach(json_object_get(recorded, "bindings"), key, binding)
    {
        for (int undeploy = 0; undeploy < 2; undeploy++) {
            const struct gate_question question = {
                .component =
                    json_text_or(json_at(binding, "spec", "owner", "componentName", NULL), ""),
                .release_name = json_text_or(json_at(binding, "spec", "releaseName", NULL), ""),
                .undeploy = undeploy == 1,
                .generation_before = -1,
            };
            struct gate_answer answer;
            gate_judge(&question, binding, NULL, &answer);
            cr_expect(answer.verdict != GATE_SETTLED && answer.verdict != GATE_UNDEPLOYED, "%s",
                      key);
            cr_expect(answer.text[0] != '\0' && answer.reason[0] != '\0', "%s", key);
            count++;
        }
    }
    cr_assert_geq(count, 400);
}

/* Whatever an answer looks like, it is judged without harm, and settles only with all its parts. */
Test(gate, hostile_answers)
{
    static const char *const trees[] = {"03#18", "04#27", "25#50", "27b#27"};
    static const char *const bindings[] = {"03#17", "04b#15", "25#49", "27b#28"};
    static const char *const components[] = {"orders", "cart", "report", "self"};
    uint64_t seed = 20261123;
    size_t settled = 0, other = 0;
    for (int round = 0; round < 4000; round++) {
        const size_t which = (size_t)round % 4;
        json_t *tree = json_deep_copy(tree_of(trees[which]));
        json_t *binding = json_deep_copy(binding_of(bindings[which]));
        for (uint64_t n = data_random(&seed) % 6; n > 0; n--) {
            data_disturb(tree, &seed);
            data_disturb(binding, &seed);
        }
        const struct gate_question question = {
            .component = components[which],
            .generation_before = (int64_t)(data_random(&seed) % 3) - 1,
            .route = which == 1,
            .weight_a = 90,
            .weight_b = 10,
        };
        struct gate_answer answer;
        gate_judge(&question, binding, tree, &answer);
        cr_assert_lt((int)answer.verdict, GATE_VERDICT_COUNT);
        cr_assert(answer.text[0] != '\0' && answer.reason[0] != '\0', "round %d: %s: %s", round,
                  gate_verdict_name(answer.verdict), answer.reason);
        cr_assert_geq(answer.progress, 0);
        cr_assert_geq(gate_failed_runs(tree), 0);
        settled += answer.verdict == GATE_SETTLED ? 1 : 0;
        other += answer.verdict == GATE_SETTLED ? 0 : 1;
        json_decref(binding);
        json_decref(tree);
    }
    cr_expect_gt(settled, 100);
    cr_expect_gt(other, 1000);
}
