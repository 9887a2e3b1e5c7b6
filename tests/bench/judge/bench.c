/* How often the judge is wrong, and how long it takes: rollouts of 5, 20 and 50 %, ten looks of a
 * minute each, judged by the judge itself.
 *
 *   judge-bench [--runs N] [--seed N] [--gate] [--rho RHO] [--p-bad SHARE]
 *
 * Prints for each kind of noise, traffic and ratio of error rates how many rollouts ended in
 * rollback, promotion and neither, with 95 % intervals (Wilson). With --gate it leaves with status
 * 1 when a published figure is missed with certainty (the interval lies beyond it); lines without a
 * published figure are left out then. --rho takes the place of what the stable release's replicas
 * show, --p-bad that of the share to rule out: with either of them wrong, the gate must shut. */
#include "tests/bench/judge/noise.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LOOKS 10
#define STEPS 3
static const int weights[STEPS] = {5, 20, 50};
static const double ratios[] = {1, 2, 4, 10};
static const double traffics[] = {1, 10, 100};
#define RATIOS (sizeof(ratios) / sizeof(ratios[0]))
#define TRAFFICS (sizeof(traffics) / sizeof(traffics[0]))

static double forced_rho = -1, forced_p_bad = -1;

struct outcome {
    double runs, rollback, promoted, looks, bad_served;
};

static void restart(struct judge *judge)
{
    json_t *row = judge_to_json(judge);
    char *text = json_dumps(row, JSON_COMPACT);
    json_t *read = json_loads(text, 0, NULL);
    struct judge restored;
    if (judge_from_json(read, &restored, NULL) != 0)
        abort();
    *judge = restored;
    json_decref(row);
    json_decref(read);
    free(text);
}

/* One look: the window is planned, sometimes not readable, sometimes asked for twice. False: it was
 * left out. */
static bool look(struct judge *judge, struct noise_source *source,
                 const struct noise_traffic *traffic, int weight, struct wall_time now,
                 struct outcome *outcome)
{
    const struct judge_counts counts = noise_look(source, traffic, weight, 60);
    struct judge_window window;
    if (!judge_plan(judge, now, &window))
        abort();
    if (traffic->kind == NOISE_RESTARTS && noise_uniform(source) < 0.3) {
        restart(judge);
        if (!judge_plan(judge, now, &window))
            abort();
    }
    outcome->bad_served += counts.canary_bad;
    if (traffic->kind == NOISE_MISSING) {
        const double luck = noise_uniform(source);
        if (luck < 0.1) {
            judge_failed(judge, window, true);
            return false;
        }
        if (luck < 0.2)
            judge_failed(judge, window, false);
    }
    (void)judge_count(judge, window, &counts);
    if (judge_count(judge, window, &counts) != JUDGE_STALE)
        abort();
    return true;
}

static void run(struct noise_source *source, const struct noise_traffic *traffic,
                struct outcome *outcome)
{
    struct judge_settings settings = judge_settings_default;
    const double rho = forced_rho >= 0 ? forced_rho : noise_history_rho(source, traffic);
    if (rho >= 0)
        settings.rho = rho;
    if (forced_p_bad > 0)
        settings.p_bad = forced_p_bad;
    settings.lag.ms = 0;
    struct judge judge;
    struct wall_time now = {0};
    judge_init(&judge, &settings, 1, now);
    outcome->runs += 1;
    for (int step = 0; step < STEPS; step++) {
        judge_step(&judge, weights[step], now);
        for (int i = 0; i < LOOKS;) {
            now.ms += 60000;
            /* Only time that was judged counts as soaked. */
            i += look(&judge, source, traffic, weights[step], now, outcome);
            if (judge_verdict(&judge, false) != VERDICT_ROLLBACK)
                continue;
            outcome->rollback += 1;
            outcome->looks += step * LOOKS + i;
            return;
        }
    }
    if (judge_verdict(&judge, true) == VERDICT_PASS)
        outcome->promoted += 1;
}

static void interval(double hits, double runs, double *low, double *high)
{
    const double z = 1.959963984540054, p = hits / runs;
    const double middle = p + z * z / (2 * runs);
    const double half = z * sqrt(p * (1 - p) / runs + z * z / (4 * runs * runs));
    *low = (middle - half) / (1 + z * z / runs);
    *high = (middle + half) / (1 + z * z / runs);
}

