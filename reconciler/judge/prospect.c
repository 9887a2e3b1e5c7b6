/* What is known, and what can be known, before a rollout starts. */
#include "reconciler/judge/evidence.h"

#include <math.h>

/* Scatter of all windows over what independent requests would have: a ratio of sums, so that
 * windows with few bad requests, whose own ratios are skewed, weigh as little as they know. */
double judge_dispersion(const double (*counts)[2], size_t windows, size_t replicas)
{
    double scatter = 0, expected = 0, freedom = 0, size = 0, cells = 0;
    for (size_t w = 0; w < windows; w++) {
        const double(*row)[2] = counts + w * replicas;
        double requests = 0, bad = 0, used = 0;
        for (size_t r = 0; r < replicas; r++) {
            if (row[r][0] <= 0)
                continue;
            requests += row[r][0];
            bad += row[r][1];
            used += 1;
        }
        if (used < 2 || bad >= requests)
            continue;
        const double share = bad / requests;
        for (size_t r = 0; r < replicas; r++) {
            const double excess = row[r][0] > 0 ? row[r][1] - row[r][0] * share : 0;
            scatter += excess * excess;
        }
        expected += share * (1 - share) * requests * (used - 1) / used;
        freedom += bad > 0 ? used - 1 : 0;
        size += requests;
        cells += used;
    }
    if (freedom < 10 || size <= 2 * cells)
        return -1;
    const double rho = (scatter / expected - 1) / (size / cells - 1);
    return rho < 0 ? 0 : rho > 0.5 ? 0.5 : rho;
}

static bool proves(const struct judge_settings *settings, double p_bad, double requests)
{
    double logs[JUDGE_PASS_GRID] = {0};
    evidence_add_below(logs, p_bad, requests, 0, 1);
    return evidence_mean(logs, JUDGE_PASS_GRID) >= log(1 / settings->beta);
}

double judge_requests_needed(const struct judge_settings *settings, double p_bad)
{
    double high = 1;
    while (high < 1e15 && !proves(settings, p_bad, high))
        high *= 2;
    double low = high / 2;
    for (int i = 0; i < 64; i++) {
        const double middle = low + (high - low) / 2;
        if (proves(settings, p_bad, middle))
            high = middle;
        else
            low = middle;
    }
    return ceil(high);
}

void judge_prospects(const struct judge_settings *settings, double requests_per_second, int weight,
                     struct judge_prospect ret_rows[static JUDGE_PROSPECTS])
{
    static const double bad[JUDGE_PROSPECTS] = {0.05, 0.02, 0.01, 0.001};
    const double rate = requests_per_second * weight / 100;
    for (size_t i = 0; i < JUDGE_PROSPECTS; i++) {
        const double requests = judge_requests_needed(settings, bad[i]);
        const double ms = rate > 0 ? requests / rate * 1000 : HUGE_VAL;
        ret_rows[i] = (struct judge_prospect){
            .p_bad = bad[i],
            .requests = requests,
            .duration = {ms < 1e15 ? (int64_t)ceil(ms) : INT64_MAX},
        };
    }
}
