/* Why a cell is not live where several things come together: the one that it waits for is told, not
 * its neighbours. */
#include "config/base/json.h"
#include "reconciler/engine/project.h"
#include "reconciler/engine/unit.h"
#include "tests/reconciler/engine/building.h"
#include "tests/reconciler/engine/meddle.h"
#include "tests/reconciler/engine/traffic.h"

#include <criterion/criterion.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

TestSuite(why_several, .timeout = 600);

static void expect_why_not(const struct world *world, const char *target, const char *part)
{
    char *why = world_why(world, "shop", target);
    cr_expect_null(strstr(why, part), "%s", why);
    free(why);
}

/* Text of a component's message in the cell's status. Borrowed until the next call. */
static const char *component_message(const struct world *world, const char *component)
{
    static char message[512];
    message[0] = '\0';
    json_t *shown = engine_cell_status(world->engine, "shop", world_now(world));
    const json_t *components =
        json_object_get(json_array_get(json_object_get(shown, "targets"), 0), "components");
    for (size_t i = 0; i < json_array_size(components); i++) {
        const json_t *one = json_array_get(components, i);
        if (strcmp(json_text_or(json_object_get(one, "name"), ""), component) == 0)
            snprintf(message, sizeof message, "%s",
                     json_text_or(json_object_get(one, "message"), ""));
    }
    json_decref(shown);
    return message;
}

/* --- its components -----------------------------------------------------------------------------
 */

#define PAIR(tag)                                                                                  \
    "raw:apiVersion: celld.dev/v1\nkind: Cell\nmetadata: {name: shop}\nspec:\n  components:\n"     \
    "    - {name: a, type: worker, image: \"r.example/a:" tag "\"}\n"                              \
    "    - {name: b, type: worker, image: \"r.example/b:" tag "\"}\n"

/* Its neighbour's release cannot be made; its own request got lost. */
Test(why_several, the_trouble_of_a_neighbour_s_release_is_not_its_own)
{
    struct meddler meddler;
    const struct meddling items[] = {{"POST", "/components/b/generate-release", 0, MEDDLE_ALWAYS,
                                      ANSWER_RECEIVED, 500, "{}", true},
                                     {"GET", "/workloads/a", 0, 1, ANSWER_UNKNOWN, 0, NULL, true},
                                     {.method = NULL}};
    struct world *world = meddle_world(&meddler, items);
    repository_commit(world, 1, platform_small, "shop", PAIR("1"), NULL, NULL);
    bool seen = false;
    while (world_step(world, MINUTES(3))) {
        const struct track *a = unit_track_find(world->engine, "shop", "a", "development");
        if (a == NULL || a->rollout.state != ROLLOUT_PREPARE)
            continue;
        bool troubled = false;
        for (size_t i = 0; i < a->unit->source_count; i++)
            troubled = troubled || a->unit->sources[i]->message != NULL;
        if (troubled)
            expect_why_not(world, "development", "generate-release");
        seen = seen || troubled;
    }
    cr_expect(seen);
    expect_why(world, "shop", "development", "generate-release b-");
    world_free(world);
}

/* One that gives way to its consumer says so; one that is under way tells of that. */
#define HTTP "{name: http, type: http, port: 8080, visibility: [namespace]}"
#define RPC "{name: rpc, type: grpc, port: 9000, visibility: [namespace]}"
#define BESIDE                                                                                     \
    ", connections: [{name: ledger, target: acme-shop, protocol: grpc, port: 9000}],\n"            \
    "       env: [{name: LEDGER, value: \"${CHOREO_CONNECTION_ledger}\"}]"
#define SUPPLY(ledger, endpoints, front, uses)                                                     \
    "raw:apiVersion: celld.dev/v1\nkind: Cell\nmetadata: {name: shop}\nspec:\n"                    \
    "  rollout: {progressDeadline: 20m}\n  components:\n"                                          \
    "    - {name: ledger, type: service, image: \"r.example/ledger:" ledger "\",\n"                \
    "       endpoints: [" endpoints "]}\n"                                                         \
    "    - {name: front, type: service, image: \"r.example/front:" front "\",\n"                   \
    "       endpoints: [" HTTP "]" uses "}\n"

