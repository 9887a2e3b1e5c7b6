#include "daemon/http/backoff.h"

#include "config/base/check.h"

void backoff_init(struct backoff *backoff, uint64_t seed, struct duration base, struct duration cap)
{
    CHECK(base.ms > 0 && base.ms <= cap.ms);
    *backoff = (struct backoff){.random = seed, .base = base, .cap = cap};
}

/* SplitMix64: small, and every seed is a good one. */
static uint64_t draw(uint64_t *state)
{
    *state += UINT64_C(0x9E3779B97F4A7C15);
    uint64_t mixed = *state;
    mixed = (mixed ^ (mixed >> 30)) * UINT64_C(0xBF58476D1CE4E5B9);
    mixed = (mixed ^ (mixed >> 27)) * UINT64_C(0x94D049BB133111EB);
    return mixed ^ (mixed >> 31);
}

struct duration backoff_next(struct backoff *backoff)
{
    int64_t most = backoff->base.ms;
    for (unsigned i = 0; i < backoff->attempts && most < backoff->cap.ms; i++)
        most = most > backoff->cap.ms / 2 ? backoff->cap.ms : most * 2;
    if (backoff->attempts < 64)
        backoff->attempts++;
    return DURATION_MS((int64_t)(draw(&backoff->random) % ((uint64_t)most + 1)));
}

void backoff_reset(struct backoff *backoff)
{
    backoff->attempts = 0;
}
