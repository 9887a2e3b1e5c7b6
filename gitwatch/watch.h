/* When to fetch: the timing of one watched branch, without a clock, a thread or a loop.
 *
 *            watch_next(): START             watch_finished(ok)
 *   WAITING ─────────────────▶ FETCHING ─────────────────────────▶ WAITING, due after the
 *      ▲                          │  watch_finished(failed)              interval ± jitter
 *      └──────────────────────────┴──────────────────────────────▶ WAITING, due after the backoff
 *
 * A sync request makes WAITING due at once (never sooner than `gap` after the last start: a flood
 * of requests is one fetch). One that comes while FETCHING belongs to the next fetch, since the
 * running one may have asked the server already: requests are counted, and a fetch serves those
 * that came before it started. */
#pragma once

#include "config/base/time.h"
#include "gitwatch/fetch_result.h"

#include <stdbool.h>
#include <stdint.h>

struct watch_settings {
    struct duration interval;      /* 30 s */
    uint32_t jitter_percent;       /* 10: of the interval, both ways; at most 50 */
    struct duration gap;           /* 500 ms: the least time between two starts */
    struct duration backoff_first; /* 1 s */
    struct duration backoff_limit; /* 60 s */
};
struct watch_settings watch_settings_default(void);

/* Plain data; the same seed and calls give the same decisions. Read the members, change nothing. */
struct watch {
    struct watch_settings settings;
    uint64_t random;
    uint64_t requested; /* sync requests so far */
    uint64_t served;    /* answered by a fetch that ended well */
    uint64_t carried;   /* by the running fetch */
    uint64_t attempted; /* by any fetch that ended */
    struct mono_time due;
    struct mono_time last_start;
    bool started_once;
    bool fetching;
    uint32_t failures; /* in a row */
    bool damaged;      /* the next fetch clones anew */
    uint32_t damages;  /* found since the mirror was last read without damage */
};

struct watch_decision {
    bool start;            /* fetch now: call watch_started() and start the job */
    bool reclone;          /* for the request */
    bool may_reclone;      /* for the request */
    struct mono_time wake; /* otherwise: ask again then (INT64_MAX while a fetch runs) */
};

/* Caller's storage. The first fetch is due at once. */
void watch_init(struct watch *watch, const struct watch_settings *settings, uint64_t seed,
                struct mono_time now);

/* Settings may change while running (reload); what is due sooner by the new interval is. */
void watch_configure(struct watch *watch, const struct watch_settings *settings,
                     struct mono_time now);

/* Asks for a fetch that starts after this moment. Returns the request's number. */
uint64_t watch_sync(struct watch *watch);

/* Whether a fetch that began after that request has ended (well or not: see `served`). */
bool watch_answered(const struct watch *watch, uint64_t request);

struct watch_decision watch_next(const struct watch *watch, struct mono_time now);
void watch_started(struct watch *watch, struct mono_time now);
void watch_finished(struct watch *watch, const struct fetch_result *result, struct mono_time now);

/* A reader got MIRROR_DAMAGED: the next fetch is due at once and clones anew; when that happened
 * already since the mirror was last found sound, after the backoff. */
void watch_damaged(struct watch *watch, struct mono_time now);

/* The commit's files were read without damage. */
void watch_sound(struct watch *watch);
