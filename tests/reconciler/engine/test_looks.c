/* Looks at what a binding brought about: answers that say nothing, that come too late, or that tell
 * of autoscalers, tasks and types of others. */
#include "config/base/json.h"
#include "reconciler/engine/track.h"
#include "reconciler/engine/unit.h"
#include "tests/reconciler/engine/expect.h"
#include "tests/reconciler/engine/meddle.h"

#include <criterion/criterion.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

TestSuite(looks, .timeout = 600);

static void commit(struct world *world, int revision, const char *image, const char *extra)
{
    repository_commit(world, revision, platform_small, "shop", image, extra, NULL);
}

/* --- answers ------------------------------------------------------------------------------------
 */

#define BINDING "/releasebindings/shop-api-a-development"

Test(looks, answers_that_say_nothing_are_asked_for_again)
{
    static const struct meddling rows[] = {
        {"GET", "/tree", 0, 3, ANSWER_RECEIVED, 200, NULL, false},
        {"GET", "/tree", 0, 3, ANSWER_RECEIVED, 200, "[]", false},
        {"GET", "/tree", 0, 3, ANSWER_RECEIVED, 500, "{}", false},
        {"GET", "/tree", 0, 3, ANSWER_NOT_SENT, 0, NULL, false},
        {"GET", BINDING, 3, 3, ANSWER_RECEIVED, 200, NULL, false},
        {"GET", BINDING, 3, 3, ANSWER_RECEIVED, 200, "[]", false},
        {"GET", BINDING, 3, 3, ANSWER_RECEIVED, 503, "{}", false},
        {"GET", BINDING, 3, 3, ANSWER_NOT_SENT, 0, NULL, false},
        {"GET", BINDING, 3, 1, ANSWER_RECEIVED, 404, "{}", false},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        const struct meddling items[] = {rows[i], {.method = NULL}};
        struct meddler meddler;
        struct world *world = meddle_world(&meddler, items);
        commit(world, 1, "registry.example/shop:1", NULL);
        expect_condition(world, CONDITION_CONVERGED);
        commit(world, 2, "registry.example/shop:2", NULL);
        world_run(world, 1000);
        expect_condition(world, CONDITION_CONVERGED);
        cr_expect_eq(meddler.replaced, rows[i].times, "%zu: %u", i, meddler.replaced);
        expect_runs(world, "shop-api-a", "development", "registry.example/shop:2");
        cr_expect(!world_published(world, "drift-found", "shop"), "%zu", i);
        expect_no_dangers(world);
        expect_silence(world);
        world_free(world);
    }
}

/* Slower than the writes that overtake it: what was read before a write does not count after it. */
static int64_t slow_looks(void *context, const struct world_request *request)
{
    (void)context;
    return strcmp(request->method, "GET") == 0 && strstr(request->path, "/releasebindings/") != NULL
               ? 700
               : 0;
}

Test(looks, what_was_read_before_a_write_does_not_count_after_it)
{
    struct world_options options;
    world_options_default(&options);
    options.delay = slow_looks;
    struct world *world = world_new(&options);
    commit(world, 1, "registry.example/shop:1", NULL);
    expect_condition(world, CONDITION_CONVERGED);
    for (int i = 2; i < 6; i++) {
        commit(world, i, i % 2 == 0 ? "registry.example/shop:2" : "registry.example/shop:3",
               "  rollout: {strategy: canary, steps: [{weight: 20, soak: 5s}, {weight: 60, soak: "
               "5s}]}\n");
        world_run(world, 9000 + 300 * i);
    }
    expect_condition(world, CONDITION_CONVERGED);
    cr_expect(!world_published(world, "drift-found", "shop"));
    cr_expect(!world_published(world, "rollout-drift", "shop"));
    expect_no_dangers(world);
    expect_silence(world);
    world_free(world);
}

/* What lists show is old when it comes. */
static int64_t late_lists(void *context, const struct world_request *request)
{
    (void)context;
    return strcmp(request->method, "LIST") == 0 && request->arrived ? 20000 : 0;
}

Test(looks, a_list_that_a_write_overtakes_is_no_drift)
{
    static const char *const policies[] = {"correct", "report", "freeze"};
    for (size_t policy = 0; policy < 3; policy++) {
        struct world_options options;
        world_options_default(&options);
        options.delay = late_lists;
        struct world *world = world_new(&options);
        for (int i = 1; i < 12; i++) {
            char more[80];
            snprintf(more, sizeof more, "  drift: %s\n  replicas: %d\n", policies[policy], i);
            commit(world, i, "registry.example/shop:1", more);
            world_run(world, i == 1 ? MINUTES(5) : 23000);
        }
        expect_condition(world, CONDITION_CONVERGED);
        cr_expect(!world_published(world, "drift-found", "shop"), "%s", policies[policy]);
        cr_expect(!world_published(world, "rollout-drift", "shop"), "%s", policies[policy]);
        expect_no_dangers(world);
        expect_silence(world);
        world_free(world);
    }
}

