#include "reconciler/judge/judge.h"

#include "config/base/check.h"
#include "reconciler/judge/evidence.h"

#include <math.h>
#include <stddef.h>

const struct judge_settings judge_settings_default = {
    .alpha = 0.01,
    .beta = 0.05,
    .tolerance = 1.25,
    .p_bad = 0.02,
    .p_limit = 0.0,
    .rho = 0.003,
    .window = {60000},
    .lag = {30000},
};

/* Windows older than this are not asked for any more: sources do not keep everything. */
#define BACKLOG_MS (INT64_C(24) * 3600000)

/* Requests that the canary should have had by its weight before silence means something: the
 * chance of none is then e^-10. */
#define SILENCE_EXPECTED 10.0

/* All of so many requests bad, while most of the stable release's are good, needs no statistics. */
#define HOPELESS_REQUESTS 5.0
#define HOPELESS_STABLE 20.0

void judge_init(struct judge *judge, const struct judge_settings *settings, size_t metric_count,
                struct wall_time start)
{
    CHECK(metric_count > 0 && metric_count <= JUDGE_METRICS_LIMIT);
    CHECK(settings->alpha > 0 && settings->alpha < 1 && settings->beta > 0 && settings->beta < 1);
    CHECK(settings->tolerance >= 1 && settings->p_bad > 0 && settings->p_bad < 1);
    CHECK(settings->rho >= 0 && settings->rho < 1 && settings->window.ms > 0);
    *judge = (struct judge){.settings = *settings, .metric_count = metric_count, .until = start};
}

void judge_limit(struct judge *judge, size_t metric, double p_bad, double p_limit)
{
    CHECK(metric < judge->metric_count && p_bad >= 0 && p_bad < 1 && p_limit >= 0 && p_limit < 1);
    judge->metrics[metric].p_bad = p_bad;
    judge->metrics[metric].p_limit = p_limit;
}

void judge_step(struct judge *judge, int weight, struct wall_time now)
{
    CHECK(weight >= 0 && weight <= 100);
    judge->weight = weight;
    judge->step_from = now;
    judge->step_canary = judge->step_stable = judge->silent = 0;
}

void judge_bake(struct judge *judge, struct wall_time now)
{
    judge_step(judge, 100, now);
    judge->baking = true;
}

/* --- windows ------------------------------------------------------------------------------ */

void judge_skip(struct judge *judge, struct wall_time until)
{
    judge->pending = (struct judge_window){0};
    if (until.ms > judge->until.ms)
        judge->until = until;
}

void judge_begin_anew(struct judge *judge, struct wall_time from)
{
    const struct judge before = *judge;
    judge_init(judge, &before.settings, before.metric_count, from);
    for (size_t i = 0; i < before.metric_count; i++)
        judge_limit(judge, i, before.metrics[i].p_bad, before.metrics[i].p_limit);
    judge_step(judge, before.weight, from);
    judge->baking = before.baking;
    judge->condemned = before.condemned;
}

bool judge_plan(struct judge *judge, struct wall_time now, struct judge_window *ret_window)
{
    if (judge->pending.to.ms == 0) {
        if (now.ms - judge->until.ms > BACKLOG_MS)
            judge->until.ms = now.ms - BACKLOG_MS;
        const int64_t to = judge->until.ms + judge->settings.window.ms;
        if (to + judge->settings.lag.ms > now.ms)
            return false;
        judge->pending = (struct judge_window){.from = judge->until, .to = {to}};
    }
    *ret_window = judge->pending;
    return true;
}

static bool is_pending(const struct judge *judge, struct judge_window window)
{
    return judge->pending.to.ms != 0 && window.from.ms == judge->pending.from.ms &&
           window.to.ms == judge->pending.to.ms;
}

static void close_window(struct judge *judge)
{
    judge->until = judge->pending.to;
    judge->pending = (struct judge_window){0};
}

static bool usable_pair(double requests, double bad)
{
    return isfinite(requests) && isfinite(bad) && requests >= 0 && bad >= 0 && bad <= requests &&
           requests <= 1e12;
}

static bool usable(const struct judge *judge, const struct judge_counts *counts)
{
    for (size_t i = 0; i < judge->metric_count; i++) {
        if (!usable_pair(counts[i].canary_requests, counts[i].canary_bad) ||
            !usable_pair(counts[i].stable_requests, counts[i].stable_bad))
            return false;
    }
    return true;
}

