/* What the status says to a person: what is held and by which word it goes on, and how cells are
 * shown that are not simply live. */
#include "config/base/json.h"
#include "reconciler/engine/status.h"
#include "tests/reconciler/engine/meddle.h"
#include "tests/reconciler/engine/traffic.h"

#include <criterion/criterion.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

TestSuite(status, .timeout = 120);

static const char *text_of(const json_t *object, const char *key)
{
    return json_text_or(json_object_get(object, key), "");
}

static json_t *status_of(const struct world *world)
{
    json_t *status = engine_status(world->engine, world_now(world));
    cr_assert_not_null(status);
    return status;
}

/* The HOLD whose message has this in it, borrowed from the status; NULL = there is none. */
static const json_t *hold_of(const json_t *status, const char *part)
{
    const json_t *holds = json_object_get(status, "holds");
    for (size_t i = 0; i < json_array_size(holds); i++) {
        const json_t *hold = json_array_get(holds, i);
        if (strstr(text_of(hold, "message"), part) != NULL)
            return hold;
    }
    return NULL;
}

static void expect_hold(const struct world *world, const char *kind, const char *message,
                        const char *command)
{
    json_t *status = status_of(world);
    const json_t *hold = hold_of(status, message);
    if (hold == NULL) {
        char *all = json_dumps(json_object_get(status, "holds"), JSON_INDENT(1));
        cr_assert_fail("no hold says \"%s\": %s", message, all);
    }
    cr_expect_str_eq(text_of(hold, "kind"), kind);
    cr_expect_str_eq(text_of(hold, "command"), command, "%s", message);
    json_decref(status);
}

static size_t hold_count(const struct world *world)
{
    json_t *status = status_of(world);
    const size_t count = json_array_size(json_object_get(status, "holds"));
    json_decref(status);
    return count;
}

Test(status, every_state_and_level_has_a_name)
{
    cr_expect_str_eq(status_level_name(PUBLISH_INFO), "info");
    cr_expect_str_eq(status_level_name(PUBLISH_NOTICE), "notice");
    cr_expect_str_eq(status_level_name(PUBLISH_WARNING), "warning");
    cr_expect_str_eq(status_level_name(PUBLISH_ERROR), "error");
    cr_expect_str_eq(status_condition_name(CONDITION_STARTING), "starting");
    cr_expect_str_eq(status_condition_name(CONDITION_WORKING), "working");
    cr_expect_str_eq(status_condition_name(CONDITION_CONVERGED), "converged");
    cr_expect_str_eq(status_condition_name(CONDITION_HELD), "held");
}

Test(status, an_engine_that_was_not_started_is_starting)
{
    struct engine_options options = engine_options_default;
    options.instance = "test";
    struct engine *engine = engine_new(&options);
    cr_expect_eq(engine_condition(engine), CONDITION_STARTING);
    engine_free(engine);
}

/* --- gates --------------------------------------------------------------------------------------
 */

static const char by_workflow[] =
    PLATFORM_HEAD "  environments:\n"
                  "    - {name: development}\n"
                  "    - {name: testing, gates: [{name: smoke, workflow: {name: smoke}}]}\n"
                  "  phases: [{name: first, cells: [shop]}]\n";

