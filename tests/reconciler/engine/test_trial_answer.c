/* What sources of metrics may answer, all of it, and what the judge gets of it. */
#include "config/base/json.h"
#include "reconciler/engine/trial_query.h"

#include <criterion/criterion.h>

#include <math.h>
#include <string.h>

#define SOURCE                                                                                     \
    "{\"interval_ms\": 60000, \"metrics\": [{\"name\": \"error-rate\", \"kind\": "                 \
    "\"error-rate\"}, "                                                                            \
    "{\"name\": \"latency\", \"kind\": \"latency\", \"threshold\": \"0.05\"}]}"

static json_t *read(const char *text)
{
    json_t *value = json_loads(text, JSON_DECODE_ANY, NULL);
    cr_assert_not_null(value, "%s", text);
    return value;
}

Test(trial_answer, the_limit_of_slow_comes_from_the_past)
{
    static const struct {
        const char *edges;
        double edge; /* 0 = the metric is left out */
    } rows[] = {
        {"[{\"le\": 0.1, \"count\": 980}, {\"le\": 0.5, \"count\": 991}, {\"le\": null, \"count\": "
         "1000}]",
         0.5},
        {"[{\"le\": 0.5, \"count\": 991}, {\"le\": 0.1, \"count\": 990}, {\"le\": \"+Inf\", "
         "\"count\": 1000}]",
         0.1},
        /* the widest edge is nearly good enough */
        {"[{\"le\": 1, \"count\": 985}, {\"le\": null, \"count\": 1000}]", 1},
        {"[{\"le\": 1, \"count\": 900}, {\"le\": null, \"count\": 1000}]", 0},
        {"[{\"le\": 1, \"count\": 10}, {\"le\": null, \"count\": 10}]", 0}, /* too few */
        {"[{\"le\": -1, \"count\": 1000}, {\"le\": 0, \"count\": 1000}]", 0},
        {"[{\"le\": 1}, {\"count\": 5}, 7, \"x\"]", 0},
        {"[]", 0},
        {"null", 0},
        {"{\"le\": 1}", 0},
    };
    json_t *source = read(SOURCE);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        char text[512];
        snprintf(text, sizeof text,
                 "{\"metrics\": [{\"name\": \"latency\", \"edges\": %s}, {\"name\": \"latency\", "
                 "\"edges\": null}], \"replicas\": null}",
                 rows[i].edges);
        json_t *answer = read(text);
        double rho = 0;
        json_t *learnt = trial_query_learn(source, answer, &rho);
        const json_t *metric = json_array_get(json_object_get(learnt, "metrics"), 1);
        cr_expect_eq(json_number_value(json_object_get(metric, "edge")), rows[i].edge, "%zu", i);
        cr_expect_eq(json_object_get(metric, "message") == NULL, rows[i].edge > 0, "%zu", i);
        cr_expect_lt(rho, 0, "%zu", i);
        struct judge judge;
        cr_assert(trial_query_seat(learnt, rho, (struct wall_time){0}, &judge));
        cr_expect_eq(judge.metric_count, rows[i].edge > 0 ? 2 : 1, "%zu", i);
        cr_expect_eq(judge.settings.rho, judge_settings_default.rho);
        if (judge.metric_count == 2)
            cr_expect_eq(judge.metrics[1].p_limit, 0.05);
        json_decref(learnt);
        json_decref(answer);
    }
    json_decref(source);
}

Test(trial_answer, replicas_tell_how_errors_cluster)
{
    static const struct {
        const char *part;
        int parts;
        bool known;
    } rows[] = {
        {"[[1000, 10], [1000, 11], [1000, 9]]", 20, true},
        {"[[1000, 0], [1000, 100], [1000, 3]]", 20, true},
        {"[[1000, 10]]", 20, false},                         /* one replica */
        {"[[1000, 10], [1000, 11]]", 1, false},              /* one part */
        {"[[5, 10], [null, 1], [\"x\"], 7, -1]", 20, false}, /* nothing of it can be */
    };
    json_t *source = read(SOURCE);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        json_t *parts = json_array();
        for (int k = 0; k < rows[i].parts; k++)
            json_array_append_new(parts, read(rows[i].part));
        json_t *answer = json_pack("{s:[], s:o}", "metrics", "replicas", parts);
        double rho = 0;
        json_t *learnt = trial_query_learn(source, answer, &rho);
        cr_assert_not_null(learnt);
        cr_expect_eq(rho >= 0, rows[i].known, "%zu: %g", i, rho);
        const struct judge_settings settings = trial_query_settings(60000, rho);
        cr_expect(settings.rho >= 0.001 && settings.rho <= 0.1, "%zu: %g", i, settings.rho);
        json_decref(learnt);
        json_decref(answer);
    }
    json_decref(source);
}

