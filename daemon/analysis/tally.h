/* From samples to the counts of one window. Pure.
 *
 * Counters are read raw, at the window's two ends and in between, and not through increase(): that
 * extrapolates to the ends, loses what happens between the last sample of one window and the first
 * of the next, and always loses a series' first value, so that an error whose status was never seen
 * before would not count at all. Here windows that follow each other count every step of a counter
 * exactly once:
 *
 *   from the last sample at or before `from` to the last one at or before `to`, each step up by its
 *   difference, each step down (a reset) by the new value.
 *
 * A series without a sample at or before `from` counts from 0 when its target was scraped shortly
 * before `from` and did not have it; otherwise its first sample counts nothing (a scrape that comes
 * back after an outage would bring a counter's whole life).
 *
 * What is no number that a counter can have (NaN, infinite, negative) makes the window unsound, as
 * do labels that do not fit. Series that differ only in the labels that pairs of Prometheus servers
 * and repeated scrape jobs add are one: the one with the newest sample counts. */
#pragma once

#include "daemon/analysis/samples.h"

#include <jansson.h>

#include <stdbool.h>
#include <stdint.h>

struct tally_window {
    int64_t from_ms, to_ms;
    int64_t stale_ms; /* a newest sample that is older than this at `to` proves nothing */
};

enum tally_state {
    TALLY_ABSENT,  /* no series, or none that was scraped lately */
    TALLY_UNSOUND, /* there is something, and it cannot be */
    TALLY_COUNTED,
};

struct tally {
    enum tally_state state;
    double requests, bad; /* when counted: 0 <= bad <= requests */
};

/* Targets that were up when `up` was asked: for the functions below. Owned; NULL without memory. */
json_t *tally_targets(const struct samples *up);

/* Whether the targets matter: a series begins within the window. */
bool tally_needs_targets(const struct samples *samples, const struct tally_window *window);

/* `targets` NULL = none are known. All return 0 or -ENOMEM.
 *
 * Requests by status: those whose label `code` begins with '5' are bad, and so are those whose
 * label `call` (NULL = there is none) is the gRPC status of a failure of the server's own. */
int tally_codes(const struct samples *samples, const struct tally_window *window,
                const json_t *targets, const char *code, const char *call, struct tally *ret_tally)
    __attribute__((warn_unused_result));

/* Buckets `edge` (in the histogram's unit) and +Inf of histograms: what is above the edge is bad.
 */
int tally_buckets(const struct samples *samples, const struct tally_window *window,
                  const json_t *targets, double edge, struct tally *ret_tally)
    __attribute__((warn_unused_result));

/* One number: all of it is `requests`. */
int tally_sum(const struct samples *samples, const struct tally_window *window,
              const json_t *targets, struct tally *ret_tally) __attribute__((warn_unused_result));

/* The same from a vector whose query covers the window by itself. */
void tally_value(const struct samples *vector, struct tally *ret_tally);
void tally_value_buckets(const struct samples *vector, double edge, struct tally *ret_tally);

/* Whether a number can be a count. */
bool tally_is_count(double value);

/* Reads a `le` label: a number or "+Inf". */
bool tally_edge(const char *label, double *ret_edge);
