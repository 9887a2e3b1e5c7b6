/* One HTTP request and its raw answer, with every bound that protects us: no redirects, no proxies,
 * no other protocols, verified TLS 1.2 or later, header and body caps counted as bytes arrive,
 * connect, total and low-speed limits. Judges nothing. */
#pragma once

#include "config/base/error.h"
#include "config/base/time.h"
#include "daemon/http/classify.h"
#include "daemon/http/multi.h"
#include "daemon/http/secret.h"

#include <stdbool.h>
#include <stddef.h>

/* Kept by the caller while exchanges run. */
struct exchange_settings {
    const char *ca_file; /* NULL = the system's authorities */
    const char *user_agent;
    struct duration connect_timeout, low_speed_time;
    int64_t low_speed_bytes_per_second;
};

/* All borrowed until the exchange ends, except `authorization` (used at the start only). */
struct exchange_request {
    enum http_method method;
    bool is_read; /* may be repeated by libcurl when a kept connection breaks */
    const char *url, *request_id;
    const char *content_type; /* of the body; NULL = none */
    const char *body;         /* NULL = none */
    size_t body_length, body_cap;
    const struct secret *form; /* sent instead of `body`; NULL = none */
    struct duration total_timeout;
    const struct secret *authorization; /* token; NULL = none */
    bool is_basic;                      /* the token is for Basic, not for Bearer */
    const char *header;                 /* one more: "Name: value"; NULL = none */
};

#define EXCHANGE_HEADER_SIZE 256

struct exchange_answer {
    CURLcode code;
    const char *message; /* libcurl's words; "" = none */
    int status;          /* 0 = no answer */
    bool sent;           /* bytes of the request may have reached the server */
    bool too_large;      /* the body went over its cap; `body` is cut there */
    const char *body;    /* NUL-terminated; borrowed from the exchange */
    size_t body_length;
    /* "" = absent */
    char content_type[EXCHANGE_HEADER_SIZE], content_encoding[EXCHANGE_HEADER_SIZE],
        retry_after[EXCHANGE_HEADER_SIZE];
};

struct exchange;

/* The exchange is over; it may be freed here. */
typedef void exchange_done(void *context, const struct exchange_answer *answer);

/* Returns 0 and an owned exchange, and `done` is called once, later; -ENOMEM or ERR_HTTP. */
int exchange_start(struct multi *multi, const struct exchange_settings *settings,
                   const struct exchange_request *request, exchange_done *done, void *context,
                   struct exchange **ret_exchange, struct error *err)
    __attribute__((warn_unused_result));

/* Stops it if it runs, without `done`. NULL is fine. Returns NULL. */
struct exchange *exchange_free(struct exchange *exchange);
