/* The components on their targets as operators see them: which are shown, in which order, and what
 * is said of those that are not at rest. */
#include "config/base/json.h"
#include "tests/reconciler/engine/traffic.h"

#include <criterion/criterion.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

TestSuite(rollouts, .timeout = 180);

static const char two_targets[] =
    PLATFORM_HEAD "  environments: [{name: testing}, {name: development}]\n"
                  "  phases: [{name: first, cells: [billing, shop]}]\n";

/* A cell of two components without traffic. */
static const char shop[] =
    "raw:apiVersion: celld.dev/v1\nkind: Cell\nmetadata: {name: shop}\nspec:\n"
    "  rollout: {progressDeadline: 3m}\n  components:\n"
    "    - {name: api, type: worker, image: \"r.example/api:1\"}\n"
    "    - {name: worker, type: worker, image: \"r.example/%s\"}\n";

static void commit(struct world *world, int revision, const char *worker)
{
    char text[512];
    snprintf(text, sizeof text, shop, worker);
    repository_commit(world, revision, two_targets, "billing", "registry.example/billing:1", NULL,
                      "shop", text, NULL, NULL);
    world_run(world, 1000);
}

/* "cell/component/target ..." of what fits. */
static void expect_shown(const struct world *world, struct engine_rollouts_of of, const char *names)
{
    json_t *entries = engine_rollouts(world->engine, &of, world_now(world));
    cr_assert(json_is_array(entries));
    char shown[1024] = "";
    for (size_t i = 0; i < json_array_size(entries); i++) {
        const json_t *entry = json_array_get(entries, i);
        const size_t length = strlen(shown);
        snprintf(shown + length, sizeof shown - length, "%s%s/%s/%s", length == 0 ? "" : " ",
                 json_text_or(json_object_get(entry, "cell"), "?"),
                 json_text_or(json_at(entry, "component", "name", NULL), "?"),
                 json_text_or(json_object_get(entry, "target"), "?"));
    }
    cr_expect_str_eq(shown, names);
    json_decref(entries);
}

Test(rollouts, are_shown_by_component_and_in_the_order_of_the_targets)
{
    struct world *world = repository_world();
    commit(world, 1, "worker:1");
    expect_condition(world, CONDITION_CONVERGED);
    expect_shown(world, (struct engine_rollouts_of){0},
                 "billing/billing-api/testing billing/billing-api/development "
                 "shop/api/testing shop/api/development "
                 "shop/worker/testing shop/worker/development");
    expect_shown(world, (struct engine_rollouts_of){.cell = "shop", .component = "worker"},
                 "shop/worker/testing shop/worker/development");
    expect_shown(world, (struct engine_rollouts_of){.target = "development"},
                 "billing/billing-api/development shop/api/development shop/worker/development");
    expect_shown(world, (struct engine_rollouts_of){.cell = "shop", .component = "nothing"}, "");
    expect_shown(world, (struct engine_rollouts_of){.cell = "shop", .target = "mars"}, "");
    expect_shown(world, (struct engine_rollouts_of){.active = true}, "");
    const struct engine_rollouts_of nobody = {.cell = "nobody"};
    json_t *none = engine_rollouts(world->engine, &nobody, world_now(world));
    cr_expect(json_is_null(none));
    json_decref(none);
    world_free(world);
}

