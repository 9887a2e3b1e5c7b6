#include "reconciler/engine/trial_show.h"

#include "reconciler/engine/status.h"
#include "reconciler/engine/trial_workflow.h"

#include <math.h>
#include <string.h>

/* Beyond this nobody needs digits, and JSON has no infinity. */
#define LOG_SHOWN 30.0

static json_t *evidence_json(double log_value, double log_threshold)
{
    const double reached = log_value / log_threshold;
    return json_pack("{s:f, s:f, s:f, s:f, s:f}", "log", log_value, "value",
                     exp(log_value < LOG_SHOWN ? log_value : LOG_SHOWN), "threshold",
                     exp(log_threshold), "log_threshold", log_threshold, "reached",
                     reached < 0   ? 0.0
                     : reached > 1 ? 1.0
                                   : reached);
}

static json_t *side_json(double requests, double bad)
{
    return json_pack("{s:f, s:f, s:o}", "requests", requests, "bad", bad, "share",
                     requests > 0 ? json_real(bad / requests) : json_null());
}

json_t *trial_show_limits(const struct judge *judge, size_t metric)
{
    const struct judge_metric *own = &judge->metrics[metric];
    const double bad = own->p_bad > 0 ? own->p_bad : judge->settings.p_bad;
    const double limit = own->p_limit > 0 ? own->p_limit : judge->settings.p_limit;
    return json_pack("{s:f, s:o}", "bad_limit", bad, "guard",
                     limit > 0 ? json_real(limit) : json_null());
}

static json_t *metrics_json(const struct trial *trial)
{
    static const struct judge none;
    const json_t *metrics = json_object_get(trial->source, "metrics");
    json_t *shown = json_array();
    size_t used = 0;
    for (size_t i = 0; i < json_array_size(metrics); i++) {
        const json_t *metric = json_array_get(metrics, i);
        const json_t *message = json_object_get(metric, "message");
        const bool judged = message == NULL && used < trial->judge.metric_count;
        const struct judge_counts *sum =
            judged ? &trial->judge.metrics[used].sum : &none.metrics[0].sum;
        json_t *one = json_pack(
            "{s:O, s:O, s:O, s:o, s:o, s:o}", "name", json_object_get(metric, "name"), "kind",
            json_object_get(metric, "kind"), "edge", json_object_get(metric, "edge"), "message",
            status_text(json_text_or(message, NULL)), "canary",
            side_json(sum->canary_requests, sum->canary_bad), "stable",
            side_json(sum->stable_requests, sum->stable_bad));
        if (judged)
            one = json_join(one, trial_show_limits(&trial->judge, used++));
        json_array_append_new(shown, one);
    }
    return shown;
}

double trial_show_rate(const struct trial *trial)
{
    const struct judge *judge = &trial->judge;
    if (judge->metric_count == 0 || judge->judged_ms <= 0)
        return 0;
    const struct judge_counts *sum = &judge->metrics[0].sum;
    return (sum->canary_requests + sum->stable_requests) * 1000 / (double)judge->judged_ms;
}

static json_t *totals(const struct trial *trial)
{
    static const struct judge_counts nothing;
    const struct judge *judge = &trial->judge;
    const struct judge_counts *sum = judge->metric_count > 0 ? &judge->metrics[0].sum : &nothing;
    const double rate = trial_show_rate(trial);
    return json_pack("{s:{s:f, s:f}, s:{s:f, s:f}, s:o}", "requests", "canary",
                     sum->canary_requests, "stable", sum->stable_requests, "bad", "canary",
                     sum->canary_bad, "stable", sum->stable_bad, "requests_per_second",
                     rate > 0 ? json_real(rate) : json_null());
}

static json_t *windows_json(const struct trial *trial)
{
    const struct judge *judge = &trial->judge;
    const bool seated = judge->metric_count > 0;
    const bool pending = seated && judge->pending.to.ms != 0;
    const int64_t next = judge->until.ms + judge->settings.window.ms + judge->settings.lag.ms;
    return json_pack("{s:I, s:I, s:o, s:o, s:I, s:o, s:b}", "windows", (json_int_t)trial->windows,
                     "judged_ms", (json_int_t)judge->judged_ms, "pending",
                     pending ? json_pack("{s:o, s:o}", "from", status_time(judge->pending.from.ms),
                                         "to", status_time(judge->pending.to.ms))
                             : json_null(),
                     "next", seated && !pending && trial->looking ? status_time(next) : json_null(),
                     "failures", (json_int_t)trial->failures, "error", status_text(trial->error),
                     "baking", (int)judge->baking);
}

json_t *trial_show(const struct engine *engine, const struct trial *trial, bool soak_over)
{
    const struct gate_record *run = NULL;
    if (trial_workflow_is(trial))
        (void)trial_workflow_verdict(engine, trial, &run);
    const char *message = run == NULL ? trial->evidence : run->message;
    const struct judge *judge = &trial->judge;
    const bool seated = judge->metric_count > 0;
    const double alpha = seated ? judge->settings.alpha : judge_settings_default.alpha;
    const double beta = seated ? judge->settings.beta : judge_settings_default.beta;
    json_t *shown =
        json_pack("{s:O, s:O, s:O, s:O, s:s, s:o, s:o, s:o, s:o, s:o}", "provider",
                  json_object_get(trial->source, "provider"), "template",
                  json_object_get(trial->source, "template"), "interval_ms",
                  json_object_get(trial->source, "interval_ms"), "insufficient",
                  json_object_get(trial->source, "insufficient"), "verdict",
                  judge_verdict_name(trial_verdict(engine, trial, soak_over)), "message",
                  status_text(message), "against",
                  evidence_json(seated ? judge_log_against(judge) : 0, log(1 / alpha)), "for",
                  evidence_json(seated ? judge_log_pass(judge) : 0, log(1 / beta)), "metrics",
                  metrics_json(trial), "run", status_text(run == NULL ? NULL : run->run));
    return json_join(json_join(shown, totals(trial)), windows_json(trial));
}
