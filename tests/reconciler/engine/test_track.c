/* One component on one target: what becomes of it when its manifest cannot be compiled, when a
 * person orders something, and when its bindings are not as they were. */
#include "config/base/json.h"
#include "reconciler/engine/track_view.h"
#include "reconciler/engine/unit.h"
#include "tests/reconciler/engine/expect.h"

#include <criterion/criterion.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

TestSuite(track, .timeout = 600);

static void shop(struct world *world, int revision, const char *image, const char *extra)
{
    repository_commit(world, revision, platform_small, "shop", image, extra, NULL);
    world_run(world, 1000);
}

static struct world *standing(const char *extra)
{
    struct world *world = repository_world();
    shop(world, 1, "registry.example/shop:1", extra);
    expect_condition(world, CONDITION_CONVERGED);
    return world;
}

/* What it was answered; borrowed until the next one. */
static const char *order(struct world *world, const char *verb, const char *target, bool wanted)
{
    bool ok = !wanted;
    const json_t *reply =
        world_command(world, verb, json_pack("{s:s, s:s}", "cell", "shop", "target", target), &ok);
    const char *message = json_text_or(json_object_get(reply, "message"), "no answer");
    cr_expect_eq(ok, wanted, "%s", message);
    return message;
}

static void forget(struct world *world, const char *path)
{
    const struct platform_request request = {.method = "DELETE", .path = path};
    struct platform_response response;
    platform_handle(world->platform, &request, world_platform_now(world), &response);
    cr_assert_eq(response.status / 100, 2, "%d %s", response.status, response.body);
    platform_response_fini(&response);
}

#define BINDINGS "/api/v1/namespaces/acme/releasebindings/"

/* --- its manifest -------------------------------------------------------------------------------
 */

Test(track, what_is_part_of_the_release_cannot_be_different_on_a_target)
{
    struct world *world = standing(NULL);
    shop(
        world, 2, "registry.example/shop:2",
        "  environments: {development: {components: {shop-api: {image: registry.example/x:1}}}}\n");
    world_run(world, MINUTES(2));
    expect_why(world, "shop", "development", "cells/shop/cell.yaml:");
    expect_why(world, "shop", "development", "the image of shop-api cannot be different on");
    expect_runs(world, "shop-api-a", "development", "registry.example/shop:1");
    shop(world, 3, "registry.example/shop:3", NULL);
    expect_condition(world, CONDITION_CONVERGED);
    world_free(world);
}

Test(track, there_are_only_so_many_connections)
{
    struct text extra;
    text_init(&extra, 32768);
    text_add(&extra, "  connections: [{name: own, target: acme-shop, protocol: http, port: 8080}]\n"
                     "  env:\n");
    for (int i = 0; i < 60; i++)
        text_format(&extra, "    - {name: V%d, value: \"${CHOREO_CONNECTION_own}\"}\n", i);
    struct world *world = standing(NULL);
    shop(world, 2, "registry.example/shop:2", text_get(&extra));
    world_run(world, MINUTES(2));
    expect_why(world, "shop", "development", "shop-api has 60 variables that are connections");
    expect_runs(world, "shop-api-a", "development", "registry.example/shop:1");
    text_fini(&extra);
    world_free(world);
}

static const char built[] =
    "raw:apiVersion: celld.dev/v1\nkind: Cell\nmetadata: {name: shop}\nspec:\n  components:\n"
    "    - name: shop-api\n      type: service\n      build: {workflow: {name: image}}\n"
    "      endpoints:\n"
    "        - {name: http, type: http, port: 8080, basePath: /shop, visibility: [namespace, "
    "external]}\n";

/* The build that it waits for never comes: what stands is kept all the same, also after a restart,
 * and a person can go back. */
Test(track, what_waits_for_its_image_is_kept_and_can_go_back)
{
    for (int killed = 0; killed < 2; killed++) {
        struct world *world = standing(NULL);
        shop(world, 2, "registry.example/shop:2", NULL);
        expect_condition(world, CONDITION_CONVERGED);
        shop(world, 3, built, NULL);
        world_run(world, MINUTES(1));
        if (killed)
            world_kill(world);
        world_run(world, MINUTES(1));
        expect_why(world, "shop", "development", "shop-api");
        expect_runs(world, "shop-api-a", "development", "registry.example/shop:2");
        forget(world, BINDINGS "shop-api-a-development");
        world_run(world, MINUTES(3));
        expect_runs(world, "shop-api-a", "development", "registry.example/shop:2");
        order(world, "rollback", "development", true);
        world_run(world, MINUTES(3));
        expect_runs(world, "shop-api-a", "development", "registry.example/shop:1");
        expect_no_dangers(world);
        world_free(world);
    }
}

/* --- orders -------------------------------------------------------------------------------------
 */

static size_t quarantines(const struct world *world)
{
    json_t *shown = engine_quarantine(world->engine);
    const size_t count = json_array_size(json_object_get(shown, "entries"));
    json_decref(shown);
    return count;
}

