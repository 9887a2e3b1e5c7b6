#include "daemon/http/rate.h"

#include "config/base/check.h"

#define TOKEN INT64_C(1000) /* thousandths */

void rate_init(struct rate *rate, int64_t per_second, int64_t burst, struct mono_time now)
{
    CHECK(per_second >= 0 && per_second <= 1000000 && burst >= 1 && burst <= 1000000);
    *rate = (struct rate){.per_second = per_second,
                          .burst = burst,
                          .thousandths = burst * TOKEN,
                          .filled = now,
                          .resume = now};
}

static void fill(struct rate *rate, struct mono_time now)
{
    const int64_t passed = now.ms - rate->filled.ms;
    if (passed <= 0)
        return;
    rate->filled = now;
    const int64_t missing = rate->burst * TOKEN - rate->thousandths;
    /* per_second tokens a second are as many thousandths a millisecond */
    if (passed >= missing / rate->per_second + 1)
        rate->thousandths += missing;
    else
        rate->thousandths += passed * rate->per_second;
}

bool rate_take(struct rate *rate, struct mono_time now, struct duration *ret_wait)
{
    if (rate->per_second == 0)
        return true;
    fill(rate, now);
    if (rate->thousandths >= TOKEN) {
        rate->thousandths -= TOKEN;
        return true;
    }
    *ret_wait = DURATION_MS((TOKEN - rate->thousandths + rate->per_second - 1) / rate->per_second);
    return false;
}

void rate_pause(struct rate *rate, struct mono_time now, struct duration pause)
{
    if (now.ms + pause.ms > rate->resume.ms)
        rate->resume.ms = now.ms + pause.ms;
}

struct duration rate_paused(const struct rate *rate, struct mono_time now)
{
    return DURATION_MS(rate->resume.ms > now.ms ? rate->resume.ms - now.ms : 0);
}
