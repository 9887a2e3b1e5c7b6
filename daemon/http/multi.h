/* Drives libcurl's multi handle from a uv loop. Knows sockets, timers and completions; nothing of
 * requests. libcurl is entered from the loop only, never from inside its own callbacks, and `done`
 * is called outside of them too. */
#pragma once

#include "config/base/error.h"

#include <curl/curl.h>
#include <uv.h>

#include <stdbool.h>

struct multi;

/* `code` is the transfer's result. The transfer is no longer running: it may be freed, and anything
 * may be started, stopped or closed. */
typedef void multi_done(void *context, CURLcode code);

/* Embedded by the caller; lives at least as long as it runs. */
struct multi_transfer {
    CURL *easy; /* the caller's */
    multi_done *done;
    void *context;
    bool running, broken;
    struct multi_transfer *previous, *next;
};

/* `host_connections` bounds the connections to one host. Returns 0, -ENOMEM or a libuv error. */
int multi_new(uv_loop_t *loop, long host_connections, struct multi **ret_multi, struct error *err)
    __attribute__((warn_unused_result));

/* Returns 0, and `done` is called once, later; -ENOMEM or ERR_HTTP, and it is not. */
int multi_start(struct multi *multi, struct multi_transfer *transfer, struct error *err)
    __attribute__((warn_unused_result));

/* Ends a transfer without calling `done`; nothing when it does not run. */
void multi_stop(struct multi *multi, struct multi_transfer *transfer);

/* Stops what still runs, without `done`, closes all connections and frees the multi once its
 * handles are closed; then calls `closed`. */
void multi_close(struct multi *multi, void (*closed)(void *context), void *context);