Test(track, a_rollback_that_leads_nowhere_condemns_nothing)
{
    struct world *world = standing(NULL);
    order(world, "rollback", "development", false);
    cr_expect_eq(quarantines(world), 0);
    expect_silence(world);
    world_free(world);
}

/* Without a component the order is for all of them, and one answers. */
Test(track, an_order_for_a_cell_is_answered_once)
{
    static const char two[] =
        "raw:apiVersion: celld.dev/v1\nkind: Cell\nmetadata: {name: shop}\nspec:\n  components:\n"
        "    - {name: one, type: worker, image: registry.example/one:%d}\n"
        "    - {name: two, type: worker, image: registry.example/two:%d}\n";
    struct world *world = repository_world();
    for (int revision = 1; revision <= 2; revision++) {
        char text[512];
        snprintf(text, sizeof text, two, revision, revision);
        shop(world, revision, text, NULL);
        expect_condition(world, CONDITION_CONVERGED);
    }
    const size_t replies = json_object_size(world->replies);
    order(world, "rollback", "development", true);
    world_run(world, MINUTES(2));
    cr_expect_eq(json_object_size(world->replies), replies + 1);
    expect_runs(world, "one", "development", "registry.example/one:1");
    expect_runs(world, "two", "development", "registry.example/two:1");
    expect_no_dangers(world);
    world_free(world);
}

Test(track, a_rollback_of_what_is_under_way_condemns_that)
{
    struct world *world = standing(NULL);
    shop(world, 2, "registry.example/shop:2", "  rollout: {bake: 10m}\n");
    world_run(world, MINUTES(1));
    cr_expect_str_eq(world_node_state(world, "shop", "development"), "baking");
    order(world, "rollback", "development", true);
    world_run(world, MINUTES(2));
    expect_runs(world, "shop-api-a", "development", "registry.example/shop:1");
    cr_expect_eq(quarantines(world), 1);
    expect_condition(world, CONDITION_HELD);
    expect_silence(world);
    world_free(world);
}

/* --- regions ------------------------------------------------------------------------------------
 */

Test(track, the_second_region_is_stopped_when_the_first_goes_back)
{
    static const char regions[] =
        PLATFORM_HEAD "  environments:\n    - {name: production, regions: [us, eu]}\n"
                      "  phases: [{name: first, cells: [shop]}]\n";
    static const char slow[] = "  targets: {\"production@eu\": {rollout: {bake: 15m}}}\n";
    struct world *world = repository_world();
    repository_commit(world, 1, regions, "shop", "registry.example/shop:1", slow, NULL);
    world_run(world, 1000);
    expect_condition(world, CONDITION_CONVERGED);
    repository_commit(world, 2, regions, "shop", "registry.example/shop:2", slow, NULL);
    world_run(world, MINUTES(3));
    cr_expect_str_eq(world_node_state(world, "shop", "production"), "converged");
    cr_expect_str_eq(world_node_state(world, "shop", "production-eu"), "baking");
    order(world, "rollback", "production", true);
    world_run(world, MINUTES(5));
    expect_runs(world, "shop-api-a", "production", "registry.example/shop:1");
    expect_runs(world, "shop-api-a", "production-eu", "registry.example/shop:1");
    expect_no_dangers(world);
    world_free(world);
}

/* An operator sent the second region back; that the first one went back as well changes nothing. */
Test(track, the_second_region_goes_on_with_its_way_back)
{
    static const char regions[] =
        PLATFORM_HEAD "  environments:\n    - {name: production, regions: [us, eu]}\n"
                      "  phases: [{name: first, cells: [shop]}]\n";
    struct world *world = repository_world();
    for (int i = 1; i <= 2; i++) {
        repository_commit(world, i, regions, "shop",
                          i == 1 ? "registry.example/shop:1" : "registry.example/shop:2", NULL,
                          NULL);
        world_run(world, 1000);
        expect_condition(world, CONDITION_CONVERGED);
    }
    platform_image_rule(world->platform, "*:1", PLATFORM_IMAGE_SLOW, 90000);
    order(world, "rollback", "production", true);
    world_run(world, MINUTES(1));
    order(world, "rollback", "production-eu", true);
    const struct track *track = unit_track_find(world->engine, "shop", "shop-api", "production-eu");
    while (!world->engine->verdicts[track->node->index].cancel)
        cr_assert(world_step(world, world->now_ms + MINUTES(5)));
    cr_assert(track->rollout.returning);
    world_run(world, MINUTES(10));
    expect_runs(world, "shop-api-a", "production", "registry.example/shop:1");
    expect_runs(world, "shop-api-a", "production-eu", "registry.example/shop:1");
    cr_expect_not(rollout_is_active(&track->rollout));
    expect_no_dangers(world);
    expect_silence(world);
    world_free(world);
}

/* --- its bindings -------------------------------------------------------------------------------
 */

