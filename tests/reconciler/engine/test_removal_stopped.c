/* A removal under way that something comes in between: a person, doubt, or the same cell again. */
#include "config/base/json.h"
#include "tests/reconciler/engine/leaving.h"

#include <criterion/criterion.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

TestSuite(removal_stopped, .timeout = 600);

static void run_until_deletes(struct world *world, size_t count)
{
    const int64_t until = world->now_ms + MINUTES(10);
    while (world_deletes(world) < count && world_step(world, until)) {
    }
    cr_assert_geq(world_deletes(world), count);
}

static char *held_hash(const struct world *world)
{
    json_t *status = engine_status(world->engine, world_now(world));
    const json_t *holds = json_object_get(status, "holds");
    char *hash = NULL;
    for (size_t i = 0; i < json_array_size(holds) && hash == NULL; i++) {
        const json_t *hold = json_array_get(holds, i);
        if (strcmp(json_text_or(json_object_get(hold, "kind"), ""), "prune") == 0)
            hash = strdup(json_text_or(json_object_get(hold, "name"), ""));
    }
    json_decref(status);
    return hash;
}

static void approve_removal(struct world *world)
{
    char *hash = held_hash(world);
    bool ok = false;
    cr_assert_not_null(hash);
    world_command(world, "approve", json_pack("{s:s}", "prune", hash), &ok);
    cr_assert(ok);
    free(hash);
}

/* --- a person ---------------------------------------------------------------------------------
 */

Test(removal_stopped, suspending_the_cell_stops_it_on_the_way)
{
    static const bool all[] = {false, true};
    for (size_t i = 0; i < 2; i++) {
        struct world *world = leaving_world();
        leaving_commit_one(world, 2, leaving_generous_one);
        run_until_deletes(world, 1);
        json_t *status = engine_status(world->engine, world_now(world));
        cr_expect_eq(json_array_size(json_object_get(status, "holds")), 0);
        json_decref(status);
        bool ok = false;
        world_command(world, "suspend",
                      all[i] ? json_object() : json_pack("{s:s}", "cell", "billing"), &ok);
        cr_assert(ok);
        const size_t before = world_deletes(world);
        world_run(world, MINUTES(5));
        cr_expect_eq(world_deletes(world), before, "%zu more", world_deletes(world) - before);
        cr_expect(world_stands(world, "components", "billing-api"));
        world_command(world, "resume",
                      all[i] ? json_object() : json_pack("{s:s}", "cell", "billing"), &ok);
        cr_assert(ok);
        world_run(world, MINUTES(6));
        cr_expect(!world_stands(world, "projects", "acme-billing"));
        expect_condition(world, CONDITION_CONVERGED);
        expect_no_dangers(world);
        world_free(world);
    }
}

/* Whatever was on its way when a person said stop: no DELETE leaves after that. */
Test(removal_stopped, no_delete_leaves_after_a_person_said_stop)
{
    for (unsigned events = 0; events < 16; events++) {
        struct world *world = leaving_world();
        leaving_commit_one(world, 2, leaving_generous_one);
        run_until_deletes(world, 2);
        for (unsigned i = 0; i < events; i++)
            world_step(world, world->now_ms + MINUTES(1));
        const size_t before = world_deletes(world) + world->request_count;
        size_t flying = 0;
        for (size_t i = 0; i < world->request_count; i++)
            flying +=
                strcmp(world->requests[i]->method, "DELETE") == 0 && !world->requests[i]->arrived;
        bool ok = false;
        const size_t sent = world_deletes(world) + flying;
        world_command(world, "suspend", json_pack("{s:s}", "cell", "billing"), &ok);
        world_run(world, MINUTES(3));
        cr_expect_leq(world_deletes(world), sent, "after %u of %zu", events, before);
        world_command(world, "resume", json_pack("{s:s}", "cell", "billing"), &ok);
        world_run(world, MINUTES(6));
        cr_expect(!world_stands(world, "projects", "acme-billing"), "after %u", events);
        world_free(world);
    }
}

/* An approval is for this removal, not for whatever bears these names later. */
Test(removal_stopped, what_came_back_and_goes_again_is_asked_for_again)
{
    struct world *world = leaving_world();
    leaving_commit_one(world, 2, leaving_one);
    world_run(world, MINUTES(2));
    approve_removal(world);
    world_run(world, MINUTES(6));
    cr_assert(!world_stands(world, "projects", "acme-billing"));
    leaving_commit_both(world, 3, leaving_both);
    expect_condition(world, CONDITION_CONVERGED);
    world_run(world, MINUTES(1));
    const size_t before = world_deletes(world);
    leaving_commit_one(world, 4, leaving_one);
    world_run(world, MINUTES(5));
    cr_expect_eq(world_deletes(world), before);
    cr_expect(world_stands(world, "projects", "acme-billing"));
    expect_runs(world, "billing-api-a", "development", "registry.example/billing:1");
    /* Nor after a restart. */
    world_kill(world);
    world_run(world, MINUTES(5));
    cr_expect_eq(world_deletes(world), before);
    approve_removal(world);
    world_run(world, MINUTES(6));
    cr_expect(!world_stands(world, "projects", "acme-billing"));
    expect_condition(world, CONDITION_CONVERGED);
    expect_silence(world);
    world_free(world);
}

