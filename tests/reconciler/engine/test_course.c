/* A plan tells by which way content comes: which slot gets it, by which steps, and that nothing is
 * to be done once it stands. */
#include "config/base/json.h"
#include "tests/reconciler/engine/expect.h"

#include <criterion/criterion.h>

#include <stdlib.h>
#include <string.h>

TestSuite(course, .timeout = 600);

#define ROLLING "  rollout: {strategy: rolling}\n"
#define CANARY                                                                                     \
    "  rollout: {strategy: canary, bake: 10s, steps: [{weight: 10, soak: 10s}, {weight: 50, "      \
    "soak: 20s}]}\n"
#define BLUE_GREEN "  rollout: {strategy: blue-green, bake: 10s}\n"

static void commit(struct world *world, int revision, const char *extra)
{
    char image[64];
    snprintf(image, sizeof image, "registry.example/shop:%d", revision);
    repository_commit(world, revision, platform_small, "shop", image, extra, NULL);
}

static json_t *plan_of(const struct world *world, struct manifest_set *set)
{
    json_t *plan = engine_plan(world->engine, set, world_now(world));
    cr_assert_not_null(plan);
    return plan;
}

static void expect_nothing(const struct world *world, const char *when)
{
    json_t *plan = plan_of(world, NULL);
    char *text = json_dumps(plan, JSON_COMPACT);
    cr_expect_eq(json_integer_value(json_object_get(plan, "changes")), 0, "%s: %s", when, text);
    cr_expect_eq(json_array_size(json_object_get(plan, "nodes")), 0, "%s: %s", when, text);
    free(text);
    json_decref(plan);
}

/* "create Component/shop-api-b; update ReleaseBinding/shop-api-development; " of all nodes. Owned.
 */
static char *lines_of(const json_t *plan)
{
    struct text out;
    text_init(&out, 65536);
    const json_t *nodes = json_object_get(plan, "nodes");
    for (size_t i = 0; i < json_array_size(nodes); i++) {
        const json_t *objects = json_object_get(json_array_get(nodes, i), "objects");
        for (size_t k = 0; k < json_array_size(objects); k++) {
            const json_t *object = json_array_get(objects, k);
            text_format(&out, "%s %s/%s; ", json_text_or(json_object_get(object, "action"), ""),
                        json_text_or(json_object_get(object, "kind"), ""),
                        json_text_or(json_object_get(object, "name"), ""));
        }
    }
    char *lines = strdup(text_get(&out));
    text_fini(&out);
    return lines;
}

static const json_t *component_of(const json_t *plan)
{
    const json_t *nodes = json_object_get(plan, "nodes"), *first = NULL;
    for (size_t i = 0; first == NULL && i < json_array_size(nodes); i++)
        first = json_array_get(json_object_get(json_array_get(nodes, i), "components"), 0);
    cr_assert_not_null(first, "the plan names no component");
    return first;
}

static void expect_course(const json_t *plan, const char *strategy, const char *slot, size_t steps)
{
    const json_t *component = component_of(plan);
    char *text = json_dumps(component, JSON_COMPACT);
    cr_expect_str_eq(json_text_or(json_object_get(component, "strategy"), ""), strategy, "%s",
                     text);
    cr_expect_str_eq(json_text_or(json_object_get(component, "slot"), ""), slot, "%s", text);
    cr_expect_eq(json_array_size(json_object_get(component, "steps")), steps, "%s", text);
    free(text);
}

static void suspend(struct world *world, const char *verb)
{
    bool ok = false;
    world_command(world, verb, json_object(), &ok);
    cr_assert(ok);
}

/* The next commit's plan while all is suspended; then it is carried out. */
static json_t *planned(struct world *world, int revision, const char *extra)
{
    suspend(world, "suspend");
    commit(world, revision, extra);
    world_run(world, MINUTES(1));
    json_t *plan = plan_of(world, NULL);
    suspend(world, "resume");
    expect_condition(world, CONDITION_CONVERGED);
    expect_nothing(world, "afterwards");
    return plan;
}

Test(course, a_canary_goes_to_the_other_slot_by_its_steps)
{
    struct world *world = repository_world();
    json_t *plan = planned(world, 1, CANARY);
    expect_course(plan, "canary", "a", 0); /* nothing stands yet: all traffic at once */
    json_decref(plan);
    for (int revision = 2; revision <= 3; revision++) {
        const char *slot = revision == 2 ? "b" : "a";
        plan = planned(world, revision, CANARY);
        expect_course(plan, "canary", slot, 2);
        const json_t *component = component_of(plan);
        const json_t *step = json_array_get(json_object_get(component, "steps"), 1);
        cr_expect_eq(json_integer_value(json_object_get(step, "weight")), 50);
        cr_expect_eq(json_integer_value(json_object_get(step, "soak_ms")), 20000);
        cr_expect_eq(json_integer_value(json_object_get(component, "bake_ms")), 10000);
        char *lines = lines_of(plan);
        char binding[64], other[64];
        snprintf(binding, sizeof binding, "%s ReleaseBinding/shop-api-%s-development",
                 revision == 2 ? "create" : "update", slot);
        snprintf(other, sizeof other, "/shop-api-%s", revision == 2 ? "a" : "b");
        cr_expect_not_null(strstr(lines, binding), "%s", lines);
        cr_expect_not_null(strstr(lines, "update ReleaseBinding/shop-api-development"), "%s",
                           lines);
        cr_expect_null(strstr(lines, other), "%s: %s", other, lines);
        cr_expect_null(strstr(lines, "delete"), "%s", lines);
        free(lines);
        json_decref(plan);
    }
    world_free(world);
}

Test(course, blue_green_flips_at_once_and_rolling_stays_in_its_slot)
{
    struct world *world = repository_world();
    json_decref(planned(world, 1, BLUE_GREEN));
    json_t *plan = planned(world, 2, BLUE_GREEN);
    expect_course(plan, "blue-green", "b", 0);
    json_decref(plan);
    plan = planned(world, 3, ROLLING);
    expect_course(plan, "rolling", "b", 0);
    json_decref(plan);
    world_free(world);
}

/* An autoscaler has taken the slot over: nobody set its replicas. */
