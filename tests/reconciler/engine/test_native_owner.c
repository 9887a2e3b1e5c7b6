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
