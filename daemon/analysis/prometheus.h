/* One question to a Prometheus: which requests it takes (POST of a form to the query API), and what
 * their answers say together. Pure: the requests are sent by somebody else.
 *
 * A window takes one request per release and query: the raw samples of (from - lookback, to], by
 * which tally.h counts; then, where series begin within the window, which of their targets were
 * scraped before it. A query that has the placeholder ${window} is evaluated at `to` as it stands.
 *
 * A history takes, for each latency, the buckets of the whole span, and by the dialect's counters
 * the requests of each replica in sub-windows. Both are rough figures: increase() will do. */
#pragma once

#include "config/base/error.h"
#include "daemon/analysis/question.h"

#include <jansson.h>

#include <stddef.h>
#include <stdint.h>

struct prometheus;

struct prometheus_options {
    int64_t lookback_ms; /* how long before a window a counter's value is looked for */
    int64_t stale_ms;    /* see tally.h */
};

struct prometheus_request {
    const char *path; /* "/api/v1/query" */
    const char *form; /* application/x-www-form-urlencoded */
};

/* `question` (and its JSON) is kept. Returns 0 and what is owned; ERR_INVALID for queries that
 * cannot be asked, ERR_LIMIT, -ENOMEM. */
int prometheus_new(const struct question *question, const struct prometheus_options *options,
                   struct prometheus **ret_prometheus, struct error *err)
    __attribute__((warn_unused_result));
struct prometheus *prometheus_free(struct prometheus *prometheus);

/* Requests so far. Those of one round may be sent together; texts are borrowed. */
size_t prometheus_count(const struct prometheus *prometheus);
struct prometheus_request prometheus_request(const struct prometheus *prometheus, size_t index);

/* Takes the body of an answer with status 2xx. Errors as samples_read(). */
int prometheus_take(struct prometheus *prometheus, size_t index, const json_t *body,
                    struct error *err) __attribute__((warn_unused_result));

/* When all requests are answered: makes the next round, if there is one (then prometheus_count()
 * has grown). Returns 0, ERR_LIMIT or -ENOMEM. */
int prometheus_advance(struct prometheus *prometheus, struct error *err)
    __attribute__((warn_unused_result));

/* The answer for the engine: owned; NULL without memory. */
json_t *prometheus_answer(const struct prometheus *prometheus);
