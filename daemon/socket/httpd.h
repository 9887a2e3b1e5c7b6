/* libmicrohttpd inside the uv loop, on one socket: connections, limits and deadlines. What is
 * asked and answered is the handler's. */
#pragma once

#include "config/base/error.h"
#include "daemon/socket/call.h"
#include "daemon/socket/listener.h"

#include <microhttpd.h>
#include <uv.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct httpd;

struct httpd_options {
    struct listener *listener; /* open; given back closed by httpd_stop() */
    unsigned connections;
    size_t body_bytes;
    uint64_t idle_ms, drain_ms, reply_ms;
    /* Answers the call, or leaves it unanswered: then call_answer() comes later. */
    void (*handle)(void *context, struct call *call);
    /* Every second for each stream. */
    void (*stream_tick)(void *context, struct call *call, uint64_t now_ms);
    void *context;
};

/* Returns 0 or a negative code; on failure the listener is still the caller's. */
int httpd_start(const struct httpd_options *options, uv_loop_t *loop, struct httpd **ret_httpd,
                struct error *err) __attribute__((warn_unused_result));

/* Ends streams, answers what waits with 503, gives the rest drain_ms. `stopped` is the last call.
 */
void httpd_stop(struct httpd *httpd, void (*stopped)(void *context), void *context);

/* For call.c: the call has its response. */
void httpd_answered(struct call *call);

/* For streams. A stream that has nothing to send suspends itself inside its reader, and is woken
 * when there is something. */
void httpd_suspend(struct call *call);
void httpd_wake(struct call *call);
bool httpd_is_closing(const struct httpd *httpd);

/* Ends the connection as it is. */
void httpd_cut(struct call *call);

struct call *httpd_calls(struct httpd *httpd);
unsigned httpd_connections(const struct httpd *httpd);
uint64_t httpd_now(const struct httpd *httpd);