/* What is under way, and what is out of action though nothing happens to it any more. */
Test(rollouts, that_are_not_at_rest_can_be_picked_out)
{
    struct world *world = repository_world();
    commit(world, 1, "worker:1");
    expect_condition(world, CONDITION_CONVERGED);
    commit(world, 2, "broken:2");
    world_run(world, MINUTES(1));
    expect_shown(world, (struct engine_rollouts_of){.active = true}, "shop/worker/testing");
    expect_condition(world, CONDITION_HELD);
    expect_shown(world, (struct engine_rollouts_of){.cell = "shop", .active = true},
                 "shop/worker/testing");
    expect_shown(world, (struct engine_rollouts_of){.cell = "billing", .active = true}, "");
    const struct engine_rollouts_of of = {"shop", "worker", "testing", true};
    json_t *entries = engine_rollouts(world->engine, &of, world_now(world));
    const json_t *entry = json_array_get(entries, 0), *node = json_object_get(entry, "node");
    cr_expect_str_eq(json_text_or(json_object_get(node, "state"), ""), "rolled-back");
    cr_expect_str_eq(json_text_or(json_object_get(node, "wait"), ""), "quarantine");
    const char *message = json_text_or(json_object_get(node, "message"), "");
    cr_expect_not_null(strstr(message, "worker is held (quarantined): "), "%s", message);
    json_decref(entries);
    world_free(world);
}

/* Content that failed before does not begin again when git comes back to it: that is told, too. */
Test(rollouts, that_wait_for_a_quarantine_are_not_at_rest)
{
    struct world *world = repository_world();
    static const char *const images[] = {"worker:1", "broken:2", "worker:1", "broken:2"};
    for (int i = 0; i < 4; i++) {
        commit(world, i + 1, images[i]);
        expect_condition(world, i % 2 == 0 ? CONDITION_CONVERGED : CONDITION_HELD);
    }
    expect_shown(world, (struct engine_rollouts_of){.active = true}, "shop/worker/testing");
    world_free(world);
}

/* The second environment waits: nothing was ever tried there, so there is no outcome. */
Test(rollouts, that_never_began_say_what_they_wait_for)
{
    struct world *world = repository_world();
    commit(world, 1, "broken:1");
    world_run(world, MINUTES(2));
    const struct engine_rollouts_of of = {"shop", "worker", "development", false};
    json_t *entries = engine_rollouts(world->engine, &of, world_now(world));
    cr_assert_eq(json_array_size(entries), 1);
    const json_t *entry = json_array_get(entries, 0);
    cr_expect(json_is_string(json_at(entry, "node", "wait", NULL)));
    const char *message = json_text_or(json_at(entry, "node", "message", NULL), "");
    cr_expect_not_null(strstr(message, "testing"), "%s", message);
    const json_t *rollout = json_at(entry, "component", "rollout", NULL);
    cr_expect(json_is_null(rollout));
    json_decref(entries);
    world_free(world);
}

/* What the slots of shop's only rollout say of live weights is what the live route bears; adds how
 * many say nothing, and how many give the new release its share. */
static void expect_live_weights(const struct world *world, unsigned *unseen, unsigned *seen)
{
    const struct engine_rollouts_of of = {.cell = "shop"};
    json_t *entries = engine_rollouts(world->engine, &of, world_now(world));
    const json_t *rollout = json_at(json_array_get(entries, 0), "component", "rollout", NULL);
    const json_t *slots = json_object_get(rollout, "slots");
    bool all = true;
    for (size_t i = 0; i < json_array_size(slots); i++) {
        const json_t *slot = json_array_get(slots, i);
        const json_t *live = json_object_get(slot, "weight_live");
        all = all && json_is_integer(live);
        *unseen += json_is_null(live);
        if (!json_is_integer(live))
            continue;
        const char *name = json_text_or(json_object_get(slot, "slot"), "");
        const double share = traffic_weight(world, name, "development");
        cr_expect_float_eq((double)json_integer_value(live), 100 * share, 0.01, "%s: %f", name,
                           share);
        *seen += json_integer_value(live) == 20;
    }
    cr_expect_eq(json_is_true(json_object_get(rollout, "weight_verified")), all);
    json_decref(entries);
}

/* A look at the live route is under way. */
static bool is_looking(const struct world *world)
{
    for (size_t i = 0; i < world->request_count; i++) {
        if (strstr(world->requests[i]->path, "/releasebindings/shop-api-development/") != NULL)
            return true;
    }
    return false;
}

/* A weight is told as live when a look has shown it, and not before: also when an operator changes
 * the weights while a look is under way. */
