/* A journal on a loop of its own, for tests: each step runs the loop until its answer is there. */
#pragma once

#include "daemon/journal/journal.h"

#include <stdbool.h>
#include <stddef.h>

struct bench_row {
    uint64_t sequence;
    char *key;
    char *value; /* canonical JSON */
};

struct bench {
    uv_loop_t loop;
    struct journal *journal;
    char directory[256];
    /* Of the last opening. */
    int result;
    struct error error;
    bool fresh, checked;
    enum journal_adopt adopt;
    char kept_aside[4096];
    char instance[33];
    struct bench_row *rows;
    size_t row_count;
    /* Of appends. */
    size_t durable_count;
    int durable_result;
    bool answered;
};

/* Makes a directory when `directory` is NULL. Aborts on failure. */
void bench_start(struct bench *bench, const char *directory);
void bench_start_with(struct bench *bench, const struct journal_options *options);
void bench_open(struct bench *bench);

/* Waits until durable; returns its result. */
int bench_put(struct bench *bench, const char *key, const char *json);
int bench_adopted(struct bench *bench);

/* "key=value key=value" in the order of the rows; static storage. */
const char *bench_rows(const struct bench *bench);

/* Stops the journal and closes the loop, which must be empty. Keeps the directory. */
void bench_stop(struct bench *bench);
void bench_remove_directory(const char *directory);
