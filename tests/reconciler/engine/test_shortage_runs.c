/* Memory that runs out while gates and builds are at work: their records are made, their runs begin
 * and what comes of them is taken once there is memory. */
#include "config/base/json.h"
#include "reconciler/engine/build.h"
#include "reconciler/engine/build_run.h"
#include "reconciler/engine/gate.h"
#include "reconciler/engine/gate_run.h"
#include "reconciler/engine/object.h"
#include "reconciler/engine/trial.h"
#include "reconciler/engine/trial_workflow.h"
#include "reconciler/engine/words.h"
#include "reconciler/resource/object.h"
#include "tests/reconciler/engine/building.h"
#include "tests/reconciler/engine/shortage.h"
#include "tests/reconciler/engine/traffic.h"

#include <criterion/criterion.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

TestSuite(shortage_runs, .timeout = 120);

#define GATED(gate)                                                                                \
    PLATFORM_HEAD "  environments:\n"                                                              \
                  "    - {name: development}\n"                                                    \
                  "    - {name: testing, gates: [" gate "]}\n"                                     \
                  "    - {name: production}\n"                                                     \
                  "  phases: [{name: all, cells: [shop]}]\n"

static const struct gate_record *await_gate(struct world *world, const char *event)
{
    while (!world_published(world, event, "shop"))
        cr_assert(world_step(world, MINUTES(20)));
    cr_assert_eq(world->engine->gate_count, 1);
    return world->engine->gates[0];
}

/* --- gates --------------------------------------------------------------------------------------
 */

/* No record of any gate is there. */
static void drop_gates(struct engine *engine)
{
    gate_free_all(engine);
    engine->gates = NULL;
    engine->gate_count = engine->gate_capacity = 0;
}

static void want_gates(struct engine *engine, struct track *track)
{
    (void)track;
    drop_gates(engine);
    gate_want(engine);
}

Test(shortage_runs, a_gate_that_is_waited_for)
{
    struct world *world = repository_world();
    repository_commit(world, 1, GATED("{name: approval, manual: {}}"), "shop",
                      "registry.example/shop:1", NULL, NULL);
    await_gate(world, "approval-needed");
    struct track *track = shortage_track(world, "shop-api");
    cr_expect_gt(shortage_run(world->engine, track, want_gates), 2);
    const struct gate_record *gate = gate_find(world->engine, "shop", "testing", "approval");
    cr_assert_not_null(gate);
    cr_expect(gate->recorded && gate->wanted);
    cr_expect_eq(gate->state, GATE_STATE_CLOSED);
    world_free(world);
}

static json_t *body;

static struct engine_event received(void)
{
    struct engine_event event = {.kind = EVENT_ANSWER};
    event.as.answer.outcome = ANSWER_RECEIVED;
    event.as.answer.status = 200;
    event.as.answer.body = body;
    return event;
}

static void take_schema(struct engine *engine, struct track *track)
{
    (void)track;
    struct gate_record *gate = engine->gates[0];
    gate->step = GATE_STEP_SCHEMA;
    gate->request = 1;
    const struct request request = {.id = 1};
    const struct engine_event event = received();
    gate_run_answer(engine, gate, &request, &event);
}

Test(shortage_runs, the_run_of_a_gate_begins)
{
    struct world *world = repository_world();
    expect_created(world, "/api/v1/clusterworkflows",
                   "{\"metadata\":{\"name\":\"check\"},\"spec\":{\"runTemplate\":{}}}");
    repository_commit(world, 1, GATED("{name: tests, workflow: {name: check}}"), "shop",
                      "registry.example/shop:1", NULL, NULL);
    const struct gate_record *gate = await_gate(world, "gate-started");
    struct track *track = shortage_track(world, "shop-api");
    body =
        json_pack("{s:s, s:{s:{s:s}}}", "type", "object", "properties", "cell", "type", "string");
    cr_expect_gt(shortage_run(world->engine, track, take_schema), 5);
    cr_expect_eq(gate->state, GATE_STATE_RUNNING);
    cr_expect_neq(gate->request, 0);
    json_decref(body);
    world_free(world);
}

static void want_judges(struct engine *engine, struct track *track)
{
    (void)track;
    drop_gates(engine);
    trial_workflow_want(engine);
}

