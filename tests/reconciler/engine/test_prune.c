/* What git does not name any more goes, in order, within the budget, and never in doubt. */
#include "config/base/json.h"
#include "reconciler/engine/census.h"
#include "tests/reconciler/engine/building.h"
#include "tests/reconciler/engine/expect.h"

#include <criterion/criterion.h>

#include <stdlib.h>
#include <string.h>

TestSuite(prune, .timeout = 600);

#define PLATFORM_OF(cells, prune)                                                                  \
    PLATFORM_HEAD prune "  environments: [{name: development}]\n"                                  \
                        "  phases: [{name: all, cells: [" cells "]}]\n"

static const char both[] = PLATFORM_OF("billing, shop", "");
static const char one[] = PLATFORM_OF("shop", "");
static const char generous[] = PLATFORM_OF("shop", "  prune: {budget: \"90%\", minimum: 3}\n");

static struct world *converged(void)
{
    struct world *world = repository_world();
    repository_commit(world, 1, both, "billing", "registry.example/billing:1", NULL, "shop",
                      "registry.example/shop:1", NULL, NULL);
    expect_condition(world, CONDITION_CONVERGED);
    return world;
}

static size_t delete_of(const struct world *world, const char *path)
{
    for (size_t i = 0; i < platform_log_count(world->platform); i++) {
        const struct platform_logged *entry = platform_log_at(world->platform, i);
        if (strcmp(entry->method, "DELETE") == 0 && strstr(entry->path, path) != NULL)
            return i;
    }
    return SIZE_MAX;
}

static void expect_billing_gone(struct world *world)
{
    world_run(world, MINUTES(6));
    cr_expect(!world_stands(world, "projects", "acme-billing"));
    cr_expect(!world_stands(world, "components", "billing-api"));
    cr_expect(!world_stands(world, "releasebindings", "billing-api-a-development"));
    cr_expect(world_stands(world, "projects", "acme-shop"));
    const size_t route = delete_of(world, "releasebindings/billing-api-development");
    const size_t slot = delete_of(world, "releasebindings/billing-api-a-development");
    const size_t binding = delete_of(world, "projectreleasebindings/acme-billing-development");
    const size_t project = delete_of(world, "projects/acme-billing");
    cr_expect(route < slot && slot < binding && binding < project && project != SIZE_MAX,
              "%zu %zu %zu %zu", route, slot, binding, project);
    expect_no_dangers(world);
    expect_runs(world, "shop-api-a", "development", "registry.example/shop:1");
}

Test(prune, over_the_budget_it_waits_for_a_person)
{
    struct world *world = converged();
    repository_commit(world, 2, one, "shop", "registry.example/shop:1", NULL, NULL);
    world_run(world, MINUTES(3));
    cr_expect_eq(world_deletes(world), 0);
    cr_expect_eq(engine_condition(world->engine), CONDITION_HELD);
    cr_expect(world_published(world, "prune-held", NULL));
    json_t *status = engine_status(world->engine, world_now(world));
    const json_t *hold = json_array_get(json_object_get(status, "holds"), 0);
    cr_assert_str_eq(json_text_or(json_object_get(hold, "kind"), ""), "prune");
    char hash[32];
    snprintf(hash, sizeof hash, "%s", json_text_or(json_object_get(hold, "name"), ""));
    json_decref(status);
    bool ok = true;
    world_command(world, "approve", json_pack("{s:s}", "prune", "000000000000"), &ok);
    cr_expect(!ok);
    world_command(world, "approve", json_pack("{s:s}", "prune", hash), &ok);
    cr_expect(ok);
    expect_billing_gone(world);
    expect_condition(world, CONDITION_CONVERGED);
    expect_silence(world);
    world_free(world);
}

Test(prune, within_the_budget_it_goes_also_when_killed_on_the_way)
{
    for (uint64_t at = 0; at < 40; at += 3) {
        struct world *world = converged();
        repository_commit(world, 2, generous, "shop", "registry.example/shop:1", NULL, NULL);
        world->kill_at_event = at == 0 ? 0 : world->events + at;
        expect_billing_gone(world);
        expect_condition(world, CONDITION_CONVERGED);
        expect_silence(world);
        world_free(world);
    }
}

