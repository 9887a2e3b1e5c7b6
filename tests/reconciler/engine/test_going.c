/* What is being deleted stays so until it is gone, and nothing leads to it. */
#include "config/base/json.h"
#include "reconciler/engine/object.h"
#include "tests/reconciler/engine/expect.h"
#include "tests/reconciler/engine/meddle.h"

#include <criterion/criterion.h>

#include <string.h>

TestSuite(going, .timeout = 600);

static const char both[] = PLATFORM_HEAD "  prune: {budget: \"90%\", minimum: 3}\n"
                                         "  environments: [{name: development}]\n"
                                         "  phases: [{name: all, cells: [billing, shop]}]\n";
static const char one[] = PLATFORM_HEAD "  prune: {budget: \"90%\", minimum: 3}\n"
                                        "  environments: [{name: development}]\n"
                                        "  phases: [{name: all, cells: [shop]}]\n";

#define BILLING "billing", "registry.example/billing:1", NULL
#define SHOP "shop", "registry.example/shop:1", NULL

/* A cell whose slot is just being deleted, because git does not name it any more. */
static struct world *leaving(bool baked)
{
    struct world *world = repository_world();
    repository_commit(world, 1, both, BILLING, SHOP, NULL);
    if (baked)
        expect_condition(world, CONDITION_CONVERGED);
    for (int i = 0; i < 600 && !world_published(world, "rollout-promoted", "billing"); i++)
        world_run(world, 100);
    repository_commit(world, 2, one, SHOP, NULL);
    for (int i = 0; i < 6000 && world_asked(world, "DELETE", "/billing-api-a-development") == 0;
         i++)
        world_run(world, 100);
    cr_assert_gt(world_asked(world, "DELETE", "/billing-api-a-development"), 0);
    return world;
}

/* It comes back at that moment: its route is made when its slot has pods again. */
Test(going, a_cell_that_comes_back_gets_its_slot_before_its_route)
{
    for (int baked = 0; baked < 2; baked++) {
        for (int later = 0; later < 4000; later += 400) {
            struct world *world = leaving(baked == 1);
            world_run(world, later);
            repository_commit(world, 3, both, BILLING, SHOP, NULL);
            expect_condition(world, CONDITION_CONVERGED);
            expect_runs(world, "billing-api-a", "development", "registry.example/billing:1");
            expect_no_dangers(world);
            world_free(world);
        }
    }
}

/* What is on its way out, or may be, is not written to, and nothing is made below it: it is made
 * again. */
Test(going, nothing_is_written_to_what_is_being_deleted)
{
    static const char *const paths[] = {
        "/projects/acme-billing",
        "/projectreleasebindings/acme-billing-development",
        "/components/billing-api-a",
    };
    for (int i = 0; i < 3 * 10; i++) {
        const char *path = paths[i / 10];
        struct world *world = repository_world();
        repository_commit(world, 1, both, BILLING, SHOP, NULL);
        expect_condition(world, CONDITION_CONVERGED);
        repository_commit(world, 2, one, SHOP, NULL);
        const int64_t until = world->now_ms + MINUTES(10);
        while (world_asked(world, "DELETE", path) == 0 && world_step(world, until)) {
        }
        cr_assert_eq(world_asked(world, "DELETE", path), 1);
        world_run(world, (int64_t)(i % 10) * 100);
        repository_commit(world, 3, both, "billing", "registry.example/billing:2",
                          "  description: Sends the bills\n", SHOP, NULL);
        expect_condition(world, CONDITION_CONVERGED);
        cr_expect_eq(world_asked(world, "PUT", path), 0, "%d", i);
        expect_runs(world, "billing-api-a", "development", "registry.example/billing:2");
        expect_no_dangers(world);
        world_free(world);
    }
}

/* Nothing takes a deletion back: a view of the time before is an old one. */
Test(going, an_older_view_of_what_was_deleted_is_not_believed)
{
    for (int64_t versions = 1; versions < 4; versions++) {
        for (int later = 0; later < 3000; later += 500) {
            struct world *world = leaving(true);
            world_run(world, later);
            platform_fault_add(world->platform,
                               &(struct platform_fault){.kind = PLATFORM_FAULT_STALE,
                                                        .method = "GET",
                                                        .path = "*/billing-api-a-development",
                                                        .count = 2,
                                                        .parameter = versions});
            repository_commit(world, 3, both, BILLING, SHOP, NULL);
            expect_condition(world, CONDITION_CONVERGED);
            expect_runs(world, "billing-api-a", "development", "registry.example/billing:1");
            expect_no_dangers(world);
            world_free(world);
        }
    }
}

/* Three older views in a row are still older ones; the fourth is believed. */
Test(going, one_view_takes_no_deletion_back)
{
    struct world *world = repository_world();
    repository_commit(world, 1, both, BILLING, SHOP, NULL);
    expect_condition(world, CONDITION_CONVERGED);
    const struct object_key key = {KIND_RELEASE_BINDING, "acme", "billing-api-a-development"};
    struct object *object = object_find(world->engine, &key);
    cr_assert_not_null(object);
    json_t *whole = platform_object(world->platform, "releasebindings", "acme", key.name);
    json_t *leaves = json_deep_copy(whole);
    json_object_set_new(json_object_get(leaves, "metadata"), "deletionTimestamp",
                        json_string("2026-01-01T00:00:00Z"));
    for (int views = 0; views < 4; views++) {
        object_observed(world->engine, object, leaves);
        cr_expect_eq(object->presence, PRESENCE_TERMINATING);
        for (int i = 0; i < views; i++) {
            object_observed(world->engine, object, whole);
            cr_expect_eq(object->presence, PRESENCE_TERMINATING, "%d of %d", i, views);
        }
    }
    object_observed(world->engine, object, whole);
    cr_expect_eq(object->presence, PRESENCE_PRESENT);
    json_decref(leaves);
    json_decref(whole);
    world_free(world);
}

/* A proxy answered, and the control plane never heard of it. */
Test(going, a_deletion_that_was_only_seemingly_taken_is_asked_for_again)
{
    static const struct meddling items[] = {{.method = "DELETE",
                                             .path = "/components/billing-api",
                                             .times = 1,
                                             .outcome = ANSWER_RECEIVED,
                                             .status = 200,
                                             .lost = true},
                                            {0}};
    struct meddler meddler;
    struct world *world = meddle_world(&meddler, items);
    repository_commit(world, 1, both, BILLING, SHOP, NULL);
    expect_condition(world, CONDITION_CONVERGED);
    repository_commit(world, 2, one, SHOP, NULL);
    world_run(world, MINUTES(10));
    cr_expect_eq(meddler.replaced, 1u);
    json_t *component = platform_object(world->platform, "components", "acme", "billing-api");
    cr_expect_null(component);
    json_decref(component);
    expect_condition(world, CONDITION_CONVERGED);
    expect_no_dangers(world);
    expect_silence(world);
    world_free(world);
}
