/* What a question to a Prometheus is made of. Private to this folder. */
#pragma once

#include "daemon/analysis/prometheus.h"
#include "daemon/analysis/question.h"
#include "daemon/analysis/samples.h"
#include "daemon/analysis/tally.h"

#include <jansson.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Two numbers of each release for each metric, or its buckets; and the replicas, or whether there
 * is anything at all. */
#define READS_LIMIT (QUESTION_METRICS_LIMIT * QUESTION_ARM_COUNT * 2 + 2)

enum read_state {
    READ_NOT_ASKED, /* nothing to ask: no data */
    READ_RAW,       /* series of a counter */
    READ_VALUE,     /* an instant vector */
    READ_RANGE,     /* a matrix of evaluated points */
};

/* One query, and what came of it. */
struct read {
    enum read_state state;
    char *query; /* READ_RAW: the selector */
    bool is_taken;
    struct samples samples;
    json_t *targets;
};

enum use {
    USE_NOTHING,
    USE_CODES,   /* first: requests by status */
    USE_BUCKETS, /* first: buckets */
    USE_PAIR,    /* first: all events; second: the bad ones */
};

/* One metric of one release. */
struct want {
    enum use use;
    double edge; /* in the labels' unit */
    struct read *first, *second;
};

struct request {
    const char *path;
    char *form;
    struct read *read;
    bool is_for_targets;
};

struct prometheus {
    struct question question;
    json_t *json; /* holds the question's texts */
    struct prometheus_options options;
    struct read reads[READS_LIMIT];
    size_t read_count;
    struct want wants[QUESTION_METRICS_LIMIT][QUESTION_ARM_COUNT];
    struct read *replica_requests, *replica_bad; /* NULL = not asked */
    struct read *alive;                          /* NULL = not asked, one of the slots has series */
    struct request requests[READS_LIMIT * 2];
    size_t request_count;
    bool has_advanced;
};

int64_t prometheus_span(const struct question *question);

/* Length of a history's sub-windows. */
int64_t prometheus_part(const struct question *question);

struct tally_window prometheus_window(const struct prometheus *prometheus);

/* Adds a read and its request; takes the query, also on failure. */
int prometheus_add(struct prometheus *prometheus, enum read_state state, char *query,
                   struct read **ret_read, struct error *err) __attribute__((warn_unused_result));

/* Once the reads are taken: asks for `alive` where no slot has a series (prometheus_want.c). */
int prometheus_want_alive(struct prometheus *prometheus, struct error *err)
    __attribute__((warn_unused_result));

/* Adds what the question's purpose takes (prometheus_want.c). */
int prometheus_want(struct prometheus *prometheus, struct error *err)
    __attribute__((warn_unused_result));
