/* Why a cell is not live: one line that names what it waits for, for each thing that it can be. */
#include "config/base/json.h"
#include "tests/reconciler/engine/meddle.h"
#include "tests/reconciler/engine/traffic.h"

#include <criterion/criterion.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

TestSuite(why, .timeout = 120);

#define CONNECTED(to)                                                                              \
    "  connections: [{name: other, target: acme-" to ", protocol: http, port: 8080}]\n"            \
    "  env: [{name: OTHER, value: \"${CHOREO_CONNECTION_other}\"}]\n"

static const char together[] = PLATFORM_HEAD "  environments: [{name: development}]\n"
                                             "  phases: [{name: all, cells: [billing, shop]}]\n";

/* --- what it connects to ------------------------------------------------------------------------
 */

Test(why, a_component_that_it_connects_to_does_not_stand)
{
    struct world *world = repository_world();
    repository_commit(world, 1, together, "billing", "registry.example/broken:1",
                      "  rollout: {progressDeadline: 5m}\n", "shop", "registry.example/shop:1",
                      CONNECTED("billing"), NULL);
    world_run(world, MINUTES(2));
    expect_why(world, "shop", "development",
               "shop-api waits for billing-api of billing, which it connects to");
    repository_commit(world, 2, together, "billing", "registry.example/billing:2", NULL, "shop",
                      "registry.example/shop:1", CONNECTED("billing"), NULL);
    expect_condition(world, CONDITION_CONVERGED);
    world_free(world);
}

/* "a" waits for "b" of its own cell, which waits for another cell: the first of them is told. */
Test(why, a_chain_of_components_waits_for_another_cell)
{
    static const char chain[] =
        "raw:apiVersion: celld.dev/v1\nkind: Cell\nmetadata: {name: shop}\nspec:\n  components:\n"
        "    - {name: a, type: service, image: r.example/a:1,\n"
        "       endpoints: [{name: http, type: http, port: 8081, visibility: [namespace]}],\n"
        "       connections: [{name: b, target: acme-shop, protocol: http, port: 8082}],\n"
        "       env: [{name: B, value: \"${CHOREO_CONNECTION_b}\"}]}\n"
        "    - {name: b, type: service, image: r.example/b:1,\n"
        "       endpoints: [{name: http, type: http, port: 8082, visibility: [namespace]}],\n"
        "       connections: [{name: c, target: acme-billing, protocol: http, port: 8080}],\n"
        "       env: [{name: C, value: \"${CHOREO_CONNECTION_c}\"}]}\n";
    struct world *world = repository_world();
    repository_commit(world, 1, together, "billing", "registry.example/broken:1",
                      "  rollout: {progressDeadline: 5m}\n", "shop", chain, NULL, NULL);
    world_run(world, MINUTES(2));
    char *why = world_why(world, "shop", "development");
    cr_expect_not_null(strstr(why, "shop on development: a "), "%s", why);
    free(why);
    repository_commit(world, 2, together, "billing", "registry.example/billing:2", NULL, "shop",
                      chain, NULL, NULL);
    expect_condition(world, CONDITION_CONVERGED);
    expect_runs(world, "a-a", "development", "r.example/a:1");
    world_free(world);
}

/* What is under way is told before what comes after it. */
Test(why, an_attempt_under_way_is_told_before_what_comes_next)
{
    static const char paused[] =
        "  rollout: {strategy: canary, steps: [{weight: 20, pause: true}], bake: 1m}\n";
    static const char next[] =
        "raw:apiVersion: celld.dev/v1\nkind: Cell\nmetadata: {name: billing}\nspec:\n"
        "  rollout: {progressDeadline: 20m}\n  components:\n"
        "    - {name: billing-api, type: service, image: registry.example/broken:3,\n"
        "       endpoints: [{name: http, type: http, port: 8080, basePath: /billing, visibility: "
        "[namespace, external]},\n"
        "                   {name: rpc, type: grpc, port: 9000, visibility: [namespace]}]}\n";
    struct world *world = repository_world();
    repository_commit(world, 1, together, "billing", "registry.example/billing:1", NULL, "shop",
                      "registry.example/shop:1", paused, NULL);
    expect_condition(world, CONDITION_CONVERGED);
    repository_commit(world, 2, together, "billing", "registry.example/billing:1", NULL, "shop",
                      "registry.example/shop:2", paused, NULL);
    world_run(world, MINUTES(2));
    expect_why(world, "shop", "development", "is paused");
    char extra[1024];
    snprintf(extra, sizeof extra,
             "%s  connections: [{name: other, target: acme-billing, protocol: grpc, port: 9000}]\n"
             "  env: [{name: OTHER, value: \"${CHOREO_CONNECTION_other}\"}]\n",
             paused);
    repository_commit(world, 3, together, "billing", next, NULL, "shop", "registry.example/shop:3",
                      extra, NULL);
    world_run(world, MINUTES(2));
    expect_why(world, "shop", "development", "shop-api is paused");
    world_free(world);
}