Test(status, gates_that_failed_or_wait_for_a_person_are_held)
{
    struct world *world = repository_world();
    repository_commit(world, 1, platform_large, "billing", "registry.example/billing:1", NULL,
                      "shop", "registry.example/shop:1", NULL, NULL);
    world_run(world, MINUTES(10));
    expect_hold(world, "gate", "gate approval of billing before production waits for approval",
                "cellctl approve billing production approval");
    world_free(world);
    static const struct {
        const char *outcome, *message;
    } rows[] = {
        {"Failed", "gate smoke of shop before testing run"},
        {"Lost", "gate smoke of shop before testing run"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        world = repository_world();
        expect_created(world, "/api/v1/clusterworkflows",
                       "{\"metadata\":{\"name\":\"smoke\"},\"spec\":{\"runTemplate\":{}}}");
        platform_workflow_rule(world->platform, "*", rows[i].outcome);
        repository_commit(world, 1, by_workflow, "shop", "registry.example/shop:1", NULL, NULL);
        while (!world_published(world, "gate-started", "shop")) {
            cr_expect_eq(hold_count(world), 0, "nobody is asked before it was run");
            cr_assert(world_step(world, MINUTES(20)));
        }
        cr_expect_eq(hold_count(world), 0, "nor while it runs");
        expect_condition(world, CONDITION_HELD);
        expect_hold(world, "gate", rows[i].message, "cellctl approve shop testing smoke");
        bool ok = false;
        world_command(world, "approve", json_pack("{s:s}", "cell", "shop"), &ok);
        cr_expect(ok);
        expect_condition(world, CONDITION_CONVERGED);
        cr_expect_eq(hold_count(world), 0);
        world_free(world);
    }
}

/* --- rollouts -----------------------------------------------------------------------------------
 */

Test(status, a_paused_rollout_goes_on_by_resume)
{
    struct traffic traffic = {.rate = 10};
    traffic_begin(&traffic, "{strategy: canary, steps: [{weight: 20, pause: true}], bake: 1m}",
                  "2");
    traffic_until(&traffic, "development", "paused", MINUTES(10));
    expect_hold(traffic.world, "rollout",
                "shop-api is paused: ", "cellctl rollout resume shop shop-api development");
    cr_expect_eq(engine_condition(traffic.world->engine), CONDITION_HELD);
    cr_expect(traffic_order(&traffic, "resume", "development"));
    expect_condition(traffic.world, CONDITION_CONVERGED);
    cr_expect_eq(hold_count(traffic.world), 0);
    traffic_free(&traffic);
}

Test(status, an_aborted_rollout_goes_on_by_retry)
{
    struct traffic traffic = {.rate = 10};
    traffic_begin(&traffic, "{strategy: canary, steps: [{weight: 20, soak: 5m}], bake: 1m}", "2");
    traffic_until(&traffic, "development", "step", MINUTES(10));
    cr_expect(traffic_order(&traffic, "abort", "development"));
    expect_condition(traffic.world, CONDITION_HELD);
    expect_hold(traffic.world, "rollout", "shop-api is held: aborted by an operator",
                "cellctl rollout retry shop shop-api development");
    cr_expect(traffic_order(&traffic, "retry", "development"));
    expect_condition(traffic.world, CONDITION_CONVERGED);
    traffic_free(&traffic);
}

/* A retry would be refused: no command is named. */
Test(status, a_refused_rollout_names_no_command_that_would_be_refused)
{
    struct world *world = repository_world();
    static const char two[] = PLATFORM_HEAD "  environments: [{name: development}]\n"
                                            "  phases: [{name: first, cells: [billing]},\n"
                                            "           {name: second, cells: [shop]}]\n";
    static const char consumer[] =
        "  connections: [{name: bill, target: acme-billing, protocol: http, port: 8080}]\n"
        "  env: [{name: BILL, value: \"${CHOREO_CONNECTION_bill}\"}]\n";
    repository_commit(world, 1, two, "billing", "registry.example/billing:1", NULL, "shop",
                      "registry.example/shop:1", consumer, NULL);
    expect_condition(world, CONDITION_CONVERGED);
    repository_commit(world, 2, two, "billing",
                      "raw:apiVersion: celld.dev/v1\nkind: Cell\nmetadata: {name: billing}\n"
                      "spec:\n  components:\n    - name: billing-api\n      type: service\n"
                      "      image: registry.example/billing:2\n      endpoints:\n"
                      "        - {name: other, type: http, port: 8080, visibility: [project]}\n",
                      NULL, "shop", "registry.example/shop:2", NULL, NULL);
    expect_condition(world, CONDITION_HELD);
    expect_hold(world, "rollout", "billing-api is held: shop-api of cell shop connects to", "");
    bool ok = true;
    const json_t *reply =
        world_command(world, "rollout-retry",
                      json_pack("{s:s, s:s}", "cell", "billing", "target", "development"), &ok);
    cr_expect_not(ok);
    cr_expect_not_null(strstr(text_of(reply, "message"), "its content is refused"), "%s",
                       text_of(reply, "message"));
    world_free(world);
}

Test(status, what_is_not_proven_waits_for_a_promise)
{
    struct traffic traffic = {.rate = 0.4, .base = 0};
    traffic_begin(&traffic, TRAFFIC_CANARY_WITH("insufficient: promote, metrics: [error-rate]"),
                  "2");
    traffic_until(&traffic, "development", "bake", MINUTES(60));
    cr_expect_eq(hold_count(traffic.world), 0);
    traffic_until(&traffic, "development", "idle", MINUTES(60));
    expect_hold(traffic.world, "rollout", "of shop-api was promoted without proof",
                "cellctl rollout promote shop shop-api development");
    json_t *shown = engine_cell_status(traffic.world->engine, "shop", world_now(traffic.world));
    const json_t *node = json_array_get(json_object_get(shown, "targets"), 0);
    const json_t *component = json_array_get(json_object_get(node, "components"), 0);
    cr_expect(json_is_true(json_object_get(component, "unproven")));
    json_decref(shown);
    cr_expect(traffic_order(&traffic, "promote", "development"));
    cr_expect_eq(hold_count(traffic.world), 0);
    traffic_free(&traffic);
}

/* Held for a minute until the next attempt: nobody is asked, and it is not at rest. */
Test(status, what_tries_again_by_itself_is_at_work)
{
    struct world *world = repository_world();
    repository_commit(world, 1, platform_small, "shop", "registry.example/shop:1", NULL, NULL);
    expect_condition(world, CONDITION_CONVERGED);
    platform_stall(world->platform, world_platform_now(world) + 80000);
    repository_commit(world, 2, platform_small, "shop", "registry.example/shop:2",
                      "  rollout: {progressDeadline: 1m}\n", NULL);
    while (!world_published(world, "rollout-held", "shop"))
        cr_assert(world_step(world, world->now_ms + MINUTES(5)));
    world_run(world, 20000);
    cr_expect_eq(engine_condition(world->engine), CONDITION_WORKING);
    cr_expect_eq(hold_count(world), 0);
    /* Its time comes while nothing may begin: it waits for that, not for a person. */
    static const char frozen[] = PLATFORM_HEAD
        "  environments: [{name: development}]\n"
        "  freeze: [{name: long, from: 2026-01-01T00:00:00Z, to: 2027-01-01T00:00:00Z}]\n"
        "  phases: [{name: first, cells: [shop]}]\n";
    repository_commit(world, 3, frozen, "shop", "registry.example/shop:2",
                      "  rollout: {progressDeadline: 1m}\n", NULL);
    world_run(world, MINUTES(3));
    expect_why(world, "shop", "development", "waits for the end of freeze long");
    cr_expect_eq(engine_condition(world->engine), CONDITION_WORKING);
    repository_commit(world, 4, platform_small, "shop", "registry.example/shop:2",
                      "  rollout: {progressDeadline: 1m}\n", NULL);
    expect_condition(world, CONDITION_CONVERGED);
    world_free(world);
}

/* A component that tries again by itself beside one whose object was refused: a person has to look.
 */
Test(status, what_is_refused_beside_it_is_held_though_one_tries_again)
{
    static const char cell[] =
        "raw:apiVersion: celld.dev/v1\nkind: Cell\nmetadata: {name: shop}\nspec:\n"
        "  rollout: {progressDeadline: 1m}\n  components:\n"
        "    - {name: base, type: worker, image: \"r.example/base:%d\"}\n%s";
    struct meddler meddler;
    const struct meddling items[] = {
        {"POST", "/components", 1000, 1000, ANSWER_RECEIVED, 422, "{}", true}, {.method = NULL}};
    struct world *world = meddle_world(&meddler, items);
    for (int i = 1; i <= 2; i++) {
        char text[1024];
        snprintf(text, sizeof text, cell, i,
                 i == 1 ? "" : "    - {name: next, type: worker, image: \"r.example/next:1\"}\n");
        repository_commit(world, i, platform_small, "shop", text, NULL, NULL);
        if (i == 1)
            expect_condition(world, CONDITION_CONVERGED);
        meddler.items[0].skip = meddler.seen[0];
    }
    platform_stall(world->platform, world_platform_now(world) + 80000);
    while (!world_published(world, "rollout-held", "shop"))
        cr_assert(world_step(world, world->now_ms + MINUTES(5)));
    world_run(world, 20000);
    cr_expect_eq(engine_condition(world->engine), CONDITION_HELD);
    expect_hold(world, "object", "meddled with", "");
    world_free(world);
}

/* --- objects ------------------------------------------------------------------------------------
 */

Test(status, what_the_server_refuses_is_held_with_its_words)
{
    struct meddler meddler;
    const struct meddling items[] = {
        {"POST", "/environments", 0, 1000, ANSWER_RECEIVED, 400, "{}", true}, {.method = NULL}};
    struct world *world = meddle_world(&meddler, items);
    repository_commit(world, 1, platform_small, "shop", "registry.example/shop:1", NULL, NULL);
    world_run(world, MINUTES(3));
    expect_hold(world, "object", "meddled with", "");
    json_t *status = status_of(world);
    cr_expect(json_is_null(json_object_get(hold_of(status, "meddled with"), "cell")));
    json_decref(status);
    world_free(world);
}

Test(status, what_is_refused_of_a_cell_names_the_cell)
{
    struct meddler meddler;
    const struct meddling items[] = {
        {"POST", "/components", 0, 1000, ANSWER_RECEIVED, 422, "{}", true}, {.method = NULL}};
    struct world *world = meddle_world(&meddler, items);
    repository_commit(world, 1, platform_small, "shop", "registry.example/shop:1", NULL, NULL);
    world_run(world, MINUTES(3));
    expect_hold(world, "object", "meddled with", "");
    json_t *status = status_of(world);
    cr_expect_str_eq(text_of(hold_of(status, "meddled with"), "cell"), "shop");
    json_decref(status);
    world_free(world);
}

Test(status, an_environment_that_is_gone_is_only_told)
{
    static const char one[] = PLATFORM_HEAD "  environments: [{name: development}]\n"
                                            "  phases: [{name: first, cells: [shop]}]\n";
    static const char two[] =
        PLATFORM_HEAD "  environments: [{name: development}, {name: testing}]\n"
                      "  phases: [{name: first, cells: [shop]}]\n";
    struct world *world = repository_world();
    repository_commit(world, 1, two, "shop", "registry.example/shop:1", NULL, NULL);
    expect_condition(world, CONDITION_CONVERGED);
    repository_commit(world, 2, one, "shop", "registry.example/shop:1", NULL, NULL);
    world_run(world, MINUTES(5));
    expect_hold(world, "object", "Environment testing is not in git any more; ", "");
    world_free(world);
}

/* --- cells --------------------------------------------------------------------------------------
 */

static const json_t *cell_of(const json_t *status, const char *name)
{
    const json_t *cells = json_object_get(status, "cells");
    for (size_t i = 0; i < json_array_size(cells); i++) {
        if (strcmp(text_of(json_array_get(cells, i), "name"), name) == 0)
            return json_array_get(cells, i);
    }
    return NULL;
}

/* One whose removal waits is still shown, though its phase is gone; one that never was is not. */
Test(status, cells_that_are_gone_are_shown_while_something_is_left_of_them)
{
    static const char two[] = PLATFORM_HEAD "  environments: [{name: development}]\n"
                                            "  phases:\n"
                                            "    - {name: first, cells: [shop]}\n"
                                            "    - {name: second, cells: [billing]}\n";
    struct world *world = repository_world();
    repository_commit(world, 1, two, "shop", "registry.example/shop:1", NULL, "billing",
                      "registry.example/billing:1", NULL, "extra", "raw:nonsense", NULL, NULL);
    world_run(world, MINUTES(3));
    json_t *status = status_of(world);
    cr_expect_str_eq(text_of(cell_of(status, "billing"), "phase"), "second");
    cr_expect_not_null(cell_of(status, "extra"));
    json_decref(status);
    bool ok = false;
    world_command(world, "suspend", json_object(), &ok);
    repository_commit(world, 2, platform_small, "shop", "registry.example/shop:1", NULL, NULL);
    world_run(world, MINUTES(3));
    status = status_of(world);
    const json_t *billing = cell_of(status, "billing");
    cr_assert_not_null(billing);
    cr_expect(json_is_true(json_object_get(billing, "removed")));
    cr_expect(json_is_null(json_object_get(billing, "phase")));
    cr_expect_null(cell_of(status, "extra"));
    json_decref(status);
    world_free(world);
}

Test(status, a_cell_that_its_manifest_suspends_says_so)
{
    struct world *world = repository_world();
    repository_commit(world, 1, platform_small, "shop", "registry.example/shop:1", NULL, NULL);
    expect_condition(world, CONDITION_CONVERGED);
    repository_commit(world, 2, platform_small, "shop", "registry.example/shop:2",
                      "  suspend: true\n", NULL);
    world_run(world, MINUTES(3));
    json_t *status = status_of(world);
    cr_expect(json_is_true(json_object_get(cell_of(status, "shop"), "suspended")));
    json_decref(status);
    expect_why(world, "shop", "development", "is suspended");
    expect_runs(world, "shop-api-a", "development", "registry.example/shop:1");
    world_free(world);
}

/* --- what is to go ------------------------------------------------------------------------------
 */

Test(status, a_removal_that_the_server_refuses_is_held)
{
    static const char platform[] = PLATFORM_HEAD "  prune: {budget: \"90%\", minimum: 100}\n"
                                                 "  environments: [{name: development}]\n"
                                                 "  phases: [{name: all, cells: [shop]}]\n";
    static const char cell[] =
        "raw:apiVersion: celld.dev/v1\nkind: Cell\nmetadata: {name: shop}\nspec:\n  components:\n"
        "    - {name: base, type: worker, image: \"r.example/base:1\"}\n%s";
    struct meddler meddler;
    const struct meddling items[] = {
        {"DELETE", "/components/late", 0, 1000, ANSWER_RECEIVED, 422, "{}", true},
        {.method = NULL}};
    struct world *world = meddle_world(&meddler, items);
    for (int i = 1; i <= 2; i++) {
        char text[1024];
        snprintf(text, sizeof text, cell,
                 i == 1 ? "    - {name: late, type: worker, image: \"r.example/late:1\"}\n" : "");
        repository_commit(world, i, platform, "shop", text, NULL, NULL);
        world_run(world, 1000);
        expect_condition(world, i == 1 ? CONDITION_CONVERGED : CONDITION_HELD);
    }
    expect_hold(world, "object", "DELETE of Component late was refused (422): meddled with", "");
    expect_no_dangers(world);
    world_free(world);
}

/* --- rollouts -----------------------------------------------------------------------------------
 */

/* Content in quarantine is out of action, also while nothing is begun with it. */
Test(status, condemned_content_is_listed_while_its_cell_is_suspended)
{
    struct world *world = repository_world();
    static const char quick[] = "  rollout: {progressDeadline: 1m}\n";
    repository_commit(world, 1, platform_small, "shop", "registry.example/shop:1", quick, NULL);
    expect_condition(world, CONDITION_CONVERGED);
    platform_image_rule(world->platform, "*:2", PLATFORM_IMAGE_CRASHES, 0);
    repository_commit(world, 2, platform_small, "shop", "registry.example/shop:2", quick, NULL);
    world_run(world, 1000);
    expect_condition(world, CONDITION_HELD);
    repository_commit(world, 3, platform_small, "shop", "registry.example/shop:1", quick, NULL);
    world_run(world, 1000);
    expect_condition(world, CONDITION_CONVERGED);
    const struct engine_rollouts_of of = {.active = true};
    json_t *shown = engine_rollouts(world->engine, &of, world_now(world));
    cr_expect_eq(json_array_size(shown), 0);
    json_decref(shown);
    bool ok = false;
    world_command(world, "suspend", json_pack("{s:s}", "cell", "shop"), &ok);
    cr_assert(ok);
    repository_commit(world, 4, platform_small, "shop", "registry.example/shop:2", quick, NULL);
    world_run(world, MINUTES(2));
    shown = engine_rollouts(world->engine, &of, world_now(world));
    cr_assert_eq(json_array_size(shown), 1);
    const json_t *component = json_object_get(json_array_get(shown, 0), "component");
    cr_expect_str_eq(text_of(component, "state"), "idle");
    cr_expect(json_is_true(json_object_get(component, "quarantined")));
    json_decref(shown);
    world_free(world);
}