Test(why_several, a_provider_that_gives_way_says_to_whom)
{
    struct world *world = repository_world();
    platform_image_rule(world->platform, "*front:2", PLATFORM_IMAGE_SLOW, MINUTES(3));
    platform_image_rule(world->platform, "*ledger:2", PLATFORM_IMAGE_SLOW, MINUTES(3));
    repository_commit(world, 1, platform_small, "shop", SUPPLY("1", HTTP ", " RPC, "1", BESIDE),
                      NULL, NULL);
    expect_condition(world, CONDITION_CONVERGED);
    repository_commit(world, 2, platform_small, "shop", SUPPLY("3", HTTP, "2", ""), NULL, NULL);
    world_run(world, MINUTES(1));
    cr_expect_not_null(strstr(component_message(world, "ledger"),
                              "ledger waits: front of cell shop connects to endpoint rpc"),
                       "%s", component_message(world, "ledger"));
    expect_condition(world, CONDITION_CONVERGED);
    expect_runs(world, "ledger-a", "development", "r.example/ledger:3");
    world_free(world);
}

Test(why_several, a_provider_under_way_tells_of_that_before_it_gives_way)
{
    struct world *world = repository_world();
    platform_image_rule(world->platform, "*front:2", PLATFORM_IMAGE_SLOW, MINUTES(6));
    platform_image_rule(world->platform, "*ledger:2", PLATFORM_IMAGE_SLOW, MINUTES(4));
    repository_commit(world, 1, platform_small, "shop", SUPPLY("1", HTTP ", " RPC, "1", BESIDE),
                      NULL, NULL);
    expect_condition(world, CONDITION_CONVERGED);
    repository_commit(world, 2, platform_small, "shop", SUPPLY("2", HTTP ", " RPC, "1", BESIDE),
                      NULL, NULL);
    world_run(world, MINUTES(1));
    repository_commit(world, 3, platform_small, "shop", SUPPLY("3", HTTP, "2", ""), NULL, NULL);
    world_run(world, MINUTES(1));
    const struct track *ledger = unit_track_find(world->engine, "shop", "ledger", "development");
    cr_assert(ledger->yields && rollout_is_active(&ledger->rollout));
    cr_expect_null(strstr(component_message(world, "ledger"), "waits:"), "%s",
                   component_message(world, "ledger"));
    expect_condition(world, CONDITION_CONVERGED);
    expect_runs(world, "ledger-a", "development", "r.example/ledger:3");
    world_free(world);
}

/* --- without a rollout --------------------------------------------------------------------------
 */

/* Replicas change without a rollout: until they are seen to stand, the component is at work. */
Test(why_several, a_number_of_replicas_that_does_not_stand_yet)
{
    static const char few[] = "      replicas: 1\n", more[] = "      replicas: 3\n";
    struct world *world = repository_world();
    repository_commit(world, 1, platform_small, "shop", "registry.example/shop:1", few, NULL);
    expect_condition(world, CONDITION_CONVERGED);
    repository_commit(world, 2, platform_small, "shop", "registry.example/shop:1", more, NULL);
    const struct track *track = unit_track_find(world->engine, "shop", "shop-api", "development");
    while (!track->rollout.settle_due)
        cr_assert(world_step(world, MINUTES(20)));
    cr_expect_eq(track->rollout.state, ROLLOUT_IDLE);
    expect_why(world, "shop", "development", "shop-api ");
    expect_condition(world, CONDITION_CONVERGED);
    expect_why(world, "shop", "development", "is live at");
    world_run(world, MINUTES(1));
    cr_expect_eq(platform_running(world->platform, "acme", "shop-api-a", "development").wanted, 3);
    world_free(world);
}

/* --- its project --------------------------------------------------------------------------------
 */

/* Ready may still be that of the release before: it counts when it is seen again. */
Test(why_several, a_project_binding_that_was_moved_and_seen_ready_once)
{
    struct world *world = repository_world();
    repository_commit(world, 1, platform_small, "shop", "registry.example/shop:1", NULL, NULL);
    expect_condition(world, CONDITION_CONVERGED);
    json_t *type = json_pack("{s:{s:{s:s}}}", "spec", "labels", "generation", "2");
    expect_changed(world, "clusterprojecttypes", NULL, "default", type);
    const struct node *node = world->engine->nodes[0];
    while (!node->binding_ready || project_stands(node))
        cr_assert(world_step(world, MINUTES(60)));
    expect_why(world, "shop", "development",
               "the project binding acme-shop-development is not ready on project release");
    expect_condition(world, CONDITION_CONVERGED);
    expect_why(world, "shop", "development", "is live at");
    world_free(world);
}

/* What the control plane shows of project acme-shop lacks its status. */
struct stripper {
    bool on;
    unsigned stripped;
};

