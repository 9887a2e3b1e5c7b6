/* Traffic for the engine's tests: a source of metrics whose counts follow the live weights, and
 * whose errors follow the images that run. */
#pragma once

#include "tests/reconciler/engine/expect.h"

#define TRAFFIC_STEPS                                                                              \
    "steps: [{weight: 5, soak: 5m}, {weight: 20, soak: 3m}, {weight: 50, soak: 2m}]"
#define TRAFFIC_CANARY_WITH(analysis)                                                              \
    "{strategy: canary, " TRAFFIC_STEPS ", bake: 2m, progressDeadline: 5m, analysis: {provider: "  \
    "prometheus, " analysis "}}"
#define TRAFFIC_CANARY TRAFFIC_CANARY_WITH("metrics: [error-rate]")
#define TRAFFIC_BLUE_GREEN                                                                         \
    "{strategy: blue-green, bake: 5m, progressDeadline: 5m, analysis: {metrics: [error-rate]}}"

enum traffic_fault {
    TRAFFIC_SOUND,
    TRAFFIC_DOWN,     /* no query is answered but with an error */
    TRAFFIC_EMPTY,    /* the source has no data */
    TRAFFIC_NONSENSE, /* numbers that cannot be */
    TRAFFIC_ODD,      /* answers that are no objects */
    TRAFFIC_SILENT,   /* the new release gets no requests, whatever its weight */
};

struct traffic {
    double rate; /* requests a second, both sides */
    double base; /* share of bad requests of good images */
    double bad;  /* ... of images whose tag begins with "bad" */
    double slow; /* ... slower than the edge, of images whose tag begins with "slow" */
    double cold; /* ... of the new release, in the first window in which it has requests */
    bool warm;
    enum traffic_fault fault;
    bool no_history;             /* history is not answered */
    bool kill_on_ask;            /* the process dies before the next query is answered */
    unsigned windows, histories; /* that were asked for */
    unsigned nameless;           /* windows without names on the data plane */
    int64_t past_ms;             /* length of the last history */
    json_t *asked;               /* "from..to canary-release" -> how often it was asked */
    uint64_t last;               /* id of the newest query */
    struct world *world;
    /* Instead of engine_step(), see struct world_options; NULL = not wanted. */
    int (*step)(void *context, struct engine *engine, const struct engine_event *event,
                struct effect_list *effects);
    void *step_context;
};

/* A world with one cell on one environment, and this traffic. */
struct world *traffic_world(struct traffic *traffic);
struct world *traffic_free(struct traffic *traffic);

/* Commits shop with this tag and this rollout policy (YAML flow mapping). */
void traffic_commit(struct traffic *traffic, int revision, const char *platform, const char *tag,
                    const char *policy);

/* A world with a good first release, which there is nothing to compare with, and then this one. */
void traffic_begin(struct traffic *traffic, const char *policy, const char *tag);

/* ROLLOUT of the status; borrowed until the next call. */
const json_t *traffic_rollout(struct traffic *traffic, const char *target);
/* Text of a member of it, "" when there is none. */
const char *traffic_text(struct traffic *traffic, const char *target, const char *key);

/* Runs until ROLLOUT's state is that; fails the test after `limit_ms`. */
void traffic_until(struct traffic *traffic, const char *target, const char *state,
                   int64_t limit_ms);

/* The newest event of that type, borrowed; NULL = none is kept. */
const json_t *traffic_event(struct traffic *traffic, const char *type);

/* ANALYSIS of the rollout on development, and its verdict; borrowed until the next call. */
const json_t *traffic_analysis(struct traffic *traffic);
const char *traffic_verdict(struct traffic *traffic);

/* Share of the traffic, 0..1, that the live route gives to a slot ("a", "b"). */
double traffic_weight(const struct world *world, const char *slot, const char *environment);

size_t traffic_quarantines(const struct traffic *traffic);

/* An operator's `cellctl rollout ACTION` for shop-api; whether it was done. */
bool traffic_order(struct traffic *traffic, const char *action, const char *target);
