/* What the engine asks of a source of metrics (EFFECT_QUERY_METRICS), read from its JSON. Pure. */
#pragma once

#include "config/base/error.h"
#include "config/manifest/model.h"
#include "daemon/analysis/dialect.h"

#include <jansson.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define QUESTION_METRICS_LIMIT 20
#define QUESTION_SPAN_LIMIT INT64_C(86400000) /* from `from` to `to` */

enum question_purpose {
    QUESTION_WINDOW,  /* counts of one closed window, of both releases */
    QUESTION_HISTORY, /* what the stable release was like before: buckets, replicas */
    QUESTION_CHECK,   /* as QUESTION_WINDOW, for the share of traffic */
};

enum question_provider { QUESTION_PROMETHEUS, QUESTION_OBSERVER, QUESTION_WEBHOOK };
#define QUESTION_PROVIDER_COUNT (QUESTION_WEBHOOK + 1)

/* One of the two releases. Texts are NULL where they are not known (yet). */
struct question_arm {
    bool present;
    char slot;                                  /* 'a', 'b'; 0 = not known */
    const char *component;                      /* OpenChoreo's */
    const char *namespace, *workload, *service; /* of the data plane */
};

enum { QUESTION_CANARY, QUESTION_STABLE, QUESTION_ARM_COUNT };

struct question_metric {
    const char *name;
    enum analysis_kind kind;
    const char *numerator, *denominator, *histogram; /* queries; NULL = the dialect's */
    double edge; /* of latency, in the histogram's seconds; negative = not chosen yet */
};

/* Texts are borrowed from the JSON. */
struct question {
    const json_t *json;
    enum question_purpose purpose;
    enum question_provider provider;
    const struct dialect *dialect;                          /* "query" when none is named */
    const char *target, *namespace, *project, *environment; /* NULL = not said */
    int64_t from_ms, to_ms;
    struct question_arm arms[QUESTION_ARM_COUNT];
    struct question_metric metrics[QUESTION_METRICS_LIMIT];
    size_t metric_count;
};

/* Returns 0; ERR_INVALID with the member that cannot be (then *ret_question is untouched). */
int question_read(const json_t *json, struct question *ret_question, struct error *err)
    __attribute__((warn_unused_result));

/* "prometheus", "observer", "webhook". */
const char *question_provider_name(enum question_provider provider);
