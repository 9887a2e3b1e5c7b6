#include "tests/bench/judge/noise.h"

#include "config/base/splitmix.h"

#include <math.h>
#include <stddef.h>

/* xoshiro256++, seeded by splitmix64. */
static uint64_t rotate(uint64_t value, int by)
{
    return value << by | value >> (64 - by);
}

static uint64_t next(struct noise_source *source)
{
    uint64_t *s = source->state;
    const uint64_t result = rotate(s[0] + s[3], 23) + s[0], t = s[1] << 17;
    s[2] ^= s[0];
    s[3] ^= s[1];
    s[1] ^= s[2];
    s[0] ^= s[3];
    s[2] ^= t;
    s[3] = rotate(s[3], 45);
    return result;
}

void noise_seed(struct noise_source *source, uint64_t seed)
{
    for (size_t i = 0; i < 4; i++)
        source->state[i] = splitmix_next(&seed);
}

/* In (0, 1). */
double noise_uniform(struct noise_source *source)
{
    return ((double)(next(source) >> 11) + 0.5) * 0x1p-53;
}

static double normal(struct noise_source *source)
{
    const double u = noise_uniform(source), v = noise_uniform(source);
    return sqrt(-2 * log(u)) * cos(6.283185307179586 * v);
}

/* By the gaps between successes while they are few; by the normal curve when both kinds are many.
 */
double noise_binomial(struct noise_source *source, double n, double p)
{
    if (n <= 0 || p <= 0)
        return 0;
    if (p >= 1)
        return n;
    if (p > 0.5)
        return n - noise_binomial(source, n, 1 - p);
    if (n * p > 500) {
        const double drawn = floor(n * p + sqrt(n * p * (1 - p)) * normal(source) + 0.5);
        return drawn < 0 ? 0 : drawn > n ? n : drawn;
    }
    const double scale = 1 / log1p(-p);
    double at = 0, successes = 0;
    for (;;) {
        at += floor(log(noise_uniform(source)) * scale) + 1;
        if (at > n)
            return successes;
        successes += 1;
    }
}

/* Marsaglia and Tsang. */
static double gamma_draw(struct noise_source *source, double shape)
{
    if (shape < 1)
        return gamma_draw(source, shape + 1) * pow(noise_uniform(source), 1 / shape);
    const double d = shape - 1.0 / 3, c = 1 / sqrt(9 * d);
    for (;;) {
        const double x = normal(source), v = (1 + c * x) * (1 + c * x) * (1 + c * x);
        if (v > 0 && log(noise_uniform(source)) < 0.5 * x * x + d - d * v + d * log(v))
            return d * v;
    }
}

double noise_beta(struct noise_source *source, double a, double b)
{
    const double x = gamma_draw(source, a), y = gamma_draw(source, b);
    return x / (x + y);
}

#define CONCENTRATION 200.0

static bool over_dispersed(enum noise_kind kind)
{
    return kind == NOISE_OVER_DISPERSED || kind == NOISE_RESTARTS;
}

static double rate(struct noise_source *source, enum noise_kind kind, double mean)
{
    if (!over_dispersed(kind))
        return mean;
    return noise_beta(source, mean * CONCENTRATION, (1 - mean) * CONCENTRATION);
}

struct judge_counts noise_look(struct noise_source *source, const struct noise_traffic *traffic,
                               int weight, double seconds)
{
    const double requests = traffic->requests_per_second * seconds;
    const double burst = traffic->kind == NOISE_BURSTS && noise_uniform(source) < 0.1 ? 0.05 : 0;
    const double stable = rate(source, traffic->kind, traffic->base + burst);
    const double canary = rate(source, traffic->kind, traffic->base * traffic->ratio + burst);
    struct judge_counts counts = {
        .canary_requests = noise_binomial(source, requests, weight / 100.0),
    };
    counts.stable_requests = requests - counts.canary_requests;
    counts.canary_bad = noise_binomial(source, counts.canary_requests, canary);
    counts.stable_bad = noise_binomial(source, counts.stable_requests, stable);
    return counts;
}

#define HISTORY_WINDOWS 240
#define HISTORY_REPLICAS 10

double noise_history_rho(struct noise_source *source, const struct noise_traffic *traffic)
{
    static double history[HISTORY_WINDOWS * HISTORY_REPLICAS][2];
    for (size_t w = 0; w < HISTORY_WINDOWS; w++) {
        const double burst =
            traffic->kind == NOISE_BURSTS && noise_uniform(source) < 0.1 ? 0.05 : 0;
        for (size_t r = 0; r < HISTORY_REPLICAS; r++) {
            const double requests = traffic->requests_per_second * 60 / HISTORY_REPLICAS;
            const double p = rate(source, traffic->kind, traffic->base + burst);
            history[w * HISTORY_REPLICAS + r][0] = requests;
            history[w * HISTORY_REPLICAS + r][1] = noise_binomial(source, requests, p);
        }
    }
    return judge_dispersion((const double(*)[2])history, HISTORY_WINDOWS, HISTORY_REPLICAS);
}

const char *noise_name(enum noise_kind kind)
{
    static const char *const names[] = {
        [NOISE_STEADY] = "steady",
        [NOISE_BURSTS] = "shared bursts",
        [NOISE_OVER_DISPERSED] = "over-dispersed",
        [NOISE_MISSING] = "missing, late",
        [NOISE_RESTARTS] = "with restarts",
    };
    return names[kind];
}
