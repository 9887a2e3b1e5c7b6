/* What a source of metrics answered. All of it may be wrong. */
#include "reconciler/engine/trial_query.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* A share of slow requests above this in the stable release leaves nothing to be compared. */
#define SLOW_MOST 0.02
#define WANTED_SHARE 0.99
#define LEAST_REQUESTS 20.0

#define PARTS_LIMIT 240
#define REPLICAS_LIMIT 256

static const json_t *named(const json_t *metrics, const char *name)
{
    for (size_t i = 0; i < json_array_size(metrics); i++) {
        const json_t *metric = json_array_get(metrics, i);
        if (strcmp(json_text_or(json_object_get(metric, "name"), ""), name) == 0)
            return metric;
    }
    return NULL;
}

/* --- history ------------------------------------------------------------------------------------
 */

/* The last bucket has no finite edge: it counts all requests. */
static double total_of(const json_t *edges)
{
    double total = 0;
    for (size_t i = 0; i < json_array_size(edges); i++) {
        const double count = json_number_value(json_object_get(json_array_get(edges, i), "count"));
        if (count > total)
            total = count;
    }
    return total;
}

/* The edge nearest above the stable release's p99; 0 = none tells anything. Numbers of JSON are
 * finite; what is none counts as 0. */
static double edge_of(const json_t *edges)
{
    const double total = total_of(edges);
    double best = 0, widest = 0, widest_share = 0;
    if (total < LEAST_REQUESTS)
        return 0;
    for (size_t i = 0; i < json_array_size(edges); i++) {
        const json_t *bucket = json_array_get(edges, i);
        const double edge = json_number_value(json_object_get(bucket, "le"));
        const double share = json_number_value(json_object_get(bucket, "count")) / total;
        if (edge > 0 && share >= WANTED_SHARE && (best == 0 || edge < best))
            best = edge;
        if (edge > widest) {
            widest = edge;
            widest_share = share;
        }
    }
    return best > 0 ? best : widest_share >= 1 - SLOW_MOST ? widest : 0;
}

static bool needs_edge(const json_t *metric)
{
    const char *kind = json_text_or(json_object_get(metric, "kind"), "");
    return strcmp(kind, "latency") == 0 || strcmp(kind, "histogram") == 0;
}

static void learn_edge(json_t *metric, const json_t *answer)
{
    if (!needs_edge(metric) || json_object_get(metric, "message") != NULL)
        return;
    const json_t *found = named(json_object_get(answer, "metrics"),
                                json_text_or(json_object_get(metric, "name"), ""));
    const double edge = edge_of(json_object_get(found, "edges"));
    if (edge > 0)
        json_object_set_new(metric, "edge", json_real(edge));
    else
        json_object_set_new(
            metric, "message",
            json_string(answer == NULL
                            ? "left out: the stable release's history could not be read"
                            : "left out: the stable release's history shows no limit for slow"));
}

static double number(const json_t *value)
{
    return json_is_number(value) ? json_number_value(value) : (double)NAN;
}

/* False for what cannot be, NaN among it. */
static bool pair_of(const json_t *pair, double ret_pair[2])
{
    ret_pair[0] = number(json_array_get(pair, 0));
    ret_pair[1] = number(json_array_get(pair, 1));
    return ret_pair[0] >= 0 && ret_pair[1] >= 0 && ret_pair[1] <= ret_pair[0];
}

/* Scatter between replicas; negative = it says nothing. */
static int scatter(const json_t *parts, double *ret_rho)
{
    *ret_rho = -1;
    const size_t count =
        json_array_size(parts) < PARTS_LIMIT ? json_array_size(parts) : PARTS_LIMIT;
    size_t replicas = 0;
    for (size_t i = 0; i < count; i++) {
        const size_t size = json_array_size(json_array_get(parts, i));
        replicas = size > replicas ? size : replicas;
    }
    if (replicas > REPLICAS_LIMIT)
        replicas = REPLICAS_LIMIT;
    if (count == 0 || replicas < 2)
        return 0;
    double(*table)[2] = calloc(count * replicas, sizeof *table);
    if (table == NULL)
        return -ENOMEM;
    for (size_t i = 0; i < count; i++) {
        for (size_t k = 0; k < replicas; k++) {
            double *pair = table[i * replicas + k];
            if (!pair_of(json_array_get(json_array_get(parts, i), k), pair))
                pair[0] = pair[1] = 0;
        }
    }
    *ret_rho = judge_dispersion((const double(*)[2])table, count, replicas);
    free(table);
    return 0;
}

json_t *trial_query_learn(const json_t *source, const json_t *answer, double *ret_rho)
{
    json_t *learnt = json_deep_copy(source);
    if (learnt == NULL || scatter(json_object_get(answer, "replicas"), ret_rho) < 0) {
        json_decref(learnt);
        return NULL;
    }
    json_t *metrics = json_object_get(learnt, "metrics");
    for (size_t i = 0; i < json_array_size(metrics); i++)
        learn_edge(json_array_get(metrics, i), answer);
    return learnt;
}

/* --- windows ------------------------------------------------------------------------------------
 */

/* False: there is nothing. */
static bool side_of(const json_t *metric, const char *key, double *ret_requests, double *ret_bad)
{
    const json_t *side = json_object_get(metric, key);
    *ret_requests = *ret_bad = 0;
    if (!json_is_object(side))
        return false;
    *ret_requests = number(json_object_get(side, "requests"));
    *ret_bad = number(json_object_get(side, "bad"));
    /* Extrapolated increases of two counters differ a little. */
    if (*ret_bad > *ret_requests && *ret_bad <= *ret_requests * 1.1 + 1)
        *ret_bad = *ret_requests;
    return true;
}

/* A side that is missing beside one that is there had no requests, if that can be: a canary without
 * any is a finding of its own; a stable release without any is only plausible once it has no
 * traffic. */
bool trial_query_counts(const struct trial *trial, const json_t *answer,
                        struct judge_counts ret_counts[static JUDGE_METRICS_LIMIT])
{
    bool any = false;
    for (size_t i = 0; i < trial->judge.metric_count; i++) {
        const char *name = json_text_or(json_object_get(trial_metric(trial, i), "name"), "");
        const json_t *metric = named(json_object_get(answer, "metrics"), name);
        struct judge_counts counts;
        const bool canary = side_of(metric, "canary", &counts.canary_requests, &counts.canary_bad);
        const bool stable = side_of(metric, "stable", &counts.stable_requests, &counts.stable_bad);
        const bool told = stable || (canary && trial->judge.weight == 100);
        ret_counts[i] = told ? counts : (struct judge_counts){0};
        any = any || told;
    }
    return any;
}

bool trial_query_warm_up(const struct trial *trial,
                         struct judge_counts counts[static JUDGE_METRICS_LIMIT])
{
    bool reached = false;
    for (size_t i = 0; i < trial->judge.metric_count; i++)
        reached = reached || counts[i].canary_requests > 0;
    for (size_t i = 0; reached && !trial->warm && i < trial->judge.metric_count; i++) {
        if (needs_edge(trial_metric(trial, i)))
            counts[i] = (struct judge_counts){0};
    }
    return reached;
}