/* Largest shares that are published: false rollbacks, and bad releases that are promoted. */
static double limit_of(const struct noise_traffic *traffic, bool promoted)
{
    if (traffic->ratio <= 1)
        return promoted ? 2 : 0.01;
    if (!promoted || traffic->requests_per_second < 10)
        return 2;
    return traffic->ratio >= 10 ? 0.001 : traffic->ratio >= 4 ? 0.03 : 2;
}

static bool print_share(const char *what, double hits, double runs, double limit)
{
    double low, high;
    interval(hits, runs, &low, &high);
    const bool missed = low > limit;
    printf("  %s %.4f [%.4f %.4f]%s", what, hits / runs, low < 0 ? 0 : low, high,
           missed ? " MISSED" : "");
    return !missed;
}

static bool cell(enum noise_kind kind, double rps, double ratio, size_t runs, uint64_t seed)
{
    const struct noise_traffic traffic = {
        .kind = kind, .requests_per_second = rps, .base = 0.005, .ratio = ratio};
    struct outcome outcome = {0};
    struct noise_source source;
    noise_seed(&source, seed * 1000003 + (uint64_t)kind * 10007 + (uint64_t)(rps * 101) +
                            (uint64_t)(ratio * 7));
    for (size_t i = 0; i < runs; i++)
        run(&source, &traffic, &outcome);
    printf("%-15s %4.0f rps  x%-4.0f", noise_name(kind), rps, ratio);
    const double neither = outcome.runs - outcome.rollback - outcome.promoted;
    bool good = print_share("rollback", outcome.rollback, outcome.runs, limit_of(&traffic, false));
    good &= print_share("promoted", outcome.promoted, outcome.runs, limit_of(&traffic, true));
    (void)print_share("neither", neither, outcome.runs, 2);
    if (outcome.rollback > 0)
        printf("  look %.1f", outcome.looks / outcome.rollback);
    printf("  bad served %.1f\n", outcome.bad_served / outcome.runs);
    return good;
}

/* Lines for which a figure is published. */
static bool is_published(double rps, double ratio)
{
    return ratio <= 1 ? rps >= 1 : rps >= 10 && ratio >= 4;
}

static bool parse(int count, char **arguments, size_t *runs, uint64_t *seed, bool *gate)
{
    for (int i = 1; i < count; i++) {
        if (strcmp(arguments[i], "--gate") == 0)
            *gate = true;
        else if (strcmp(arguments[i], "--runs") == 0 && i + 1 < count)
            *runs = strtoul(arguments[++i], NULL, 10);
        else if (strcmp(arguments[i], "--seed") == 0 && i + 1 < count)
            *seed = strtoull(arguments[++i], NULL, 10);
        else if (strcmp(arguments[i], "--rho") == 0 && i + 1 < count)
            forced_rho = strtod(arguments[++i], NULL);
        else if (strcmp(arguments[i], "--p-bad") == 0 && i + 1 < count)
            forced_p_bad = strtod(arguments[++i], NULL);
        else
            return false;
    }
    return *runs > 0;
}

int main(int count, char **arguments)
{
    size_t runs = 10000;
    uint64_t seed = 1;
    bool gate = false, good = true;
    if (!parse(count, arguments, &runs, &seed, &gate)) {
        (void)fprintf(stderr, "usage: judge-bench [--runs N] [--seed N] [--gate] [--rho RHO] "
                              "[--p-bad SHARE]\n");
        return 2;
    }
    printf("%zu runs a line, seed %llu; base error rate 0.5 %%; 95 %% intervals\n", runs,
           (unsigned long long)seed);
    for (int kind = 0; kind < NOISE_COUNT; kind++) {
        for (size_t t = 0; t < TRAFFICS; t++) {
            for (size_t r = 0; r < RATIOS; r++) {
                if (gate && !is_published(traffics[t], ratios[r]))
                    continue;
                good &= cell((enum noise_kind)kind, traffics[t], ratios[r], runs, seed);
            }
        }
    }
    printf("%s\n", good ? "no published figure is missed" : "a published figure is MISSED");
    return gate && !good ? 1 : 0;
}
