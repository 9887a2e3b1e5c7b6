/* Native resources below a cell's directory: part of the cell, though its manifest says nothing. */
#include "config/base/json.h"
#include "tests/reconciler/engine/expect.h"

#include <criterion/criterion.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

TestSuite(native, .timeout = 600);

#define REFERENCE(name, space, key)                                                                \
    "apiVersion: openchoreo.dev/v1alpha1\nkind: SecretReference\n"                                 \
    "metadata: {name: " name space "}\n"                                                           \
    "spec: {data: [{secretKey: key, remoteRef: {key: " key "}}], template: {type: Opaque}}\n"

/* The manifests of cell and platform are the same each time. NULL = there is no such file. */
static void commit(struct world *world, int revision, const char *one, const char *two)
{
    char *shop = cell_text("shop", "registry.example/shop:1", NULL);
    struct world_file files[4] = {{"platform.yaml", platform_small},
                                  {"cells/shop/cell.yaml", shop}};
    size_t count = 2;
    if (one != NULL)
        files[count++] = (struct world_file){"cells/shop/native/one.yaml", one};
    if (two != NULL)
        files[count++] = (struct world_file){"cells/shop/native/two.yaml", two};
    char name[41];
    snprintf(name, sizeof name, "%040d", revision);
    world_commit(world, name, files, count);
    free(shop);
    world_run(world, 1000);
}

/* "" = it is not there. */
static void expect_key(const struct world *world, const char *name, const char *key)
{
    json_t *live = platform_object(world->platform, "secretreferences", "acme", name);
    const json_t *data = json_array_get(json_at(live, "spec", "data", NULL), 0);
    cr_expect_str_eq(json_text_or(json_at(data, "remoteRef", "key", NULL), ""), key,
                     "%s: %s, not %s", name,
                     json_text_or(json_at(data, "remoteRef", "key", NULL), ""), key);
    json_decref(live);
}

Test(native, a_change_of_nothing_else_becomes_live)
{
    static const struct {
        const char *one, *two;
        const char *key_one, *key_two;
    } rows[] = {
        {NULL, NULL, "", ""},
        {REFERENCE("one", "", "a"), NULL, "a", ""},
        {REFERENCE("one", "", "b"), NULL, "b", ""},
        {REFERENCE("one", ", namespace: acme", "b"), NULL, "b", ""},
        {REFERENCE("one", ", namespace: acme", "b"), REFERENCE("two", "", "c"), "b", "c"},
        {REFERENCE("one", ", namespace: acme", "b"), REFERENCE("three", "", "c"), "b", ""},
        {REFERENCE("one", "", "b"), NULL, "b", ""},
        {NULL, NULL, "", ""},
    };
    struct world *world = repository_world();
    for (int i = 0; i < (int)(sizeof rows / sizeof *rows); i++) {
        commit(world, i + 1, rows[i].one, rows[i].two);
        expect_condition(world, CONDITION_CONVERGED);
        world_run(world, MINUTES(3)); /* what goes, goes with a newer look */
        expect_key(world, "one", rows[i].key_one);
        expect_key(world, "two", rows[i].key_two);
    }
    expect_no_dangers(world);
    expect_silence(world);
    world_free(world);
}

Test(native, a_kind_that_nobody_serves_is_told_and_breaks_nothing)
{
    static const char gadget[] =
        "apiVersion: openchoreo.dev/v1alpha1\nkind: Gadget\nmetadata: {name: g}\nspec: {}\n";
    struct world *world = repository_world();
    commit(world, 1, NULL, NULL);
    expect_condition(world, CONDITION_CONVERGED);
    commit(world, 2, gadget, NULL);
    expect_condition(world, CONDITION_HELD);
    expect_why(world, "shop", "development",
               "cells/shop/native/one.yaml:1:1: Gadget is no kind that the control plane serves");
    expect_runs(world, "shop-api-a", "development", "registry.example/shop:1");
    commit(world, 3, NULL, NULL);
    expect_condition(world, CONDITION_CONVERGED);
    expect_silence(world);
    world_free(world);
}
