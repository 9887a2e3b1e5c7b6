/* Releases that are judged by what metrics say of them. */
#include "config/base/json.h"
#include "tests/reconciler/engine/traffic.h"

#include <criterion/criterion.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

TestSuite(trial, .timeout = 180);

#define STEPS "steps: [{weight: 5, soak: 5m}, {weight: 20, soak: 3m}, {weight: 50, soak: 2m}]"
#define CANARY_WITH(analysis)                                                                      \
    "{strategy: canary, " STEPS ", bake: 2m, progressDeadline: 5m, analysis: {provider: "          \
    "prometheus, " analysis "}}"
#define CANARY CANARY_WITH("metrics: [error-rate]")
#define BLUE_GREEN                                                                                 \
    "{strategy: blue-green, bake: 5m, progressDeadline: 5m, analysis: {metrics: [error-rate]}}"

static double number(const json_t *value, const char *a, const char *b)
{
    return json_number_value(json_at(value, a, b, NULL));
}

static const json_t *analysis(struct traffic *traffic)
{
    return json_object_get(traffic_rollout(traffic, "development"), "analysis");
}

static const char *verdict(struct traffic *traffic)
{
    return json_text_or(json_object_get(analysis(traffic), "verdict"), "");
}

static size_t quarantines(const struct traffic *traffic)
{
    json_t *shown = engine_quarantine(traffic->world->engine);
    const size_t count = json_array_size(json_object_get(shown, "entries"));
    json_decref(shown);
    return count;
}

/* A good first release, with nothing to compare it with, and then another. */
static void begin(struct traffic *traffic, const char *policy, const char *tag)
{
    traffic_world(traffic);
    traffic_commit(traffic, 1, platform_small, "1", policy);
    expect_condition(traffic->world, CONDITION_CONVERGED);
    cr_assert_eq(traffic->windows, 0, "there was nothing to compare");
    traffic_commit(traffic, 2, platform_small, tag, policy);
}

/* --- good and bad -------------------------------------------------------------------------------
 */

Test(trial, a_good_release_is_let_pass)
{
    struct traffic traffic = {.rate = 10, .base = 0.005};
    begin(&traffic, CANARY, "2");
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
    begin(&traffic, CANARY, "bad");
    traffic_until(&traffic, "development", "held", MINUTES(30));
    cr_assert(world_published(traffic.world, "rolled-back", "shop"));
    const json_t *data = json_object_get(traffic_event(&traffic, "rollback-started"), "data");
    const json_t *shown = json_object_get(data, "analysis");
    cr_expect_str_eq(json_text_or(json_object_get(shown, "verdict"), ""), "rollback");
    cr_expect_geq(number(shown, "against", "value"), 100);
    cr_expect_lt(number(shown, "bad", "canary"), 200, "few people were hurt");
    cr_expect_eq(quarantines(&traffic), 1);
    expect_why(traffic.world, "shop", "development", "judged bad: error-rate: ");
    expect_why(traffic.world, "shop", "development", "push a fix");
    /* the same content under another commit */
    const unsigned asked = traffic.windows;
    traffic_commit(&traffic, 3, platform_small, "bad", CANARY);
    world_run(traffic.world, MINUTES(10));
    cr_expect_str_eq(traffic_text(&traffic, "development", "state"), "held");
    cr_expect_eq(traffic.windows, asked);
    traffic_commit(&traffic, 4, platform_small, "2", CANARY);
    expect_condition(traffic.world, CONDITION_CONVERGED);
    expect_runs(traffic.world, "shop-api-b", "development", "registry.example/shop:2");
    cr_expect_eq(quarantines(&traffic), 1);
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
    begin(&traffic, policy, "bad");
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
    begin(&traffic, CANARY, "bad");
    traffic_until(&traffic, "development", "step", MINUTES(5));
    const int64_t began = traffic.world->now_ms;
    traffic_until(&traffic, "development", "held", MINUTES(10));
    cr_expect_lt(traffic.world->now_ms - began, MINUTES(4));
    cr_expect_eq(quarantines(&traffic), 1);
    traffic_free(&traffic);
}