Test(prune, a_broken_cell_loses_nothing)
{
    struct world *world = converged();
    repository_commit(world, 2, generous, "billing", "raw:apiVersion: celld.dev/v1\nkind: [", NULL,
                      "shop", "registry.example/shop:1", NULL, NULL);
    world_run(world, MINUTES(3));
    cr_expect_eq(world_deletes(world), 0);
    expect_why(world, "billing", NULL, "cells/billing/cell.yaml");
    /* After a restart as well. */
    world_kill(world);
    world_run(world, MINUTES(3));
    cr_expect_eq(world_deletes(world), 0);
    expect_runs(world, "billing-api-a", "development", "registry.example/billing:1");
    world_free(world);
}

/* What it lost before it broke was not removed yet: that waits until it can be read again. */
Test(prune, a_cell_that_broke_since_loses_nothing)
{
    static const char whole[] =
        "raw:apiVersion: celld.dev/v1\nkind: Cell\nmetadata: {name: shop}\n"
        "spec:\n  components:\n"
        "    - {name: shop-api, type: worker, image: registry.example/s:1}\n"
        "    - {name: shop-mail, type: worker, image: registry.example/m:1}\n";
    static const char less[] =
        "raw:apiVersion: celld.dev/v1\nkind: Cell\nmetadata: {name: shop}\n"
        "spec:\n  components:\n"
        "    - {name: shop-api, type: worker, image: registry.example/s:1}\n";
    struct world *world = repository_world();
    repository_commit(world, 1, one, "shop", whole, NULL, NULL);
    expect_condition(world, CONDITION_CONVERGED);
    repository_commit(world, 2, PLATFORM_OF("shop", "  prune: {budget: \"1%\", minimum: 1}\n"),
                      "shop", less, NULL, NULL);
    world_run(world, MINUTES(3));
    cr_assert(world_published(world, "prune-held", NULL));
    repository_commit(world, 3, generous, "shop", "raw:apiVersion: celld.dev/v1\nkind: [", NULL,
                      NULL);
    world_run(world, MINUTES(3));
    cr_expect_eq(world_deletes(world), 0);
    repository_commit(world, 4, generous, "shop", less, NULL, NULL);
    expect_condition(world, CONDITION_CONVERGED);
    world_run(world, MINUTES(3));
    cr_expect(!world_stands(world, "components", "shop-mail"));
    cr_expect(world_stands(world, "components", "shop-api"));
    expect_no_dangers(world);
    world_free(world);
}

/* Two waves of one revision share one budget. */
Test(prune, the_budget_is_for_the_revision)
{
    static const char all[] = PLATFORM_OF("billing, mail, shop", "");
    static const char rest[] = PLATFORM_OF("shop", "  prune: {budget: \"1%\", minimum: 10}\n");
    struct world *world = repository_world();
    repository_commit(world, 1, all, "billing", "registry.example/billing:1", NULL, "mail",
                      "registry.example/mail:1", NULL, "shop", "registry.example/shop:1", NULL,
                      NULL);
    expect_condition(world, CONDITION_CONVERGED);
    bool ok = false;
    world_command(world, "suspend", json_pack("{s:s}", "cell", "mail"), &ok);
    cr_assert(ok);
    repository_commit(world, 2, rest, "shop", "registry.example/shop:1", NULL, NULL);
    world_run(world, MINUTES(6));
    cr_expect(!world_stands(world, "projects", "acme-billing"));
    world_command(world, "resume", json_pack("{s:s}", "cell", "mail"), &ok);
    cr_assert(ok);
    world_run(world, MINUTES(6));
    cr_expect(world_stands(world, "components", "mail-api"));
    cr_expect(world_published(world, "prune-held", NULL));
    expect_runs(world, "mail-api-a", "development", "registry.example/mail:1");
    world_free(world);
}

