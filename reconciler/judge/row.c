/* The journal row: numbers bit by bit, so that nothing is rounded on the way. */
#include "config/base/json.h"
#include "config/base/text.h"
#include "reconciler/judge/judge.h"

#include <inttypes.h>
#include <math.h>
#include <string.h>

#define ROW_VERSION 1

_Static_assert(sizeof(double) == sizeof(uint64_t), "IEEE 754 binary64");

static json_t *bits(double value)
{
    uint64_t raw;
    (void)memcpy(&raw, &value, sizeof(raw));
    char text[17];
    (void)text_put(text, sizeof(text), "%016" PRIx64, raw);
    return json_string(text);
}

static bool from_bits(const json_t *value, double *ret_value)
{
    const char *text = json_text_or(value, "");
    uint64_t raw = 0;
    if (strlen(text) != 16)
        return false;
    for (size_t i = 0; i < 16; i++) {
        static const char digits[] = "0123456789abcdef";
        const char *digit = strchr(digits, text[i]);
        if (digit == NULL)
            return false;
        raw = raw << 4 | (uint64_t)(digit - digits);
    }
    (void)memcpy(ret_value, &raw, sizeof(raw));
    return isfinite(*ret_value);
}

static json_t *list(const double *values, size_t count)
{
    json_t *array = json_array();
    for (size_t i = 0; i < count; i++) {
        if (json_array_append_new(array, bits(values[i])) != 0) {
            json_decref(array);
            return NULL;
        }
    }
    return array;
}

static bool from_list(const json_t *row, const char *name, double *ret_values, size_t count)
{
    const json_t *array = json_object_get(row, name);
    if (json_array_size(array) != count)
        return false;
    for (size_t i = 0; i < count; i++) {
        if (!from_bits(json_array_get(array, i), &ret_values[i]))
            return false;
    }
    return true;
}

static json_t *metric_to_json(const struct judge_metric *metric)
{
    const double sum[] = {metric->sum.canary_requests, metric->sum.canary_bad,
                          metric->sum.stable_requests, metric->sum.stable_bad};
    const double limits[] = {metric->p_bad, metric->p_limit};
    return json_pack(
        "{s:o,s:o,s:o,s:o,s:o,s:o,s:o}", "limits", list(limits, 2), "sum", list(sum, 4), "relative",
        list(metric->relative, JUDGE_RELATIVE_GRID), "pass", list(metric->pass, JUDGE_PASS_GRID),
        "guard", list(metric->guard, JUDGE_RELATIVE_GRID), "inside",
        list(metric->inside, JUDGE_PASS_GRID), "bake", list(metric->bake, JUDGE_RELATIVE_GRID));
}

static bool metric_from_json(const json_t *row, struct judge_metric *metric)
{
    double sum[4], limits[2];
    if (!from_list(row, "limits", limits, 2) || limits[0] < 0 || limits[0] >= 1 || limits[1] < 0 ||
        limits[1] >= 1 || !from_list(row, "sum", sum, 4) ||
        !from_list(row, "relative", metric->relative, JUDGE_RELATIVE_GRID) ||
        !from_list(row, "pass", metric->pass, JUDGE_PASS_GRID) ||
        !from_list(row, "guard", metric->guard, JUDGE_RELATIVE_GRID) ||
        !from_list(row, "inside", metric->inside, JUDGE_PASS_GRID) ||
        !from_list(row, "bake", metric->bake, JUDGE_RELATIVE_GRID))
        return false;
    metric->p_bad = limits[0];
    metric->p_limit = limits[1];
    metric->sum = (struct judge_counts){.canary_requests = sum[0],
                                        .canary_bad = sum[1],
                                        .stable_requests = sum[2],
                                        .stable_bad = sum[3]};
    return true;
}

static json_t *metrics_to_json(const struct judge *judge)
{
    json_t *array = json_array();
    for (size_t i = 0; i < judge->metric_count; i++) {
        if (json_array_append_new(array, metric_to_json(&judge->metrics[i])) != 0) {
            json_decref(array);
            return NULL;
        }
    }
    return array;
}

