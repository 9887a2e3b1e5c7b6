/* What a control plane may say of a release and is no evidence of it: bad inputs H3, H5, H7, H20
 * and H21. Whatever stands there, nothing is settled or failed by it alone. */
#include "config/base/json.h"
#include "reconciler/tree/gate.h"
#include "tests/reconciler/data.h"

#include <criterion/criterion.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static json_t *recorded;

static void load(void)
{
    recorded = data_load("gate.json");
}

static void unload(void)
{
    json_decref(recorded);
}

TestSuite(gate_doubt, .init = load, .fini = unload);

static json_t *copy_of(const char *family, const char *key)
{
    const json_t *value = json_at(recorded, family, key, NULL);
    cr_assert_not_null(value, "%s %s", family, key);
    return json_deep_copy(json_unconst(value));
}

static json_t *value_of(const char *text)
{
    json_t *value = json_loads(text, JSON_DECODE_ANY, NULL);
    cr_assert_not_null(value, "%s", text);
    return value;
}

/* Of every condition, or of those of one type. */
static void set_conditions(json_t *binding, const char *type, const char *key, const char *value)
{
    json_t *conditions = json_object_get(json_object_get(binding, "status"), "conditions");
    cr_assert_gt(json_array_size(conditions), 0);
    for (size_t i = 0; i < json_array_size(conditions); i++) {
        json_t *condition = json_array_get(conditions, i);
        if (type == NULL || strcmp(json_text_or(json_object_get(condition, "type"), ""), type) == 0)
            json_object_set_new(condition, key, value_of(value));
    }
}

static json_t *nodes_of(json_t *tree)
{
    return json_object_get(json_array_get(json_object_get(tree, "renderedReleases"), 0), "nodes");
}

static void set_health(json_t *tree, const char *value)
{
    for (size_t i = 0; i < json_array_size(nodes_of(tree)); i++)
        json_object_set_new(json_array_get(nodes_of(tree), i), "health", value_of(value));
}

static void set_status(json_t *tree, const char *key, const char *value)
{
    for (size_t i = 0; i < json_array_size(nodes_of(tree)); i++) {
        const json_t *node = json_array_get(nodes_of(tree), i);
        json_t *object = json_object_get(node, "object");
        if (strcmp(json_text_or(json_object_get(node, "kind"), ""), "Deployment") == 0)
            json_object_set_new(json_object_get(object, "status"), key, value_of(value));
    }
}

/* The settled second release of orders, as `binding` and `tree` say. Both are taken. */
static struct gate_answer judged(json_t *binding, json_t *tree)
{
    const struct gate_question question = {.component = "orders",
                                           .release_name = "orders-000000000002",
                                           .image = "registry.example/orders:2",
                                           .generation_before = 1};
    struct gate_answer answer;
    gate_judge(&question, binding, tree, &answer);
    json_decref(binding);
    json_decref(tree);
    return answer;
}

Test(gate_doubt, conditions_alone)
{
    static const struct {
        const char *what, *type, *key, *value;
        enum gate_verdict verdict;
    } rows[] = {
        {"nothing changed", "Nothing", "status", "\"True\"", GATE_SETTLED},
        {"H3 generation as a text", "ReleaseSynced", "observedGeneration", "\"9\"", GATE_STALE},
        {"H3 generation with a fraction", "ReleaseSynced", "observedGeneration", "9.5", GATE_STALE},
        {"H3 generation below zero", "ReleaseSynced", "observedGeneration", "-9", GATE_STALE},
        {"H3 generation -0", "ReleaseSynced", "observedGeneration", "-0", GATE_STALE},
        {"H5 generation null", "ReleaseSynced", "observedGeneration", "null", GATE_STALE},
        {"H7 a status that nobody knows", "ReleaseSynced", "status", "\"Perhaps\"",
         GATE_PROGRESSING},
        {"H20 of the generation before", "ReleaseSynced", "observedGeneration", "1", GATE_STALE},
        {"H20 all of the generation before", NULL, "observedGeneration", "1", GATE_STALE},
        {"H20 Ready for what does not run", "Ready", "status", "\"True\"", GATE_SETTLED},
        {"H21 in the future", NULL, "lastTransitionTime", "\"2999-01-01T00:00:00Z\"", GATE_SETTLED},
        {"H21 before all time", NULL, "lastTransitionTime", "\"0001-01-01T00:00:00Z\"",
         GATE_SETTLED},
        {"H21 no time", NULL, "lastTransitionTime", "\"yesterday\"", GATE_SETTLED},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        json_t *binding = copy_of("bindings", "03#17");
        set_conditions(binding, rows[i].type, rows[i].key, rows[i].value);
        const struct gate_answer answer = judged(binding, copy_of("trees", "03#18"));
        cr_expect_eq(answer.verdict, rows[i].verdict, "%s: %s: %s: %s", rows[i].what,
                     gate_verdict_name(answer.verdict), answer.reason, answer.text);
    }
}

