/* Several components that are built: each by itself, and none in the way of the others. */
#include "config/base/json.h"
#include "tests/reconciler/engine/building.h"
#include "tests/reconciler/engine/expect.h"
#include "tests/reconciler/engine/meddle.h"

#include <criterion/criterion.h>

TestSuite(builds, .timeout = 600);

#define SOURCED(name_) BUILDING_WORKER(name_, BUILDING_FROM("src/" name_))
#define LONG_NAME "a-component-with-quite-a-long-name-of-its"

Test(builds, each_component_is_built_from_its_own_tree)
{
    static const char cell[] =
        BUILDING_HEAD SOURCED("b") SOURCED("c") SOURCED("d") SOURCED("e") SOURCED("f") SOURCED("g")
            SOURCED("h") SOURCED("i") BUILDING_WORKER("j", "build: {workflow: {name: image}}")
                BUILDING_WORKER(LONG_NAME, BUILDING_FROM("src/a"))
                    BUILDING_WORKER("other", BUILDING_IMAGE("other:1"));
    static const struct source_tree trees[] = {
        {"billing", "b", "9999999999999999999999999999999999999999"},
        {"shop", "b", "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"},
        {"shop", "c", "cccccccccccccccccccccccccccccccccccccccc"},
        {"shop", "d", "dddddddddddddddddddddddddddddddddddddddd"},
        {"shop", "e", "eeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeee"},
        {"shop", "f", "ffffffffffffffffffffffffffffffffffffffff"},
        {"shop", "g", "0000000000000000000000000000000000000000"},
        {"shop", "h", "1111111111111111111111111111111111111111"},
        {"shop", "i", "2222222222222222222222222222222222222222"},
        {"shop", "j", "3333333333333333333333333333333333333333"},
        {"shop", LONG_NAME, "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"},
    };
    struct world *world = building_world();
    platform_workflow_pace(world->platform, "*d*", 20000, 0);
    world->trees = trees;
    world->tree_count = sizeof trees / sizeof *trees;
    building_commit_cell(world, 1, cell);
    cr_expect(building_until(world, CONDITION_CONVERGED, "registry.example/all:1", MINUTES(30)));
    cr_expect_eq(building_runs(world), 10);
    expect_runs(world, LONG_NAME, "development", "registry.example/all:1");
    expect_runs(world, "other", "development", "registry.example/other:1");
    json_t *run = platform_object(world->platform, "workflowruns", "acme", "j-build-333333333333");
    cr_expect_str_eq(
        json_text_or(json_at(run, "spec", "workflow", "parameters", "repository", "appPath", NULL),
                     ""),
        "cells/shop/j", "beside its manifest");
    json_decref(run);
    expect_silence(world);
    world_free(world);
}

Test(builds, a_retry_is_for_those_that_failed)
{
    static const char cell[] = BUILDING_HEAD SOURCED("b") SOURCED("c") SOURCED("d");
    static const struct source_tree trees[] = {
        {"shop", "b", "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"},
        {"shop", "c", "cccccccccccccccccccccccccccccccccccccccc"},
        {"shop", "d", "dddddddddddddddddddddddddddddddddddddddd"},
        {"billing", "b", "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"},
    };
    static const char platform[] = PLATFORM_HEAD "  environments: [{name: development}]\n"
                                                 "  phases: [{name: a, cells: [shop, billing]}]\n";
    static const char billing[] =
        "raw:apiVersion: celld.dev/v1\nkind: Cell\nmetadata: {name: billing}\nspec:\n"
        "  components:\n" SOURCED("bill");
    struct world *world = building_world();
    platform_workflow_rule(world->platform, "b-build-bbbbbbbbbbbb", "Failed");
    platform_workflow_rule(world->platform, "c-build-cccccccccccc", "Failed");
    world->trees = trees;
    world->tree_count = sizeof trees / sizeof *trees;
    repository_commit(world, 1, platform, "shop", cell, NULL, "billing", billing, NULL, NULL);
    cr_expect(building_until(world, CONDITION_HELD, "registry.example/all:1", MINUTES(30)));
    world_run(world, MINUTES(2));
    cr_expect_eq(building_runs(world), 3);
    bool ok = false;
    const json_t *reply = world_command(
        world, "rollout",
        json_pack("{s:s, s:s, s:s}", "action", "retry", "cell", "shop", "component", "c"), &ok);
    cr_expect(ok);
    cr_expect_str_eq(json_text_or(json_object_get(reply, "message"), ""), "1 build is tried again");
    building_until(world, CONDITION_HELD, "registry.example/all:1", MINUTES(2));
    expect_why(world, "shop", "development", "b cannot be built");
    cr_expect_eq(building_runs(world), 4);
    world_command(world, "rollout", json_pack("{s:s, s:s}", "action", "retry", "cell", "shop"),
                  &ok);
    cr_expect(ok);
    expect_why(world, "shop", "development", "b waits for its build");
    building_until(world, CONDITION_CONVERGED, "registry.example/all:2", MINUTES(5));
    cr_expect_eq(building_runs(world), 5);
    expect_runs(world, "b", "development", "registry.example/all:2");
    world_free(world);
}

Test(builds, two_that_failed_are_tried_again_together)
{
    static const char cell[] = BUILDING_HEAD SOURCED("b") SOURCED("c");
    static const struct source_tree trees[] = {
        {"shop", "b", "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"},
        {"shop", "c", "cccccccccccccccccccccccccccccccccccccccc"},
    };
    struct world *world = building_world();
    platform_workflow_rule(world->platform, "*", "Failed");
    world->trees = trees;
    world->tree_count = sizeof trees / sizeof *trees;
    building_commit_cell(world, 1, cell);
    expect_condition(world, CONDITION_HELD);
    world_run(world, MINUTES(1));
    bool ok = false;
    const json_t *reply = world_command(
        world, "rollout", json_pack("{s:s, s:s}", "action", "retry", "cell", "shop"), &ok);
    cr_expect_str_eq(json_text_or(json_object_get(reply, "message"), ""),
                     "2 builds are tried again");
    world_run(world, MINUTES(2));
    cr_expect_eq(building_runs(world), 4);
    world_free(world);
}

Test(builds, a_workflow_that_is_gone_holds_nobody_else)
{
    static const char platform[] = PLATFORM_HEAD "  environments: [{name: development}]\n"
                                                 "  phases:\n"
                                                 "    - {name: first, cells: [shop]}\n"
                                                 "    - {name: second, cells: [billing]}\n";
    struct meddler meddler;
    const struct meddling items[] = {{"GET", "/schema", 0, 0, ANSWER_RECEIVED, 404, "{}", false},
                                     {.method = NULL}};
    struct world *world = meddle_world(&meddler, items);
    building_add_workflow(world, NULL);
    world->trees = &building_first;
    world->tree_count = 1;
    repository_commit(world, 1, platform, "shop", building_cell, NULL, "billing",
                      "registry.example/billing:1", NULL, NULL);
    cr_assert(building_until(world, CONDITION_CONVERGED, "registry.example/shop:1", MINUTES(20)));
    meddler.items[0].times = MEDDLE_ALWAYS;
    world->trees = &building_second;
    repository_commit(world, 2, platform, "shop", building_cell, NULL, "billing",
                      "registry.example/billing:2", NULL, NULL);
    world_run(world, MINUTES(10));
    expect_runs(world, "billing-api-a", "development", "registry.example/billing:2");
    cr_expect_eq(engine_condition(world->engine), CONDITION_HELD);
    world_free(world);
}