static void strip(struct stripper *stripper, json_t *object)
{
    if (strcmp(json_text_or(json_at(object, "metadata", "name", NULL), ""), "acme-shop") == 0)
        stripper->stripped += json_object_del(object, "status") == 0;
}

static int stripped_step(void *context, struct engine *engine, const struct engine_event *event,
                         struct effect_list *effects)
{
    struct stripper *stripper = context;
    const bool list = event->kind == EVENT_LISTED;
    if (!stripper->on || (!list && event->kind != EVENT_ANSWER))
        return engine_step(engine, event, effects);
    struct engine_event changed = *event;
    json_t *copy = json_deep_copy(list ? event->as.listed.items : event->as.answer.body);
    for (size_t i = 0; list && i < json_array_size(copy); i++)
        strip(stripper, json_array_get(copy, i));
    if (list) {
        changed.as.listed.items = copy;
    } else {
        strip(stripper, copy);
        changed.as.answer.body = copy;
    }
    const int status = engine_step(engine, &changed, effects);
    json_decref(copy);
    return status;
}

/* Its bindings are ready: what it has goes on. */
Test(why_several, a_project_that_names_no_release_any_more_keeps_nobody_waiting)
{
    struct stripper stripper = {0};
    struct world_options options;
    world_options_default(&options);
    options.engine.list_interval = (struct duration){30000};
    options.step = stripped_step;
    options.context = &stripper;
    struct world *world = world_new(&options);
    platform_image_rule(world->platform, "*shop:2", PLATFORM_IMAGE_SLOW, MINUTES(5));
    repository_commit(world, 1, platform_small, "shop", "registry.example/shop:1", NULL, NULL);
    expect_condition(world, CONDITION_CONVERGED);
    stripper.on = true;
    world_run(world, MINUTES(2));
    cr_expect_gt(stripper.stripped, 0);
    const struct unit *unit = unit_find(world->engine, "shop");
    cr_assert_str_eq(unit->project_release, "");
    repository_commit(world, 2, platform_small, "shop", "registry.example/shop:2",
                      "  rollout: {progressDeadline: 20m}\n", NULL);
    world_run(world, MINUTES(2));
    expect_why(world, "shop", "development", "shop-api is progressing");
    stripper.on = false;
    expect_condition(world, CONDITION_CONVERGED);
    expect_runs(world, "shop-api-a", "development", "registry.example/shop:2");
    world_free(world);
}

/* --- what nobody proved -------------------------------------------------------------------------
 */

#define UNPROVEN TRAFFIC_CANARY_WITH("insufficient: promote, metrics: [error-rate]")
#define TWO(tag)                                                                                   \
    "raw:apiVersion: celld.dev/v1\nkind: Cell\nmetadata: {name: shop}\nspec:\n"                    \
    "  rollout: " UNPROVEN "\n  components:\n"                                                     \
    "    - {name: shop-api, type: service, image: \"r.example/shop:" tag "\", endpoints: [" HTTP   \
    "]}\n    - {name: shop-web, type: service, image: \"r.example/web:" tag                        \
    "\", endpoints: [" HTTP "]}\n"

Test(why_several, the_one_that_a_person_has_not_accepted_yet_is_named)
{
    static const char platform[] = PLATFORM_HEAD "  environments:\n"
                                                 "    - {name: testing}\n"
                                                 "    - {name: production}\n"
                                                 "  phases: [{name: first, cells: [shop]}]\n";
    struct traffic traffic = {.rate = 0.4};
    struct world *world = traffic_world(&traffic);
    repository_commit(world, 1, platform, "shop", TWO("1"), NULL, NULL);
    expect_condition(world, CONDITION_CONVERGED);
    repository_commit(world, 2, platform, "shop", TWO("2"), NULL, NULL);
    world_run(world, 1000);
    expect_condition(world, CONDITION_HELD);
    expect_why(world, "shop", "production", "of shop-api was promoted there without proof");
    cr_assert(traffic_order(&traffic, "promote", "testing"));
    world_run(world, MINUTES(1));
    expect_why(world, "shop", "production", "of shop-web was promoted there without proof");
    traffic_free(&traffic);
}

/* --- one target after the other -----------------------------------------------------------------
 */

#define SLOW_PAIR(a, b, bake)                                                                      \
    "raw:apiVersion: celld.dev/v1\nkind: Cell\nmetadata: {name: shop}\nspec:\n"                    \
    "  rollout: {progressDeadline: 3m, bake: " bake "}\n  components:\n"                           \
    "    - {name: api, type: worker, image: \"registry.example/" a "\"}\n"                         \
    "    - {name: base, type: worker, image: \"registry.example/" b "\"}\n"

