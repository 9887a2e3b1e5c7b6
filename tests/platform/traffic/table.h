/* Where requests go: the routes, services and pods of one instant, as a Gateway API implementation
 * would read them. Made from platform_serving(), never changed afterwards, so that one thread may
 * make it and another use it. Knows nothing of sockets.
 *
 * Of several rules that match the most specific wins: exact host before wildcard before none, exact
 * path before the longer prefix, a method, more headers, the older route. Weights share the
 * requests of a rule by chance. The share of a backend whose Service is missing is answered with
 * 500, as is everything when all weights are 0; of a Service without a ready pod with 503; what no
 * route wants with 404. */
#pragma once

#include "tests/platform/traffic/message.h"

#include <jansson.h>

#include <regex.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct traffic_pod {
    const char *ns, *name, *uid, *workload, *image;
    bool ready;
    size_t number; /* its place in the table */
};

struct traffic_service {
    const char *ns, *name;
    struct traffic_pod **ready; /* pods that its selector fits and that are ready */
    size_t ready_count;
};

struct traffic_backend {
    const char *name;
    unsigned weight;
    const struct traffic_service *service; /* NULL: there is none of that name */
    size_t number;                         /* its place among all backends of the table */
};

struct traffic_header_match {
    const char *name, *value;
    bool regular; /* `value` is an expression that the whole header must fit */
    regex_t expression;
};

struct traffic_match {
    const char *path; /* "/" when nothing is said */
    bool exact;
    const char *method; /* NULL = any */
    struct traffic_header_match *headers;
    size_t header_count;
};

struct traffic_rule {
    struct traffic_match *matches;
    size_t match_count;
    struct traffic_backend *backends;
    size_t backend_count;
    unsigned total;             /* of the weights */
    const char *prefix_rewrite; /* replaces the matched prefix; NULL = the path stays */
};

struct traffic_route {
    const char *ns, *name;
    const char **hosts; /* none = any */
    size_t host_count;
    struct traffic_rule *rules;
    size_t rule_count;
};

struct traffic_table {
    struct arena *arena;
    json_t *source;
    struct traffic_route *routes;
    size_t route_count;
    struct traffic_service *services;
    size_t service_count;
    struct traffic_pod *pods;
    size_t pod_count;
    size_t backend_count;
};

/* Takes `serving`. What is malformed in a route makes that rule match nothing. */
struct traffic_table *traffic_table_new(json_t *serving);
struct traffic_table *traffic_table_free(struct traffic_table *table);

enum traffic_outcome {
    TRAFFIC_TO_POD,
    TRAFFIC_NO_ROUTE,
    TRAFFIC_NO_WEIGHT,
    TRAFFIC_NO_SERVICE,
    TRAFFIC_NOT_READY,
};
#define TRAFFIC_OUTCOME_COUNT (TRAFFIC_NOT_READY + 1)

struct traffic_choice {
    enum traffic_outcome outcome;
    const struct traffic_route *route;     /* NULL: calls inside the cluster */
    const struct traffic_rule *rule;       /* NULL: likewise */
    const struct traffic_match *match;     /* NULL: likewise */
    const struct traffic_backend *backend; /* NULL: none was chosen, or likewise */
    const struct traffic_pod *pod;         /* of TRAFFIC_TO_POD */
};

/* Chooses for one request. `random` is the generator's state and moves on. A host like
 * "cart.dp-shop-cart.svc.cluster.local" is a call inside the cluster: it goes to the Service
 * itself, past all routes and weights. */
struct traffic_choice traffic_table_choose(const struct traffic_table *table,
                                           const struct traffic_message *message, uint64_t *random);

/* The path that the pod sees, written to `ret` (cut at size): the matched prefix is replaced. */
void traffic_choice_target(const struct traffic_choice *choice, struct traffic_slice target,
                           char *ret, size_t size);

/* The status that answers an outcome; 200 for TRAFFIC_TO_POD. */
int traffic_outcome_status(enum traffic_outcome outcome);
const char *traffic_outcome_name(enum traffic_outcome outcome);

/* 0 to 1, from a state that moves on. */
double traffic_random(uint64_t *state);
