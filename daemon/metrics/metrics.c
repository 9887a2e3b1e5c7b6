#include "daemon/metrics/metrics.h"

#include "config/base/check.h"

#include <stdlib.h>
#include <string.h>

#define FAMILIES 64
#define COLLECTORS 8

static const uint64_t bounds_ms[] = {5, 10, 25, 50, 100, 250, 500, 1000, 2500, 5000, 10000, 60000};
#define BUCKETS (sizeof(bounds_ms) / sizeof(bounds_ms[0]))

struct series {
    struct series *next;
    char *labels[METRIC_LABELS];
    int64_t value;
    uint64_t buckets[BUCKETS + 1]; /* histograms: the last is what is longer than all */
    uint64_t sum_ms;
};

struct metric {
    struct metrics *metrics;
    enum metrics_type type;
    const char *name, *help;
    const char *label_names[METRIC_LABELS];
    size_t label_count;
    struct series *first, *last;
};

struct metrics {
    size_t series_limit, series_count;
    uint64_t dropped;
    struct metric *families[FAMILIES];
    size_t family_count;
    struct {
        metrics_collect *collect;
        void *context;
    } collectors[COLLECTORS];
    size_t collector_count;
};

struct metrics *metrics_new(size_t series_limit)
{
    struct metrics *metrics = calloc(1, sizeof(*metrics));
    if (metrics != NULL)
        metrics->series_limit = series_limit;
    return metrics;
}

static void free_series(struct series *series)
{
    for (size_t i = 0; i < METRIC_LABELS; i++)
        free(series->labels[i]);
    free(series);
}

struct metrics *metrics_free(struct metrics *metrics)
{
    if (metrics == NULL)
        return NULL;
    for (size_t i = 0; i < metrics->family_count; i++) {
        struct metric *metric = metrics->families[i];
        for (struct series *series = metric->first; series != NULL;) {
            struct series *next = series->next;
            free_series(series);
            series = next;
        }
        free(metric);
    }
    free(metrics);
    return NULL;
}

struct metric *metrics_family(struct metrics *metrics, enum metrics_type type, const char *name,
                              const char *help, const char *const *label_names)
{
    if (metrics == NULL)
        return NULL;
    for (size_t i = 0; i < metrics->family_count; i++) {
        if (strcmp(metrics->families[i]->name, name) == 0)
            return metrics->families[i];
    }
    struct metric *metric = metrics->family_count == FAMILIES ? NULL : calloc(1, sizeof(*metric));
    if (metric == NULL)
        return NULL;
    *metric = (struct metric){.metrics = metrics, .type = type, .name = name, .help = help};
    for (; label_names != NULL && label_names[metric->label_count] != NULL; metric->label_count++) {
        CHECK(metric->label_count < METRIC_LABELS);
        metric->label_names[metric->label_count] = label_names[metric->label_count];
    }
    metrics->families[metrics->family_count++] = metric;
    return metric;
}

static bool has_labels(const struct metric *metric, const struct series *series,
                       const char *const *labels)
{
    for (size_t i = 0; i < metric->label_count; i++) {
        if (strcmp(series->labels[i], labels[i]) != 0)
            return false;
    }
    return true;
}

static struct series *find(struct metric *metric, const char *const *labels)
{
    if (metric == NULL)
        return NULL;
    for (struct series *series = metric->first; series != NULL; series = series->next) {
        if (has_labels(metric, series, labels))
            return series;
    }
    struct metrics *metrics = metric->metrics;
    struct series *series =
        metrics->series_count >= metrics->series_limit ? NULL : calloc(1, sizeof(*series));
    bool whole = series != NULL;
    for (size_t i = 0; whole && i < metric->label_count; i++) {
        series->labels[i] = strdup(labels[i]);
        whole = series->labels[i] != NULL;
    }
    if (!whole) {
        metrics->dropped++;
        if (series != NULL)
            free_series(series);
        return NULL;
    }
    metrics->series_count++;
    if (metric->last == NULL)
        metric->first = series;
    else
        metric->last->next = series;
    metric->last = series;
    return series;
}

void metric_add(struct metric *metric, const char *const *labels, uint64_t by)
{
    struct series *series = find(metric, labels);
    if (series != NULL)
        series->value += (int64_t)by;
}

void metric_set(struct metric *metric, const char *const *labels, int64_t value)
{
    struct series *series = find(metric, labels);
    if (series != NULL)
        series->value = value;
}

