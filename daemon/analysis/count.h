/* Answers to the engine (EVENT_METRICS) as JSON. Pure. All return owned values, NULL without
 * memory, and give JSON's null for what is not known. */
#pragma once

#include "daemon/analysis/samples.h"
#include "daemon/analysis/tally.h"

#include <jansson.h>

/* {"requests", "bad"} or null. */
json_t *count_pair(const struct tally *tally);

/* [{"le": seconds, "count": cumulative}], rising, from a vector with `le` labels; the last `le` is
 * null: no bound. null when there is no such histogram. `per_second`:
 * units of the labels in a second. */
json_t *count_edges(const struct samples *vector, double per_second);

/* Rows of sub-windows, each with a pair [requests, bad] per replica, from two matrices by
 * `replica`. A replica without a sample in a row has had no requests there. null when there are no
 * replicas, or more than the answer may hold. */
json_t *count_replicas(const struct samples *requests, const struct samples *bad,
                       const char *replica);

#define COUNT_ROWS_LIMIT 120
#define COUNT_REPLICAS_LIMIT 200
