/* From a push to a converged control plane, against the model. */
#include "config/base/json.h"
#include "tests/reconciler/engine/expect.h"

#include <criterion/criterion.h>

#include <stdlib.h>
#include <string.h>

TestSuite(converge, .timeout = 600);

Test(converge, one_cell_with_one_component)
{
    struct world *world = repository_world();
    repository_commit(world, 1, platform_small, "shop", "registry.example/shop:1", NULL, NULL);
    expect_condition(world, CONDITION_CONVERGED);
    expect_runs(world, "shop-api-a", "development", "registry.example/shop:1");
    expect_no_dangers(world);
    expect_silence(world);
    world_free(world);
}

/* Position of the first successful POST of a binding in the control plane's log. */
static size_t first_post(const struct world *world, const char *binding)
{
    for (size_t i = 0; i < platform_log_count(world->platform); i++) {
        const struct platform_logged *entry = platform_log_at(world->platform, i);
        if (strcmp(entry->method, "POST") != 0 || entry->status != 201 || entry->body == NULL)
            continue;
        json_t *body = json_loads(entry->body, 0, NULL);
        const bool same =
            strcmp(json_text_or(json_at(body, "metadata", "name", NULL), ""), binding) == 0;
        json_decref(body);
        if (same)
            return i;
    }
    return SIZE_MAX;
}

Test(converge, phases_promotion_gate_and_regions_in_order)
{
    struct world *world = repository_world();
    repository_commit(world, 1, platform_large, "billing", "registry.example/billing:1", NULL,
                      "shop", "registry.example/shop:1", "  dependsOn: [billing]\n", NULL);
    expect_condition(world, CONDITION_HELD);
    cr_expect_str_eq(world_node_state(world, "shop", "testing"), "converged");
    cr_expect_str_eq(world_node_state(world, "billing", "production"), "forward");
    expect_why(world, "billing", "production", "gate approval");
    expect_why(world, "shop", "production-eu", "waits for");
    cr_expect_eq(first_post(world, "billing-api-a-production"), SIZE_MAX);
    bool ok = false;
    world_command(world, "approve", json_pack("{s:s}", "cell", "billing"), &ok);
    cr_expect(ok);
    expect_condition(world, CONDITION_HELD);
    cr_expect_str_eq(world_node_state(world, "billing", "production-eu"), "converged");
    world_command(world, "approve", json_pack("{s:b}", "all", 1), &ok);
    cr_expect(ok);
    expect_condition(world, CONDITION_CONVERGED);
    static const char *const order[] = {
        "billing-api-a-development", "shop-api-a-development",   "shop-api-a-testing",
        "shop-api-a-production",     "shop-api-a-production-eu",
    };
    for (size_t i = 1; i < sizeof order / sizeof *order; i++)
        cr_expect_lt(first_post(world, order[i - 1]), first_post(world, order[i]), "%s", order[i]);
    cr_expect_lt(first_post(world, "billing-api-a-production"),
                 first_post(world, "billing-api-a-production-eu"));
    cr_expect_neq(first_post(world, "shop-api-a-production-eu"), SIZE_MAX);
    expect_no_dangers(world);
    expect_silence(world);
    world_free(world);
}

Test(converge, a_change_touches_its_cell_only)
{
    struct world *world = repository_world();
    const char *platform = PLATFORM_HEAD "  environments: [{name: development}]\n"
                                         "  phases: [{name: all, cells: [billing, shop]}]\n";
    repository_commit(world, 1, platform, "billing", "registry.example/billing:1", NULL, "shop",
                      "registry.example/shop:1", NULL, NULL);
    expect_condition(world, CONDITION_CONVERGED);
    const size_t before = platform_log_count(world->platform);
    /* The same content under another commit writes nothing. */
    const uint64_t writes = world->writes;
    repository_commit(world, 2, platform, "billing", "registry.example/billing:1", NULL, "shop",
                      "registry.example/shop:1", NULL, NULL);
    world_run(world, MINUTES(2));
    cr_expect_eq(world->writes, writes);
    repository_commit(world, 3, platform, "billing", "registry.example/billing:1", NULL, "shop",
                      "registry.example/shop:2", NULL, NULL);
    world_run(world, 1000);
    expect_condition(world, CONDITION_CONVERGED);
    expect_runs(world, "shop-api-a", "development", "registry.example/shop:2");
    for (size_t i = before; i < platform_log_count(world->platform); i++) {
        const struct platform_logged *entry = platform_log_at(world->platform, i);
        cr_expect(strcmp(entry->method, "GET") == 0 || strstr(entry->path, "billing") == NULL,
                  "%s %s", entry->method, entry->path);
    }
    expect_no_dangers(world);
    expect_silence(world);
    world_free(world);
}

