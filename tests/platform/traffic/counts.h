/* What the data plane counts: requests per pod as Hubble sees them at the server, requests per
 * backend of a route as the gateway sent them. On the loop's thread only. */
#pragma once

#include "tests/platform/traffic/table.h"

#include <jansson.h>

#include <stdint.h>
#include <stdio.h>

/* Upper edges of the duration's histogram, in seconds: the client library's defaults. */
#define TRAFFIC_EDGES                                                                              \
    {                                                                                              \
        0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10                                    \
    }
#define TRAFFIC_EDGE_COUNT 11
/* Different (method, status) of one pod that are told apart; what exceeds them joins the last. */
#define TRAFFIC_KIND_COUNT 8

struct traffic_kind_count {
    char method[12];
    int status;
    uint64_t requests;
};

struct traffic_pod_count {
    char *ns, *workload, *name, *image;
    int64_t since_ms, gone_ms; /* gone_ms 0 = still there */
    struct traffic_kind_count kinds[TRAFFIC_KIND_COUNT];
    struct {
        char method[12];
        uint64_t buckets[TRAFFIC_EDGE_COUNT + 1]; /* not cumulative; the last is above all edges */
        uint64_t count;
        double seconds;
    } durations[TRAFFIC_KIND_COUNT];
    struct traffic_pod_count *next;
};

struct traffic_backend_count {
    char *ns, *route, *name;
    unsigned weight;       /* now */
    bool there;            /* the route names it now */
    uint64_t sent, failed; /* failed: answered with 5xx, by the gateway or the pod */
    struct traffic_backend_count *next;
};

struct traffic_counts;

struct traffic_counts *traffic_counts_new(void);
struct traffic_counts *traffic_counts_free(struct traffic_counts *counts);

/* Owned by `counts`, which keeps it a minute after gone_ms. */
struct traffic_pod_count *traffic_counts_pod(struct traffic_counts *counts,
                                             const struct traffic_pod *pod, int64_t now_ms);
void traffic_counts_answer(struct traffic_pod_count *pod, struct traffic_slice method, int status,
                           double seconds);

/* A new table stands: its backends in their order, an array valid until the next call, and the
 * changes of weights, pods and restarts as JSON lines to `log` (NULL = nowhere). */
struct traffic_backend_count **traffic_counts_adopt(struct traffic_counts *counts,
                                                    const struct traffic_table *table,
                                                    int64_t now_ms, FILE *log);

/* The gateway answered a request. `backend` NULL: none was chosen. */
void traffic_counts_gateway(struct traffic_counts *counts, struct traffic_backend_count *backend,
                            enum traffic_outcome outcome, int status);

/* All pods that are counted, by `next`; borrowed. */
const struct traffic_pod_count *traffic_counts_first_pod(const struct traffic_counts *counts);

/* {"requests", "failed", "outcomes": {name: n},
 *  "backends":  [{namespace, route, backend, weight, sent, failed}],
 *  "workloads": [{namespace, name, restarts, requests, failed}],
 *  "pods":      [{namespace, name, workload, image, requests, failed, serving}]}; owned.
 * restarts: how often the pod template has changed. */
json_t *traffic_counts_show(const struct traffic_counts *counts);
