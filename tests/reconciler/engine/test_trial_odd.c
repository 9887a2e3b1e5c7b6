/* Judged releases in the middle of other things: clocks that jump, sick neighbours, names that are
 * not known, and manifests that change under way. */
#include "config/base/json.h"
#include "tests/reconciler/engine/traffic.h"

#include <criterion/criterion.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

TestSuite(trial_odd, .timeout = 180);

/* --- the source ---------------------------------------------------------------------------------
 */

Test(trial_odd, answers_that_are_no_objects_are_failures)
{
    struct traffic traffic = {.rate = 10, .base = 0.005, .fault = TRAFFIC_ODD};
    traffic_begin(&traffic, TRAFFIC_CANARY, "2");
    traffic_until(&traffic, "development", "step", MINUTES(5));
    world_run(traffic.world, MINUTES(4));
    const json_t *shown = traffic_analysis(&traffic);
    cr_expect_gt(json_integer_value(json_object_get(shown, "failures")), 0);
    cr_expect_str_eq(json_text_or(json_object_get(shown, "error"), ""), "no answer");
    traffic.fault = TRAFFIC_SOUND;
    expect_condition(traffic.world, CONDITION_CONVERGED);
    cr_expect_eq(traffic_quarantines(&traffic), 0);
    traffic_free(&traffic);
}

/* A window that could not be had for ten minutes is left out: the next ones decide. */
Test(trial_odd, a_long_silence_of_the_source_costs_windows_and_no_release)
{
    static const char patient[] =
        "{strategy: canary, steps: [{weight: 50, soak: 5m}], bake: 1m, progressDeadline: 1h, "
        "analysis: {metrics: [error-rate]}}";
    struct traffic traffic = {.rate = 10, .base = 0.005};
    traffic_begin(&traffic, patient, "2");
    traffic_until(&traffic, "development", "step", MINUTES(5));
    world_run(traffic.world, MINUTES(2));
    traffic.fault = TRAFFIC_DOWN;
    world_run(traffic.world, MINUTES(20));
    cr_expect_str_eq(traffic_text(&traffic, "development", "state"), "step");
    traffic.fault = TRAFFIC_SOUND;
    expect_condition(traffic.world, CONDITION_CONVERGED);
    cr_expect_eq(traffic_quarantines(&traffic), 0);
    traffic_free(&traffic);
}

/* What it was compared with an hour ago says little about now. */
Test(trial_odd, the_past_is_no_longer_than_an_hour)
{
    struct traffic traffic = {.rate = 10, .base = 0.005};
    traffic_world(&traffic);
    traffic_commit(&traffic, 1, platform_small, "1", TRAFFIC_CANARY);
    expect_condition(traffic.world, CONDITION_CONVERGED);
    world_run(traffic.world, MINUTES(180));
    traffic_commit(&traffic, 2, platform_small, "2", TRAFFIC_CANARY);
    traffic_until(&traffic, "development", "step", MINUTES(5));
    cr_expect_eq(traffic.past_ms, MINUTES(60));
    expect_condition(traffic.world, CONDITION_CONVERGED);
    traffic_free(&traffic);
}

/* --- clocks and names ---------------------------------------------------------------------------
 */

Test(trial_odd, a_clock_that_is_set_back_counts_nothing_of_the_future)
{
    struct traffic traffic = {.rate = 10, .base = 0.005};
    traffic_begin(&traffic, TRAFFIC_CANARY, "2");
    traffic_until(&traffic, "development", "deploy", MINUTES(5));
    traffic.world->wall_offset_ms -= MINUTES(90);
    traffic_until(&traffic, "development", "idle", MINUTES(180));
    cr_expect_eq(traffic_quarantines(&traffic), 0);
    expect_runs(traffic.world, "shop-api-b", "development", "registry.example/shop:2");
    traffic_free(&traffic);
}

static int64_t slow_trees(void *context, const struct world_request *request)
{
    (void)context;
    return strstr(request->path, "/tree") == NULL ? 0 : 60000;
}

/* After a restart the names on the data plane come with the looks. A source can do without. */
Test(trial_odd, names_that_do_not_come_are_done_without)
{
    struct traffic traffic = {.rate = 10, .base = 0.005};
    traffic_begin(&traffic, TRAFFIC_CANARY, "2");
    traffic_until(&traffic, "development", "step", MINUTES(5));
    world_run(traffic.world, MINUTES(2));
    cr_expect_eq(traffic.nameless, 0);
    traffic.world->options.delay = slow_trees;
    world_kill(traffic.world);
    world_run(traffic.world, MINUTES(2));
    cr_expect_gt(traffic.nameless, 0);
    traffic.world->options.delay = NULL;
    expect_condition(traffic.world, CONDITION_CONVERGED);
    traffic_free(&traffic);
}