Test(prune, a_broken_platform_loses_nothing)
{
    struct world *world = converged();
    repository_commit(world, 2, "apiVersion: celld.dev/v1\nkind: Platform\nspec: {", NULL);
    world_run(world, MINUTES(3));
    cr_expect_eq(world_deletes(world), 0);
    cr_expect_eq(engine_condition(world->engine), CONDITION_HELD);
    repository_commit(world, 3, both, "billing", "registry.example/billing:1", NULL, "shop",
                      "registry.example/shop:1", NULL, NULL);
    expect_condition(world, CONDITION_CONVERGED);
    world_free(world);
}

Test(prune, a_removed_environment_is_only_told)
{
    struct world *world = repository_world();
    repository_commit(world, 1,
                      PLATFORM_HEAD "  prune: {budget: \"90%\", minimum: 100}\n"
                                    "  environments: [{name: development}, {name: testing}]\n"
                                    "  phases: [{name: all, cells: [shop]}]\n",
                      "shop", "registry.example/shop:1", NULL, NULL);
    expect_condition(world, CONDITION_CONVERGED);
    repository_commit(world, 2,
                      PLATFORM_HEAD "  prune: {budget: \"90%\", minimum: 100}\n"
                                    "  environments: [{name: development}]\n"
                                    "  phases: [{name: all, cells: [shop]}]\n",
                      "shop", "registry.example/shop:1", NULL, NULL);
    world_run(world, MINUTES(5));
    cr_expect_eq(world_deletes(world), 0);
    cr_expect(world_stands(world, "environments", "testing"));
    cr_expect(world_published(world, "removal-left-to-people", NULL));
    expect_runs(world, "shop-api-a", "testing", "registry.example/shop:1");
    expect_no_dangers(world);
    world_free(world);
}

Test(prune, an_empty_list_without_the_right_to_view_removes_and_makes_nothing)
{
    struct world *world = converged();
    platform_fault_add(world->platform, &(struct platform_fault){.kind = PLATFORM_FAULT_EMPTY_LIST,
                                                                 .method = "GET"});
    repository_commit(world, 2, generous, "shop", "registry.example/shop:2", NULL, NULL);
    const uint64_t writes = world->writes;
    world_run(world, MINUTES(3));
    cr_expect(world_published(world, "live-state-unknown", NULL));
    cr_expect_eq(world_deletes(world), 0);
    cr_expect_leq(world->writes - writes, 20);
    platform_fault_clear(world->platform);
    world_run(world, MINUTES(6));
    cr_expect(!world_stands(world, "projects", "acme-billing"));
    expect_runs(world, "shop-api-a", "development", "registry.example/shop:2");
    expect_no_dangers(world);
    world_free(world);
}

Test(prune, a_short_list_makes_nothing_twice)
{
    struct world *world = converged();
    platform_fault_add(world->platform,
                       &(struct platform_fault){.kind = PLATFORM_FAULT_SHORT_LIST, .parameter = 3});
    const uint64_t writes = world->writes;
    world_run(world, MINUTES(3));
    cr_expect_eq(world->writes, writes);
    world_free(world);
}

Test(prune, old_releases_go_but_for_the_newest)
{
    struct world *world = repository_world();
    char image[64];
    for (int i = 1; i <= 9; i++) {
        snprintf(image, sizeof image, "registry.example/shop:%d", i);
        repository_commit(world, i, platform_small, "shop", image, NULL, NULL);
        world_run(world, MINUTES(1));
        expect_condition(world, CONDITION_CONVERGED);
    }
    world_run(world, MINUTES(2));
    json_t *names = platform_objects(world->platform, "componentreleases");
    size_t slots = 0;
    for (size_t i = 0; i < json_array_size(names); i++) {
        const char *name = json_text_or(json_object_get(json_array_get(names, i), "name"), "");
        slots += strncmp(name, "shop-api-a-", 11) == 0;
    }
    json_decref(names);
    /* The one that runs, the one before, and five more. */
    cr_expect(slots == 6 || slots == 7, "%zu", slots);
    expect_runs(world, "shop-api-a", "development", "registry.example/shop:9");
    expect_silence(world);
    world_free(world);
}

/* --- what cannot be read ---------------------------------------------------------------------- */

static const struct manifest_problem link_at_billing = {"cells/billing", "this is a symbolic link"};

