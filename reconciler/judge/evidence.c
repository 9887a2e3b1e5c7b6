#include "reconciler/judge/evidence.h"

#include "config/base/check.h"

#include <math.h>

/* Ratios that the relative test, the guard and the bake look for, as multiples of what is
 * tolerated. */
static const double worse[JUDGE_RELATIVE_GRID] = {1.5, 2, 3, 5, 10, 30};

/* Shares that the pass test looks for, as parts of p_bad: 0.1, 0.25, 0.5 and 1 % of 2 %. */
static const double better[JUDGE_PASS_GRID] = {0.05, 0.125, 0.25, 0.5};

double evidence_mean(const double *logs, size_t count)
{
    CHECK(count > 0);
    double most = logs[0];
    for (size_t i = 1; i < count; i++)
        most = logs[i] > most ? logs[i] : most;
    double sum = 0;
    for (size_t i = 0; i < count; i++)
        sum += exp(logs[i] - most);
    return most + log(sum / (double)count);
}

/* How much more a count scatters than independent requests would. */
static double design_effect(double requests, double rho)
{
    const double effect = 1 + (requests - 1) * rho;
    return effect > 1 ? effect : 1;
}

static double pair_effect(double canary, double stable, double rho)
{
    const double effect =
        (design_effect(canary, rho) / canary + design_effect(stable, rho) / stable) /
        (1 / canary + 1 / stable);
    return effect > 1 ? effect : 1;
}

static void add_relative(double logs[static JUDGE_RELATIVE_GRID],
                         const struct judge_settings *settings, const struct judge_counts *counts)
{
    const double canary = counts->canary_requests, stable = counts->stable_requests;
    if (canary <= 0 || stable <= 0)
        return;
    const double phi = pair_effect(canary, stable, settings->rho);
    const double q0 = settings->tolerance * canary / (settings->tolerance * canary + stable);
    for (size_t i = 0; i < JUDGE_RELATIVE_GRID; i++) {
        const double ratio = settings->tolerance * worse[i];
        const double q1 = ratio * canary / (ratio * canary + stable);
        const double gain =
            counts->canary_bad * log(q1 / q0) + counts->stable_bad * log((1 - q1) / (1 - q0));
        logs[i] += gain / phi;
    }
}

/* Evidence that a share is above p0. */
static void add_above(double logs[static JUDGE_RELATIVE_GRID], double p0, double requests,
                      double bad, double phi)
{
    for (size_t i = 0; i < JUDGE_RELATIVE_GRID; i++) {
        const double wanted = p0 * worse[i];
        /* Close to one the grid ends, but no point of it may be lost. */
        const double p1 = wanted < (1 + p0) / 2 ? wanted : (1 + p0) / 2;
        logs[i] += (bad * log(p1 / p0) + (requests - bad) * log((1 - p1) / (1 - p0))) / phi;
    }
}

void evidence_add_below(double logs[static JUDGE_PASS_GRID], double p_bad, double requests,
                        double bad, double phi)
{
    for (size_t i = 0; i < JUDGE_PASS_GRID; i++) {
        const double p = p_bad * better[i];
        logs[i] += (bad * log(p / p_bad) + (requests - bad) * log((1 - p) / (1 - p_bad))) / phi;
    }
}

void evidence_interval(double bad, double requests, double z, double *ret_low, double *ret_high)
{
    const double share = bad / requests, square = z * z;
    const double middle = share + square / (2 * requests);
    const double half =
        z * sqrt(share * (1 - share) / requests + square / (4 * requests * requests));
    const double scale = 1 + square / requests;
    *ret_low = (middle - half) / scale;
    *ret_high = (middle + half) / scale;
}

static double own_bad(const struct judge_metric *metric, const struct judge_settings *settings)
{
    return metric->p_bad > 0 ? metric->p_bad : settings->p_bad;
}

/* While it bakes there is no stable traffic beside it: what the stable release had before, with the
 * tolerance and its uncertainty, is the limit; never less than what was to be ruled out. */
static double bake_limit(const struct judge_metric *metric, const struct judge_settings *settings)
{
    double low = 0, high = 0;
    if (metric->sum.stable_requests > 0)
        evidence_interval(metric->sum.stable_bad, metric->sum.stable_requests, 2.5758293035489004,
                          &low, &high);
    const double limit = settings->tolerance * high, p_bad = own_bad(metric, settings);
    const double most = limit > p_bad ? limit : p_bad;
    return most < 0.5 ? most : 0.5;
}

void evidence_add(struct judge_metric *metric, const struct judge_settings *settings,
                  const struct judge_counts *counts, bool baking)
{
    const double canary = counts->canary_requests, stable = counts->stable_requests;
    const double phi_canary = design_effect(canary, settings->rho);
    const double p_limit = metric->p_limit > 0 ? metric->p_limit : settings->p_limit;
    add_relative(metric->relative, settings, counts);
    evidence_add_below(metric->pass, own_bad(metric, settings), canary, counts->canary_bad, 1);
    if (p_limit > 0) {
        add_above(metric->guard, p_limit, canary, counts->canary_bad, phi_canary);
        evidence_add_below(metric->inside, p_limit, stable, counts->stable_bad,
                           design_effect(stable, settings->rho));
    }
    if (baking)
        add_above(metric->bake, bake_limit(metric, settings), canary, counts->canary_bad,
                  phi_canary);
    metric->sum.canary_requests += canary;
    metric->sum.canary_bad += counts->canary_bad;
    metric->sum.stable_requests += stable;
    metric->sum.stable_bad += counts->stable_bad;
}
