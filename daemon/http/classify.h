/* What an HTTP exchange proves: one table from libcurl's codes, one from status and method. Pure.
 *
 * The control plane's habits decide the rows: a 500 on PUT is how it says "conflict", a 500 on POST
 * or DELETE says nothing about whether it happened. */
#pragma once

#include "config/base/error.h"
#include "config/base/time.h"

#include <stdbool.h>

enum http_method { HTTP_GET, HTTP_PUT, HTTP_POST, HTTP_DELETE };
#define HTTP_METHOD_COUNT (HTTP_DELETE + 1)

/* What the caller should do next. */
enum verdict {
    VERDICT_DONE,      /* it happened; the body is the proof */
    VERDICT_MISSING,   /* 404: the object does not exist. After an earlier success: plan again */
    VERDICT_EXISTS,    /* 409 on POST: GET and compare; equal is done, different is a conflict */
    VERDICT_REFRESH,   /* GET again and retry, the first time at once (500 or 409 on PUT) */
    VERDICT_PERMANENT, /* the same request will always fail: wait for another manifest */
    VERDICT_DENIED,    /* 401, 403: may be transient; retry with backoff, never roll back on it */
    VERDICT_RETRY,     /* it did not happen: retry with backoff, not before Retry-After */
    VERDICT_READ_BACK, /* unknown whether it happened: GET before anything is sent again */
};
#define VERDICT_COUNT (VERDICT_READ_BACK + 1)

struct classification {
    enum error_kind kind; /* ERROR_NONE exactly for VERDICT_DONE */
    enum verdict verdict;
};

/* "GET", "PUT", …; false for any other text. */
bool classify_method(const char *text, enum http_method *ret_method);
const char *classify_method_name(enum http_method method);
const char *classify_verdict_name(enum verdict verdict);

/* By status (100–599; anything else is treated as a broken server) and method. */
struct classification classify_status(int status, enum http_method method);

/* By libcurl's result (CURLcode, not CURLE_OK). `sent`: bytes of the request may have reached the
 * server. */
struct classification classify_transport(int curl_code, enum http_method method, bool sent);

/* An answer of 2xx that is no proof: wrong content type, broken JSON, somebody else's object. */
struct classification classify_unusable(enum http_method method);

#define RETRY_AFTER_MIN DURATION_S(1)
#define RETRY_AFTER_MAX DURATION_S(300)

/* Reads Retry-After: seconds or an HTTP date, clamped to [1 s, 5 min]; what cannot be read counts
 * as the minimum. `now` is the wall time of the answer. */
struct duration classify_retry_after(const char *value, struct wall_time now);
