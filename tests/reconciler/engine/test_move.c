/* Nothing can be moved to another project: what stands elsewhere is removed there first, in the way
 * of all removals, and made here when it is gone. */
#include "config/base/json.h"
#include "tests/reconciler/engine/expect.h"

#include <criterion/criterion.h>

#include <stdlib.h>
#include <string.h>

TestSuite(move, .timeout = 120);

#define PLATFORM_OF(cells, prune)                                                                  \
    PLATFORM_HEAD prune "  environments: [{name: development}]\n"                                  \
                        "  phases: [{name: all, cells: [" cells "]}]\n"
#define GENEROUS "  prune: {budget: \"90%\", minimum: 3}\n"
#define SERVICE(name, image)                                                                       \
    "    - {name: " name ", image: \"" image                                                       \
    "\", endpoints: [{name: http, type: http, port: 80}]}\n"
#define CELL(name, components)                                                                     \
    "raw:apiVersion: celld.dev/v1\nkind: Cell\nmetadata: {name: " name "}\n"                       \
    "spec:\n  components:\n" components

static const char api[] = "registry.example/billing:1";

static struct world *converged(const char *platform, const char *billing)
{
    struct world *world = repository_world();
    repository_commit(world, 1, platform, "billing", billing, NULL, "shop",
                      "registry.example/shop:1", NULL, NULL);
    expect_condition(world, CONDITION_CONVERGED);
    return world;
}

static bool is_in(const struct world *world, const char *component, const char *project)
{
    json_t *object = platform_object(world->platform, "components", "acme", component);
    const bool same =
        strcmp(json_text_or(json_at(object, "spec", "owner", "projectName", NULL), ""), project) ==
        0;
    json_decref(object);
    return same;
}

static void rename_billing(struct world *world, int revision, const char *platform)
{
    repository_commit(world, revision, platform, "accounts",
                      CELL("accounts", SERVICE("billing-api", "registry.example/billing:1")), NULL,
                      "shop", "registry.example/shop:1", NULL, NULL);
}

static void expect_renamed(struct world *world)
{
    expect_condition(world, CONDITION_CONVERGED);
    world_run(world, MINUTES(3));
    expect_condition(world, CONDITION_CONVERGED);
    cr_expect(!world_stands(world, "projects", "acme-billing"));
    cr_expect(is_in(world, "billing-api", "acme-accounts"));
    expect_runs(world, "billing-api-a", "development", api);
    expect_no_dangers(world);
    expect_silence(world);
}

Test(move, a_renamed_cell_waits_for_a_person_and_is_made_when_the_former_is_gone)
{
    struct world *world = converged(PLATFORM_OF("billing, shop", ""), api);
    rename_billing(world, 2, PLATFORM_OF("accounts, shop", ""));
    world_run(world, MINUTES(3));
    cr_expect_eq(engine_condition(world->engine), CONDITION_HELD);
    cr_expect(is_in(world, "billing-api", "acme-billing"), "nothing is touched before that");
    expect_runs(world, "billing-api-a", "development", api);
    expect_why(world, "accounts", NULL, "billing-api still stands in the cell billing");
    expect_why(world, "accounts", NULL, "cells/accounts/cell.yaml:6:14");
    json_t *plan = engine_plan(world->engine, NULL, world_now(world));
    char *text = json_dumps(plan, 0);
    cr_expect(strstr(text, "made here once it is removed there") != NULL, "%s", text);
    free(text);
    json_decref(plan);
    json_t *status = engine_status(world->engine, world_now(world));
    const json_t *hold = json_array_get(json_object_get(status, "holds"), 0);
    cr_assert_str_eq(json_text_or(json_object_get(hold, "kind"), ""), "prune");
    const char *message = json_text_or(json_object_get(hold, "message"), "");
    cr_expect_not_null(strstr(message, "billing"), "%s", message);
    cr_expect_not_null(strstr(message, " more"), "%s", message);
    bool ok = false;
    world_command(world, "approve",
                  json_pack("{s:s}", "prune", json_text_or(json_object_get(hold, "name"), "")),
                  &ok);
    json_decref(status);
    cr_expect(ok);
    expect_renamed(world);
    world_free(world);
}

