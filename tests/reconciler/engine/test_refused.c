/* Manifests that can be read and cannot be compiled: what is live stays as it is, people are told
 * once, and the next good revision goes on. */
#include "config/base/json.h"
#include "tests/reconciler/engine/expect.h"

#include <criterion/criterion.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

TestSuite(refused, .timeout = 120);

#define NATIVE(kind_)                                                                              \
    "apiVersion: openchoreo.dev/v1alpha1\nkind: " kind_ "\nmetadata: {name: wheel}\nspec: {}\n"

/* Shop with this image, and one native manifest at `path` (NULL = none). */
static void commit(struct world *world, int revision, const char *image, const char *path,
                   const char *native)
{
    static const char platform[] = PLATFORM_HEAD "  environments: [{name: development}]\n"
                                                 "  phases: [{name: all, cells: [shop]}]\n"
                                                 "  nativePaths: [\"native/**\", "
                                                 "\"cells/*/native/**\"]\n";
    char *cell = cell_text("shop", image, NULL), hash[41];
    const struct world_file files[] = {
        {"platform.yaml", platform}, {"cells/shop/cell.yaml", cell}, {path, native}};
    snprintf(hash, sizeof hash, "%040x", (unsigned)revision);
    world_commit(world, hash, files, path == NULL ? 2 : 3);
    free(cell);
    world_run(world, 1000);
}

static size_t published(const struct world *world, const char *type)
{
    size_t count = 0;
    for (size_t i = 0; i < json_array_size(world->published); i++)
        count +=
            strcmp(json_text_or(json_at(json_array_get(world->published, i), "type", NULL), ""),
                   type) == 0;
    return count;
}

#define OF_SHOP "cells/shop/native/wheel.yaml"

Test(refused, a_cell_that_cannot_be_compiled_stays_as_it_is)
{
    struct world *world = repository_world();
    commit(world, 1, "registry.example/shop:1", NULL, NULL);
    expect_condition(world, CONDITION_CONVERGED);
    commit(world, 2, "registry.example/shop:2", OF_SHOP, NATIVE("Gadget"));
    world_run(world, MINUTES(5));
    expect_why(world, "shop", "development", "Gadget is no kind that the control plane serves");
    cr_expect_eq(published(world, "cell-refused"), 1);
    expect_runs(world, "shop-api-a", "development", "registry.example/shop:1");
    json_t *status = engine_status(world->engine, world_now(world));
    cr_expect_not_null(status);
    json_decref(status);
    json_t *plan = engine_plan(world->engine, NULL, world_now(world));
    cr_expect_not_null(plan);
    json_decref(plan);
    expect_silence(world);
    world_free(world);
}