/* The tree decides: what the conditions say of it, true or not, changes nothing. */
Test(gate_doubt, conditions_that_contradict_the_tree)
{
    static const struct {
        const char *what, *type, *status, *reason;
    } rows[] = {
        {"H20 Ready=False while all runs", "Ready", "\"False\"", "\"ResourcesProgressing\""},
        {"H20 ResourcesReady=False while all runs", "ResourcesReady", "\"False\"",
         "\"ResourcesProgressing\""},
        {"H20 degraded, from the release before", "ResourcesReady", "\"False\"",
         "\"ResourcesDegraded\""},
        {"H7 a reason that nobody knows", "ResourcesReady", "\"False\"", "\"Foo\""},
        {"H7 Unknown", "ResourcesReady", "\"Unknown\"", "\"Foo\""},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        json_t *binding = copy_of("bindings", "03#17");
        set_conditions(binding, rows[i].type, "status", rows[i].status);
        set_conditions(binding, rows[i].type, "reason", rows[i].reason);
        struct gate_answer answer = judged(binding, copy_of("trees", "03#18"));
        cr_expect_neq(answer.verdict, GATE_FAILED, "%s: %s", rows[i].what, answer.text);
        /* And no condition settles the tree of the release before. */
        binding = copy_of("bindings", "03#17");
        set_conditions(binding, NULL, "status", "\"True\"");
        answer = judged(binding, copy_of("trees", "03#10"));
        cr_expect_neq(answer.verdict, GATE_SETTLED, "%s: %s", rows[i].what, answer.text);
    }
}

/* A health that the control plane works out itself is not looked at, known or not. */
Test(gate_doubt, health_of_a_node)
{
    static const char *const values[] = {"\"Foo\"", "{\"status\": \"Foo\"}", "null", "7",
                                         "{\"status\": \"Degraded\"}"};
    for (size_t i = 0; i < sizeof values / sizeof values[0]; i++) {
        json_t *tree = copy_of("trees", "03#18");
        set_health(tree, values[i]);
        struct gate_answer answer = judged(copy_of("bindings", "03#17"), tree);
        cr_expect_eq(answer.verdict, GATE_SETTLED, "H7 %s: %s", values[i], answer.text);
        tree = copy_of("trees", "03#18");
        set_health(tree, "{\"status\": \"Healthy\"}");
        set_status(tree, "availableReplicas", "0");
        answer = judged(copy_of("bindings", "03#17"), tree);
        cr_expect_eq(answer.verdict, GATE_PROGRESSING, "H7 healthy without pods: %s", answer.text);
    }
}

/* A count that is none is no count. */
Test(gate_doubt, numbers_of_a_deployment)
{
    static const char *const keys[] = {"replicas", "updatedReplicas", "availableReplicas",
                                       "observedGeneration"};
    static const char *const values[] = {"\"2\"", "2.5",  "-2",  "9223372036854775807",
                                         "true",  "null", "[2]", "{}"};
    for (size_t k = 0; k < sizeof keys / sizeof keys[0]; k++) {
        for (size_t i = 0; i < sizeof values / sizeof values[0]; i++) {
            json_t *tree = copy_of("trees", "03#18");
            set_status(tree, keys[k], values[i]);
            const struct gate_answer answer = judged(copy_of("bindings", "03#17"), tree);
            cr_expect(answer.verdict != GATE_SETTLED && answer.verdict != GATE_FAILED,
                      "H3, H5 %s: %s: %s", keys[k], values[i], answer.text);
            cr_expect_geq(answer.progress, 0);
        }
    }
}