/* A dependency that is left alone, and does not serve. */
Test(why, a_dependency_is_live_but_not_healthy)
{
    static const char after[] = "  dependsOn: [billing]\n";
    struct world *world = repository_world();
    repository_commit(world, 1, together, "billing", "registry.example/billing:1", NULL, "shop",
                      "registry.example/shop:1", after, NULL);
    expect_condition(world, CONDITION_CONVERGED);
    bool ok = false;
    world_command(world, "suspend", json_pack("{s:s}", "cell", "billing"), &ok);
    cr_expect(platform_crash(world->platform, "acme", "billing-api-a", "development",
                             world_platform_now(world)));
    platform_image_rule(world->platform, "*billing:1", PLATFORM_IMAGE_CRASHES, 0);
    world_run(world, MINUTES(5));
    expect_why(world, "billing", "development", "is live at 000000000000, but not healthy");
    repository_commit(world, 2, together, "billing", "registry.example/billing:1", NULL, "shop",
                      "registry.example/shop:2", after, NULL);
    world_run(world, MINUTES(5));
    expect_why(world, "shop", "development",
               "waits for billing: it is live at 000000000000, but not healthy");
    expect_runs(world, "shop-api-a", "development", "registry.example/shop:1");
    world_free(world);
}

/* The last list before it settled had shown it not ready. */
Test(why, a_dependency_that_is_well_again_is_waited_for_no_longer)
{
    static const char after[] = "  dependsOn: [billing]\n";
    struct world *world = repository_world();
    platform_image_rule(world->platform, "*billing:2", PLATFORM_IMAGE_SLOW, MINUTES(1));
    repository_commit(world, 1, together, "billing", "registry.example/billing:1", NULL, "shop",
                      "registry.example/shop:1", after, NULL);
    expect_condition(world, CONDITION_CONVERGED);
    repository_commit(world, 2, together, "billing", "registry.example/billing:2", NULL, "shop",
                      "registry.example/shop:1", after, NULL);
    expect_condition(world, CONDITION_CONVERGED);
    world_run(world, MINUTES(5));
    char *why = world_why(world, "billing", "development");
    cr_expect_null(strstr(why, "not healthy"), "%s", why);
    free(why);
    repository_commit(world, 3, together, "billing", "registry.example/billing:2", NULL, "shop",
                      "registry.example/shop:2", after, NULL);
    expect_condition(world, CONDITION_CONVERGED);
    expect_runs(world, "shop-api-a", "development", "registry.example/shop:2");
    world_free(world);
}

/* --- its own objects ----------------------------------------------------------------------------
 */

Test(why, the_project_has_no_release_yet)
{
    struct world_options options;
    world_options_default(&options);
    options.platform.timing.project = MINUTES(5);
    struct world *world = world_new(&options);
    repository_commit(world, 1, platform_small, "shop", "registry.example/shop:1", NULL, NULL);
    world_run(world, MINUTES(1));
    expect_why(world, "shop", "development", "project acme-shop has no release yet");
    expect_condition(world, CONDITION_CONVERGED);
    world_free(world);
}

Test(why, its_project_binding_is_not_ready)
{
    struct world_options options;
    world_options_default(&options);
    options.platform.timing.namespace_new = MINUTES(5);
    struct world *world = world_new(&options);
    repository_commit(world, 1, platform_small, "shop", "registry.example/shop:1", NULL, NULL);
    world_run(world, MINUTES(1));
    expect_why(world, "shop", "development",
               "the project binding acme-shop-development is not ready");
    expect_condition(world, CONDITION_CONVERGED);
    world_free(world);
}

static const char two_targets[] =
    PLATFORM_HEAD "  environments: [{name: development}, {name: testing}]\n"
                  "  phases: [{name: first, cells: [shop]}]\n";

/* What is stuck on another target says nothing about this one. */
Test(why, an_object_is_stuck_on_this_target_only)
{
    struct meddler meddler;
    const struct meddling items[] = {
        {"PUT", "/releasebindings/shop-api-a-testing", 0, 1000, ANSWER_RECEIVED, 422, "{}", true},
        {.method = NULL}};
    struct world *world = meddle_world(&meddler, items);
    repository_commit(world, 1, two_targets, "shop", "registry.example/shop:1", NULL, NULL);
    expect_condition(world, CONDITION_CONVERGED);
    repository_commit(world, 2, two_targets, "shop", "registry.example/shop:2", NULL, NULL);
    world_run(world, MINUTES(5));
    expect_why(world, "shop", "testing", "meddled with");
    /* The next one is on its way to development. */
    repository_commit(world, 3, two_targets, "shop", "registry.example/shop:3", NULL, NULL);
    world_run(world, 1500);
    char *why = world_why(world, "shop", "development");
    cr_expect_null(strstr(why, "meddled with"), "%s", why);
    free(why);
    world_free(world);
}

