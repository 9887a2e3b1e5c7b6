/* Numbers about celld itself, written as OpenMetrics text. A bounded set of series; one thread. */
#pragma once

#include "config/base/text.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum metrics_type { METRICS_COUNTER, METRICS_GAUGE, METRICS_HISTOGRAM };

struct metrics;
struct metric; /* a family: one name */

/* `series_limit` = how many label sets over all families; further ones are counted in
 * celld_metrics_dropped_total. NULL without memory. */
struct metrics *metrics_new(size_t series_limit);
struct metrics *metrics_free(struct metrics *metrics);

/* A family. `name` without "_total", [a-z_]+ and static, as `help` and `label_names` (NULL-ended;
 * NULL = none, at most METRIC_LABELS). The same name again gives the same family. NULL without
 * memory: all calls below accept that and do nothing. */
#define METRIC_LABELS 4
struct metric *metrics_family(struct metrics *metrics, enum metrics_type type, const char *name,
                              const char *help, const char *const *label_names);

/* `labels`: as many values as the family has names, ended by NULL. Copied. */
void metric_add(struct metric *metric, const char *const *labels, uint64_t by);
void metric_set(struct metric *metric, const char *const *labels, int64_t value);

/* Seconds as milliseconds: buckets 5 ms … 60 s. */
void metric_observe_ms(struct metric *metric, const char *const *labels, uint64_t ms);

/* Called before every writing, to set gauges that are cheaper to read than to follow. */
typedef void metrics_collect(void *context);
void metrics_on_collect(struct metrics *metrics, metrics_collect *collect, void *context);

/* OpenMetrics 1.0 text, `# EOF` included, families in the order of their making. */
void metrics_write(struct metrics *metrics, struct text *out);