/* Another cell comes after the one whose record cannot be made. */
Test(shortage_runs, the_run_that_judges_is_waited_for)
{
    static const char platform[] = PLATFORM_HEAD "  environments: [{name: development}]\n"
                                                 "  phases: [{name: all, cells: [shop, zoo]}]\n";
    static const char policy[] =
        "  rollout: {strategy: canary, steps: [{weight: 5, soak: 9m}], bake: 1m, analysis: "
        "{provider: workflow, workflow: {name: smoke}}}\n";
    struct world *world = repository_world();
    expect_created(world, "/api/v1/clusterworkflows",
                   "{\"metadata\":{\"name\":\"smoke\"},\"spec\":{\"runTemplate\":{}}}");
    repository_commit(world, 1, platform, "shop", "registry.example/shop:1", policy, "zoo",
                      "registry.example/zoo:1", NULL, NULL);
    expect_condition(world, CONDITION_CONVERGED);
    repository_commit(world, 2, platform, "shop", "registry.example/shop:2", policy, "zoo",
                      "registry.example/zoo:1", NULL, NULL);
    await_gate(world, "gate-started");
    const struct track *track = shortage_track(world, "shop-api");
    cr_expect_gt(shortage_run(world->engine, shortage_track(world, "shop-api"), want_judges), 2);
    cr_assert_eq(world->engine->gate_count, 1);
    cr_expect(world->engine->gates[0]->wanted);
    cr_expect_eq(world->engine->gates[0]->manifest, track->trial->gate);
    world_free(world);
}

/* --- builds -------------------------------------------------------------------------------------
 */

static void apply_build(struct engine *engine, struct track *track)
{
    (void)track;
    build_apply(engine, "shop", "another", body);
}

static void take_run(struct engine *engine, struct track *track)
{
    (void)track;
    struct build_record *build = engine->builds[0];
    build->state = BUILD_RUNNING;
    build->step = BUILD_STEP_READ;
    build->request = 1;
    const struct request request = {.id = 1};
    const struct engine_event event = received();
    build_run_answer(engine, build, &request, &event);
}

/* The Component that carries the runs is not known to anybody any more. */
static void desire_build(struct engine *engine, struct track *track)
{
    const struct object_key key = {KIND_COMPONENT, "acme", "shop-api-build"};
    struct object *carrier = object_find(engine, &key);
    if (carrier != NULL) {
        carrier->inventory = false;
        object_want_nothing(engine, carrier);
        object_sweep(engine);
    }
    build_desire(engine, track->unit);
}

static struct world *while_it_is_built(void)
{
    struct world *world = repository_world();
    building_add_workflow(world, NULL);
    building_commit(world, 1, &building_first);
    building_await(world, BUILDING_RUN_1);
    world_run(world, 5000);
    cr_assert_eq(world->engine->build_count, 1);
    cr_assert_eq(world->engine->builds[0]->state, BUILD_RUNNING);
    cr_assert_neq(world->engine->builds[0]->uid[0], '\0');
    return world;
}

Test(shortage_runs, the_record_of_a_build_and_the_component_that_carries_its_runs)
{
    struct world *world = while_it_is_built();
    struct track *track = shortage_track(world, "shop-api");
    body = json_pack("{s:s, s:s}", "state", "done", "image", "registry.example/another:1");
    cr_expect_gt(shortage_run(world->engine, track, apply_build), 1);
    cr_expect_str_eq(build_image(world->engine, "shop", "another"), "registry.example/another:1");
    json_decref(body);
    cr_expect_gt(shortage_run(world->engine, track, desire_build), 5);
    const struct object_key key = {KIND_COMPONENT, "acme", "shop-api-build"};
    const struct object *carrier = object_find(world->engine, &key);
    cr_assert_not_null(carrier);
    cr_expect_eq(carrier->goal, GOAL_PRESENT);
    world_free(world);
}

Test(shortage_runs, the_image_that_was_built)
{
    struct world *world = while_it_is_built();
    const struct build_record *build = world->engine->builds[0];
    body = json_pack(
        "{s:{s:s, s:{s:s, s:s}}, s:{s:[{s:s, s:s, s:s}]}}", "metadata", "uid", build->uid,
        "annotations", ANNOTATION_DIGEST, build->tree, "openchoreo.dev/workload",
        "{\"spec\":{\"container\":{\"image\":\"registry.example/shop:1\"}}}", "status",
        "conditions", "type", "WorkflowCompleted", "status", "True", "reason", "WorkflowSucceeded");
    cr_assert_not_null(body);
    cr_expect_gt(shortage_run(world->engine, shortage_track(world, "shop-api"), take_run), 3);
    cr_expect_eq(build->state, BUILD_DONE);
    cr_expect_str_eq(build->image, "registry.example/shop:1");
    json_decref(body);
    world_free(world);
}

/* --- words --------------------------------------------------------------------------------------
 */

static void name_target(struct engine *engine, struct track *track)
{
    (void)track;
    (void)words_target(engine, "testing-eu");
}

Test(shortage_runs, the_name_of_a_target)
{
    struct engine *engine = engine_new(&engine_options_default);
    cr_assert_not_null(engine);
    cr_expect_eq(shortage_run(engine, NULL, name_target), 2);
    cr_expect_str_eq(words_target(engine, "testing-eu"), "testing-eu");
    engine_free(engine);
}