Test(trial_answer, a_window_has_data_or_has_none)
{
    static const struct {
        const char *metrics;
        int weight;
        bool any, usable;
        double canary, stable;
    } rows[] = {
        {"{\"name\": \"error-rate\", \"canary\": {\"requests\": 50, \"bad\": 1}, \"stable\": "
         "{\"requests\": 950, \"bad\": 5}}",
         5, true, true, 50, 950},
        /* a new release without data had no requests: that is a finding of its own */
        {"{\"name\": \"error-rate\", \"canary\": null, \"stable\": {\"requests\": 950, \"bad\": "
         "5}}",
         5, true, true, 0, 950},
        /* a stable one without data is not to be believed, unless it has no traffic any more */
        {"{\"name\": \"error-rate\", \"canary\": {\"requests\": 50, \"bad\": 0}, \"stable\": null}",
         5, false, true, 0, 0},
        {"{\"name\": \"error-rate\", \"canary\": {\"requests\": 50, \"bad\": 0}, \"stable\": null}",
         100, true, true, 50, 0},
        {"{\"name\": \"error-rate\", \"canary\": null, \"stable\": null}", 5, false, true, 0, 0},
        {"{\"name\": \"other\", \"canary\": {\"requests\": 50, \"bad\": 50}, \"stable\": null}", 5,
         false, true, 0, 0},
        {"7", 5, false, true, 0, 0},
        /* no numbers: the judge refuses them */
        {"{\"name\": \"error-rate\", \"canary\": {\"requests\": \"NaN\", \"bad\": 0}, \"stable\": "
         "{\"requests\": 950, \"bad\": 5}}",
         5, true, false, 0, 950},
        {"{\"name\": \"error-rate\", \"canary\": {\"requests\": 10}, \"stable\": {\"requests\": "
         "950, \"bad\": 5}}",
         5, true, false, 10, 950},
        {"{\"name\": \"error-rate\", \"canary\": {\"requests\": 10, \"bad\": 30}, \"stable\": "
         "{\"requests\": 950, \"bad\": 5}}",
         5, true, false, 10, 950},
        /* but two counters, extrapolated, may differ a little */
        {"{\"name\": \"error-rate\", \"canary\": {\"requests\": 10, \"bad\": 10.2}, \"stable\": "
         "{\"requests\": 950, \"bad\": 5}}",
         5, true, true, 10, 950},
        {"{\"name\": \"error-rate\", \"canary\": {\"requests\": -1, \"bad\": -1}, \"stable\": "
         "{\"requests\": 950, \"bad\": 5}}",
         5, true, false, -1, 950},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct trial trial = {.source = read(SOURCE)};
        cr_assert(trial_query_seat(trial.source, -1, (struct wall_time){0}, &trial.judge));
        judge_step(&trial.judge, rows[i].weight, (struct wall_time){0});
        char text[512];
        snprintf(text, sizeof text, "{\"metrics\": [%s]}", rows[i].metrics);
        json_t *answer = read(text);
        struct judge_counts counts[JUDGE_METRICS_LIMIT];
        cr_expect_eq(trial_query_counts(&trial, answer, counts), rows[i].any, "%zu", i);
        struct judge_window window;
        cr_assert(judge_plan(&trial.judge, (struct wall_time){600000}, &window));
        const enum judge_counting counting = judge_count(&trial.judge, window, counts);
        cr_expect_eq(counting == JUDGE_COUNTED, rows[i].usable, "%zu", i);
        if (rows[i].usable) {
            cr_expect_eq(trial.judge.metrics[0].sum.canary_requests, rows[i].canary, "%zu", i);
            cr_expect_eq(trial.judge.metrics[0].sum.stable_requests, rows[i].stable, "%zu", i);
        } else {
            cr_expect_eq(trial.judge.metrics[0].sum.stable_requests, 0, "%zu", i);
        }
        json_decref(answer);
        json_decref(trial.source);
    }
}

Test(trial_answer, windows_are_as_long_as_the_interval_and_end_a_while_ago)
{
    static const struct {
        int64_t interval, lag;
    } rows[] = {{10000, 5000}, {30000, 15000}, {60000, 30000}, {3600000, 30000}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        const struct judge_settings settings = trial_query_settings(rows[i].interval, 0.01);
        cr_expect_eq(settings.window.ms, rows[i].interval);
        cr_expect_eq(settings.lag.ms, rows[i].lag);
        cr_expect_eq(settings.rho, 0.01);
    }
}