Test(trial, a_slow_release_goes_back)
{
    struct traffic traffic = {.rate = 10, .base = 0.005, .slow = 0.2};
    begin(&traffic, CANARY_WITH("metrics: [error-rate, latency]"), "slow");
    traffic_until(&traffic, "development", "step", MINUTES(5));
    world_run(traffic.world, MINUTES(1));
    const json_t *metric = json_array_get(json_object_get(analysis(&traffic), "metrics"), 1);
    cr_expect_eq(json_number_value(json_object_get(metric, "edge")), 0.5);
    traffic_until(&traffic, "development", "held", MINUTES(30));
    cr_expect_eq(quarantines(&traffic), 1);
    expect_why(traffic.world, "shop", "development", "latency: ");
    traffic_free(&traffic);
}

Test(trial, without_analysis_nothing_is_asked)
{
    struct traffic traffic = {.rate = 10, .base = 0.005, .bad = 0.1};
    begin(&traffic, "{strategy: canary, " STEPS "}", "bad");
    expect_condition(traffic.world, CONDITION_CONVERGED);
    cr_expect_eq(traffic.windows + traffic.histories, 0);
    traffic_free(&traffic);
}

Test(trial, a_step_without_analysis_is_not_looked_at)
{
    struct traffic traffic = {.rate = 10, .base = 0.005};
    begin(&traffic,
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
    begin(&traffic, BLUE_GREEN, "2");
    expect_condition(traffic.world, CONDITION_CONVERGED);
    world_run(traffic.world, MINUTES(20));
    traffic_commit(&traffic, 3, platform_small, "3", BLUE_GREEN);
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
    begin(&traffic, BLUE_GREEN, "bad");
    traffic_until(&traffic, "development", "bake", MINUTES(10));
    traffic_until(&traffic, "development", "held", MINUTES(20));
    cr_expect_eq(quarantines(&traffic), 1);
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
        {TRAFFIC_DOWN, true, "provider-error", "the metrics could not be read"},
        {TRAFFIC_NONSENSE, false, "provider-error", "the metrics could not be read"},
        {TRAFFIC_EMPTY, false, "no-data", "got no requests that the metrics show"},
        {TRAFFIC_SILENT, false, "no-data", "the traffic did not follow the weight of 5 %"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct traffic traffic = {.rate = 10,
                                  .base = 0.005,
                                  .bad = 1,
                                  .fault = rows[i].fault,
                                  .no_history = rows[i].no_history};
        begin(&traffic, CANARY, "bad");
        traffic_until(&traffic, "development", "step", MINUTES(5));
        world_run(traffic.world, MINUTES(5));
        cr_expect_str_eq(verdict(&traffic), rows[i].verdict, "%zu: %s", i, verdict(&traffic));
        cr_expect_eq(
            json_integer_value(json_object_get(traffic_rollout(&traffic, "development"), "weight")),
            5);
        traffic_until(&traffic, "development", "held", MINUTES(20));
        const json_t *event = traffic_event(&traffic, "rollback-started");
        const char *message = json_text_or(json_object_get(event, "message"), "");
        cr_expect_not_null(strstr(message, rows[i].why), "%zu: %s", i, message);
        cr_expect_eq(quarantines(&traffic), 0, "%zu", i);
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
    begin(&traffic, CANARY, "2");
    traffic_until(&traffic, "development", "step", MINUTES(5));
    world_run(traffic.world, MINUTES(2));
    traffic.fault = TRAFFIC_DOWN;
    world_run(traffic.world, MINUTES(3));
    cr_expect_gt(json_integer_value(json_object_get(analysis(&traffic), "failures")), 2);
    cr_expect_not_null(
        strstr(json_text_or(json_object_get(analysis(&traffic), "error"), ""), "answered 503"));
    traffic.fault = TRAFFIC_SOUND;
    expect_condition(traffic.world, CONDITION_CONVERGED);
    cr_expect_eq(quarantines(&traffic), 0);
    traffic_free(&traffic);
}

Test(trial, latency_without_a_past_is_left_out_and_said)
{
    struct traffic traffic = {.rate = 10, .base = 0.005, .no_history = true};
    begin(&traffic, CANARY_WITH("metrics: [error-rate, latency]"), "2");
    traffic_until(&traffic, "development", "step", MINUTES(5));
    world_run(traffic.world, MINUTES(2));
    const json_t *metrics = json_object_get(analysis(&traffic), "metrics");
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
    begin(&traffic, CANARY_WITH("metrics: [error-rate]"), "2");
    traffic_until(&traffic, "development", "paused", MINUTES(30));
    json_t *status = engine_status(traffic.world->engine, world_now(traffic.world));
    cr_expect_str_eq(
        json_text_or(
            json_object_get(json_array_get(json_object_get(status, "holds"), 0), "command"), ""),
        "cellctl rollout promote shop shop-api development");
    json_decref(status);
    expect_why(traffic.world, "shop", "development", "too few requests");
    bool done = true;
    world_command(traffic.world, "rollout",
                  json_pack("{s:s, s:s, s:s, s:s}", "action", "resume", "cell", "shop", "component",
                            "shop-api", "target", "development"),
                  &done);
    cr_expect_not(done);
    traffic.rate = 50;
    expect_condition(traffic.world, CONDITION_CONVERGED);
    cr_expect(!json_is_true(json_object_get(traffic_rollout(&traffic, "development"), "unproven")));
    traffic_free(&traffic);

    struct traffic back = {.rate = 0.4, .base = 0};
    begin(&back, CANARY_WITH("insufficient: rollback, metrics: [error-rate]"), "2");
    traffic_until(&back, "development", "held", MINUTES(30));
    cr_expect_eq(quarantines(&back), 0);
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
    const char *policy = CANARY_WITH("insufficient: promote, metrics: [error-rate]");
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
    bool done = false;
    world_command(traffic.world, "rollout",
                  json_pack("{s:s, s:s, s:s, s:s}", "action", "promote", "cell", "shop",
                            "component", "shop-api", "target", "testing"),
                  &done);
    cr_assert(done);
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
    traffic_commit(&traffic, 1, platform_regions, "1", CANARY);
    expect_condition(traffic.world, CONDITION_CONVERGED);
    traffic_commit(&traffic, 2, platform_regions, "bad", CANARY);
    traffic_until(&traffic, "production", "held", MINUTES(30));
    world_run(traffic.world, MINUTES(10));
    cr_expect_eq(
        json_integer_value(json_object_get(traffic_rollout(&traffic, "production-eu"), "attempt")),
        1);
    expect_runs(traffic.world, "shop-api-a", "production-eu", "registry.example/shop:1");
    traffic_commit(&traffic, 3, platform_regions, "3", CANARY);
    traffic_until(&traffic, "production", "bake", MINUTES(30));
    cr_expect_str_eq(traffic_text(&traffic, "production-eu", "state"), "idle");
    expect_condition(traffic.world, CONDITION_CONVERGED);
    expect_runs(traffic.world, "shop-api-b", "production-eu", "registry.example/shop:3");
    expect_no_dangers(traffic.world);
    traffic_free(&traffic);
}

/* --- a workflow that passes or fails ------------------------------------------------------------
 */

#define BY_WORKFLOW                                                                                \
    "{strategy: canary, steps: [{weight: 5, soak: 1m}, {weight: 50, soak: 1m}], bake: 1m, "        \
    "progressDeadline: 3m, analysis: {provider: workflow, workflow: {name: smoke}}}"

static void install(struct world *world)
{
    const char *body =
        "{\"metadata\":{\"name\":\"smoke\"},\"spec\":{\"runTemplate\":{},\"parameters\":{"
        "\"openAPIV3Schema\":{\"type\":\"object\",\"properties\":{\"environment\":{\"type\":"
        "\"string\"}}}}}}";
    expect_created(world, "/api/v1/clusterworkflows", body);
}

static size_t runs(const struct world *world)
{
    json_t *all = platform_objects(world->platform, "workflowruns");
    const size_t count = json_array_size(all);
    json_decref(all);
    return count;
}

Test(trial, a_workflow_judges_each_step)
{
    struct traffic traffic = {.rate = 10};
    traffic_world(&traffic);
    install(traffic.world);
    traffic_commit(&traffic, 1, platform_small, "1", BY_WORKFLOW);
    expect_condition(traffic.world, CONDITION_CONVERGED);
    cr_expect_eq(runs(traffic.world), 0);
    traffic_commit(&traffic, 2, platform_small, "2", BY_WORKFLOW);
    world_run(traffic.world, 1000);
    expect_condition(traffic.world, CONDITION_CONVERGED);
    cr_expect_eq(runs(traffic.world), 2, "%zu", runs(traffic.world));
    cr_expect_eq(traffic.windows + traffic.histories, 0);
    expect_runs(traffic.world, "shop-api-b", "development", "registry.example/shop:2");
    expect_silence(traffic.world);
    traffic_free(&traffic);
}

/* Approval opens gates between environments; what judges a release is not talked over by it. */
Test(trial, a_workflow_that_judges_is_not_approved)
{
    struct traffic traffic = {.rate = 10};
    traffic_world(&traffic);
    install(traffic.world);
    platform_workflow_rule(traffic.world->platform, "*", "Failed");
    traffic_commit(&traffic, 1, platform_small, "1", BY_WORKFLOW);
    expect_condition(traffic.world, CONDITION_CONVERGED);
    traffic_commit(&traffic, 2, platform_small, "2", BY_WORKFLOW);
    for (int i = 0; i < 600 && runs(traffic.world) == 0; i++)
        world_run(traffic.world, 1000);
    cr_assert_eq(runs(traffic.world), 1);
    bool ok = true;
    world_command(traffic.world, "approve", json_pack("{s:b}", "all", 1), &ok);
    cr_expect(!ok);
    traffic_until(&traffic, "development", "held", MINUTES(30));
    cr_expect_eq(quarantines(&traffic), 1);
    traffic_free(&traffic);
}

Test(trial, a_workflow_that_fails_condemns_and_one_that_is_lost_does_not)
{
    static const struct {
        const char *outcome; /* NULL = there is no such workflow */
        const char *why;
        size_t quarantined;
    } rows[] = {
        {"Failed", "failed", 1},
        {"Lost", "the metrics could not be read", 0},
        {NULL, "the metrics could not be read", 0},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct traffic traffic = {.rate = 10};
        traffic_world(&traffic);
        if (rows[i].outcome != NULL) {
            install(traffic.world);
            platform_workflow_rule(traffic.world->platform, "*", rows[i].outcome);
        }
        traffic_commit(&traffic, 1, platform_small, "1", BY_WORKFLOW);
        expect_condition(traffic.world, CONDITION_CONVERGED);
        traffic_commit(&traffic, 2, platform_small, "2", BY_WORKFLOW);
        traffic_until(&traffic, "development", "held", MINUTES(30));
        cr_expect_eq(quarantines(&traffic), rows[i].quarantined, "%zu", i);
        const char *message = json_text_or(
            json_object_get(traffic_event(&traffic, "rollback-started"), "message"), "");
        cr_expect_not_null(strstr(message, rows[i].why), "%zu: %s", i, message);
        expect_runs(traffic.world, "shop-api-a", "development", "registry.example/shop:1");
        char *differ = world_rows_differ(traffic.world);
        cr_expect_null(differ, "%zu: %s", i, differ);
        free(differ);
        traffic_free(&traffic);
    }
}

Test(trial, a_judging_workflow_survives_a_death_without_a_second_run)
{
    for (uint64_t at = 1; at < 10; at++) {
        struct traffic traffic = {.rate = 10};
        traffic_world(&traffic);
        install(traffic.world);
        traffic_commit(&traffic, 1, platform_small, "1", BY_WORKFLOW);
        expect_condition(traffic.world, CONDITION_CONVERGED);
        traffic_commit(&traffic, 2, platform_small, "2", BY_WORKFLOW);
        while (!world_published(traffic.world, "gate-started", "shop"))
            cr_assert(world_step(traffic.world, traffic.world->now_ms + MINUTES(20)));
        traffic.world->kill_at_event = traffic.world->events + at;
        world_run(traffic.world, 1000);
        expect_condition(traffic.world, CONDITION_CONVERGED);
        cr_expect_eq(runs(traffic.world), 2, "%u: %zu", (unsigned)at, runs(traffic.world));
        traffic_free(&traffic);
    }
}

/* --- deaths, and answers that come twice --------------------------------------------------------
 */

/* No two windows of a release overlap, unless they are the same one. */
static void expect_windows_apart(const struct traffic *traffic, size_t point)
{
    const char *key, *other;
    json_t *times, *more;
    json_object_foreach(traffic->asked, key, times)
    {
        json_object_foreach(traffic->asked, other, more)
        {
            const char *end = strstr(key, ".."), *release = strchr(key, ' ');
            const char *other_end = strstr(other, ".."), *other_release = strchr(other, ' ');
            if (strcmp(key, other) == 0 || strcmp(release, other_release) != 0)
                continue;
            const bool before = strncmp(end + 2, other, 20) <= 0;
            const bool after = strncmp(other_end + 2, key, 20) <= 0;
            cr_expect(before || after, "%zu: %s and %s", point, key, other);
        }
    }
}

/* The judged windows and the sums, as the last event keeps them. */
static void final(struct traffic *traffic, const char *type, char ret_text[static 256])
{
    const json_t *event = traffic_event(traffic, type);
    const json_t *shown = json_at(event, "data", "analysis", NULL);
    snprintf(ret_text, 256, "%s", json_text_or(json_object_get(shown, "verdict"), "none"));
}

#define POINTS 12

Test(trial, deaths_change_no_verdict_and_count_no_window_twice)
{
    static const struct {
        const char *tag, *state, *event, *verdict;
        double bad;
    } rows[] = {
        {"2", "idle", "rollout-baked", "pass", 0.005},
        {"bad", "held", "rollback-started", "rollback", 0.1},
    };
    for (size_t i = 0; i < (size_t)2 * POINTS; i++) {
        struct traffic traffic = {.rate = 10, .base = 0.005, .bad = rows[i % 2].bad};
        begin(&traffic, CANARY, rows[i % 2].tag);
        traffic_until(&traffic, "development", "step", MINUTES(5));
        /* At some effect, and again a little later. */
        traffic.world->kill_at_effect = traffic.world->effects + 1 + 3 * (i / 2);
        world_run(traffic.world, MINUTES(2));
        traffic.world->kill_at_effect = traffic.world->effects + 1 + i;
        traffic_until(&traffic, "development", rows[i % 2].state, MINUTES(60));
        char text[256];
        final(&traffic, rows[i % 2].event, text);
        cr_expect_str_eq(text, rows[i % 2].verdict, "%zu: %s", i, text);
        cr_expect_geq(traffic.world->kills, 1, "%zu", i);
        expect_windows_apart(&traffic, i);
        char *differ = world_rows_differ(traffic.world);
        cr_expect_null(differ, "%zu: %s", i, differ);
        free(differ);
        traffic_free(&traffic);
    }
}

static json_t *judge_row(const struct world *world)
{
    for (size_t i = 0; i < world->row_count; i++) {
        if (strcmp(world->rows[i].key, "judge/shop/shop-api/development") == 0)
            return json_deep_copy(world->rows[i].value);
    }
    return NULL;
}

static void give(struct traffic *traffic, uint64_t id, const json_t *answer)
{
    struct effect_list effects;
    effect_list_init(&effects);
    struct engine_event event = {.kind = EVENT_METRICS, .now = world_now(traffic->world)};
    event.as.metrics.id = id;
    event.as.metrics.answer = answer;
    cr_assert_eq(engine_step(traffic->world->engine, &event, &effects), 0);
    for (size_t i = 0; i < effects.count; i++)
        cr_expect_neq(effects.items[i].kind, EFFECT_PERSIST);
    effect_list_fini(&effects);
}

Test(trial, an_answer_that_comes_twice_or_late_counts_for_nothing)
{
    struct traffic traffic = {.rate = 10, .base = 0.005};
    begin(&traffic, CANARY, "2");
    traffic_until(&traffic, "development", "step", MINUTES(5));
    world_run(traffic.world, MINUTES(3));
    json_t *before = judge_row(traffic.world);
    cr_assert_not_null(before);
    json_t *terrible =
        json_pack("{s:[{s:s, s:{s:i, s:i}, s:{s:i, s:i}}]}", "metrics", "name", "error-rate",
                  "canary", "requests", 500, "bad", 500, "stable", "requests", 5000, "bad", 0);
    for (uint64_t id = 0; id <= traffic.last + 3; id++)
        give(&traffic, id, terrible);
    json_t *after = judge_row(traffic.world);
    cr_expect(json_equal(before, after));
    cr_expect_str_neq(verdict(&traffic), "rollback");
    expect_condition(traffic.world, CONDITION_CONVERGED);
    /* the attempt is over: nobody listens */
    give(&traffic, traffic.last, terrible);
    cr_expect_null(judge_row(traffic.world));
    json_decref(terrible);
    json_decref(before);
    json_decref(after);
    traffic_free(&traffic);
}

Test(trial, a_replay_of_the_journal_gives_the_same_bits)
{
    struct traffic traffic = {.rate = 7.3, .base = 0.0051};
    begin(&traffic, CANARY, "2");
    traffic_until(&traffic, "development", "step", MINUTES(5));
    world_run(traffic.world, MINUTES(4));
    json_t *before = judge_row(traffic.world);
    world_kill(traffic.world);
    struct effect_list rows;
    cr_assert_eq(engine_rows(traffic.world->engine, &rows), 0);
    bool found = false;
    for (size_t i = 0; i < rows.count; i++) {
        if (strcmp(rows.items[i].as.persist.key, "judge/shop/shop-api/development") != 0)
            continue;
        found = true;
        cr_expect(json_equal(rows.items[i].as.persist.value, before));
    }
    cr_expect(found);
    effect_list_fini(&rows);
    json_decref(before);
    traffic_free(&traffic);
}

/* --- before it begins ---------------------------------------------------------------------------
 */

Test(trial, what_can_be_proven_is_told_before)
{
    struct traffic traffic = {.rate = 10, .base = 0.005};
    begin(&traffic, CANARY, "2");
    expect_condition(traffic.world, CONDITION_CONVERGED);
    const struct instant now = world_now(traffic.world);
    json_t *plan =
        engine_rollout(traffic.world->engine, "shop", "shop-api", "development", 10, now);
    cr_assert_not_null(plan);
    cr_expect_str_eq(
        json_text_or(json_object_get(plan, "sentence"), ""),
        "at 5 % of 10 requests a second, 5 % of bad requests can be ruled out in 2m24s");
    const json_t *prospects = json_object_get(plan, "prospects");
    cr_expect_eq(json_array_size(prospects), 3);
    cr_expect(json_is_null(json_object_get(plan, "measured")));
    json_decref(plan);
    plan = engine_rollout(traffic.world->engine, "shop", "shop-api", "development", 0, now);
    const double rate = json_number_value(json_object_get(plan, "requests_per_second"));
    cr_expect(rate > 9 && rate < 11, "%g", rate);
    cr_expect(json_is_string(json_object_get(plan, "measured")));
    json_decref(plan);
    cr_expect_null(engine_rollout(traffic.world->engine, "shop", "nothing", "development", 0, now));
    traffic_free(&traffic);
}
