/* Removal that something comes in between: a person, doubt, the same cell again, other people. */
#include "config/base/json.h"
#include "reconciler/resource/object.h"
#include "tests/reconciler/engine/expect.h"
#include "tests/reconciler/engine/meddle.h"

#include <criterion/criterion.h>

#include <stdlib.h>
#include <string.h>

TestSuite(removal, .timeout = 120);

#define PLATFORM_OF(cells, prune)                                                                  \
    PLATFORM_HEAD prune "  environments: [{name: development}]\n"                                  \
                        "  phases: [{name: all, cells: [" cells "]}]\n"

static const char both[] = PLATFORM_OF("billing, shop", "");
static const char one[] = PLATFORM_OF("shop", "");
static const char generous[] = PLATFORM_OF("shop", "  prune: {budget: \"90%\", minimum: 50}\n");
static const char generous_both[] =
    PLATFORM_OF("billing, shop", "  prune: {budget: \"90%\", minimum: 50}\n");

static void commit_both(struct world *world, int revision, const char *platform)
{
    repository_commit(world, revision, platform, "billing", "registry.example/billing:1", NULL,
                      "shop", "registry.example/shop:1", NULL, NULL);
}

static void commit_one(struct world *world, int revision, const char *platform)
{
    repository_commit(world, revision, platform, "shop", "registry.example/shop:1", NULL, NULL);
}

static struct world *converged(void)
{
    struct world *world = repository_world();
    commit_both(world, 1, both);
    expect_condition(world, CONDITION_CONVERGED);
    return world;
}

static bool stands(const struct world *world, const char *collection, const char *name)
{
    json_t *object = platform_object(world->platform, collection, "acme", name);
    const bool found = object != NULL;
    json_decref(object);
    return found;
}

static size_t deletes(const struct world *world)
{
    size_t count = 0;
    for (size_t i = 0; i < platform_log_count(world->platform); i++)
        count += strcmp(platform_log_at(world->platform, i)->method, "DELETE") == 0;
    return count;
}