/* One removal was approved and goes on; the next one has to be asked for by itself. */
Test(removal_stopped, a_second_one_waits_while_an_approved_one_goes_on)
{
    struct world *world = repository_world();
    repository_commit(world, 1, LEAVING_PLATFORM("billing, stock, shop", ""), "billing",
                      "registry.example/billing:1", NULL, "stock", "registry.example/stock:1", NULL,
                      "shop", "registry.example/shop:1", NULL, NULL);
    expect_condition(world, CONDITION_CONVERGED);
    repository_commit(world, 2, LEAVING_PLATFORM("stock, shop", ""), "stock",
                      "registry.example/stock:1", NULL, "shop", "registry.example/shop:1", NULL,
                      NULL);
    world_run(world, MINUTES(2));
    approve_removal(world);
    run_until_deletes(world, 1);
    leaving_commit_one(world, 3, leaving_one);
    world_run(world, MINUTES(8));
    cr_expect(!world_stands(world, "projects", "acme-billing"));
    cr_expect(world_stands(world, "components", "stock-api"));
    bool told = false;
    for (size_t i = 0; i < json_array_size(world->published); i++)
        told = told ||
               strstr(json_text_or(json_object_get(json_array_get(world->published, i), "message"),
                                   ""),
                      "what was approved before goes on") != NULL;
    cr_expect(told);
    approve_removal(world);
    world_run(world, MINUTES(8));
    cr_expect(!world_stands(world, "projects", "acme-stock"));
    expect_condition(world, CONDITION_CONVERGED);
    world_free(world);
}

/* --- doubt ------------------------------------------------------------------------------------
 */

/* The cell is named again, but cannot be read: its last good state is wanted again. */
Test(removal_stopped, a_cell_that_comes_back_broken_gets_its_last_good_state)
{
    struct world *world = leaving_world();
    leaving_commit_one(world, 2, leaving_generous_one);
    run_until_deletes(world, 1);
    repository_commit(world, 3, leaving_generous_both, "billing",
                      "raw:apiVersion: celld.dev/v1\nkind: [", NULL, "shop",
                      "registry.example/shop:1", NULL, NULL);
    world_run(world, MINUTES(6));
    expect_runs(world, "billing-api-a", "development", "registry.example/billing:1");
    const size_t before = world_deletes(world);
    world_run(world, MINUTES(5));
    cr_expect_eq(world_deletes(world), before);
    leaving_commit_both(world, 4, leaving_generous_both);
    expect_condition(world, CONDITION_CONVERGED);
    cr_expect_eq(world_deletes(world), before);
    expect_runs(world, "billing-api-a", "development", "registry.example/billing:1");
    expect_no_dangers(world);
    expect_silence(world);
    world_free(world);
}

/* A manifest that cannot be parsed bears its directory's name; who lived there may be meant. */
Test(removal_stopped, a_cell_of_another_name_than_its_directory_comes_back_broken)
{
    char *text = cell_text("billing", "registry.example/billing:1", NULL), *raw = NULL;
    cr_assert_gt(asprintf(&raw, "raw:%s", text), 0);
    struct world *world = repository_world();
    repository_commit(world, 1, leaving_generous_both, "store", raw, NULL, "shop",
                      "registry.example/shop:1", NULL, NULL);
    expect_condition(world, CONDITION_CONVERGED);
    leaving_commit_one(world, 2, leaving_generous_one);
    run_until_deletes(world, 1);
    repository_commit(world, 3, LEAVING_PLATFORM("store, shop", LEAVING_GENEROUS), "store",
                      "raw:apiVersion: celld.dev/v1\nkind: [", NULL, "shop",
                      "registry.example/shop:1", NULL, NULL);
    world_run(world, MINUTES(6));
    expect_runs(world, "billing-api-a", "development", "registry.example/billing:1");
    cr_expect_eq(platform_danger(world->platform).namespace_destroyed, 0);
    free(text);
    free(raw);
    world_free(world);
}

/* Nothing is deleted while nobody can tell what git wants, and what was known before still is. */
Test(removal_stopped, it_stands_still_while_the_platform_cannot_be_read)
{
    struct world *world = leaving_world();
    leaving_commit_one(world, 2, leaving_generous_one);
    run_until_deletes(world, 1);
    repository_commit(world, 3, "apiVersion: celld.dev/v1\nkind: Platform\nspec: {", NULL);
    const size_t before = world_deletes(world);
    const uint64_t writes = world->writes;
    world_run(world, MINUTES(5));
    cr_expect_eq(world_deletes(world), before);
    cr_expect_eq(world->writes, writes);
    leaving_commit_one(world, 4, leaving_generous_one);
    world_run(world, MINUTES(6));
    cr_expect(!world_stands(world, "projects", "acme-billing"));
    expect_condition(world, CONDITION_CONVERGED);
    expect_no_dangers(world);
    world_free(world);
}

/* The right to look is taken away on the way: what cannot be seen is not deleted. */
Test(removal_stopped, stops_while_the_live_state_is_unknown)
{
    struct world *world = leaving_world();
    leaving_commit_one(world, 2, leaving_generous_one);
    run_until_deletes(world, 1);
    platform_fault_add(world->platform, &(struct platform_fault){.kind = PLATFORM_FAULT_EMPTY_LIST,
                                                                 .method = "GET"});
    bool ok = false;
    world_command(world, "sync", json_object(), &ok);
    world_run(world, 1000);
    const size_t before = world_deletes(world);
    world_run(world, MINUTES(5));
    cr_expect_eq(world_deletes(world), before);
    platform_fault_clear(world->platform);
    world_run(world, MINUTES(8));
    cr_expect(!world_stands(world, "projects", "acme-billing"));
    expect_condition(world, CONDITION_CONVERGED);
    world_free(world);
}
