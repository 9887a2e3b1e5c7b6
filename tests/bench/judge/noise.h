/* Requests and errors as they come: seeded, in several kinds of noise. */
#pragma once

#include "reconciler/judge/judge.h"

#include <stdbool.h>
#include <stdint.h>

struct noise_source {
    uint64_t state[4];
};

enum noise_kind {
    NOISE_STEADY,
    NOISE_BURSTS,         /* in 10 % of the looks both sides have 5 points more errors */
    NOISE_OVER_DISPERSED, /* beta-binomial, concentration 200 */
    NOISE_MISSING,        /* steady; 10 % of the windows cannot be read, 10 % are late */
    NOISE_RESTARTS,       /* over-dispersed; the judge goes through its row between looks */
};
#define NOISE_COUNT (NOISE_RESTARTS + 1)

void noise_seed(struct noise_source *source, uint64_t seed);
double noise_uniform(struct noise_source *source);
double noise_binomial(struct noise_source *source, double n, double p);
double noise_beta(struct noise_source *source, double a, double b);

struct noise_traffic {
    enum noise_kind kind;
    double requests_per_second, base, ratio; /* of the canary's error rate to the stable one's */
};

/* One look of `seconds` at a weight in percent. */
struct judge_counts noise_look(struct noise_source *source, const struct noise_traffic *traffic,
                               int weight, double seconds);

/* rho as it would be read from the scatter between the stable release's replicas. */
double noise_history_rho(struct noise_source *source, const struct noise_traffic *traffic);

const char *noise_name(enum noise_kind kind);
