/* The requests that reach the simulated components, and the source of metrics that counts them.
 *
 * Each routed component on each target gets the same number of requests a second; they go where the
 * live route's weights send them (after `lag_ms`, when the gateway is slow to take them up), and
 * fail as often as the image's quality and the slot's pods say. Nothing is noisy: what the counts
 * prove is so. Time is the control plane's. */
#pragma once

#include "tests/simulation/monorepo.h"
#include "tests/simulation/world.h"

#include <stdint.h>

#define TRAFFIC_STREAMS 64
#define TRAFFIC_SPANS 512

/* What a source of metrics may do wrong. */
enum traffic_lie {
    TRAFFIC_TRUTH,
    TRAFFIC_EMPTY,  /* no series */
    TRAFFIC_NAN,    /* numbers that are none */
    TRAFFIC_LATE,   /* the second half of the window is missing */
    TRAFFIC_TWICE,  /* each series twice, with other numbers */
    TRAFFIC_RESET,  /* a counter began anew: more bad requests than requests */
    TRAFFIC_LABELS, /* the new release's series bear other labels */
    TRAFFIC_ERROR,  /* 503 */
};

struct span { /* from here until the next one */
    int64_t from_ms;
    double weight[2]; /* shares of the requests, 0–1 */
    bool serves[2];   /* some pod is ready */
    enum quality quality[2];
};

struct stream {
    char component[24], target[20];
    struct span *spans; /* the newest TRAFFIC_SPANS */
    size_t count;
    int64_t known_ms; /* nothing is counted after this */
};

struct traffic {
    struct world *world;
    uint64_t version; /* of what is served */
    struct stream streams[TRAFFIC_STREAMS];
    size_t count;
    int64_t lag_ms; /* of the gateway; INT64_MAX = it does not follow any more */
    uint64_t windows, histories;
    enum traffic_lie told; /* with the last answer */
    enum traffic_lie (*lie)(void *context);
    void *context;
};

void traffic_init(struct traffic *traffic, struct world *world);
void traffic_fini(struct traffic *traffic);

/* Takes in what is served now. Cheap when nothing has changed. */
void traffic_look(struct traffic *traffic, const struct monorepo *repository);

/* What is so now; NULL = nobody knows such a component. Borrowed. */
const struct span *traffic_now(const struct traffic *traffic, const char *component,
                               const char *target);

/* For world_options.metrics. */
json_t *traffic_answer(struct traffic *traffic, const json_t *query, struct error *ret_err);