json_t *judge_to_json(const struct judge *judge)
{
    const struct judge_settings *s = &judge->settings;
    const double settings[] = {s->alpha, s->beta, s->tolerance, s->p_bad, s->p_limit, s->rho};
    const double step[] = {judge->step_canary, judge->step_stable, judge->silent};
    return json_pack("{s:i,s:o,s:I,s:I,s:o,s:I,s:I,s:I,s:I,s:I,s:i,s:I,s:b,s:b,s:o}", "version",
                     ROW_VERSION, "settings", list(settings, 6), "window", (json_int_t)s->window.ms,
                     "lag", (json_int_t)s->lag.ms, "metrics", metrics_to_json(judge), "until",
                     (json_int_t)judge->until.ms, "pending_from",
                     (json_int_t)judge->pending.from.ms, "pending_to",
                     (json_int_t)judge->pending.to.ms, "judged_ms", (json_int_t)judge->judged_ms,
                     "failures", (json_int_t)judge->failures, "weight", judge->weight, "step_from",
                     (json_int_t)judge->step_from.ms, "baking", judge->baking, "condemned",
                     judge->condemned, "step", list(step, 3));
}

static bool integer(const json_t *row, const char *name, int64_t least, int64_t *ret_value)
{
    const json_t *value = json_object_get(row, name);
    *ret_value = json_integer_value(value);
    return json_is_integer(value) && *ret_value >= least;
}

static bool flag(const json_t *row, const char *name, bool *ret_value)
{
    const json_t *value = json_object_get(row, name);
    *ret_value = json_is_true(value);
    return json_is_boolean(value);
}

static bool settings_from_json(const json_t *row, struct judge_settings *settings)
{
    double values[6];
    if (!from_list(row, "settings", values, 6) ||
        !integer(row, "window", 1, &settings->window.ms) ||
        !integer(row, "lag", 0, &settings->lag.ms))
        return false;
    settings->alpha = values[0];
    settings->beta = values[1];
    settings->tolerance = values[2];
    settings->p_bad = values[3];
    settings->p_limit = values[4];
    settings->rho = values[5];
    return settings->alpha > 0 && settings->alpha < 1 && settings->beta > 0 && settings->beta < 1 &&
           settings->tolerance >= 1 && settings->p_bad > 0 && settings->p_bad < 1 &&
           settings->rho >= 0 && settings->rho < 1;
}

static bool read_row(const json_t *row, struct judge *judge)
{
    int64_t failures = 0, weight = 0, version = 0;
    double step[3];
    if (!integer(row, "version", ROW_VERSION, &version) || version != ROW_VERSION ||
        !settings_from_json(row, &judge->settings) ||
        !integer(row, "until", INT64_MIN, &judge->until.ms) ||
        !integer(row, "pending_from", INT64_MIN, &judge->pending.from.ms) ||
        !integer(row, "pending_to", INT64_MIN, &judge->pending.to.ms) ||
        !integer(row, "judged_ms", 0, &judge->judged_ms) ||
        !integer(row, "failures", 0, &failures) || failures > INT32_MAX ||
        !integer(row, "weight", 0, &weight) || weight > 100 ||
        !integer(row, "step_from", INT64_MIN, &judge->step_from.ms) ||
        !flag(row, "baking", &judge->baking) || !flag(row, "condemned", &judge->condemned) ||
        !from_list(row, "step", step, 3))
        return false;
    judge->failures = (unsigned)failures;
    judge->weight = (int)weight;
    judge->step_canary = step[0];
    judge->step_stable = step[1];
    judge->silent = step[2];
    const json_t *metrics = json_object_get(row, "metrics");
    judge->metric_count = json_array_size(metrics);
    if (judge->metric_count == 0 || judge->metric_count > JUDGE_METRICS_LIMIT)
        return false;
    for (size_t i = 0; i < judge->metric_count; i++) {
        if (!metric_from_json(json_array_get(metrics, i), &judge->metrics[i]))
            return false;
    }
    return true;
}

int judge_from_json(const json_t *row, struct judge *judge, struct error *err)
{
    struct judge read = {0};
    if (!read_row(row, &read))
        return error_set(err, ERROR_INVALID, ERR_INVALID,
                         "the journal's row of a judge cannot be read");
    *judge = read;
    return 0;
}