static bool hopeless(const struct judge *judge)
{
    for (size_t i = 0; i < judge->metric_count; i++) {
        const struct judge_counts *sum = &judge->metrics[i].sum;
        if (sum->canary_requests >= HOPELESS_REQUESTS && sum->canary_bad >= sum->canary_requests &&
            sum->stable_requests >= HOPELESS_STABLE && sum->stable_bad <= sum->stable_requests / 2)
            return true;
    }
    return false;
}

/* The guard condemns only where the comparison leans the same way and the stable release was shown
 * to be inside the limit in the same windows: otherwise going back would not help. */
static bool guard_condemns(const struct judge *judge)
{
    const double proof = log(1 / judge->settings.alpha);
    for (size_t i = 0; i < judge->metric_count; i++) {
        const struct judge_metric *metric = &judge->metrics[i];
        if (evidence_mean(metric->guard, JUDGE_RELATIVE_GRID) >= proof &&
            evidence_mean(metric->inside, JUDGE_PASS_GRID) >= log(1 / judge->settings.beta) &&
            evidence_mean(metric->relative, JUDGE_RELATIVE_GRID) >= proof / 2)
            return true;
    }
    return false;
}

static bool guarded(const struct judge *judge)
{
    for (size_t i = 0; i < judge->metric_count; i++) {
        if (evidence_mean(judge->metrics[i].guard, JUDGE_RELATIVE_GRID) >=
            log(1 / judge->settings.alpha))
            return true;
    }
    return false;
}

static double log_bake(const struct judge *judge)
{
    double logs[JUDGE_METRICS_LIMIT];
    for (size_t i = 0; i < judge->metric_count; i++)
        logs[i] = evidence_mean(judge->metrics[i].bake, JUDGE_RELATIVE_GRID);
    return evidence_mean(logs, judge->metric_count);
}

static bool condemns(const struct judge *judge)
{
    const double proof = log(1 / judge->settings.alpha);
    return judge_log_relative(judge) >= proof || hopeless(judge) || guard_condemns(judge) ||
           (judge->baking && log_bake(judge) >= proof);
}

static void count_share(struct judge *judge, struct judge_window window,
                        const struct judge_counts *counts)
{
    if (window.from.ms < judge->step_from.ms)
        return;
    judge->step_canary += counts->canary_requests;
    judge->step_stable += counts->stable_requests;
    judge->silent = counts->canary_requests > 0 ? 0 : judge->silent + counts->stable_requests;
}

enum judge_counting judge_count(struct judge *judge, struct judge_window window,
                                const struct judge_counts *counts)
{
    if (!is_pending(judge, window))
        return JUDGE_STALE;
    close_window(judge);
    if (!usable(judge, counts)) {
        judge->failures++;
        return JUDGE_UNUSABLE;
    }
    judge->failures = 0;
    judge->judged_ms += window.to.ms - window.from.ms;
    count_share(judge, window, counts);
    for (size_t i = 0; i < judge->metric_count; i++)
        evidence_add(&judge->metrics[i], &judge->settings, &counts[i], judge->baking);
    judge->condemned = judge->condemned || condemns(judge);
    return JUDGE_COUNTED;
}

void judge_failed(struct judge *judge, struct judge_window window, bool give_up)
{
    if (!is_pending(judge, window))
        return;
    judge->failures++;
    if (give_up)
        close_window(judge);
}

/* --- verdicts ----------------------------------------------------------------------------- */

double judge_log_relative(const struct judge *judge)
{
    double logs[JUDGE_METRICS_LIMIT];
    for (size_t i = 0; i < judge->metric_count; i++)
        logs[i] = evidence_mean(judge->metrics[i].relative, JUDGE_RELATIVE_GRID);
    return evidence_mean(logs, judge->metric_count);
}

double judge_log_pass(const struct judge *judge)
{
    double least = HUGE_VAL;
    for (size_t i = 0; i < judge->metric_count; i++) {
        const double log_pass = evidence_mean(judge->metrics[i].pass, JUDGE_PASS_GRID);
        if (log_pass < least)
            least = log_pass;
    }
    return least;
}

