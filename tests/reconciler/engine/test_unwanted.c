/* What was begun and is not wanted any more: nothing of it stays, and nothing more comes of it. */
#include "tests/reconciler/engine/leaving.h"
#include "tests/reconciler/engine/meddle.h"

#include <criterion/criterion.h>

#include <stdlib.h>
#include <string.h>

TestSuite(unwanted, .timeout = 600);

/* Killed after its n-th write left, with the cell gone from git when celld is back: nothing of it
 * stays, though only an intent tells of the last thing that was made. */
Test(unwanted, what_was_begun_before_a_crash_is_found_when_nobody_wants_it)
{
    for (uint64_t after = 5; after < 34; after += 2) {
        struct world *world = repository_world();
        leaving_commit_both(world, 1, leaving_generous_both);
        const int64_t until = world->now_ms + MINUTES(2);
        while (world->writes < after && world_step(world, until)) {
        }
        world->good = manifest_set_unref(world->good);
        world->set = manifest_set_unref(world->set);
        world_kill(world);
        leaving_commit_one(world, 2, leaving_generous_one);
        world_run(world, MINUTES(8));
        cr_expect_eq(leaving_left(world, "billing"), 0, "after %u", (unsigned)after);
        expect_condition(world, CONDITION_CONVERGED);
        expect_no_dangers(world);
        expect_silence(world);
        world_free(world);
    }
}

/* A PUT whose outcome nobody knows, and its object is to go before it could be read back. */
Test(unwanted, an_unknown_outcome_is_settled_before_the_removal)
{
    struct meddler meddler;
    const struct meddling items[] = {
        {"PUT", "/workloads/billing-api", 0, 1, ANSWER_UNKNOWN, 0, NULL, false},
        {"GET", "/workloads/billing-api", 1000, 3, ANSWER_RECEIVED, 500, NULL, false},
        {.method = NULL}};
    struct world *world = meddle_world(&meddler, items);
    leaving_commit_both(world, 1, leaving_generous_both);
    expect_condition(world, CONDITION_CONVERGED);
    repository_commit(world, 2, leaving_generous_both, "billing", "registry.example/billing:2",
                      NULL, "shop", "registry.example/shop:1", NULL, NULL);
    const int64_t until = world->now_ms + MINUTES(2);
    while (meddler.replaced == 0 && world_step(world, until)) {
    }
    meddler.items[1].skip = meddler.seen[1];
    meddler.items[1].times = 12;
    leaving_commit_one(world, 3, leaving_generous_one);
    world_run(world, MINUTES(20));
    cr_expect_eq(leaving_left(world, "billing"), 0);
    expect_condition(world, CONDITION_CONVERGED);
    expect_silence(world);
    world_free(world);
}

/* Every request takes its time, and the cell comes and goes meanwhile: answers that nobody waits
 * for any more do no harm. */
static int64_t slowly(void *context, const struct world_request *request)
{
    uint64_t *state = context;
    (void)request;
    *state = *state * UINT64_C(6364136223846793005) + 1442695040888963407u;
    return (int64_t)((*state >> 33) % 7000);
}

Test(unwanted, answers_that_come_late_belong_to_nobody)
{
    for (uint64_t seed = 1; seed <= 6; seed++) {
        uint64_t state = seed;
        struct world_options options;
        world_options_default(&options);
        options.delay = slowly;
        options.context = &state;
        options.engine.list_interval = (struct duration){3000};
        options.engine.parallel_requests = seed % 2 == 0 ? 2 : 8;
        struct world *world = world_new(&options);
        for (int revision = 1; revision < 12; revision++) {
            if (revision % 2 == 1)
                leaving_commit_both(world, revision, leaving_generous_both);
            else
                leaving_commit_one(world, revision, leaving_generous_one);
            world_run(world, (int64_t)(3000 + (state >> 40) % 20000));
        }
        leaving_commit_one(world, 12, leaving_generous_one);
        world_run(world, MINUTES(20));
        cr_expect_eq(leaving_left(world, "billing"), 0, "seed %u", (unsigned)seed);
        expect_condition(world, CONDITION_CONVERGED);
        expect_runs(world, "shop-api-a", "development", "registry.example/shop:1");
        cr_expect_eq(platform_danger(world->platform).duplicate_binding, 0);
        cr_expect_eq(platform_danger(world->platform).namespace_destroyed, 0);
        world_free(world);
    }
}