Test(move, a_renamed_cell_comes_through_also_when_killed_on_the_way)
{
    for (uint64_t at = 0; at < 60; at += 4) {
        struct world *world = converged(PLATFORM_OF("billing, shop", ""), api);
        rename_billing(world, 2, PLATFORM_OF("accounts, shop", GENEROUS));
        world->kill_at_event = at == 0 ? 0 : world->events + at;
        expect_renamed(world);
        world_free(world);
    }
}

#define KEPT SERVICE("invoices", "registry.example/invoices:1")
#define MOVED SERVICE("billing-api", "registry.example/billing:1")
#define SHOP SERVICE("shop-api", "registry.example/shop:1")

Test(move, a_component_goes_to_another_cell_and_back)
{
    struct world *world =
        converged(PLATFORM_OF("billing, shop", GENEROUS), CELL("billing", KEPT MOVED));
    for (int i = 0; i < 2; i++) {
        repository_commit(world, 2 + 2 * i, PLATFORM_OF("billing, shop", GENEROUS), "billing",
                          CELL("billing", KEPT), NULL, "shop", CELL("shop", SHOP MOVED), NULL,
                          NULL);
        expect_condition(world, CONDITION_CONVERGED);
        cr_expect(is_in(world, "billing-api", "acme-shop"));
        expect_runs(world, "billing-api-a", "development", api);
        expect_runs(world, "invoices-a", "development", "registry.example/invoices:1");
        repository_commit(world, 3 + 2 * i, PLATFORM_OF("billing, shop", GENEROUS), "billing",
                          CELL("billing", KEPT MOVED), NULL, "shop", CELL("shop", SHOP), NULL,
                          NULL);
        expect_condition(world, CONDITION_CONVERGED);
        cr_expect(is_in(world, "billing-api", "acme-billing"));
        expect_runs(world, "billing-api-a", "development", api);
    }
    expect_no_dangers(world);
    expect_silence(world);
    world_free(world);
}

Test(move, another_prefix_moves_nothing_and_says_so)
{
    static const char other[] =
        "apiVersion: celld.dev/v1\nkind: Platform\nmetadata: {name: acme}\n"
        "spec:\n  namespace: acme\n  projectPrefix: new-\n"
        "  regions: [us, eu]\n" GENEROUS "  environments: [{name: development}]\n"
        "  phases: [{name: all, cells: [billing, shop]}]\n";
    struct world *world = converged(PLATFORM_OF("billing, shop", ""), api);
    const uint64_t writes = world->writes;
    repository_commit(world, 2, other, "billing", api, NULL, "shop", "registry.example/shop:1",
                      NULL, NULL);
    world_run(world, MINUTES(3));
    cr_expect_eq(engine_condition(world->engine), CONDITION_HELD);
    expect_why(world, "billing", NULL, "the cell stands in the project acme-billing");
    expect_why(world, "billing", "development", "keeps its last good state");
    expect_why(world, "billing", NULL, "put the prefix back");
    cr_expect_eq(world->writes, writes);
    world_kill(world);
    world_run(world, MINUTES(3));
    expect_why(world, "billing", NULL, "put the prefix back");
    cr_expect_eq(world->writes, writes);
    repository_commit(world, 3, PLATFORM_OF("billing, shop", ""), "billing", api, NULL, "shop",
                      "registry.example/shop:1", NULL, NULL);
    expect_condition(world, CONDITION_CONVERGED);
    cr_expect_eq(world->writes, writes);
    expect_silence(world);
    world_free(world);
}

/* --- ports -------------------------------------------------------------------------------------
 */

Test(move, a_changed_port_goes_through_the_second_slot_and_back)
{
    static const char *const ports[] = {"80", "81", "80", "82"};
    struct world *world = repository_world();
    for (int i = 0; i < 4; i++) {
        char cell[400];
        snprintf(cell, sizeof cell,
                 "raw:apiVersion: celld.dev/v1\nkind: Cell\nmetadata: {name: shop}\nspec:\n"
                 "  components:\n    - {name: shop-api, image: \"registry.example/shop:1\", "
                 "endpoints: [{name: http, type: http, port: %s}]}\n",
                 ports[i]);
        repository_commit(world, i + 1, platform_small, "shop", cell, NULL, NULL);
        expect_condition(world, CONDITION_CONVERGED);
        expect_runs(world, i % 2 == 0 ? "shop-api-a" : "shop-api-b", "development",
                    "registry.example/shop:1");
    }
    expect_no_dangers(world);
    expect_silence(world);
    world_free(world);
}

