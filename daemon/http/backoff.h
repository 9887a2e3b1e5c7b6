/* Waiting times between attempts: capped full jitter, drawn from a seeded generator, so that a run
 * can be repeated. Pure: no clock, no randomness of its own. */
#pragma once

#include "config/base/time.h"

#include <stdint.h>

struct backoff {
    uint64_t random; /* state of the generator */
    struct duration base, cap;
    unsigned attempts; /* failures since the last success */
};

/* `base` and `cap` are positive, base <= cap. Any seed will do. */
void backoff_init(struct backoff *backoff, uint64_t seed, struct duration base,
                  struct duration cap);

/* Counts a failure: the wait before the next attempt, evenly from [0, min(cap, base * 2^n)],
 * where n failures came before this one. */
struct duration backoff_next(struct backoff *backoff);

/* After a success the next failure starts at `base` again; the generator goes on. */
void backoff_reset(struct backoff *backoff);