/* The tree of one release arrives when the next one stands in the binding. */
static int64_t slow_trees(void *context, const struct world_request *request)
{
    (void)context;
    return strstr(request->path, "/tree") != NULL ? 8000 : 0;
}

Test(looks, a_tree_that_was_read_before_a_write_says_nothing_of_what_was_written)
{
    static const char quick[] = "  rollout: {bake: 1s, progressDeadline: 5m}\n";
    struct world_options options;
    world_options_default(&options);
    options.delay = slow_trees;
    struct world *world = world_new(&options);
    commit(world, 1, "registry.example/shop:1", quick);
    expect_condition(world, CONDITION_CONVERGED);
    platform_image_rule(world->platform, "*:3", PLATFORM_IMAGE_SLOW, MINUTES(2));
    commit(world, 2, "registry.example/shop:2", quick);
    const struct track *track = unit_track_find(world->engine, "shop", "shop-api", "development");
    while (track->rollout.state != ROLLOUT_DEPLOY || track->bindings[BINDING_A].request == 0)
        cr_assert(world_step(world, world->now_ms + MINUTES(10)));
    world_run(world, 3000);
    commit(world, 3, "registry.example/shop:3", quick);
    const uint64_t epoch = track->bindings[BINDING_A].epoch;
    bool overtaken = false;
    for (int i = 0; i < 100; i++) {
        world_run(world, 1000);
        const struct binding *binding = &track->bindings[BINDING_A];
        overtaken = overtaken || (binding->request != 0 && binding->epoch == epoch &&
                                  binding->object->epoch != epoch);
        cr_expect_neq(engine_condition(world->engine), CONDITION_CONVERGED);
    }
    cr_expect(overtaken);
    expect_condition(world, CONDITION_CONVERGED);
    expect_runs(world, "shop-api-a", "development", "registry.example/shop:3");
    expect_no_dangers(world);
    expect_silence(world);
    world_free(world);
}

/* Somebody changes the binding right before it is looked at: its tree is not that of our content.
 */
Test(looks, the_tree_of_a_changed_binding_is_not_asked_for)
{
    struct world_options options;
    world_options_default(&options);
    options.engine.list_interval = (struct duration){MINUTES(60)};
    struct world *world = world_new(&options);
    platform_image_rule(world->platform, "*", PLATFORM_IMAGE_SLOW, MINUTES(2));
    commit(world, 1, "registry.example/shop:1", NULL);
    world_run(world, 30000);
    json_t *patch =
        json_pack("{s:{s:{s:i}}}", "spec", "componentTypeEnvironmentConfigs", "replicas", 5);
    expect_changed(world, "releasebindings", "acme", "shop-api-a-development", patch);
    expect_condition(world, CONDITION_CONVERGED);
    cr_expect_eq(platform_running(world->platform, "acme", "shop-api-a", "development").wanted, 1);
    expect_silence(world);
    world_free(world);
}

/* --- autoscalers --------------------------------------------------------------------------------
 */

/* Trees with this many current replicas at every autoscaler. */
struct scaler {
    json_int_t replicas;
    unsigned seen;
};

static int scaled_step(void *context, struct engine *engine, const struct engine_event *event,
                       struct effect_list *effects)
{
    struct scaler *scaler = context;
    const json_t *releases = event->kind == EVENT_ANSWER
                                 ? json_object_get(event->as.answer.body, "renderedReleases")
                                 : NULL;
    if (releases == NULL)
        return engine_step(engine, event, effects);
    struct engine_event changed = *event;
    json_t *tree = json_deep_copy(event->as.answer.body);
    releases = json_object_get(tree, "renderedReleases");
    for (size_t r = 0; r < json_array_size(releases); r++) {
        const json_t *nodes = json_object_get(json_array_get(releases, r), "nodes");
        for (size_t n = 0; n < json_array_size(nodes); n++) {
            json_t *object = json_object_get(json_array_get(nodes, n), "object");
            if (strcmp(json_text_or(json_object_get(object, "kind"), ""),
                       "HorizontalPodAutoscaler") != 0)
                continue;
            scaler->seen++;
            json_object_set_new(object, "status",
                                json_pack("{s:I}", "currentReplicas", scaler->replicas));
        }
    }
    changed.as.answer.body = tree;
    const int status = engine_step(engine, &changed, effects);
    json_decref(tree);
    return status;
}

static bool is_handed_over(const struct world *world, const char *binding)
{
    json_t *object = platform_object(world->platform, "releasebindings", "acme", binding);
    const json_t *configs = json_at(object, "spec", "componentTypeEnvironmentConfigs", NULL);
    const bool scaled = json_is_true(json_object_get(configs, "scaledByRoute"));
    cr_expect_neq(scaled, json_object_get(configs, "replicas") != NULL);
    json_decref(object);
    return scaled;
}

