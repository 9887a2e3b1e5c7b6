/* A cell's project gets a new release: its bindings follow target by target, in the order of the
 * plan, and neither overtake a rollout nor are overtaken. */
#include "tests/reconciler/engine/projects.h"

#include <criterion/criterion.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

TestSuite(project, .timeout = 600);

/* Each was written once, the first before the second. */
static void expect_before(const struct world *world, const char *first, const char *there,
                          const char *second, const char *here)
{
    char names[2][64], all[1024];
    snprintf(all, sizeof all, " %s ", projects_written(world));
    snprintf(names[0], sizeof names[0], " %s%s ", first, there);
    snprintf(names[1], sizeof names[1], " %s%s ", second, here);
    const char *a = strstr(all, names[0]), *b = strstr(all, names[1]);
    cr_assert(a != NULL && b != NULL && a < b, "%s before %s: %s", names[0], names[1], all);
    cr_expect_null(strstr(b + 1, names[1]), "%s", all);
}

Test(project, bindings_follow_a_new_release_environment_by_environment_in_phase_order)
{
    struct world *world = repository_world();
    projects_converge(world);
    char before[128];
    snprintf(before, sizeof before, "%s", projects_latest(world, "acme-shop"));
    platform_log_clear(world->platform);
    projects_change_type(world, "2");
    world_run(world, MINUTES(5));
    expect_condition(world, CONDITION_CONVERGED);
    cr_expect_str_neq(projects_latest(world, "acme-shop"), before);
    projects_expect_latest(world, "acme-shop");
    projects_expect_latest(world, "acme-billing");
    for (size_t i = 0; i < 4; i++) {
        expect_before(world, "billing-", projects_targets[i], "shop-", projects_targets[i]);
        if (i > 0) {
            expect_before(world, "billing-", projects_targets[i - 1], "billing-",
                          projects_targets[i]);
            expect_before(world, "shop-", projects_targets[i - 1], "shop-", projects_targets[i]);
        }
    }
    expect_silence(world);
    expect_no_dangers(world);
    world_free(world);
}

/* An environment of several regions before others: each follows the one before it. */
Test(project, bindings_follow_through_several_regions)
{
    static const char regions[] = PLATFORM_HEAD "  environments:\n"
                                                "    - {name: development, regions: [us, eu]}\n"
                                                "    - {name: testing}\n"
                                                "    - {name: production}\n"
                                                "  phases: [{name: all, cells: [shop]}]\n";
    struct world *world = repository_world();
    repository_commit(world, 1, regions, "shop", "registry.example/shop:1", NULL, NULL);
    expect_condition(world, CONDITION_CONVERGED);
    projects_change_type(world, "2");
    world_run(world, MINUTES(10));
    expect_condition(world, CONDITION_CONVERGED);
    static const char *const names[] = {"development", "development-eu", "testing", "production"};
    for (size_t i = 0; i < 4; i++) {
        char binding[64];
        snprintf(binding, sizeof binding, "acme-shop-%s", names[i]);
        cr_expect_str_eq(projects_pin(world, binding), projects_latest(world, "acme-shop"), "%s",
                         binding);
    }
    world_free(world);
}

Test(project, parameters_that_somebody_gave_a_project_bring_a_release_that_is_followed)
{
    struct world *world = repository_world();
    projects_converge(world);
    expect_changed(world, "projects", "acme", "acme-shop",
                   json_pack("{s:{s:{s:s}}}", "spec", "parameters", "tier", "gold"));
    world_run(world, MINUTES(5));
    expect_condition(world, CONDITION_CONVERGED);
    projects_expect_latest(world, "acme-shop");
    cr_expect_str_eq(projects_text(world, "projects", "acme-shop", "spec", "parameters", "tier"),
                     "gold", "a foreign field stays");
    expect_silence(world);
    world_free(world);
}

/* The control plane says Ready all the while, of the release before. */
Test(project, the_next_environment_waits_until_the_binding_is_seen_ready_on_the_new_release)
{
    struct world *world = repository_world();
    projects_converge(world);
    projects_change_type(world, "2");
    world_run(world, 2000);
    platform_stall(world->platform, world_platform_now(world) + MINUTES(4));
    platform_log_clear(world->platform);
    world_run(world, MINUTES(3));
    cr_expect_str_eq(projects_written(world), "billing-development");
    cr_expect_str_eq(world_node_state(world, "billing", "development"), "forward");
    expect_why(world, "billing", "development",
               "the project binding acme-billing-development is not ready on project release");
    expect_why(world, "shop", "development", "shop on development waits for billing");
    cr_expect_eq(engine_condition(world->engine), CONDITION_WORKING);
    world_run(world, MINUTES(10));
    expect_condition(world, CONDITION_CONVERGED);
    projects_expect_latest(world, "acme-shop");
    world_free(world);
}