Test(converge, a_bad_release_goes_back_and_stays_out)
{
    struct world *world = repository_world();
    repository_commit(world, 1, platform_large, "billing", "registry.example/billing:1", NULL,
                      "shop", "registry.example/shop:1", NULL, NULL);
    expect_condition(world, CONDITION_HELD);
    char good[128];
    snprintf(good, sizeof good, "%s", repository_release(world, "billing-api-a-development"));
    repository_commit(world, 2, platform_large, "billing", "registry.example/broken:2",
                      "  rollout: {progressDeadline: 2m}\n", "shop", "registry.example/shop:1",
                      NULL, NULL);
    world_run(world, MINUTES(1));
    expect_condition(world, CONDITION_HELD);
    cr_expect_str_eq(repository_release(world, "billing-api-a-development"), good);
    expect_runs(world, "billing-api-a", "development", "registry.example/billing:1");
    cr_expect_str_eq(world_node_state(world, "billing", "development"), "rolled-back");
    cr_expect_str_eq(repository_release(world, "billing-api-a-testing"), good);
    cr_expect(world_published(world, "quarantined", "billing"));
    expect_why(world, "billing", "testing", "billing");
    expect_silence(world);
    /* A fix starts at once. */
    repository_commit(world, 3, platform_large, "billing", "registry.example/billing:3", NULL,
                      "shop", "registry.example/shop:1", NULL, NULL);
    world_run(world, MINUTES(1));
    expect_condition(world, CONDITION_HELD);
    expect_runs(world, "billing-api-a", "testing", "registry.example/billing:3");
    expect_no_dangers(world);
    world_free(world);
}

Test(converge, a_fix_that_is_pushed_while_a_bad_release_waits_starts_at_once)
{
    struct world *world = repository_world();
    repository_commit(world, 1, platform_small, "shop", "registry.example/shop:1", NULL, NULL);
    expect_condition(world, CONDITION_CONVERGED);
    repository_commit(world, 2, platform_small, "shop", "registry.example/broken:2", NULL, NULL);
    world_run(world, 20000);
    cr_expect_str_eq(world_node_state(world, "shop", "development"), "rolling");
    repository_commit(world, 3, platform_small, "shop", "registry.example/shop:3", NULL, NULL);
    world_run(world, MINUTES(1));
    expect_condition(world, CONDITION_CONVERGED);
    expect_runs(world, "shop-api-a", "development", "registry.example/shop:3");
    expect_no_dangers(world);
    world_free(world);
}

Test(converge, a_first_release_that_fails_is_withdrawn)
{
    struct world *world = repository_world();
    repository_commit(world, 1, platform_small, "shop", "registry.example/broken:1",
                      "  rollout: {progressDeadline: 1m}\n", NULL);
    world_run(world, MINUTES(1));
    expect_condition(world, CONDITION_HELD);
    cr_expect_str_eq(world_node_state(world, "shop", "development"), "rolled-back");
    expect_silence(world);
    repository_commit(world, 2, platform_small, "shop", "registry.example/shop:2", NULL, NULL);
    world_run(world, 1000);
    expect_condition(world, CONDITION_CONVERGED);
    expect_runs(world, "shop-api-a", "development", "registry.example/shop:2");
    expect_no_dangers(world);
    world_free(world);
}

/* What no list shows is read again with each look: until the answer it stands as it stood. */
Test(converge, a_look_at_the_platform_moves_nobody)
{
    struct world *world = repository_world();
    repository_commit(world, 1, platform_small, "shop", "registry.example/shop:1", NULL, NULL);
    expect_condition(world, CONDITION_CONVERGED);
    world_run(world, 1000);
    const int64_t until = world->now_ms + MINUTES(5);
    while (world_step(world, until)) {
        json_t *status = engine_status(world->engine, world_now(world));
        cr_assert(json_is_true(json_at(status, "platform", "ready", NULL)));
        json_decref(status);
    }
    world_free(world);
}

Test(converge, the_same_run_twice_gives_the_same_effects)
{
    uint64_t traces[2];
    for (int run = 0; run < 2; run++) {
        struct world *world = repository_world();
        repository_commit(world, 1, platform_large, "billing", "registry.example/billing:1", NULL,
                          "shop", "registry.example/shop:1", NULL, NULL);
        world_run(world, MINUTES(5));
        traces[run] = world->trace;
        world_free(world);
    }
    cr_expect_eq(traces[0], traces[1]);
}