Test(rollouts, a_weight_is_live_when_it_was_seen)
{
    struct traffic traffic = {.rate = 10};
    traffic_begin(&traffic, "{strategy: canary, steps: [{weight: 20, soak: 1m}], bake: 1m}", "2");
    struct world *world = traffic.world;
    unsigned unseen = 0, seen = 0;
    bool ordered = false;
    const int64_t until = world->now_ms + MINUTES(5);
    while (world_step(world, until)) {
        expect_live_weights(world, &unseen, &seen);
        if (ordered || seen == 0 || !is_looking(world))
            continue;
        cr_assert(traffic_order(&traffic, "promote", "development"));
        ordered = true;
        expect_live_weights(world, &unseen, &seen);
    }
    cr_expect(ordered);
    cr_expect_gt(unseen, 0);
    cr_expect_gt(seen, 0);
    expect_condition(world, CONDITION_CONVERGED);
    traffic_free(&traffic);
}

/* --- slots --------------------------------------------------------------------------------------
 */

static const json_t *slot_of(struct traffic *traffic, size_t index)
{
    return json_array_get(json_object_get(traffic_rollout(traffic, "development"), "slots"), index);
}

/* What was stable before is told until it is gone; after a return its content is not kept. */
Test(rollouts, the_slot_that_is_taken_down_is_the_old_one)
{
    struct traffic traffic = {.rate = 10};
    traffic_begin(&traffic, "{strategy: blue-green, bake: 1m}", "2");
    traffic_until(&traffic, "development", "cleanup", MINUTES(10));
    cr_expect_str_eq(json_text_or(json_object_get(slot_of(&traffic, 0), "role"), ""), "old");
    cr_expect(json_is_object(json_object_get(slot_of(&traffic, 0), "content")));
    cr_expect_str_eq(json_text_or(json_object_get(slot_of(&traffic, 1), "role"), ""), "stable");
    expect_condition(traffic.world, CONDITION_CONVERGED);
    cr_expect(json_is_null(json_object_get(slot_of(&traffic, 0), "role")));
    bool ok = false;
    world_command(traffic.world, "rollback",
                  json_pack("{s:s, s:s}", "cell", "shop", "target", "development"), &ok);
    cr_expect(ok);
    traffic_until(&traffic, "development", "cleanup", MINUTES(10));
    cr_expect_str_eq(json_text_or(json_object_get(slot_of(&traffic, 0), "role"), ""), "stable");
    cr_expect_str_eq(json_text_or(json_object_get(slot_of(&traffic, 1), "role"), ""), "old");
    cr_expect(json_is_null(json_object_get(slot_of(&traffic, 1), "content")));
    expect_condition(traffic.world, CONDITION_HELD);
    cr_expect(json_is_null(json_object_get(slot_of(&traffic, 1), "role")));
    traffic_free(&traffic);
}

/* A row that does not say how the last attempt ended. */
Test(rollouts, an_outcome_that_nobody_recorded_is_not_told)
{
    struct traffic traffic = {.rate = 10};
    traffic_begin(&traffic, "{strategy: rolling}", "2");
    struct world *world = traffic.world;
    expect_condition(world, CONDITION_CONVERGED);
    cr_expect_str_eq(traffic_text(&traffic, "development", "outcome"), "promoted");
    for (size_t i = 0; i < world->row_count; i++) {
        struct world_row *row = &world->rows[i];
        if (strcmp(row->key, "rollout/shop/shop-api/development") != 0)
            continue;
        json_t *value = json_deep_copy(row->value);
        cr_assert_not_null(json_object_get(value, "last_outcome"));
        json_object_set_new(value, "last_outcome", json_string("none"));
        json_decref(row->value);
        row->value = value;
    }
    world_kill(world);
    expect_condition(world, CONDITION_CONVERGED);
    cr_expect_gt(
        json_integer_value(json_object_get(traffic_rollout(&traffic, "development"), "attempt")),
        0);
    cr_expect(json_is_null(json_object_get(traffic_rollout(&traffic, "development"), "outcome")));
    traffic_free(&traffic);
}