Test(project, a_move_waits_for_the_rollout_that_is_under_way_and_a_rollout_for_the_move)
{
    struct world *world = repository_world();
    projects_converge(world);
    platform_image_rule(world->platform, "*shop:2", PLATFORM_IMAGE_SLOW, MINUTES(2));
    projects_commit(world, 2, "registry.example/shop:2");
    world_run(world, 30000);
    cr_expect_str_eq(world_node_state(world, "shop", "development"), "rolling");
    projects_change_type(world, "2");
    platform_log_clear(world->platform);
    world_run(world, 60000);
    cr_expect_str_eq(world_node_state(world, "shop", "development"), "rolling");
    cr_expect_null(strstr(projects_written(world), "shop-development"), "%s",
                   projects_written(world));
    world_run(world, MINUTES(20));
    expect_condition(world, CONDITION_CONVERGED);
    projects_expect_latest(world, "acme-shop");
    for (size_t i = 0; i < 4; i++)
        expect_runs(world, "shop-api-a", projects_targets[i], "registry.example/shop:2");
    expect_no_dangers(world);
    expect_silence(world);
    world_free(world);
}

/* Both wait for the same gate. */
Test(project, new_content_starts_where_the_binding_stands_on_the_new_release)
{
    static const char gated[] =
        PLATFORM_HEAD "  environments:\n"
                      "    - {name: development}\n"
                      "    - {name: testing, gates: [{name: approval, manual: {}}]}\n"
                      "  phases: [{name: first, cells: [shop]}]\n";
    struct world *world = repository_world();
    bool ok = false;
    for (int revision = 1; revision <= 2; revision++) {
        char image[64];
        snprintf(image, sizeof image, "registry.example/shop:%d", revision);
        repository_commit(world, revision, gated, "shop", image, NULL, NULL);
        if (revision == 2)
            projects_change_type(world, "2");
        world_run(world, MINUTES(3));
        platform_log_clear(world->platform);
        world_command(world, "approve",
                      json_pack("{s:s, s:s, s:s, s:s}", "cell", "shop", "environment", "testing",
                                "gate", "approval", "by", "ann"),
                      &ok);
        cr_assert(ok);
        world_run(world, 1);
        if (revision == 2)
            expect_why(world, "shop", "testing",
                       "acme-shop-testing is being moved to project release");
        expect_condition(world, CONDITION_CONVERGED);
    }
    size_t moved = 0, deployed = 0;
    for (size_t i = 0; i < platform_log_count(world->platform); i++) {
        const struct platform_logged *row = platform_log_at(world->platform, i);
        if (strcmp(row->method, "PUT") != 0)
            continue;
        if (strstr(row->path, PROJECTS_BINDINGS "/acme-shop-testing") != NULL)
            moved = i;
        if (strstr(row->path, "/releasebindings/shop-api-a-testing") != NULL && deployed == 0)
            deployed = i;
    }
    cr_expect_gt(moved, 0);
    cr_expect_gt(deployed, moved);
    cr_expect_str_eq(projects_pin(world, "acme-shop-testing"), projects_latest(world, "acme-shop"));
    world_free(world);
}

Test(project, a_plan_shows_the_move_before_it_is_made)
{
    struct world *world = repository_world();
    projects_converge(world);
    bool ok = false;
    world_command(world, "suspend", json_object(), &ok);
    projects_change_type(world, "2");
    world_run(world, MINUTES(2));
    json_t *plan = engine_plan(world->engine, NULL, world_now(world));
    char *text = json_dumps(plan, JSON_COMPACT);
    cr_expect_not_null(strstr(text, "acme-shop-production-eu"), "%s", text);
    free(text);
    json_decref(plan);
    world_free(world);
}

/* Killed at any event of a move, it ends the same way: nothing moves out of order. */
Test(project, a_move_survives_a_death_at_any_moment)
{
    for (uint64_t at = 1; at <= 60; at += 3) {
        struct world *world = repository_world();
        projects_converge(world);
        platform_log_clear(world->platform);
        projects_change_type(world, "2");
        world->kill_at_event = world->events + at;
        world_run(world, MINUTES(6));
        cr_expect_eq(world->kills, 1);
        expect_condition(world, CONDITION_CONVERGED);
        projects_expect_latest(world, "acme-shop");
        projects_expect_latest(world, "acme-billing");
        cr_expect_eq(platform_danger(world->platform).namespace_destroyed, 0);
        expect_silence(world);
        world_free(world);
    }
}

/* celld --once would leave. */
Test(project, what_is_read_after_a_restart_is_not_held)
{
    struct world *world = repository_world();
    projects_converge(world);
    world_kill(world);
    const int64_t until = world->now_ms + MINUTES(2);
    while (world_step(world, until))
        cr_assert(world->request_count > 0 || engine_condition(world->engine) != CONDITION_HELD,
                  "at %lld", (long long)world->now_ms);
    cr_expect_eq(engine_condition(world->engine), CONDITION_CONVERGED);
    world_free(world);
}