/* --- neighbours ---------------------------------------------------------------------------------
 */

/* --- the manifest changes -----------------------------------------------------------------------
 */

Test(trial_odd, a_component_that_is_gone_is_not_asked_about)
{
    struct traffic traffic = {.rate = 10, .base = 0.005};
    traffic_begin(&traffic, TRAFFIC_CANARY, "2");
    traffic_until(&traffic, "development", "step", MINUTES(5));
    struct world *world = traffic.world;
    world_run(world, MINUTES(2));
    cr_expect(world_has_rows(world, "judge/shop/shop-api/"));
    repository_commit(world, 3, platform_small, "shop",
                      "raw:apiVersion: celld.dev/v1\nkind: Cell\nmetadata: {name: shop}\nspec:\n"
                      "  components:\n    - {name: other, type: worker, image: r.example/o:1}\n",
                      NULL, NULL);
    world_run(world, 1000);
    const unsigned asked = traffic.windows;
    world_run(world, MINUTES(5));
    cr_expect_leq(traffic.windows, asked, "%u", traffic.windows - asked);
    bool ok = false;
    json_t *status = engine_status(world->engine, world_now(world));
    const json_t *holds = json_object_get(status, "holds");
    for (size_t i = 0; i < json_array_size(holds); i++) {
        const json_t *hold = json_array_get(holds, i);
        if (strcmp(json_text_or(json_object_get(hold, "kind"), ""), "prune") == 0)
            world_command(world, "approve",
                          json_pack("{s:O}", "prune", json_object_get(hold, "name")), &ok);
    }
    json_decref(status);
    cr_expect(ok, "so much goes only when a person says so");
    expect_condition(world, CONDITION_CONVERGED);
    cr_expect_not(world_has_rows(world, "judge/"));
    expect_silence(world);
    traffic_free(&traffic);
}

/* A manifest that begins to ask for a judgement changes no plan that is under way. */
Test(trial_odd, analysis_that_comes_later_is_for_what_is_left)
{
    static const char without[] =
        "{strategy: canary, steps: [{weight: 20, pause: true}], bake: 3m}";
    static const char with[] = "{strategy: canary, steps: [{weight: 20, pause: true}], bake: 3m, "
                               "analysis: {metrics: [error-rate]}}";
    struct traffic traffic = {.rate = 10, .base = 0.005};
    traffic_begin(&traffic, without, "2");
    traffic_until(&traffic, "development", "paused", MINUTES(5));
    traffic_commit(&traffic, 3, platform_small, "2", with);
    world_run(traffic.world, MINUTES(2));
    cr_expect_str_eq(traffic_text(&traffic, "development", "state"), "paused");
    cr_expect(traffic_order(&traffic, "resume", "development"));
    traffic_until(&traffic, "development", "idle", MINUTES(60));
    cr_expect_eq(traffic_quarantines(&traffic), 0);
    expect_runs(traffic.world, "shop-api-b", "development", "registry.example/shop:2");
    traffic_free(&traffic);
}

/* --- short steps, and nothing to judge by -------------------------------------------------------
 */

/* A step shorter than a window is not meant to be counted: no traffic in it is no finding. */
Test(trial_odd, a_step_shorter_than_a_window_is_not_counted)
{
    static const char brief[] =
        "{strategy: canary, steps: [{weight: 5, soak: 90s}, {weight: 10, soak: 20s}, {weight: 50, "
        "soak: 4m}], bake: 1m, progressDeadline: 5m, analysis: {metrics: [error-rate]}}";
    struct traffic traffic = {.rate = 100, .base = 0.005};
    traffic_begin(&traffic, brief, "2");
    traffic_until(&traffic, "development", "step", MINUTES(5));
    while (json_integer_value(json_object_get(traffic_rollout(&traffic, "development"), "step")) <
           1)
        cr_assert(world_step(traffic.world, traffic.world->now_ms + MINUTES(5)));
    world_run(traffic.world, 5000);
    cr_expect_str_eq(traffic_text(&traffic, "development", "weight_counted"), "not-counted");
    expect_condition(traffic.world, CONDITION_CONVERGED);
    traffic_free(&traffic);
}

Test(trial_odd, latency_alone_without_a_past_is_no_judge)
{
    struct traffic traffic = {.rate = 10, .base = 0.005, .no_history = true};
    traffic_begin(&traffic, TRAFFIC_CANARY_WITH("metrics: [latency]"), "2");
    traffic_until(&traffic, "development", "step", MINUTES(5));
    world_run(traffic.world, MINUTES(3));
    cr_expect_str_eq(traffic_verdict(&traffic), "no-data");
    traffic_until(&traffic, "development", "held", MINUTES(60));
    cr_expect_eq(traffic_quarantines(&traffic), 0);
    cr_expect_eq(traffic.windows, 0);
    traffic_free(&traffic);
}
