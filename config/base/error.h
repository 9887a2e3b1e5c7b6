/* Results and errors. Control flow uses `int` (0 or a negative code); people get `struct error`.
 *
 * Codes are negated errno values, or one of ERR_*. A function with a `struct error *err` last
 * parameter sets it exactly when it returns a negative code; `err` may be NULL. Whether to retry is
 * decided on `kind` alone, never on text. */
#pragma once

#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>

enum {
    ERR_LIMIT = -1001,   /* a limit of ours was reached; the detail names limit and actual value */
    ERR_SYNTAX = -1002,  /* input is not in its language (YAML, JSON, HTTP) */
    ERR_INVALID = -1003, /* input is in its language, but not what its schema allows */
    ERR_GIT = -1004,
    ERR_HTTP = -1005,
    ERR_STORAGE = -1006,
};

enum error_kind {
    ERROR_NONE,
    ERROR_INVALID,     /* will fail again until its input changes */
    ERROR_NOT_FOUND,   /* it is known not to exist */
    ERROR_CONFLICT,    /* somebody else changed or owns it */
    ERROR_DENIED,      /* credentials or permissions */
    ERROR_UNAVAILABLE, /* the other side is down or busy: retry later */
    ERROR_TIMEOUT,
    ERROR_UNKNOWN, /* it may or may not have happened: read back before doing it again */
    ERROR_CANCELLED,
    ERROR_LIMIT,
    ERROR_INTERNAL,
};
#define ERROR_KIND_COUNT (ERROR_INTERNAL + 1)

/* 1-based, in characters; 0 = unknown. `path` is borrowed and outlives whatever holds the
 * position. */
struct source_pos {
    const char *path;
    uint32_t line, column;
};

struct error {
    enum error_kind kind;
    int code; /* what the failed call returned */
    struct source_pos where;
    int http_status;        /* 0 = none */
    int64_t retry_after_ms; /* -1 = the server did not say */
    char detail[512];       /* one sentence, no newline, no secret */
};

/* The kind's name in lower case, for logs and JSON: "not-found", "unavailable". */
const char *error_kind_name(enum error_kind kind);

/* Fills *err (may be NULL), cuts an over-long text at a character, replaces control characters, and
 * returns `code`, so that a caller can write `return error_set(err, ...)`. */
int error_set(struct error *err, enum error_kind kind, int code, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

/* Puts "<context>: " before the detail; the end is cut when it gets too long. Returns err->code,
 * or 0 when err is NULL. */
int error_context(struct error *err, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Out of memory: -ENOMEM with a text. */
int error_no_memory(struct error *err);