#define CANARY "  rollout: {strategy: canary, steps: [{weight: 50, soak: 5s}]}\n"

/* A look that was planned at rest is far away: a release does not wait for it. */
Test(looks, a_release_does_not_wait_for_a_look_that_was_planned_at_rest)
{
    struct world *world = repository_world();
    commit(world, 1, "registry.example/shop:1", CANARY);
    expect_condition(world, CONDITION_CONVERGED);
    struct track *track = unit_track_find(world->engine, "shop", "shop-api", "development");
    cr_assert_eq(track->rollout.state, ROLLOUT_IDLE);
    struct binding *stable = &track->bindings[BINDING_A];
    world_run(world, MINUTES(3));
    cr_assert(stable->answered);
    stable->gate->verdict = GATE_STALE; /* it was asked too early, and nobody asks again at rest */
    stable->due.ms = world_now(world).mono.ms + MINUTES(10);
    commit(world, 2, "registry.example/shop:2", CANARY);
    const int64_t end = world->now_ms + 30000;
    while (track->rollout.state != ROLLOUT_STEP && world_step(world, end))
        continue;
    cr_expect_eq(track->rollout.state, ROLLOUT_STEP);
    world_free(world);
}

#define SCALED "  scaling: {min: 3, max: 6, cpu: 70}\n"

/* Until the route's autoscaler was seen to act, a slot keeps its number of replicas. */
Test(looks, a_slot_keeps_its_replicas_until_its_autoscaler_acts)
{
    struct scaler scaler = {0};
    struct world_options options;
    world_options_default(&options);
    options.step = scaled_step;
    options.context = &scaler;
    struct world *world = world_new(&options);
    commit(world, 1, "registry.example/shop:1", SCALED);
    expect_condition(world, CONDITION_CONVERGED);
    cr_expect_gt(scaler.seen, 0);
    cr_expect(!is_handed_over(world, "shop-api-a-development"));
    scaler.replicas = 3;
    commit(world, 2, "registry.example/shop:2",
           SCALED "  rollout: {strategy: canary, steps: [{weight: 50, soak: 5s}]}\n");
    world_run(world, 1000);
    expect_condition(world, CONDITION_CONVERGED);
    cr_expect(is_handed_over(world, "shop-api-b-development"));
    expect_runs(world, "shop-api-b", "development", "registry.example/shop:2");
    /* Without scaling it has a number again. */
    commit(world, 3, "registry.example/shop:3", NULL);
    world_run(world, 1000);
    expect_condition(world, CONDITION_CONVERGED);
    expect_no_dangers(world);
    expect_silence(world);
    world_free(world);
}

/* --- tasks and types of others ------------------------------------------------------------------
 */

static void run_task(struct world *world, bool fails)
{
    struct platform_response response;
    const struct platform_request trigger = {
        .method = "POST",
        .path = "/api/v1alpha1/namespaces/acme/releasebindings/sweeper-development/trigger"};
    platform_handle(world->platform, &trigger, world_platform_now(world), &response);
    cr_assert_eq(response.status, 200, "%s", response.body);
    platform_response_fini(&response);
    cr_assert(platform_task_result(world->platform, "acme", "sweeper", "development", fails));
    world_run(world, MINUTES(3));
}

Test(looks, a_task_that_runs_well_again_is_told)
{
    struct world *world = repository_world();
    commit(world, 1,
           "raw:apiVersion: celld.dev/v1\nkind: Cell\nmetadata: {name: shop}\nspec:\n"
           "  components:\n    - name: sweeper\n      type: scheduled-task\n"
           "      image: registry.example/sweeper:1\n      schedule: \"*/1 * * * *\"\n",
           NULL);
    expect_condition(world, CONDITION_CONVERGED);
    run_task(world, true);
    cr_expect(world_published(world, "task-failing", "shop"));
    cr_expect(!world_published(world, "task-mended", "shop"));
    run_task(world, false);
    cr_expect(world_published(world, "task-mended", "shop"));
    expect_silence(world);
    world_free(world);
}

/* A type of the platform's own may do without the variables of its connections. */
Test(looks, a_component_of_another_type_runs)
{
    struct world *world = repository_world();
    commit(world, 1,
           "raw:apiVersion: celld.dev/v1\nkind: Cell\nmetadata: {name: shop}\nspec:\n"
           "  components:\n    - name: legacy\n"
           "      type: {kind: ClusterComponentType, name: deployment/cell-worker}\n"
           "      image: registry.example/legacy:1\n",
           NULL);
    expect_condition(world, CONDITION_CONVERGED);
    expect_runs(world, "legacy", "development", "registry.example/legacy:1");
    expect_silence(world);
    world_free(world);
}
