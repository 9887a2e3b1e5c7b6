/* Releases that are judged by what metrics say of them. */
#include "config/base/json.h"
#include "tests/reconciler/engine/traffic.h"

#include <criterion/criterion.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

TestSuite(trial, .timeout = 600);

static double number(const json_t *value, const char *a, const char *b)
{
    return json_number_value(json_at(value, a, b, NULL));
}

/* --- good and bad -------------------------------------------------------------------------------
 */

Test(trial, a_good_release_is_let_pass)
{
    struct traffic traffic = {.rate = 10, .base = 0.005};
    traffic_begin(&traffic, TRAFFIC_CANARY, "2");
    expect_condition(traffic.world, CONDITION_CONVERGED);
    const json_t *data = json_object_get(traffic_event(&traffic, "rollout-baked"), "data");
    const json_t *shown = json_object_get(data, "analysis");
    cr_expect_str_eq(json_text_or(json_object_get(shown, "verdict"), ""), "pass");
    cr_expect_gt(number(shown, "requests", "canary"), 500);
    cr_expect_gt(number(shown, "for", "value"), 20);
    cr_expect_gt(json_number_value(json_object_get(data, "duration_ms")), 600000);
    const json_t *rollout = traffic_rollout(&traffic, "development");
    cr_expect(!json_is_true(json_object_get(rollout, "unproven")));
    cr_expect(json_is_null(json_object_get(rollout, "analysis")));
    expect_runs(traffic.world, "shop-api-b", "development", "registry.example/shop:2");
    expect_no_dangers(traffic.world);
    expect_silence(traffic.world);
    traffic_free(&traffic);
}

Test(trial, a_bad_release_goes_back_stays_away_and_its_fix_goes_through)
{
    struct traffic traffic = {.rate = 10, .base = 0.005, .bad = 0.1};
    traffic_begin(&traffic, TRAFFIC_CANARY, "bad");
    traffic_until(&traffic, "development", "held", MINUTES(30));
    cr_assert(world_published(traffic.world, "rolled-back", "shop"));
    const json_t *data = json_object_get(traffic_event(&traffic, "rollback-started"), "data");
    const json_t *shown = json_object_get(data, "analysis");
    cr_expect_str_eq(json_text_or(json_object_get(shown, "verdict"), ""), "rollback");
    cr_expect_geq(number(shown, "against", "value"), 100);
    cr_expect_lt(number(shown, "bad", "canary"), 200, "few people were hurt");
    cr_expect_eq(traffic_quarantines(&traffic), 1);
    expect_why(traffic.world, "shop", "development", "judged bad: error-rate: ");
    expect_why(traffic.world, "shop", "development", "push a fix");
    /* the same content under another commit */
    const unsigned asked = traffic.windows;
    traffic_commit(&traffic, 3, platform_small, "bad", TRAFFIC_CANARY);
    world_run(traffic.world, MINUTES(10));
    cr_expect_str_eq(traffic_text(&traffic, "development", "state"), "held");
    cr_expect_eq(traffic.windows, asked);
    traffic_commit(&traffic, 4, platform_small, "2", TRAFFIC_CANARY);
    expect_condition(traffic.world, CONDITION_CONVERGED);
    expect_runs(traffic.world, "shop-api-b", "development", "registry.example/shop:2");
    cr_expect_eq(traffic_quarantines(&traffic), 1);
    expect_no_dangers(traffic.world);
    expect_silence(traffic.world);
    traffic_free(&traffic);
}

/* It is held where it stands, for a person; newer content is a person's word. */
Test(trial, a_fix_ends_the_hold_of_a_release_that_may_not_go_back)
{
    static const char policy[] =
        "{strategy: canary, steps: [{weight: 20, soak: 5m}], bake: 1m, "
        "rollback: {forbidden: true}, analysis: {metrics: [error-rate], interval: 30s}}";
    struct traffic traffic = {.rate = 10, .base = 0.005, .bad = 0.1};
    traffic_begin(&traffic, policy, "bad");
    traffic_until(&traffic, "development", "held", MINUTES(30));
    world_run(traffic.world, MINUTES(10));
    cr_expect_str_eq(traffic_text(&traffic, "development", "state"), "held");
    expect_why(traffic.world, "shop", "development", "its rollback is forbidden");
    traffic_commit(&traffic, 3, platform_small, "2", policy);
    expect_condition(traffic.world, CONDITION_CONVERGED);
    expect_runs(traffic.world, "shop-api-b", "development", "registry.example/shop:2");
    expect_no_dangers(traffic.world);
    traffic_free(&traffic);
}