/* --- what the plan and the difference say of such things -------------------------------------- */

static json_int_t planned(const struct world *world)
{
    json_t *plan = engine_plan(world->engine, NULL, world_now(world));
    const json_int_t changes = json_integer_value(json_object_get(plan, "changes"));
    json_decref(plan);
    return changes;
}

static size_t differing(const struct world *world)
{
    json_t *diff = engine_diff(world->engine, NULL);
    const size_t count = json_array_size(json_object_get(diff, "objects"));
    json_decref(diff);
    return count;
}

Test(move, a_second_slot_is_no_change_whether_it_is_there_or_not)
{
    static const char green[] = "  rollout: {strategy: blue-green}\n";
    struct world *world = repository_world();
    repository_commit(world, 1, platform_small, "shop", "registry.example/shop:1", green, NULL);
    expect_condition(world, CONDITION_CONVERGED);
    cr_expect(!world_stands(world, "components", "shop-api-b"));
    cr_expect_eq(differing(world), 0u, "it is for the next release");
    cr_expect_eq(planned(world), 0);
    repository_commit(world, 2, platform_small, "shop", "registry.example/shop:2", green, NULL);
    expect_condition(world, CONDITION_CONVERGED);
    repository_commit(world, 3, platform_small, "shop", "registry.example/shop:2", NULL, NULL);
    expect_condition(world, CONDITION_CONVERGED);
    cr_expect(world_stands(world, "components", "shop-api-b"));
    cr_expect_eq(differing(world), 0u);
    cr_expect_eq(planned(world), 0, "nobody removes it while its component is there");
    world_free(world);
}

Test(move, a_scaled_component_in_the_second_slot_is_no_change)
{
    static const char *const extras[] = {
        "  scaling: {min: 1, max: 3, cpu: 80}\n",
        "  rollout: {strategy: blue-green}\n  scaling: {min: 1, max: 3, cpu: 80}\n"};
    for (size_t i = 0; i < 2; i++) {
        struct world *world = repository_world();
        repository_commit(world, 1, platform_small, "shop", "registry.example/shop:1", extras[i],
                          NULL);
        expect_condition(world, CONDITION_CONVERGED);
        cr_expect_eq(planned(world), 0);
        repository_commit(world, 2, platform_small, "shop", "registry.example/shop:2", extras[i],
                          NULL);
        cr_expect_gt(planned(world), 0);
        expect_condition(world, CONDITION_CONVERGED);
        world_run(world, MINUTES(3));
        cr_expect_eq(planned(world), 0);
        world_kill(world);
        expect_condition(world, CONDITION_CONVERGED);
        cr_expect_eq(planned(world), 0, "also after a restart");
        cr_expect_eq(differing(world), 0u);
        world_free(world);
    }
}

Test(move, what_celld_leaves_to_people_is_no_change)
{
    struct world *world = repository_world();
    repository_commit(world, 1,
                      PLATFORM_HEAD "  environments: [{name: development}, {name: testing}]\n"
                                    "  phases: [{name: all, cells: [shop]}]\n",
                      "shop", "registry.example/shop:1", NULL, NULL);
    expect_condition(world, CONDITION_CONVERGED);
    repository_commit(world, 2, PLATFORM_OF("shop", ""), "shop", "registry.example/shop:1", NULL,
                      NULL);
    expect_condition(world, CONDITION_CONVERGED);
    cr_expect(world_stands(world, "releasebindings", "shop-api-testing"));
    cr_expect_eq(planned(world), 0);
    world_free(world);
}

/* --- changing places ----------------------------------------------------------------------------
 */

#define OTHER SERVICE("carts", "registry.example/carts:1")