static int64_t slow_searches(void *context, const struct world_request *request)
{
    (void)context;
    return strstr(request->path, "?component=") != NULL ? 20000 : 0;
}

/* Git gives the cell up while celld looks for a second binding: nothing comes of what is found. */
Test(unwanted, a_search_for_what_is_not_wanted_any_more_makes_nothing)
{
    struct world_options options;
    world_options_default(&options);
    options.delay = slow_searches;
    struct world *world = world_new(&options);
    leaving_commit_both(world, 1, leaving_generous_both);
    bool searches = false;
    while (!searches) {
        cr_assert(world_step(world, world->now_ms + MINUTES(10)));
        for (size_t i = 0; i < world->request_count; i++)
            searches = searches || strstr(world->requests[i]->path, "?component=billing") != NULL;
    }
    leaving_commit_one(world, 2, leaving_generous_one);
    world_run(world, MINUTES(30));
    for (size_t i = 0; i < platform_log_count(world->platform); i++) {
        const struct platform_logged *entry = platform_log_at(world->platform, i);
        cr_expect(strcmp(entry->method, "POST") != 0 ||
                      strstr(entry->path, "/releasebindings") == NULL || entry->body == NULL ||
                      strstr(entry->body, "billing") == NULL,
                  "%s", entry->path);
    }
    cr_expect_eq(leaving_left(world, "billing"), 0);
    expect_condition(world, CONDITION_CONVERGED);
    expect_no_dangers(world);
    world_free(world);
}

static int64_t late(void *context, const struct world_request *request)
{
    (void)context;
    return strcmp(request->method, "DELETE") == 0 ? 5000 : 0;
}

/* What is being done to an object is told while it is done. */
Test(unwanted, a_removal_under_way_is_told)
{
    struct world_options options;
    world_options_default(&options);
    options.delay = late;
    struct world *world = world_new(&options);
    leaving_commit_both(world, 1, leaving_generous_both);
    expect_condition(world, CONDITION_CONVERGED);
    leaving_commit_one(world, 2, leaving_generous_one);
    bool told = false;
    const int64_t until = world->now_ms + MINUTES(10);
    while (!told && world_step(world, until)) {
        json_t *cell = engine_cell_status(world->engine, "billing", world_now(world));
        char *text = json_dumps(cell, JSON_COMPACT);
        told = text != NULL && strstr(text, "\"operation\":\"deleting\"") != NULL;
        free(text);
        json_decref(cell);
    }
    cr_expect(told);
    world_free(world);
}

/* Deleted by others while nothing was to be corrected, and then git lets it go, too. */
Test(unwanted, what_others_deleted_is_forgotten_with_its_cell)
{
    struct world *world = repository_world();
    repository_commit(world, 1, leaving_generous_both, "billing", "registry.example/billing:1",
                      "  drift: report\n", "shop", "registry.example/shop:1", NULL, NULL);
    expect_condition(world, CONDITION_CONVERGED);
    cr_assert_lt(
        world_handle(world, "DELETE", "/api/v1/namespaces/acme/workloads/billing-api", NULL), 300);
    world_run(world, MINUTES(2));
    cr_expect(!world_stands(world, "workloads", "billing-api"));
    cr_expect(world_published(world, "drift-found", "billing"));
    leaving_commit_one(world, 2, leaving_generous_one);
    world_run(world, MINUTES(8));
    cr_expect_eq(leaving_left(world, "billing"), 0);
    expect_condition(world, CONDITION_CONVERGED);
    for (size_t i = 0; i < world->row_count; i++)
        cr_expect_null(strstr(world->rows[i].key, "/billing-api"), "%s", world->rows[i].key);
    expect_silence(world);
    world_free(world);
}