Test(track, bindings_that_somebody_deletes_come_back)
{
    struct world *world = standing(NULL);
    forget(world, BINDINGS "shop-api-a-development");
    forget(world, BINDINGS "shop-api-development");
    world_run(world, MINUTES(3));
    expect_condition(world, CONDITION_CONVERGED);
    expect_runs(world, "shop-api-a", "development", "registry.example/shop:1");
    expect_silence(world);
    world_free(world);
}

Test(track, a_scaled_component_goes_back_to_an_older_release)
{
    static const char scaled[] = "  scaling: {min: 2, max: 5, cpu: 80}\n";
    struct world *world = standing(scaled);
    shop(world, 2, "registry.example/shop:2", scaled);
    expect_condition(world, CONDITION_CONVERGED);
    world_run(world, MINUTES(5));
    order(world, "rollback", "development", true);
    world_run(world, MINUTES(3));
    expect_runs(world, "shop-api-a", "development", "registry.example/shop:1");
    expect_no_dangers(world);
    expect_silence(world);
    world_free(world);
}

/* --- what it connects to ------------------------------------------------------------------------
 */

#define CONNECTED(to)                                                                              \
    "  connections: [{name: other, target: acme-" to ", protocol: http, port: 8080}]\n"            \
    "  env: [{name: OTHER, value: \"${CHOREO_CONNECTION_other}\"}]\n"

static const char together[] = PLATFORM_HEAD "  environments: [{name: development}]\n"
                                             "  phases: [{name: all, cells: [billing, shop]}]\n";

/* It could wait for ever: who comes later cannot be waited for, nor oneself. */
Test(track, nobody_waits_for_what_comes_after_it)
{
    static const char phases[] = PLATFORM_HEAD
        "  environments: [{name: development}]\n"
        "  phases: [{name: first, cells: [shop]}, {name: second, cells: [billing]}]\n";
    static const struct {
        const char *platform, *billing, *shop;
    } rows[] = {
        {phases, NULL, CONNECTED("billing")},
        {together, "  dependsOn: [shop]\n", CONNECTED("billing")},
        {together, NULL, CONNECTED("shop")},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct world *world = repository_world();
        repository_commit(world, 1, rows[i].platform, "billing", "registry.example/billing:1",
                          rows[i].billing, "shop", "registry.example/shop:1", rows[i].shop, NULL);
        world_run(world, MINUTES(1));
        cr_expect(world_published(world, "rollout-started", "shop"), "%zu", i);
        world_free(world);
    }
}

/* What waits for its image is not compiled, and is waited for all the same. */
Test(track, a_provider_without_an_image_is_waited_for)
{
    struct world *world = repository_world();
    repository_commit(world, 1, together, "billing",
                      "raw:apiVersion: celld.dev/v1\nkind: Cell\nmetadata: {name: billing}\nspec:\n"
                      "  components:\n    - name: billing-api\n      type: service\n"
                      "      build: {workflow: {name: image}}\n      endpoints:\n"
                      "        - {name: http, type: http, port: 8080, visibility: [namespace]}\n",
                      NULL, "shop", "registry.example/shop:1", CONNECTED("billing"), NULL);
    world_run(world, MINUTES(2));
    expect_why(world, "shop", "development",
               "shop-api waits for billing-api of billing, which it connects to");
    cr_expect_not(world_published(world, "rollout-started", "shop"));
    world_free(world);
}

/* Each connects to the other, and neither stands: one of them has to be first. */
Test(track, two_that_need_each_other_start_together)
{
    struct world *world = repository_world();
    repository_commit(world, 1, together, "billing", "registry.example/billing:1",
                      CONNECTED("shop"), "shop", "registry.example/shop:1", CONNECTED("billing"),
                      NULL);
    world_run(world, MINUTES(1));
    cr_expect(world_published(world, "rollout-started", "billing"));
    cr_expect(world_published(world, "rollout-started", "shop"));
    world_free(world);
}

static struct binding_view seen_slot(const struct world *world, const struct track *track)
{
    struct rollout_plan plan;
    struct rollout_view view;
    track_view(world->engine, track, &plan, &view);
    return view.slot[0];
}

/* What a write under way, or a list without it, put into doubt is not known to the rollout. */
Test(track, a_binding_in_doubt_is_not_known)
{
    struct world *world = standing(NULL);
    struct track *track = unit_find(world->engine, "shop")->tracks[0];
    struct object *slot = track->bindings[BINDING_A].object;
    cr_expect(seen_slot(world, track).known && seen_slot(world, track).matches);
    slot->intent = true;
    cr_expect(!seen_slot(world, track).known && !seen_slot(world, track).matches);
    slot->intent = false;
    slot->missing = true;
    cr_expect(!seen_slot(world, track).known && !seen_slot(world, track).matches);
    slot->missing = false;
    const enum presence presence = slot->presence;
    slot->presence = PRESENCE_UNKNOWN;
    cr_expect(!seen_slot(world, track).known && !seen_slot(world, track).exists);
    slot->presence = presence;
    cr_expect(seen_slot(world, track).known && seen_slot(world, track).matches);
    world_free(world);
}