void metric_observe_ms(struct metric *metric, const char *const *labels, uint64_t ms)
{
    struct series *series = find(metric, labels);
    if (series == NULL)
        return;
    size_t bucket = 0;
    while (bucket < BUCKETS && ms > bounds_ms[bucket])
        bucket++;
    series->buckets[bucket]++;
    series->sum_ms += ms;
}

void metrics_on_collect(struct metrics *metrics, metrics_collect *collect, void *context)
{
    CHECK(metrics->collector_count < COLLECTORS);
    metrics->collectors[metrics->collector_count].collect = collect;
    metrics->collectors[metrics->collector_count++].context = context;
}

/* --- writing ---------------------------------------------------------------------------------- */

static void write_value(struct text *out, const char *value)
{
    for (const char *c = value; *c != '\0'; c++) {
        if (*c == '\\' || *c == '"')
            text_add_char(out, '\\');
        if (*c == '\n')
            text_add(out, "\\n");
        else
            text_add_char(out, *c);
    }
}

/* `extra` is one more label, as of a bucket: NULL = none. */
static void write_name(struct text *out, const struct metric *metric, const struct series *series,
                       const char *suffix, const char *extra)
{
    text_add(out, metric->name);
    text_add(out, suffix);
    if (metric->label_count == 0 && extra == NULL) {
        text_add_char(out, ' ');
        return;
    }
    text_add_char(out, '{');
    for (size_t i = 0; i < metric->label_count; i++) {
        text_format(out, "%s%s=\"", i == 0 ? "" : ",", metric->label_names[i]);
        write_value(out, series->labels[i]);
        text_add_char(out, '"');
    }
    if (extra != NULL)
        text_format(out, "%s%s", metric->label_count == 0 ? "" : ",", extra);
    text_add(out, "} ");
}

static void write_seconds(struct text *out, uint64_t ms)
{
    text_format(out, "%llu.%03llu", (unsigned long long)(ms / 1000),
                (unsigned long long)(ms % 1000));
}

static void write_histogram(struct text *out, const struct metric *metric,
                            const struct series *series)
{
    uint64_t count = 0;
    for (size_t i = 0; i < BUCKETS; i++) {
        struct text bound;
        text_init(&bound, 64);
        count += series->buckets[i];
        text_add(&bound, "le=\"");
        write_seconds(&bound, bounds_ms[i]);
        text_add_char(&bound, '"');
        write_name(out, metric, series, "_bucket", text_get(&bound));
        text_format(out, "%llu\n", (unsigned long long)count);
        text_fini(&bound);
    }
    count += series->buckets[BUCKETS];
    write_name(out, metric, series, "_bucket", "le=\"+Inf\"");
    text_format(out, "%llu\n", (unsigned long long)count);
    write_name(out, metric, series, "_sum", NULL);
    write_seconds(out, series->sum_ms);
    text_add_char(out, '\n');
    write_name(out, metric, series, "_count", NULL);
    text_format(out, "%llu\n", (unsigned long long)count);
}

static void write_family(struct text *out, const struct metric *metric)
{
    static const char *const types[] = {
        [METRICS_COUNTER] = "counter",
        [METRICS_GAUGE] = "gauge",
        [METRICS_HISTOGRAM] = "histogram",
    };
    text_format(out, "# TYPE %s %s\n# HELP %s ", metric->name, types[metric->type], metric->name);
    write_value(out, metric->help);
    text_add_char(out, '\n');
    for (const struct series *series = metric->first; series != NULL; series = series->next) {
        if (metric->type == METRICS_HISTOGRAM) {
            write_histogram(out, metric, series);
            continue;
        }
        write_name(out, metric, series, metric->type == METRICS_COUNTER ? "_total" : "", NULL);
        text_format(out, "%lld\n", (long long)series->value);
    }
}

void metrics_write(struct metrics *metrics, struct text *out)
{
    for (size_t i = 0; i < metrics->collector_count; i++)
        metrics->collectors[i].collect(metrics->collectors[i].context);
    for (size_t i = 0; i < metrics->family_count; i++)
        write_family(out, metrics->families[i]);
    text_format(out,
                "# TYPE celld_metrics_dropped counter\n"
                "# HELP celld_metrics_dropped Label sets that were too many to be kept\n"
                "celld_metrics_dropped_total %llu\n# EOF\n",
                (unsigned long long)metrics->dropped);
}
