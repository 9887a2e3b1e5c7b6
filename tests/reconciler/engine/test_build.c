/* Components without an image: built once per source tree, whatever happens to celld meanwhile. */
#include "config/base/json.h"
#include "tests/reconciler/engine/building.h"
#include "tests/reconciler/engine/expect.h"

#include <criterion/criterion.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

TestSuite(build, .timeout = 600);

static void build_first(struct world *world)
{
    building_commit(world, 1, &building_first);
    building_await(world, BUILDING_RUN_1);
    building_announce(world, BUILDING_RUN_1, "registry.example/shop:1");
    expect_condition(world, CONDITION_CONVERGED);
    expect_runs(world, "shop-api-a", "development", "registry.example/shop:1");
}

Test(build, a_tree_is_built_and_its_image_deployed)
{
    struct world *world = building_world();
    building_commit(world, 1, &building_first);
    building_await(world, BUILDING_RUN_1);
    world_run(world, 5000);
    expect_why(world, "shop", "development", "is being built: run " BUILDING_RUN_1);
    json_t *run = platform_object(world->platform, "workflowruns", "acme", BUILDING_RUN_1);
    const json_t *given = json_at(run, "spec", "workflow", "parameters", "repository", NULL);
    cr_expect_str_eq(json_text_or(json_at(run, "spec", "workflow", "kind", NULL), ""),
                     "ClusterWorkflow");
    cr_expect_str_eq(json_text_or(json_object_get(given, "appPath"), ""), "src/shop");
    cr_expect_str_eq(json_text_or(json_at(given, "revision", "commit", NULL), ""), world->commit);
    const json_t *labels = json_at(run, "metadata", "labels", NULL);
    cr_expect_str_eq(json_text_or(json_object_get(labels, "openchoreo.dev/component"), ""),
                     "shop-api-build");
    cr_expect_str_eq(json_text_or(json_object_get(labels, "openchoreo.dev/project"), ""),
                     "acme-shop");
    json_decref(run);
    building_announce(world, BUILDING_RUN_1, "registry.example/shop:1");
    expect_condition(world, CONDITION_CONVERGED);
    expect_runs(world, "shop-api-a", "development", "registry.example/shop:1");
    expect_silence(world);
    expect_no_dangers(world);
    world_free(world);
}

Test(build, an_unchanged_tree_is_not_built_again)
{
    struct world *world = building_world();
    build_first(world);
    building_commit(world, 2, &building_first);
    expect_condition(world, CONDITION_CONVERGED);
    world_kill(world);
    world_run(world, MINUTES(5));
    expect_condition(world, CONDITION_CONVERGED);
    cr_expect_eq(building_runs(world), 1);
    expect_silence(world);
    world_free(world);
}

/* The same sources, built in another way: another image. */
Test(build, another_way_to_build_builds_again)
{
    struct world *world = building_world();
    build_first(world);
    char text[1024];
    const char *at = strstr(building_cell, "{name: image}");
    snprintf(text, sizeof text, "%.*s{name: image, parameters: {repository: {appPath: src}}}%s",
             (int)(at - building_cell), building_cell, at + strlen("{name: image}"));
    repository_commit(world, 2, platform_small, "shop", text, NULL, NULL);
    building_await(world, BUILDING_RUN_1 "-2");
    expect_runs(world, "shop-api-a", "development", "registry.example/shop:1");
    building_announce(world, BUILDING_RUN_1 "-2", "registry.example/shop:2");
    expect_condition(world, CONDITION_CONVERGED);
    expect_runs(world, "shop-api-a", "development", "registry.example/shop:2");
    /* Said again, it is not built again. */
    repository_commit(world, 3, platform_small, "shop", text, NULL, NULL);
    world_kill(world);
    world_run(world, MINUTES(5));
    cr_expect_eq(building_runs(world), 2);
    expect_silence(world);
    world_free(world);
}

Test(build, a_new_tree_is_built_while_the_old_image_stays)
{
    struct world *world = building_world();
    build_first(world);
    building_commit(world, 2, &building_second);
    building_await(world, BUILDING_RUN_2);
    cr_expect_eq(engine_condition(world->engine), CONDITION_WORKING);
    expect_runs(world, "shop-api-a", "development", "registry.example/shop:1");
    building_announce(world, BUILDING_RUN_2, "registry.example/shop:2");
    expect_condition(world, CONDITION_CONVERGED);
    expect_runs(world, "shop-api-a", "development", "registry.example/shop:2");
    cr_expect_eq(building_runs(world), 2);
    expect_no_dangers(world);
    world_free(world);
}

