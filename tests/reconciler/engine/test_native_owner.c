/* Native manifests follow git by themselves: a commit that changes nothing else changes them. */
#include "config/base/json.h"
#include "tests/reconciler/engine/expect.h"

#include <criterion/criterion.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

TestSuite(native_owner, .timeout = 600);

#define NATIVE(kind_, colour_)                                                                     \
    "apiVersion: openchoreo.dev/v1alpha1\nkind: " kind_ "\nmetadata: {name: wheel}\n"              \
    "spec: {colour: " colour_ "}\n"

#define OF_SHOP "cells/shop/native/wheel.yaml"
#define OF_PLATFORM "native/wheel.yaml"

/* The same platform and cell each time, with this one native manifest; path NULL = none. */
static void commit(struct world *world, int revision, const char *path, const char *native)
{
    static const char platform[] = PLATFORM_HEAD "  prune: {budget: \"90%\", minimum: 100}\n"
                                                 "  environments: [{name: development}]\n"
                                                 "  phases: [{name: all, cells: [shop]}]\n";
    char *cell = cell_text("shop", "registry.example/shop:1", NULL), hash[41];
    const struct world_file files[] = {
        {"platform.yaml", platform}, {"cells/shop/cell.yaml", cell}, {path, native}};
    snprintf(hash, sizeof hash, "%040x", (unsigned)revision);
    world_commit(world, hash, files, path == NULL ? 2 : 3);
    free(cell);
    world_run(world, MINUTES(3));
}

/* "" = there is no such object. */
static void expect_colour(const struct world *world, const char *collection, const char *colour)
{
    json_t *object = platform_object(world->platform, collection, "acme", "wheel");
    cr_expect_str_eq(json_text_or(json_at(object, "spec", "colour", NULL), ""), colour, "%s",
                     collection);
    json_decref(object);
}

Test(native_owner, each_change_alone_is_carried_out)
{
    struct world *world = repository_world();
    commit(world, 1, NULL, NULL);
    cr_expect_eq(engine_condition(world->engine), CONDITION_CONVERGED);
    expect_colour(world, "traits", "");
    commit(world, 2, OF_SHOP, NATIVE("Trait", "red"));
    expect_colour(world, "traits", "red");
    commit(world, 3, OF_SHOP, NATIVE("Trait", "blue"));
    expect_colour(world, "traits", "blue");
    commit(world, 4, OF_SHOP, NATIVE("ResourceType", "blue"));
    expect_colour(world, "traits", "");
    expect_colour(world, "resourcetypes", "blue");
    commit(world, 5, OF_PLATFORM, NATIVE("ResourceType", "blue"));
    expect_colour(world, "resourcetypes", "blue");
    commit(world, 6, OF_SHOP, NATIVE("ResourceType", "green"));
    expect_colour(world, "resourcetypes", "green");
    commit(world, 7, OF_PLATFORM, NATIVE("ResourceType", "green"));
    expect_colour(world, "resourcetypes", "green");
    commit(world, 8, OF_SHOP, NATIVE("ResourceType", "green"));
    commit(world, 9, NULL, NULL);
    expect_colour(world, "resourcetypes", "");
    expect_runs(world, "shop-api-a", "development", "registry.example/shop:1");
    cr_expect_eq(engine_condition(world->engine), CONDITION_CONVERGED);
    expect_no_dangers(world);
    expect_silence(world);
    world_free(world);
}

/* The same again, in another commit: nothing is written. */
Test(native_owner, an_unchanged_one_is_left_alone)
{
    struct world *world = repository_world();
    commit(world, 1, OF_SHOP, NATIVE("Trait", "red"));
    const uint64_t writes = world->writes;
    commit(world, 2, OF_SHOP, NATIVE("Trait", "red"));
    cr_expect_eq(world->writes, writes);
    expect_colour(world, "traits", "red");
    world_free(world);
}

Test(native_owner, one_of_the_platform_goes_with_its_file)
{
    struct world *world = repository_world();
    commit(world, 1, OF_PLATFORM, NATIVE("ResourceType", "blue"));
    commit(world, 2, NULL, NULL);
    expect_colour(world, "resourcetypes", "");
    world_free(world);
}

/* --- from one owner to another ------------------------------------------------------------------
 */

#define OF_OTHER "cells/store/native/wheel.yaml"

static void commit_two(struct world *world, int revision, const char *path, const char *native)
{
    static const char platform[] = PLATFORM_HEAD "  prune: {budget: \"90%\", minimum: 100}\n"
                                                 "  environments: [{name: development}]\n"
                                                 "  phases: [{name: all, cells: [shop, store]}]\n";
    char *shop = cell_text("shop", "registry.example/shop:1", NULL), hash[41];
    char *store = cell_text("store", "registry.example/store:1", NULL);
    const struct world_file files[] = {{"platform.yaml", platform},
                                       {"cells/shop/cell.yaml", shop},
                                       {"cells/store/cell.yaml", store},
                                       {path, native}};
    snprintf(hash, sizeof hash, "%040x", (unsigned)revision);
    world_commit(world, hash, files, path == NULL ? 3 : 4);
    free(shop);
    free(store);
}

/* Whoever had it before, the last owner takes it along; also when it dies on the way, and when
 * nobody has looked since the move. */
Test(native_owner, one_that_moved_goes_with_its_last_owner)
{
    static const char *const ways[][2] = {
        {OF_SHOP, OF_PLATFORM}, {OF_PLATFORM, OF_SHOP},  {OF_SHOP, OF_OTHER},
        {OF_OTHER, OF_SHOP},    {OF_OTHER, OF_PLATFORM}, {OF_PLATFORM, OF_OTHER},
    };
    for (size_t i = 0; i < sizeof ways / sizeof *ways; i++) {
        for (int variant = 0; variant < 4; variant++) {
            struct world *world = repository_world();
            commit_two(world, 1, ways[i][0], NATIVE("Trait", "red"));
            expect_condition(world, CONDITION_CONVERGED);
            commit_two(world, 2, ways[i][1],
                       variant == 3 ? NATIVE("Trait", "blue") : NATIVE("Trait", "red"));
            world_run(world, variant == 2 ? 100 : MINUTES(3));
            if (variant == 1)
                world_kill(world);
            if (variant != 2)
                expect_colour(world, "traits", variant == 3 ? "blue" : "red");
            commit_two(world, 3, NULL, NULL);
            world_run(world, MINUTES(3));
            json_t *left = platform_object(world->platform, "traits", "acme", "wheel");
            cr_expect_null(left, "from %s to %s, %d", ways[i][0], ways[i][1], variant);
            json_decref(left);
            cr_expect_eq(engine_condition(world->engine), CONDITION_CONVERGED);
            expect_silence(world);
            world_free(world);
        }
    }
}
