/* What goes wrong around the engine: per seed a subset of the faults acts (a swarm), each at its
 * own rate. One seed in ten has none, one in ten has all of them, often. */
#pragma once

#include "tests/simulation/chance.h"
#include "tests/simulation/traffic.h"
#include "tests/simulation/world.h"

#include <stdbool.h>
#include <stdint.h>

enum fault {
    FAULT_REFUSED,        /* the connection is refused: not sent */
    FAULT_LOST_ANSWER,    /* applied, nobody hears of it */
    FAULT_NEVER_SEEN,     /* lost on the way: outcome unknown */
    FAULT_LATE_ERROR,     /* applied, but answers 503 */
    FAULT_CONFLICT,       /* 500 of a lost race */
    FAULT_THROTTLED,      /* 429 with Retry-After */
    FAULT_UNAVAILABLE,    /* 503 */
    FAULT_SLOW,           /* the answer takes seconds */
    FAULT_REORDERED,      /* answers overtake each other */
    FAULT_STALE,          /* a read shows an older version */
    FAULT_TORN,           /* the body breaks off */
    FAULT_SHORT_LIST,     /* a list lacks items and does not say so */
    FAULT_EMPTY_LIST,     /* a list is empty, with 200 */
    FAULT_CURSOR_LOOP,    /* a list never ends */
    FAULT_HTML,           /* a proxy answers instead */
    FAULT_STALL,          /* controllers stand still: Ready and all else is stale */
    FAULT_STALL_DATA,     /* the data plane's controllers do */
    FAULT_SLOW_PODS,      /* pods take long to become ready */
    FAULT_STORAGE,        /* a row cannot be made durable: the engine is built again */
    FAULT_KILL,           /* kill -9 between any two effects or events */
    FAULT_KILL_WRITE,     /* ... around a write: unsent, sent, applied, answered */
    FAULT_DOWNTIME,       /* a death that lasts */
    FAULT_CLOCK,          /* the wall clock jumps */
    FAULT_REPOSITORY,     /* the repository cannot be read */
    FAULT_DRIFT,          /* somebody else changes or deletes objects */
    FAULT_METRICS_EMPTY,  /* the source of metrics has no series */
    FAULT_METRICS_NAN,    /* ... numbers that are none */
    FAULT_METRICS_LATE,   /* ... only half of a window */
    FAULT_METRICS_TWICE,  /* ... each series twice */
    FAULT_METRICS_RESET,  /* ... a counter that began anew */
    FAULT_METRICS_LABELS, /* ... other labels on the new release's series */
    FAULT_METRICS_ERROR,  /* ... 503 */
    FAULT_WEIGHT_SLOW,    /* the gateway takes weights up late */
    FAULT_WEIGHT_STUCK,   /* ... or not at all */
    FAULT_CRASH,          /* pods that were ready die, over and over */
    FAULT_STABLE_DIES,    /* ... those of the stable release, while another rolls out */
    FAULT_PEOPLE,         /* somebody pauses, aborts, retries, promotes at any time */
};
#define FAULT_COUNT (FAULT_PEOPLE + 1)

const char *fault_name(enum fault fault);
int fault_find(const char *name); /* -1 = none */

struct weather {
    struct world *world;
    struct traffic *traffic;
    struct chance chance;
    bool acts[FAULT_COUNT];
    unsigned rate; /* percent of requests that are hit */
    bool calm;     /* all has stopped */
    bool extreme;
    uint64_t hits[FAULT_COUNT];
    int64_t blind_ms;     /* ... until which metrics cannot be read */
    int64_t unsteady_ms;  /* boot time until which the gateway does not follow */
    int64_t disturbed_ms; /* boot time until which the world may look different from what is so */
};

/* `allowed` = NULL: all kinds; otherwise FAULT_COUNT flags. */
void weather_init(struct weather *weather, uint64_t seed, const bool *allowed);

/* For world_options: the context is the weather. */
enum world_fate weather_fate(struct weather *weather, const struct world_request *request);
int64_t weather_delay(struct weather *weather, const struct world_request *request);

/* For traffic: what the source of metrics does wrong this time. */
enum traffic_lie weather_lie(void *context);

/* Something that is no matter of a single request, now and then: kills, jumps, stalls. */
void weather_gust(struct weather *weather);

/* What lasts only for a while ends. */
void weather_settle(struct weather *weather);

/* From now on all is well. */
void weather_end(struct weather *weather);