Test(trial, a_release_that_fails_every_request_goes_back_at_once)
{
    struct traffic traffic = {.rate = 2, .base = 0, .bad = 1};
    traffic_begin(&traffic, TRAFFIC_CANARY, "bad");
    traffic_until(&traffic, "development", "step", MINUTES(5));
    const int64_t began = traffic.world->now_ms;
    traffic_until(&traffic, "development", "held", MINUTES(10));
    cr_expect_lt(traffic.world->now_ms - began, MINUTES(4));
    cr_expect_eq(traffic_quarantines(&traffic), 1);
    traffic_free(&traffic);
}

Test(trial, a_slow_release_goes_back)
{
    struct traffic traffic = {.rate = 10, .base = 0.005, .slow = 0.2};
    traffic_begin(&traffic, TRAFFIC_CANARY_WITH("metrics: [error-rate, latency]"), "slow");
    traffic_until(&traffic, "development", "step", MINUTES(5));
    world_run(traffic.world, MINUTES(1));
    const json_t *metric =
        json_array_get(json_object_get(traffic_analysis(&traffic), "metrics"), 1);
    cr_expect_eq(json_number_value(json_object_get(metric, "edge")), 0.5);
    traffic_until(&traffic, "development", "held", MINUTES(30));
    cr_expect_eq(traffic_quarantines(&traffic), 1);
    expect_why(traffic.world, "shop", "development", "latency: ");
    traffic_free(&traffic);
}

/* Its first requests are slow, as those of many are. */
Test(trial, a_release_that_has_to_warm_up_first_goes_through)
{
    static const char *const policies[] = {
        TRAFFIC_CANARY_WITH("metrics: [error-rate, latency]"),
        TRAFFIC_CANARY_WITH("metrics: [latency]"),
        "{strategy: blue-green, bake: 5m, progressDeadline: 5m, analysis: {metrics: [latency]}}"};
    for (size_t i = 0; i < sizeof policies / sizeof *policies; i++) {
        struct traffic traffic = {.rate = 10, .base = 0.005, .cold = 0.8};
        traffic_begin(&traffic, policies[i], "2");
        expect_condition(traffic.world, CONDITION_CONVERGED);
        cr_expect(traffic.warm);
        cr_expect_eq(traffic_quarantines(&traffic), 0, "%zu", i);
        expect_runs(traffic.world, "shop-api-b", "development", "registry.example/shop:2");
        traffic_free(&traffic);
    }
}

Test(trial, without_analysis_nothing_is_asked)
{
    struct traffic traffic = {.rate = 10, .base = 0.005, .bad = 0.1};
    traffic_begin(&traffic, "{strategy: canary, " TRAFFIC_STEPS "}", "bad");
    expect_condition(traffic.world, CONDITION_CONVERGED);
    cr_expect_eq(traffic.windows + traffic.histories, 0);
    traffic_free(&traffic);
}

Test(trial, a_step_without_analysis_is_not_looked_at)
{
    struct traffic traffic = {.rate = 10, .base = 0.005};
    traffic_begin(
        &traffic,
        "{strategy: canary, steps: [{weight: 5, soak: 20m, analysis: false}, {weight: 50, soak: "
        "3m}], analysis: {metrics: [error-rate]}}",
        "2");
    traffic_until(&traffic, "development", "step", MINUTES(5));
    world_run(traffic.world, MINUTES(15));
    cr_expect_eq(traffic.windows, 0);
    expect_condition(traffic.world, CONDITION_CONVERGED);
    cr_expect_gt(traffic.windows, 2);
    cr_expect_lt(traffic.windows, 12, "what was before is not looked at");
    traffic_free(&traffic);
}

/* --- blue-green ---------------------------------------------------------------------------------
 */

Test(trial, blue_green_is_judged_while_it_bakes)
{
    struct traffic traffic = {.rate = 10, .base = 0.005};
    traffic_begin(&traffic, TRAFFIC_BLUE_GREEN, "2");
    expect_condition(traffic.world, CONDITION_CONVERGED);
    world_run(traffic.world, MINUTES(20));
    traffic_commit(&traffic, 3, platform_small, "3", TRAFFIC_BLUE_GREEN);
    traffic_until(&traffic, "development", "bake", MINUTES(10));
    traffic_until(&traffic, "development", "idle", MINUTES(20));
    const json_t *event = traffic_event(&traffic, "rollout-baked");
    const json_t *shown = json_at(event, "data", "analysis", NULL);
    cr_expect_str_eq(json_text_or(json_object_get(shown, "verdict"), ""), "pass");
    cr_expect_gt(number(shown, "requests", "stable"), 100, "what it is compared with");
    expect_condition(traffic.world, CONDITION_CONVERGED);
    expect_silence(traffic.world);
    traffic_free(&traffic);
}