static void commit_exchange(struct world *world, int revision, const char *billing,
                            const char *shop)
{
    repository_commit(world, revision, PLATFORM_OF("billing, shop", GENEROUS), "billing", billing,
                      NULL, "shop", shop, NULL, NULL);
}

Test(move, two_that_change_places_take_two_commits)
{
    struct world *world = repository_world();
    commit_exchange(world, 1, CELL("billing", KEPT MOVED), CELL("shop", SHOP OTHER));
    expect_condition(world, CONDITION_CONVERGED);
    commit_exchange(world, 2, CELL("billing", KEPT OTHER), CELL("shop", SHOP MOVED));
    world_run(world, MINUTES(3));
    cr_expect_eq(engine_condition(world->engine), CONDITION_HELD);
    expect_why(world, "shop", NULL,
               "billing-api still stands in the cell billing, which waits for carts to be removed "
               "here, and neither can be first: take one of the two out of git, and name it in its "
               "new cell with the commit after");
    expect_why(world, "billing", NULL,
               "carts still stands in the cell shop, which waits for "
               "billing-api to be removed here");
    expect_runs(world, "billing-api-a", "development", api);
    expect_silence(world);
    commit_exchange(world, 3, CELL("billing", KEPT), CELL("shop", SHOP MOVED));
    expect_condition(world, CONDITION_CONVERGED);
    world_run(world, MINUTES(3));
    commit_exchange(world, 4, CELL("billing", KEPT OTHER), CELL("shop", SHOP MOVED));
    world_run(world, MINUTES(3));
    expect_condition(world, CONDITION_CONVERGED);
    cr_expect(is_in(world, "billing-api", "acme-shop"));
    cr_expect(is_in(world, "carts", "acme-billing"));
    expect_no_dangers(world);
    expect_silence(world);
    world_free(world);
}

/* The same with three cells, each of which is to get what the next one has. */
Test(move, a_round_of_cells_cannot_begin)
{
    static const char platform[] = PLATFORM_OF("billing, shop, store", GENEROUS);
    struct world *world = repository_world();
    repository_commit(world, 1, platform, "billing", CELL("billing", KEPT MOVED), NULL, "shop",
                      CELL("shop", SHOP OTHER), NULL, "store",
                      CELL("store", SERVICE("shelf", "registry.example/shelf:1")), NULL, NULL);
    expect_condition(world, CONDITION_CONVERGED);
    repository_commit(world, 2, platform, "billing", CELL("billing", KEPT OTHER), NULL, "shop",
                      CELL("shop", SHOP SERVICE("shelf", "registry.example/shelf:1")), NULL,
                      "store", CELL("store", MOVED), NULL, NULL);
    world_run(world, MINUTES(3));
    cr_expect_eq(engine_condition(world->engine), CONDITION_HELD);
    expect_why(world, "store", NULL,
               "billing-api still stands in the cell billing, which waits "
               "for shelf to be removed here");
    expect_silence(world);
    world_free(world);
}

#define QUOTES SERVICE("quotes", "registry.example/quotes:1")
#define STORE SERVICE("shelf", "registry.example/shelf:1")

/* Two change places, and a third waits for one of them without being part of that. */
Test(move, who_waits_beside_an_exchange_is_told_of_its_own)
{
    static const char platform[] = PLATFORM_OF("billing, shop, store", GENEROUS);
    struct world *world = repository_world();
    repository_commit(world, 1, platform, "billing", CELL("billing", KEPT MOVED QUOTES), NULL,
                      "shop", CELL("shop", SHOP OTHER), NULL, "store", CELL("store", STORE), NULL,
                      NULL);
    expect_condition(world, CONDITION_CONVERGED);
    repository_commit(world, 2, platform, "billing", CELL("billing", KEPT OTHER), NULL, "shop",
                      CELL("shop", SHOP MOVED), NULL, "store", CELL("store", STORE QUOTES), NULL,
                      NULL);
    world_run(world, MINUTES(3));
    cr_expect_eq(engine_condition(world->engine), CONDITION_HELD);
    expect_why(world, "shop", NULL, "neither can be first");
    expect_why(world, "store", NULL, "quotes still stands in the cell billing and cannot be moved");
    world_free(world);
}