/* Git wants another source of the first phase: what is live there is not what was pushed. */
Test(build, later_phases_wait_for_it)
{
    static const char platform[] = PLATFORM_HEAD "  environments:\n"
                                                 "    - {name: development}\n"
                                                 "  phases:\n"
                                                 "    - {name: first, cells: [shop]}\n"
                                                 "    - {name: second, cells: [billing]}\n";
    struct world *world = building_world();
    world->trees = &building_first;
    world->tree_count = 1;
    repository_commit(world, 1, platform, "shop", building_cell, NULL, "billing",
                      "registry.example/billing:1", NULL, NULL);
    building_await(world, BUILDING_RUN_1);
    building_announce(world, BUILDING_RUN_1, "registry.example/shop:1");
    expect_condition(world, CONDITION_CONVERGED);
    world->trees = &building_second;
    repository_commit(world, 2, platform, "shop", building_cell, NULL, "billing",
                      "registry.example/billing:2", NULL, NULL);
    building_await(world, BUILDING_RUN_2);
    world_run(world, 20000);
    expect_runs(world, "billing-api-a", "development", "registry.example/billing:1");
    expect_why(world, "billing", "development", "is being built: run " BUILDING_RUN_2);
    building_announce(world, BUILDING_RUN_2, "registry.example/shop:2");
    expect_condition(world, CONDITION_CONVERGED);
    expect_runs(world, "billing-api-a", "development", "registry.example/billing:2");
    world_free(world);
}

Test(build, a_failed_build_leaves_alone_what_is_live)
{
    struct world *world = building_world();
    build_first(world);
    platform_workflow_rule(world->platform, BUILDING_RUN_2, "Failed");
    building_commit(world, 2, &building_second);
    building_await(world, BUILDING_RUN_2);
    expect_condition(world, CONDITION_HELD);
    cr_expect(world_published(world, "build-failed", "shop"));
    expect_runs(world, "shop-api-a", "development", "registry.example/shop:1");
    expect_why(world, "shop", "development", "cannot be built: run " BUILDING_RUN_2 " failed");
    expect_silence(world);
    bool ok = false;
    world_command(
        world, "rollout",
        json_pack("{s:s, s:s, s:s}", "action", "retry", "cell", "shop", "component", "shop-api"),
        &ok);
    cr_expect(ok);
    building_await(world, BUILDING_RUN_2 "-2");
    building_announce(world, BUILDING_RUN_2 "-2", "registry.example/shop:2");
    expect_condition(world, CONDITION_CONVERGED);
    expect_runs(world, "shop-api-a", "development", "registry.example/shop:2");
    world_free(world);
}

Test(build, a_lost_run_is_no_failed_one)
{
    struct world *world = building_world();
    platform_workflow_rule(world->platform, BUILDING_RUN_1, "Lost");
    building_commit(world, 1, &building_first);
    building_await(world, BUILDING_RUN_1 "-2");
    cr_expect(world_published(world, "build-unknown", "shop"));
    cr_expect_not(world_published(world, "build-failed", "shop"));
    building_announce(world, BUILDING_RUN_1 "-2", "registry.example/shop:1");
    expect_condition(world, CONDITION_CONVERGED);
    world_free(world);
}

Test(build, a_source_that_is_not_there_is_said)
{
    struct world *world = building_world();
    building_commit(world, 1, NULL);
    world_run(world, MINUTES(1));
    expect_condition(world, CONDITION_HELD);
    expect_why(world, "shop", "development", "its source src/shop is not in this revision");
    cr_expect_eq(building_runs(world), 0);
    world_free(world);
}

Test(build, a_workflow_that_comes_later_is_found)
{
    struct world *world = repository_world();
    building_commit(world, 1, &building_first);
    world_run(world, MINUTES(4));
    expect_why(world, "shop", "development", "there is no ClusterWorkflow image");
    building_add_workflow(world, NULL);
    building_await(world, BUILDING_RUN_1);
    world_free(world);
}

/* kill -9 before, at and after the POST, and at its answer: one run of the tree, one image. */
Test(build, kill_around_the_post)
{
    struct world *whole = building_world();
    building_commit(whole, 1, &building_first);
    building_await(whole, BUILDING_RUN_1);
    const uint64_t writes = whole->writes, persists = whole->persists;
    world_free(whole);
    static const enum world_crash crashes[] = {
        WORLD_CRASH_UNSENT,   WORLD_CRASH_SENT,        WORLD_CRASH_APPLIED,
        WORLD_CRASH_ANSWERED, WORLD_CRASH_UNPERSISTED, WORLD_CRASH_PERSISTED,
    };
    for (size_t i = 0; i < sizeof crashes / sizeof *crashes; i++) {
        const bool row =
            crashes[i] == WORLD_CRASH_UNPERSISTED || crashes[i] == WORLD_CRASH_PERSISTED;
        for (uint64_t back = 0; back < 4; back++) {
            struct world *world = building_world();
            world->crash = crashes[i];
            world->crash_at = (row ? persists : writes) - back;
            build_first(world);
            cr_expect_eq(world->kills, 1, "crash %zu, %u back", i, (unsigned)back);
            cr_expect_eq(building_runs(world), 1, "crash %zu, %u back", i, (unsigned)back);
            char *differ = world_rows_differ(world);
            cr_expect_null(differ, "crash %zu: %s", i, differ);
            free(differ);
            expect_no_dangers(world);
            world_free(world);
        }
    }
}