Test(trial, blue_green_goes_back_from_its_bake)
{
    struct traffic traffic = {.rate = 10, .base = 0.005, .bad = 0.1};
    traffic_begin(&traffic, TRAFFIC_BLUE_GREEN, "bad");
    traffic_until(&traffic, "development", "bake", MINUTES(10));
    traffic_until(&traffic, "development", "held", MINUTES(20));
    cr_expect_eq(traffic_quarantines(&traffic), 1);
    expect_runs(traffic.world, "shop-api-a", "development", "registry.example/shop:1");
    expect_no_dangers(traffic.world);
    traffic_free(&traffic);
}

/* --- a source that fails ------------------------------------------------------------------------
 */

Test(trial, a_source_that_fails_holds_the_weight_and_condemns_nobody)
{
    static const struct {
        enum traffic_fault fault;
        bool no_history;
        const char *verdict, *why;
    } rows[] = {
        {TRAFFIC_DOWN, true, "provider-error",
         "the metrics cannot be read: the source of metrics answered 503"},
        {TRAFFIC_NONSENSE, false, "provider-error",
         "the metrics cannot be read: the source answered with numbers that cannot be"},
        {TRAFFIC_EMPTY, false, "no-data", "at a weight of 5 %: the metrics show no requests of it"},
        {TRAFFIC_SILENT, false, "no-data", "the traffic did not follow the weight of 5 %"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct traffic traffic = {.rate = 10,
                                  .base = 0.005,
                                  .bad = 1,
                                  .fault = rows[i].fault,
                                  .no_history = rows[i].no_history};
        traffic_begin(&traffic, TRAFFIC_CANARY, "bad");
        traffic_until(&traffic, "development", "step", MINUTES(5));
        world_run(traffic.world, MINUTES(5));
        cr_expect_str_eq(traffic_verdict(&traffic), rows[i].verdict, "%zu: %s", i,
                         traffic_verdict(&traffic));
        cr_expect_eq(
            json_integer_value(json_object_get(traffic_rollout(&traffic, "development"), "weight")),
            5);
        traffic_until(&traffic, "development", "held", MINUTES(20));
        const json_t *event = traffic_event(&traffic, "rollback-started");
        const char *message = json_text_or(json_object_get(event, "message"), "");
        cr_expect_not_null(strstr(message, rows[i].why), "%zu: %s", i, message);
        cr_expect_eq(traffic_quarantines(&traffic), 0, "%zu", i);
        /* once the source is there again, the next attempt is judged */
        traffic.fault = TRAFFIC_SOUND;
        traffic.no_history = false;
        traffic.bad = 0.005;
        expect_condition(traffic.world, CONDITION_CONVERGED);
        traffic_free(&traffic);
    }
}

Test(trial, a_short_failure_of_the_source_delays_and_loses_nothing)
{
    struct traffic traffic = {.rate = 10, .base = 0.005};
    traffic_begin(&traffic, TRAFFIC_CANARY, "2");
    traffic_until(&traffic, "development", "step", MINUTES(5));
    world_run(traffic.world, MINUTES(2));
    traffic.fault = TRAFFIC_DOWN;
    world_run(traffic.world, MINUTES(3));
    cr_expect_gt(json_integer_value(json_object_get(traffic_analysis(&traffic), "failures")), 2);
    cr_expect_not_null(strstr(
        json_text_or(json_object_get(traffic_analysis(&traffic), "error"), ""), "answered 503"));
    traffic.fault = TRAFFIC_SOUND;
    expect_condition(traffic.world, CONDITION_CONVERGED);
    cr_expect_eq(traffic_quarantines(&traffic), 0);
    traffic_free(&traffic);
}

Test(trial, latency_without_a_past_is_left_out_and_said)
{
    struct traffic traffic = {.rate = 10, .base = 0.005, .no_history = true};
    traffic_begin(&traffic, TRAFFIC_CANARY_WITH("metrics: [error-rate, latency]"), "2");
    traffic_until(&traffic, "development", "step", MINUTES(5));
    world_run(traffic.world, MINUTES(2));
    const json_t *metrics = json_object_get(traffic_analysis(&traffic), "metrics");
    cr_expect_not_null(strstr(
        json_text_or(json_object_get(json_array_get(metrics, 1), "message"), ""), "left out"));
    cr_expect(world_published(traffic.world, "metric-left-out", "shop"));
    cr_expect_eq(traffic.histories, 3);
    expect_condition(traffic.world, CONDITION_CONVERGED);
    traffic_free(&traffic);
}

/* --- too little to tell -------------------------------------------------------------------------
 */

Test(trial, too_few_requests_end_as_the_policy_says)
{
    struct traffic traffic = {.rate = 0.4, .base = 0};
    traffic_begin(&traffic, TRAFFIC_CANARY_WITH("metrics: [error-rate]"), "2");
    traffic_until(&traffic, "development", "paused", MINUTES(30));
    json_t *status = engine_status(traffic.world->engine, world_now(traffic.world));
    cr_expect_str_eq(
        json_text_or(
            json_object_get(json_array_get(json_object_get(status, "holds"), 0), "command"), ""),
        "cellctl rollout promote shop shop-api development");
    json_decref(status);
    expect_why(traffic.world, "shop", "development", "too few requests");
    cr_expect_not(traffic_order(&traffic, "resume", "development"));
    traffic.rate = 50;
    expect_condition(traffic.world, CONDITION_CONVERGED);
    cr_expect(!json_is_true(json_object_get(traffic_rollout(&traffic, "development"), "unproven")));
    traffic_free(&traffic);

    struct traffic back = {.rate = 0.4, .base = 0};
    traffic_begin(&back, TRAFFIC_CANARY_WITH("insufficient: rollback, metrics: [error-rate]"), "2");
    traffic_until(&back, "development", "held", MINUTES(30));
    cr_expect_eq(traffic_quarantines(&back), 0);
    expect_runs(back.world, "shop-api-a", "development", "registry.example/shop:1");
    traffic_free(&back);
}

static const char platform_two[] = PLATFORM_HEAD "  environments:\n"
                                                 "    - {name: testing}\n"
                                                 "    - {name: production}\n"
                                                 "  phases:\n"
                                                 "    - {name: first, cells: [shop]}\n";

Test(trial, unproven_content_waits_for_a_person_before_the_next_environment)
{
    struct traffic traffic = {.rate = 0.4, .base = 0};
    const char *policy = TRAFFIC_CANARY_WITH("insufficient: promote, metrics: [error-rate]");
    traffic_world(&traffic);
    traffic_commit(&traffic, 1, platform_two, "1", policy);
    expect_condition(traffic.world, CONDITION_CONVERGED);
    traffic_commit(&traffic, 2, platform_two, "2", policy);
    world_run(traffic.world, 1000);
    expect_condition(traffic.world, CONDITION_HELD);
    expect_runs(traffic.world, "shop-api-b", "testing", "registry.example/shop:2");
    expect_runs(traffic.world, "shop-api-a", "production", "registry.example/shop:1");
    expect_why(traffic.world, "shop", "production", "without proof");
    expect_why(traffic.world, "shop", "production",
               "cellctl rollout promote shop shop-api testing");
    world_kill(traffic.world); /* the mark survives */
    world_run(traffic.world, MINUTES(2));
    expect_runs(traffic.world, "shop-api-a", "production", "registry.example/shop:1");
    cr_assert(traffic_order(&traffic, "promote", "testing"));
    expect_condition(traffic.world, CONDITION_CONVERGED);
    expect_runs(traffic.world, "shop-api-b", "production", "registry.example/shop:2");
    expect_silence(traffic.world);
    traffic_free(&traffic);
}

static const char platform_regions[] = PLATFORM_HEAD "  environments:\n"
                                                     "    - {name: production, regions: [us, eu]}\n"
                                                     "  phases:\n"
                                                     "    - {name: first, cells: [shop]}\n";

Test(trial, the_second_region_follows_only_what_was_judged_good_in_the_first)
{
    struct traffic traffic = {.rate = 10, .base = 0.005, .bad = 0.1};
    traffic_world(&traffic);
    traffic_commit(&traffic, 1, platform_regions, "1", TRAFFIC_CANARY);
    expect_condition(traffic.world, CONDITION_CONVERGED);
    traffic_commit(&traffic, 2, platform_regions, "bad", TRAFFIC_CANARY);
    traffic_until(&traffic, "production", "held", MINUTES(30));
    world_run(traffic.world, MINUTES(10));
    cr_expect_eq(
        json_integer_value(json_object_get(traffic_rollout(&traffic, "production-eu"), "attempt")),
        1);
    expect_runs(traffic.world, "shop-api-a", "production-eu", "registry.example/shop:1");
    traffic_commit(&traffic, 3, platform_regions, "3", TRAFFIC_CANARY);
    traffic_until(&traffic, "production", "bake", MINUTES(30));
    cr_expect_str_eq(traffic_text(&traffic, "production-eu", "state"), "idle");
    expect_condition(traffic.world, CONDITION_CONVERGED);
    expect_runs(traffic.world, "shop-api-b", "production-eu", "registry.example/shop:3");
    expect_no_dangers(traffic.world);
    traffic_free(&traffic);
}
