/* Manifests that can be read and cannot be compiled: what is live stays as it is, people are told
 * once, and the next good revision goes on. */
#include "config/base/json.h"
#include "tests/reconciler/engine/expect.h"

#include <criterion/criterion.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

TestSuite(refused, .timeout = 600);

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

#define OF_SHOP "cells/shop/native/wheel.yaml"
#define OF_PLATFORM "native/wheel.yaml"

static bool told_failure(const struct world *world, const char *words)
{
    for (size_t i = 0; i < json_array_size(world->published); i++) {
        const char *text =
            json_text_or(json_at(json_array_get(world->published, i), "message", NULL), "");
        if (strstr(text, "failure") != NULL && strstr(text, words) != NULL)
            return true;
    }
    return false;
}

Test(refused, a_cell_that_cannot_be_compiled_stays_as_it_is)
{
    struct world *world = repository_world();
    commit(world, 1, "registry.example/shop:1", NULL, NULL);
    expect_condition(world, CONDITION_CONVERGED);
    commit(world, 2, "registry.example/shop:2", OF_SHOP, NATIVE("Gadget"));
    world_run(world, MINUTES(5));
    expect_why(world, "shop", "development", "Gadget is no kind that the control plane serves");
    cr_expect_eq(world_times_published(world, "cell-refused"), 1);
    cr_expect(told_failure(world, "shop cannot be used: " OF_SHOP ":1:1: Gadget is no kind"));
    expect_runs(world, "shop-api-a", "development", "registry.example/shop:1");
    cr_expect_eq(engine_condition(world->engine), CONDITION_HELD);
    json_t *status = engine_status(world->engine, world_now(world));
    json_t *plan = engine_plan(world->engine, NULL, world_now(world));
    cr_expect(status != NULL && plan != NULL);
    json_decref(status);
    json_decref(plan);
    expect_silence(world);
    world_free(world);
}

Test(refused, it_is_told_once_for_each_reason)
{
    struct world *world = repository_world();
    commit(world, 1, "registry.example/shop:1", OF_SHOP, NATIVE("Gadget"));
    world_run(world, MINUTES(1));
    cr_expect_eq(world_times_published(world, "cell-refused"), 1);
    commit(world, 2, "registry.example/shop:2", OF_SHOP, NATIVE("Gadget"));
    world_run(world, MINUTES(1));
    cr_expect_eq(world_times_published(world, "cell-refused"), 1);
    commit(world, 3, "registry.example/shop:2", OF_SHOP, NATIVE("Gizmo"));
    world_run(world, MINUTES(1));
    cr_expect_eq(world_times_published(world, "cell-refused"), 2);
    bool ok = true;
    const json_t *reply = world_command(
        world, "rollback", json_pack("{s:s, s:s}", "cell", "shop", "target", "development"), &ok);
    cr_expect(!ok);
    const char *message = json_text_or(json_object_get(reply, "message"), "no answer");
    cr_expect_not_null(strstr(message, "shop cannot be compiled: " OF_SHOP ":1:1: Gizmo"), "%s",
                       message);
    world_kill(world);
    world_run(world, MINUTES(1));
    expect_why(world, "shop", "development", "Gizmo is no kind");
    commit(world, 4, "registry.example/shop:2", OF_SHOP, NATIVE("Trait"));
    expect_condition(world, CONDITION_CONVERGED);
    expect_runs(world, "shop-api-a", "development", "registry.example/shop:2");
    json_t *trait = platform_object(world->platform, "traits", "acme", "wheel");
    cr_expect_not_null(trait);
    json_decref(trait);
    expect_silence(world);
    world_free(world);
}

/* In the middle of a rollout: nothing goes on, and nothing goes back, until git is mended. */
Test(refused, a_rollout_under_way_stands_still)
{
    struct world *world = repository_world();
    commit(world, 1, "registry.example/shop:1", NULL, NULL);
    expect_condition(world, CONDITION_CONVERGED);
    platform_image_rule(world->platform, "*:2", PLATFORM_IMAGE_SLOW, MINUTES(2));
    commit(world, 2, "registry.example/shop:2", NULL, NULL);
    world_run(world, 20000);
    commit(world, 3, "registry.example/shop:3", OF_SHOP, NATIVE("Gadget"));
    const uint64_t writes = world->writes;
    world_run(world, MINUTES(20));
    cr_expect_eq(world->writes, writes);
    commit(world, 4, "registry.example/shop:3", NULL, NULL);
    expect_condition(world, CONDITION_CONVERGED);
    expect_runs(world, "shop-api-a", "development", "registry.example/shop:3");
    expect_no_dangers(world);
    world_free(world);
}

Test(refused, a_platform_that_cannot_be_compiled_holds_all_cells)
{
    struct world *world = repository_world();
    commit(world, 1, "registry.example/shop:1", OF_PLATFORM, NATIVE("Gadget"));
    world_run(world, MINUTES(2));
    expect_why(world, "shop", "development",
               "the platform cannot be compiled: " OF_PLATFORM ":1:1: Gadget is no kind");
    cr_expect_eq(world_times_published(world, "cell-refused"), 1);
    cr_expect_eq(world->writes, 0);
    commit(world, 2, "registry.example/shop:1", NULL, NULL);
    expect_condition(world, CONDITION_CONVERGED);
    /* What is live stays. */
    commit(world, 3, "registry.example/shop:3", OF_PLATFORM, NATIVE("Gadget"));
    world_run(world, MINUTES(5));
    expect_runs(world, "shop-api-a", "development", "registry.example/shop:1");
    cr_expect_neq(engine_condition(world->engine), CONDITION_CONVERGED);
    expect_silence(world);
    world_free(world);
}