double judge_log_against(const struct judge *judge)
{
    const double relative = judge_log_relative(judge);
    const double bake = judge->baking ? log_bake(judge) : relative;
    return bake > relative ? bake : relative;
}

static bool silent(const struct judge *judge)
{
    return judge->weight > 0 && judge->weight < 100 &&
           judge->silent * judge->weight / (100 - judge->weight) >= SILENCE_EXPECTED;
}

enum judge_verdict judge_verdict(const struct judge *judge, bool soak_over)
{
    if (judge->condemned)
        return VERDICT_ROLLBACK;
    if (judge->failures > 0)
        return VERDICT_PROVIDER_ERROR;
    if (silent(judge))
        return VERDICT_NO_DATA;
    if (guarded(judge))
        return VERDICT_GUARD;
    if (judge_log_pass(judge) >= log(1 / judge->settings.beta))
        return VERDICT_PASS;
    return soak_over ? VERDICT_INSUFFICIENT : VERDICT_CONTINUE;
}

const char *judge_verdict_name(enum judge_verdict verdict)
{
    static const char *const names[] = {
        [VERDICT_CONTINUE] = "continue", [VERDICT_PASS] = "pass",
        [VERDICT_ROLLBACK] = "rollback", [VERDICT_INSUFFICIENT] = "insufficient",
        [VERDICT_NO_DATA] = "no-data",   [VERDICT_PROVIDER_ERROR] = "provider-error",
        [VERDICT_GUARD] = "guard",
    };
    _Static_assert(sizeof(names) / sizeof(names[0]) == JUDGE_VERDICT_COUNT, "one each");
    CHECK(verdict < JUDGE_VERDICT_COUNT);
    return names[verdict];
}

/* 99 %: a weight is doubted only with reason. */
#define SHARE_Z 2.5758293035489004

enum share_check judge_share(const struct judge *judge, bool besides)
{
    const double requests = judge->step_canary + judge->step_stable;
    if (judge->weight <= 0 || judge->weight >= 100)
        return SHARE_NOT_COUNTED;
    const double weight = judge->weight / 100.0;
    const double least = 5 / weight;
    if (requests < (least > 50 ? least : 50))
        return SHARE_TOO_FEW;
    double low = 0, high = 0;
    evidence_interval(judge->step_canary, requests, SHARE_Z, &low, &high);
    const double quarter = weight / 4;
    const double slack = quarter > 0.02 ? quarter : 0.02;
    const bool enough = high >= weight - slack, too_much = low > weight + slack && !besides;
    return enough && !too_much ? SHARE_CONFIRMED : SHARE_OFF;
}

/* As people read it; far beyond any threshold nobody needs digits. */
static double shown(double log_evidence)
{
    return exp(log_evidence < 30 ? log_evidence : 30);
}

static double against(const struct judge *judge, size_t metric)
{
    const struct judge_metric *of = &judge->metrics[metric];
    const double relative = evidence_mean(of->relative, JUDGE_RELATIVE_GRID);
    const double bake = judge->baking ? evidence_mean(of->bake, JUDGE_RELATIVE_GRID) : relative;
    return bake > relative ? bake : relative;
}

size_t judge_worst(const struct judge *judge)
{
    size_t worst = 0;
    for (size_t i = 1; i < judge->metric_count; i++) {
        if (against(judge, i) > against(judge, worst))
            worst = i;
    }
    return worst;
}

void judge_explain(const struct judge *judge, struct text *out)
{
    const struct judge_counts *sum = &judge->metrics[judge_worst(judge)].sum;
    text_format(out, "%.0f of %.0f bad (%.2f %%) against %.0f of %.0f (%.2f %%)", sum->canary_bad,
                sum->canary_requests,
                sum->canary_requests > 0 ? 100 * sum->canary_bad / sum->canary_requests : 0.0,
                sum->stable_bad, sum->stable_requests,
                sum->stable_requests > 0 ? 100 * sum->stable_bad / sum->stable_requests : 0.0);
    const double contra = shown(judge_log_against(judge));
    const double in_favour = shown(judge_log_pass(judge));
    text_format(out, "; evidence against it %.3g of %.0f, for it %.3g of %.0f", contra,
                1 / judge->settings.alpha, in_favour, 1 / judge->settings.beta);
}
