#include "gitwatch/watch.h"

#include "config/base/check.h"
#include "config/base/splitmix.h"

/* After a failure polls spread whatever the settings say: many watchers fail at the same moment. */
enum { BACKOFF_JITTER_PERCENT = 10, JITTER_LIMIT_PERCENT = 50, BACKOFF_DOUBLINGS = 20 };

struct watch_settings watch_settings_default(void)
{
    return (struct watch_settings){
        .interval = DURATION_S(30),
        .jitter_percent = 10,
        .gap = DURATION_MS(500),
        .backoff_first = DURATION_S(1),
        .backoff_limit = DURATION_S(60),
    };
}

/* With 10 percent: from 90 % to 110 % of `length`. */
static struct duration jittered(struct watch *watch, struct duration length, uint32_t percent)
{
    const int64_t spread = length.ms * 2 * (int64_t)percent / 100;
    const int64_t least = length.ms - spread / 2;
    return DURATION_MS(least + (int64_t)(splitmix_next(&watch->random) % (uint64_t)(spread + 1)));
}

static struct duration next_interval(struct watch *watch)
{
    return jittered(watch, watch->settings.interval, watch->settings.jitter_percent);
}

static struct duration backoff(const struct watch *watch, uint32_t times)
{
    int64_t ms = watch->settings.backoff_first.ms;
    for (uint32_t i = 1; i < times && i < BACKOFF_DOUBLINGS; i++)
        if (ms < watch->settings.backoff_limit.ms)
            ms *= 2;
    return DURATION_MS(ms > watch->settings.backoff_limit.ms ? watch->settings.backoff_limit.ms
                                                             : ms);
}

static struct mono_time after(struct mono_time time, struct duration length)
{
    return (struct mono_time){time.ms + length.ms};
}

static struct mono_time sooner(struct mono_time a, struct mono_time b)
{
    return a.ms < b.ms ? a : b;
}

void watch_init(struct watch *watch, const struct watch_settings *settings, uint64_t seed,
                struct mono_time now)
{
    CHECK(settings->interval.ms > 0 && settings->gap.ms >= 0);
    CHECK(settings->backoff_first.ms > 0 && settings->backoff_limit.ms > 0);
    CHECK(settings->jitter_percent <= JITTER_LIMIT_PERCENT);
    *watch = (struct watch){.settings = *settings, .random = seed, .due = now};
}

void watch_configure(struct watch *watch, const struct watch_settings *settings,
                     struct mono_time now)
{
    watch->settings = *settings;
    if (watch->failures == 0)
        watch->due = sooner(watch->due, after(now, next_interval(watch)));
}

uint64_t watch_sync(struct watch *watch)
{
    return ++watch->requested;
}

bool watch_answered(const struct watch *watch, uint64_t request)
{
    return watch->attempted >= request;
}

struct watch_decision watch_next(const struct watch *watch, struct mono_time now)
{
    struct watch_decision decision = {.wake = {INT64_MAX}};
    if (watch->fetching)
        return decision;
    struct mono_time due = watch->due;
    if (watch->requested > watch->attempted)
        due = sooner(due, now);
    if (watch->started_once && due.ms < watch->last_start.ms + watch->settings.gap.ms)
        due = after(watch->last_start, watch->settings.gap);
    decision.start = due.ms <= now.ms;
    decision.wake = due;
    decision.reclone = watch->damaged;
    decision.may_reclone = watch->damages == 0;
    return decision;
}

void watch_started(struct watch *watch, struct mono_time now)
{
    CHECK(!watch->fetching);
    watch->fetching = true;
    watch->started_once = true;
    watch->last_start = now;
    watch->carried = watch->requested;
}

static void count(uint32_t *number)
{
    if (*number < UINT32_MAX)
        ++*number;
}

/* The first damage is healed at once, any further one at the pace of the backoff. */
static void schedule(struct watch *watch, struct mono_time now)
{
    const uint32_t again = watch->damages > 1 && watch->damaged ? watch->damages - 1 : 0;
    const uint32_t times = watch->failures > again ? watch->failures : again;
    if (times > 0)
        watch->due = after(now, jittered(watch, backoff(watch, times), BACKOFF_JITTER_PERCENT));
    else if (watch->damaged)
        watch->due = now;
    else
        watch->due = after(now, next_interval(watch));
}

void watch_finished(struct watch *watch, const struct fetch_result *result, struct mono_time now)
{
    CHECK(watch->fetching);
    watch->fetching = false;
    watch->attempted = watch->carried;
    if (result->recloned) {
        /* The worker found damage itself when nobody had asked it to clone anew. */
        if (!watch->damaged)
            count(&watch->damages);
        watch->damaged = false;
    } else if (result->reason == FETCH_DAMAGED) {
        count(&watch->damages);
        watch->damaged = true;
    }
    if (result->reason == FETCH_OK) {
        watch->served = watch->carried;
        watch->failures = 0;
    } else {
        count(&watch->failures);
    }
    schedule(watch, now);
}

void watch_damaged(struct watch *watch, struct mono_time now)
{
    if (!watch->damaged)
        count(&watch->damages);
    watch->damaged = true;
    if (!watch->fetching)
        schedule(watch, now);
}

void watch_sound(struct watch *watch)
{
    if (!watch->damaged)
        watch->damages = 0;
}
