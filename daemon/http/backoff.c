#include "daemon/http/backoff.h"

#include "config/base/check.h"
#include "config/base/splitmix.h"

void backoff_init(struct backoff *backoff, uint64_t seed, struct duration base, struct duration cap)
{
    CHECK(base.ms > 0 && base.ms <= cap.ms);
    *backoff = (struct backoff){.random = seed, .base = base, .cap = cap};
}

struct duration backoff_next(struct backoff *backoff)
{
    int64_t most = backoff->base.ms;
    for (unsigned i = 0; i < backoff->attempts && most < backoff->cap.ms; i++)
        most = most > backoff->cap.ms / 2 ? backoff->cap.ms : most * 2;
    if (backoff->attempts < 64)
        backoff->attempts++;
    return DURATION_MS((int64_t)(splitmix_next(&backoff->random) % ((uint64_t)most + 1)));
}

void backoff_reset(struct backoff *backoff)
{
    backoff->attempts = 0;
}
