/* The data plane of the stand-in, really serving: a gateway, a server for each pod that is ready,
 * and their metrics. Two threads of its own: one runs the loop that serves everything; the other
 * looks at the model every few milliseconds, makes a new routing table when something has changed,
 * and hands it over. The control plane waits for neither.
 *
 * Only HTTP/1.1 is served, so HTTPRoutes but no GRPCRoutes; a WebSocket route answers plain
 * requests. */
#pragma once

#include "tests/platform/server.h"

#include <stdint.h>

struct traffic;

struct traffic_options {
    const char *gateway_address; /* "127.0.0.1" */
    uint16_t gateway_port;       /* 0 = any free one */
    const char *metrics_address; /* GET /metrics, and GET /traffic: counts as JSON */
    uint16_t metrics_port;
    uint64_t seed;   /* of the choice among backends, errors and durations */
    const char *log; /* file that gets a JSON line per change of weights or pods and per failed
                        request; NULL = none */
};

/* `server` is borrowed and outlives it. NULL and a text in ret_error on failure. */
struct traffic *traffic_start(struct platform_server *server, const struct traffic_options *options,
                              char ret_error[static 256]);
/* Answers what is under way. NULL is fine; returns NULL. */
struct traffic *traffic_stop(struct traffic *traffic);

uint16_t traffic_gateway_port_of(const struct traffic *traffic);
uint16_t traffic_metrics_port_of(const struct traffic *traffic);
