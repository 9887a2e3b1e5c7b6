/* Text of PromQL: values of names in queries, ranges, bucket edges. Pure.
 *
 * Names come from manifests and from the data plane, and count as hostile: inside a query they can
 * only ever be the content of a string literal. */
#pragma once

#include "config/base/error.h"
#include "config/base/text.h"
#include "daemon/analysis/question.h"

#include <stdbool.h>
#include <stdint.h>

#define PROMQL_LIMIT ((size_t)16 * 1024)

/* The value as it stands between double quotes. */
void promql_literal(struct text *out, const char *value);

/* The same, where the literal is a pattern (=~): only the value itself matches. */
void promql_pattern(struct text *out, const char *value);

/* "90s", "1500ms": a range or an offset. */
void promql_duration(struct text *out, int64_t ms);

enum promql_filled {
    PROMQL_FILLED,
    PROMQL_UNKNOWN, /* a name that the query needs is not known (yet): there is no data */
};

/* Writes the query with its placeholders replaced: ${namespace}, ${workload}, ${service},
 * ${component}, ${window} and, for dialects, ${cluster} and ${upstream}. `window_ms` is the length
 * of the window. Returns 0; ERR_INVALID for a placeholder that does not exist. */
int promql_fill(const char *query, const struct question_arm *arm, int64_t window_ms,
                struct text *out, enum promql_filled *ret_filled, struct error *err)
    __attribute__((warn_unused_result));

/* A plain series selector, name{matchers}, with nothing around it: raw samples can be asked for. */
bool promql_is_selector(const char *query);

/* The query covers the window by itself: it has the placeholder ${window}. */
bool promql_covers_window(const char *query);

/* Writes a selector with one more matcher: `up{a="b"}` and `c="d"` give `up{a="b",c="d"}`. */
void promql_narrow(struct text *out, const char *selector, const char *matcher);

/* Writes the pattern of the `le` labels that stand for `edge` (in the histogram's unit) and for
 * infinity, in the ways in which client libraries write numbers. */
void promql_edges(struct text *out, double edge);