/* Of several things that all targets need, the first is told. */
Test(why, what_all_targets_need_is_refused)
{
    struct meddler meddler;
    const struct meddling items[] = {
        {"POST", "/components", 0, 1000, ANSWER_RECEIVED, 422, "{}", true}, {.method = NULL}};
    struct world *world = meddle_world(&meddler, items);
    repository_commit(world, 1, two_targets, "shop", "registry.example/shop:1", NULL, NULL);
    world_run(world, MINUTES(2));
    expect_why(world, "shop", "development", "meddled with");
    expect_why(world, "shop", NULL, "meddled with");
    world_free(world);
}

Test(why, its_objects_are_being_put_right)
{
    struct world *world = repository_world();
    repository_commit(world, 1, platform_small, "shop", "registry.example/shop:1", NULL, NULL);
    expect_condition(world, CONDITION_CONVERGED);
    struct platform_response response;
    const struct platform_request request = {
        .method = "DELETE", .path = "/api/v1/namespaces/acme/workloads/shop-api-a"};
    platform_handle(world->platform, &request, world_platform_now(world), &response);
    platform_response_fini(&response);
    const int64_t until = world->now_ms + MINUTES(10);
    while (strcmp(world_node_state(world, "shop", "development"), "repairing") != 0)
        cr_assert(world_step(world, until), "%s", world_node_state(world, "shop", "development"));
    expect_why(world, "shop", "development", "its objects are being put right");
    expect_condition(world, CONDITION_CONVERGED);
    world_free(world);
}

/* --- its manifest -------------------------------------------------------------------------------
 */

/* Nothing was ever good of it. */
Test(why, a_cell_was_never_readable)
{
    struct world *world = repository_world();
    repository_commit(world, 1, platform_small, "shop", "registry.example/shop:1", NULL, "extra",
                      "raw:nonsense", NULL, NULL);
    world_run(world, MINUTES(2));
    expect_why(world, "extra", NULL, "extra was never readable: ");
    repository_commit(world, 2, platform_small, "shop", "registry.example/shop:1", NULL, NULL);
    world_run(world, MINUTES(2));
    struct text text;
    text_init(&text, 1024);
    cr_expect_eq(engine_why(world->engine, "extra", NULL, world_now(world), &text), -ENOENT);
    text_fini(&text);
    world_free(world);
}

/* After a restart nobody knows yet what the provider's cell is: it never stood, and is waited for.
 */
Test(why, a_provider_whose_manifest_cannot_be_read_any_more)
{
    struct world *world = repository_world();
    repository_commit(world, 1, together, "billing", "registry.example/broken:1",
                      "  rollout: {progressDeadline: 5m}\n", "shop", "registry.example/shop:1",
                      CONNECTED("billing"), NULL);
    world_run(world, MINUTES(2));
    repository_commit(world, 2, together, "billing", "raw:nonsense", NULL, "shop",
                      "registry.example/shop:1", CONNECTED("billing"), NULL);
    for (size_t i = 0; i < world->row_count; i++) {
        if (strcmp(world->rows[i].key, "cell/billing") == 0)
            json_object_set_new(world->rows[i].value, "digest", json_string("another"));
    }
    world_kill(world);
    world_run(world, MINUTES(2));
    expect_why(world, "shop", "development",
               "shop-api waits for billing-api of billing, which it connects to");
    repository_commit(world, 3, together, "billing", "registry.example/billing:3", NULL, "shop",
                      "registry.example/shop:1", CONNECTED("billing"), NULL);
    expect_condition(world, CONDITION_CONVERGED);
    world_free(world);
}

static const char pair[] =
    "raw:apiVersion: celld.dev/v1\nkind: Cell\nmetadata: {name: shop}\nspec:\n  components:\n"
    "    - {name: a, type: worker, image: r.example/a:1}\n"
    "    - {name: b, type: worker, image: r.example/b:1}\n";

/* Two things that every target needs cannot be read: one of them is told, not both. */
Test(why, the_first_of_several_troubles_is_told)
{
    struct meddler meddler;
    const struct meddling items[] = {
        {"GET", "/components/a", 0, 1000, ANSWER_RECEIVED, 500, "{}", false},
        {"GET", "/components/b", 0, 1000, ANSWER_RECEIVED, 500, "{}", false},
        {.method = NULL}};
    struct world *world = meddle_world(&meddler, items);
    repository_commit(world, 1, two_targets, "shop", pair, NULL, NULL);
    world_run(world, MINUTES(2));
    char *why = world_why(world, "shop", "development");
    const char *told = strstr(why, "meddled with");
    cr_assert_not_null(told, "%s", why);
    cr_expect_null(strstr(told + 1, "meddled with"), "%s", why);
    free(why);
    world_free(world);
}
