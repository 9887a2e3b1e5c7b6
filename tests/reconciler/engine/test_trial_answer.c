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
        {"[{\"le\": \"0.5\", \"count\": 991}, {\"le\": 2, \"count\": \"1000\"}, {\"count\": 1000}]",
         0},
        {"[{\"le\": 2, \"count\": 990}, {\"le\": 1, \"count\": 995}, {\"le\": 3, \"count\": 1000}]",
         1},
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
        {"[[5, -1], [-5, -6], [5, null]]", 20, false},
        {"[[1000, 10], [1000, 11], [1000, 9]]", 300, true}, /* no more than 240 parts count */
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

/* More replicas than anybody counts: the first ones tell enough. */
Test(trial_answer, only_so_many_replicas_are_looked_at)
{
    json_t *source = read(SOURCE), *parts = json_array();
    for (int i = 0; i < 4; i++) {
        json_t *part = json_array();
        for (int k = 0; k < 300; k++)
            json_array_append_new(part, json_pack("[i, i]", 100, k < 256 ? 1 : 100));
        json_array_append_new(parts, part);
    }
    json_t *answer = json_pack("{s:o}", "replicas", parts);
    double rho = 1;
    json_t *learnt = trial_query_learn(source, answer, &rho);
    cr_expect(rho >= 0 && rho < 0.01, "%g", rho);
    json_decref(learnt);
    json_decref(answer);
    json_decref(source);
}

Test(trial_answer, settings_keep_within_what_can_be)
{
    static const struct {
        int64_t interval, window, lag;
        double given, rho;
    } rows[] = {
        {0, 1000, 5000, 0, 0.001},
        {2000, 2000, 5000, 0.5, 0.1},
        {60000, 60000, 30000, 0.05, 0.05},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        const struct judge_settings settings =
            trial_query_settings(rows[i].interval, rows[i].given);
        cr_expect_eq(settings.window.ms, rows[i].window);
        cr_expect_eq(settings.lag.ms, rows[i].lag);
        cr_expect_eq(settings.rho, rows[i].rho);
    }
}

/* --- what is asked ------------------------------------------------------------------------------
 */

static json_t *source_of(const struct rollout_policy *policy)
{
    json_t *source = trial_query_source(policy);
    cr_assert_not_null(source);
    return source;
}

static const char *text_of(const json_t *source, const char *key)
{
    return json_text_or(json_object_get(source, key), "");
}

Test(trial_answer, what_the_manifest_leaves_out_has_a_default)
{
    struct rollout_policy policy = {.analysis = {.set = true}};
    json_t *source = source_of(&policy);
    cr_expect_str_eq(text_of(source, "provider"), "prometheus");
    cr_expect_str_eq(text_of(source, "template"), "hubble");
    cr_expect_str_eq(text_of(source, "insufficient"), "hold");
    cr_expect_eq(json_integer_value(json_object_get(source, "interval_ms")), 60000);
    const json_t *metrics = json_object_get(source, "metrics");
    cr_expect_eq(json_array_size(metrics), 1);
    cr_expect_str_eq(text_of(json_array_get(metrics, 0), "kind"), "error-rate");
    json_decref(source);
    policy.analysis.template_name.text = "istio";
    policy.analysis.interval.value.ms = 20000;
    source = source_of(&policy);
    cr_expect_str_eq(text_of(source, "template"), "istio");
    cr_expect_eq(json_integer_value(json_object_get(source, "interval_ms")), 20000);
    json_decref(source);
}

Test(trial_answer, more_metrics_than_are_judged_are_left_out_and_said)
{
    struct analysis_metric metrics[JUDGE_METRICS_LIMIT + 2];
    for (size_t i = 0; i < JUDGE_METRICS_LIMIT + 2; i++)
        metrics[i] = (struct analysis_metric){.name = {.text = "own"},
                                              .kind = i == 0 ? ANALYSIS_HISTOGRAM : ANALYSIS_RATIO};
    metrics[JUDGE_METRICS_LIMIT + 1].kind = ANALYSIS_LATENCY;
    const struct rollout_policy policy = {
        .analysis = {.metrics = metrics, .metric_count = JUDGE_METRICS_LIMIT + 2}};
    json_t *source = source_of(&policy);
    struct trial trial = {.source = source};
    cr_expect_eq(trial_metric_count(&trial), JUDGE_METRICS_LIMIT);
    const json_t *last =
        json_array_get(json_object_get(source, "metrics"), JUDGE_METRICS_LIMIT + 1);
    const char *message = text_of(last, "message");
    cr_expect_str_eq(message, "left out: no more than 8 metrics are judged");
    /* The history tells nothing of a histogram: that is left out, too, and the others stay. */
    double rho = 0;
    json_t *learnt = trial_query_learn(source, NULL, &rho);
    trial.source = learnt;
    cr_expect_eq(trial_metric_count(&trial), JUDGE_METRICS_LIMIT - 1);
    last = json_array_get(json_object_get(learnt, "metrics"), JUDGE_METRICS_LIMIT + 1);
    cr_expect_str_eq(text_of(last, "message"), "left out: no more than 8 metrics are judged");
    json_decref(learnt);
    json_decref(source);
}

Test(trial_answer, without_a_metric_there_is_no_judge)
{
    json_t *source = read("{\"interval_ms\": 60000, \"metrics\": [{\"name\": \"latency\", "
                          "\"kind\": \"latency\", \"message\": \"left out\"}]}");
    struct judge judge = {0};
    cr_expect_not(trial_query_seat(source, -1, (struct wall_time){0}, &judge));
    cr_expect_eq(judge.metric_count, 0);
    json_decref(source);
}

/* A threshold that could not be proven within any soak, or says nothing, is not taken as it is. */
Test(trial_answer, thresholds_become_limits_that_can_be_proven)
{
    static const struct {
        const char *threshold;
        double limit;
    } rows[] = {{"0.02", 0.02}, {"0.00001", 0.001}, {"0.9", 0.5}, {"1", 0}, {"7", 0}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        json_t *source = read(SOURCE);
        json_object_set_new(json_array_get(json_object_get(source, "metrics"), 1), "threshold",
                            json_string(rows[i].threshold));
        struct judge judge = {0};
        cr_assert(trial_query_seat(source, -1, (struct wall_time){0}, &judge));
        cr_expect_eq(judge.metrics[1].p_limit, rows[i].limit, "%s", rows[i].threshold);
        json_decref(source);
    }
}

Test(trial_answer, a_workflow_has_no_metrics_and_no_template)
{
    struct rollout_policy policy = {.analysis = {.provider = {.text = "workflow"}}};
    json_t *source = source_of(&policy);
    cr_expect_null(json_object_get(source, "workflow"), "none was named");
    json_decref(source);
    policy.analysis.workflow.name.text = "smoke";
    source = source_of(&policy);
    cr_expect_str_eq(json_text_or(json_at(source, "workflow", "name", NULL), ""), "smoke");
    cr_expect(json_is_null(json_object_get(source, "template")));
    cr_expect_eq(json_array_size(json_object_get(source, "metrics")), 0);
    json_decref(source);
}