/* What stops the second region is what failed in the first, not what still goes on there. */
Test(why_several, a_region_is_stopped_by_what_failed_in_the_one_before)
{
    static const char platform[] =
        PLATFORM_HEAD "  environments: [{name: development, regions: [us, eu]}]\n"
                      "  phases: [{name: first, cells: [shop]}]\n";
    struct world *world = repository_world();
    repository_commit(world, 1, platform, "shop", SLOW_PAIR("api:1", "base:1", "0s"), NULL, NULL);
    expect_condition(world, CONDITION_CONVERGED);
    repository_commit(world, 2, platform, "shop", SLOW_PAIR("api:2", "broken:2", "1h"), NULL, NULL);
    struct track *base = unit_track_find(world->engine, "shop", "base", "development");
    while (base->rollout.state != ROLLOUT_HELD)
        cr_assert(world_step(world, MINUTES(10)));
    const struct track *api = unit_track_find(world->engine, "shop", "api", "development");
    cr_assert_eq(api->rollout.state, ROLLOUT_BAKE);
    expect_why(world, "shop", "development", "shop on development: api bakes");
    expect_why(world, "shop", "development-eu",
               "shop on development-eu is stopped, because it failed on development: base is held");
    /* Until the plan is made anew, what failed may be on its way again. */
    base->rollout.state = ROLLOUT_IDLE;
    expect_why(world, "shop", "development-eu", "because it failed on development: api bakes");
    base->rollout.state = ROLLOUT_HELD;
    world_free(world);
}

/* --- what is not built, or not compared ---------------------------------------------------------
 */

/* "production" comes before "testing" in the cell, and after it in the plan. */
Test(why_several, what_is_built_is_told_on_each_target)
{
    static const char platform[] = PLATFORM_HEAD "  environments:\n"
                                                 "    - {name: testing}\n"
                                                 "    - {name: production}\n"
                                                 "  phases: [{name: first, cells: [shop]}]\n";
    struct world *world = repository_world();
    building_add_workflow(world, NULL);
    for (int i = 1; i <= 2; i++) {
        if (i == 2)
            platform_workflow_pace(world->platform, "*", MINUTES(10), 0);
        world->trees = i == 1 ? &building_first : &building_second;
        world->tree_count = 1;
        repository_commit(world, i, platform, "shop", building_cell, NULL, NULL);
        if (i == 1)
            cr_assert(
                building_until(world, CONDITION_CONVERGED, "registry.example/shop:1", MINUTES(20)));
    }
    world_run(world, MINUTES(1));
    expect_why(world, "shop", "testing", "shop-api is being built: run " BUILDING_RUN_2);
    expect_why(world, "shop", "production", "shop-api is being built: run " BUILDING_RUN_2);
    expect_runs(world, "shop-api-a", "production", "registry.example/shop:1");
    world_free(world);
}

/* A native resource of the cell is new, and nobody knows yet whether it is there. */
Test(why_several, what_is_not_a_component_s_is_being_compared)
{
    struct meddler meddler;
    const struct meddling items[] = {
        {"GET", "/secretreferences/one", 0, 1, ANSWER_UNKNOWN, 0, NULL, true}, {.method = NULL}};
    struct world *world = meddle_world(&meddler, items);
    char *shop = cell_text("shop", "registry.example/shop:1", NULL);
    struct world_file files[] = {
        {"platform.yaml", platform_small},
        {"cells/shop/cell.yaml", shop},
        {"cells/shop/native/one.yaml",
         "apiVersion: openchoreo.dev/v1alpha1\nkind: SecretReference\nmetadata: {name: one}\n"
         "spec: {data: [{secretKey: key, remoteRef: {key: a}}], template: {type: Opaque}}\n"}};
    world_commit(world, "0000000000000000000000000000000000000001", files, 2);
    expect_condition(world, CONDITION_CONVERGED);
    world_commit(world, "0000000000000000000000000000000000000002", files, 3);
    while (meddler.seen[0] == 0)
        cr_assert(world_step(world, world->now_ms + MINUTES(5)));
    expect_why(world, "shop", "development", "it is being compared");
    expect_condition(world, CONDITION_CONVERGED);
    expect_why(world, "shop", "development", "is live at");
    free(shop);
    world_free(world);
}