static void run_until_deletes(struct world *world, size_t count)
{
    const int64_t until = world->now_ms + MINUTES(10);
    while (deletes(world) < count && world_step(world, until)) {
    }
    cr_assert_geq(deletes(world), count);
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

Test(removal, suspending_the_cell_stops_it_on_the_way)
{
    static const bool all[] = {false, true};
    for (size_t i = 0; i < 2; i++) {
        struct world *world = converged();
        commit_one(world, 2, generous);
        run_until_deletes(world, 1);
        bool ok = false;
        world_command(world, "suspend",
                      all[i] ? json_object() : json_pack("{s:s}", "cell", "billing"), &ok);
        cr_assert(ok);
        const size_t before = deletes(world);
        world_run(world, MINUTES(5));
        cr_expect_eq(deletes(world), before, "%zu more", deletes(world) - before);
        cr_expect(stands(world, "components", "billing-api"));
        world_command(world, "resume",
                      all[i] ? json_object() : json_pack("{s:s}", "cell", "billing"), &ok);
        cr_assert(ok);
        world_run(world, MINUTES(6));
        cr_expect(!stands(world, "projects", "acme-billing"));
        expect_condition(world, CONDITION_CONVERGED);
        expect_no_dangers(world);
        world_free(world);
    }
}

/* A manifest that says `suspend` speaks for itself as long as it is there, restart or not. */
Test(removal, a_cell_that_suspended_itself_goes_with_its_manifest)
{
    struct world *world = converged();
    repository_commit(world, 2, both, "billing", "registry.example/billing:1",
                      "  suspend: true\n  drift: freeze\n", "shop", "registry.example/shop:1", NULL,
                      NULL);
    world_run(world, MINUTES(2));
    commit_one(world, 3, generous);
    world_run(world, MINUTES(6));
    cr_expect(!stands(world, "projects", "acme-billing"));
    world_free(world);
}

/* An approval is for this removal, not for whatever bears these names later. */
Test(removal, what_came_back_and_goes_again_is_asked_for_again)
{
    struct world *world = converged();
    commit_one(world, 2, one);
    world_run(world, MINUTES(2));
    approve_removal(world);
    world_run(world, MINUTES(6));
    cr_assert(!stands(world, "projects", "acme-billing"));
    commit_both(world, 3, both);
    expect_condition(world, CONDITION_CONVERGED);
    world_run(world, MINUTES(1));
    const size_t before = deletes(world);
    commit_one(world, 4, one);
    world_run(world, MINUTES(5));
    cr_expect_eq(deletes(world), before);
    cr_expect(stands(world, "projects", "acme-billing"));
    expect_runs(world, "billing-api-a", "development", "registry.example/billing:1");
    /* Nor after a restart. */
    world_kill(world);
    world_run(world, MINUTES(5));
    cr_expect_eq(deletes(world), before);
    approve_removal(world);
    world_run(world, MINUTES(6));
    cr_expect(!stands(world, "projects", "acme-billing"));
    expect_condition(world, CONDITION_CONVERGED);
    expect_silence(world);
    world_free(world);
}

/* --- doubt ------------------------------------------------------------------------------------
 */

/* The cell is named again, but cannot be read: its last good state is wanted again. */
Test(removal, a_cell_that_comes_back_broken_gets_its_last_good_state)
{
    struct world *world = converged();
    commit_one(world, 2, generous);
    run_until_deletes(world, 1);
    repository_commit(world, 3, generous_both, "billing", "raw:apiVersion: celld.dev/v1\nkind: [",
                      NULL, "shop", "registry.example/shop:1", NULL, NULL);
    world_run(world, MINUTES(6));
    expect_runs(world, "billing-api-a", "development", "registry.example/billing:1");
    const size_t before = deletes(world);
    world_run(world, MINUTES(5));
    cr_expect_eq(deletes(world), before);
    commit_both(world, 4, generous_both);
    expect_condition(world, CONDITION_CONVERGED);
    cr_expect_eq(deletes(world), before);
    expect_runs(world, "billing-api-a", "development", "registry.example/billing:1");
    expect_no_dangers(world);
    expect_silence(world);
    world_free(world);
}

/* Nothing is deleted while nobody can tell what git wants, and what was known before still is. */
Test(removal, it_stands_still_while_the_platform_cannot_be_read)
{
    struct world *world = converged();
    commit_one(world, 2, generous);
    run_until_deletes(world, 1);
    repository_commit(world, 3, "apiVersion: celld.dev/v1\nkind: Platform\nspec: {", NULL);
    const size_t before = deletes(world);
    const uint64_t writes = world->writes;
    world_run(world, MINUTES(5));
    cr_expect_eq(deletes(world), before);
    cr_expect_eq(world->writes, writes);
    commit_one(world, 4, generous);
    world_run(world, MINUTES(6));
    cr_expect(!stands(world, "projects", "acme-billing"));
    expect_condition(world, CONDITION_CONVERGED);
    expect_no_dangers(world);
    world_free(world);
}

/* --- other names and other people -------------------------------------------------------------
 */

static const char two_components[] = "raw:apiVersion: celld.dev/v1\n"
                                     "kind: Cell\n"
                                     "metadata: {name: shop}\n"
                                     "spec:\n"
                                     "  components:\n"
                                     "    - {name: work, type: worker, image: \"x/work:1\"}\n"
                                     "    - {name: work-late, type: worker, image: \"x/late:1\"}\n";
static const char one_component[] = "raw:apiVersion: celld.dev/v1\n"
                                    "kind: Cell\n"
                                    "metadata: {name: shop}\n"
                                    "spec:\n"
                                    "  components:\n"
                                    "    - {name: work-late, type: worker, image: \"x/late:1\"}\n";

static bool has_row(const struct world *world, const char *key)
{
    for (size_t i = 0; i < world->row_count; i++) {
        if (strcmp(world->rows[i].key, key) == 0)
            return true;
    }
    return false;
}

/* A component's rollout is forgotten with it, also when another one's name begins with its own. */
Test(removal, a_component_is_forgotten_whatever_its_neighbours_are_called)
{
    struct world *world = repository_world();
    repository_commit(world, 1, generous, "shop", two_components, NULL, NULL);
    expect_condition(world, CONDITION_CONVERGED);
    cr_assert(has_row(world, "rollout/shop/work/development"));
    repository_commit(world, 2, generous, "shop", one_component, NULL, NULL);
    world_run(world, MINUTES(5));
    cr_expect(!stands(world, "releasebindings", "work-development"));
    cr_expect(!has_row(world, "rollout/shop/work/development"));
    cr_expect(has_row(world, "rollout/shop/work-late/development"));
    expect_runs(world, "work-late", "development", "x/late:1");
    expect_silence(world);
    world_free(world);
}
