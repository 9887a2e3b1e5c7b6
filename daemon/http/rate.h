/* How fast one host may be asked: a token bucket, and a pause that the host itself asked for
 * (Retry-After). Pure: the time is given. */
#pragma once

#include "config/base/time.h"

#include <stdbool.h>
#include <stdint.h>

struct rate {
    int64_t per_second, burst; /* 0 per second = no limit */
    int64_t thousandths;       /* of a token, that are left */
    struct mono_time filled;   /* when they were counted last */
    struct mono_time resume;   /* no request before this */
};

void rate_init(struct rate *rate, int64_t per_second, int64_t burst, struct mono_time now);

/* Takes a token. False: none is left, and *ret_wait says when there will be one. */
bool rate_take(struct rate *rate, struct mono_time now, struct duration *ret_wait);

/* The host asked for quiet. A longer pause that already runs stays. */
void rate_pause(struct rate *rate, struct mono_time now, struct duration pause);

/* What is left of the pause; 0 when there is none. */
struct duration rate_paused(const struct rate *rate, struct mono_time now);