static void commit_without_billing(struct world *world, int revision,
                                   const struct manifest_problem *problem)
{
    world->problems = problem;
    world->problem_count = problem != NULL;
    repository_commit(world, revision, generous, "shop", "registry.example/shop:1", NULL, NULL);
}

Test(prune, a_cell_behind_something_unreadable_is_not_gone)
{
    struct world *world = converged();
    commit_without_billing(world, 2, &link_at_billing);
    world_run(world, MINUTES(6));
    cr_expect(world_stands(world, "components", "billing-api"));
    cr_expect_eq(world_deletes(world), 0u);
    cr_expect(world_published(world, "cell-broken", "billing"));
    /* It can be read again, and billing is really not there. */
    commit_without_billing(world, 3, NULL);
    expect_billing_gone(world);
    world_free(world);
}

/* After a restart nobody knows who lived there: then nothing is removed at all. */
Test(prune, without_a_last_good_revision_the_unreadable_may_be_anybody)
{
    struct world *world = converged();
    world->good = manifest_set_unref(world->good);
    world->set = manifest_set_unref(world->set);
    world_kill(world);
    commit_without_billing(world, 2, &link_at_billing);
    world_run(world, MINUTES(6));
    cr_expect(world_stands(world, "components", "billing-api"));
    cr_expect_eq(world_deletes(world), 0u);
    cr_expect(world_published(world, "revision-unknown", NULL));
    commit_without_billing(world, 3, NULL);
    expect_billing_gone(world);
    world_free(world);
}

/* --- who lives where ----------------------------------------------------------------------------
 */

/* Before anybody has looked there may be somebody: nothing is removed from under him. */
Test(prune, nobody_is_missed_before_there_was_a_look)
{
    struct engine *engine = engine_new(&engine_options_default);
    cr_assert_not_null(engine);
    struct census census = {0};
    cr_expect(census_has(&census, "acme-shop", "development"));
    json_t *items = json_pack("[{s:{s:{s:s}, s:s}}, {}]", "spec", "owner", "projectName",
                              "acme-shop", "environment", "testing");
    census_take(engine, &census, items, true);
    cr_expect(census_has(&census, "acme-shop", "testing"));
    cr_expect_not(census_has(&census, "acme-shop", "development"));
    cr_expect_not(census_has(&census, "acme-cart", "testing"));
    json_decref(items);
    census_fini(&census);
    engine_free(engine);
}

/* A cell that comes back while it is being removed, and has to be built first: until there is an
 * image nobody can tell which of its objects git wants, so the removal stops where it is. */
Test(prune, stops_for_what_comes_back_and_is_not_built_yet)
{
    static const char generous_both[] =
        PLATFORM_OF("billing, shop", "  prune: {budget: \"90%\", minimum: 50}\n");
    static const char without_shop[] =
        PLATFORM_OF("billing", "  prune: {budget: \"90%\", minimum: 50}\n");
    for (size_t stage = 1; stage <= 2; stage++) {
        struct world *world = repository_world();
        building_add_workflow(world, NULL);
        world->trees = &building_first;
        world->tree_count = 1;
        repository_commit(world, 1, generous_both, "billing", "registry.example/billing:1", NULL,
                          "shop", building_cell, NULL, NULL);
        cr_assert(
            building_until(world, CONDITION_CONVERGED, "registry.example/shop:1", MINUTES(20)));
        repository_commit(world, 2, without_shop, "billing", "registry.example/billing:1", NULL,
                          NULL);
        const int64_t until = world->now_ms + MINUTES(10);
        while (world_deletes(world) < stage && world_step(world, until)) {
        }
        cr_assert_eq(world_deletes(world), stage);
        world->trees = &building_second;
        repository_commit(world, 3, generous_both, "billing", "registry.example/billing:1", NULL,
                          "shop", building_cell, NULL, NULL);
        building_await(world, BUILDING_RUN_2);
        world_run(world, 20000);
        cr_expect_eq(world_deletes(world), stage, "%zu: %zu", stage, world_deletes(world));
        cr_assert(
            building_until(world, CONDITION_CONVERGED, "registry.example/shop:2", MINUTES(20)));
        expect_runs(world, "shop-api-a", "development", "registry.example/shop:2");
        expect_no_dangers(world);
        world_free(world);
    }
}
