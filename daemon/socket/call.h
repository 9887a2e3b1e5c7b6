/* One HTTP request on a Unix socket, and its answer. Filled by httpd.c, answered by whoever handles
 * it: at once, or later after call_defer(). */
#pragma once

#include "config/base/error.h"
#include "daemon/socket/target.h"

#include <jansson.h>
#include <microhttpd.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct httpd;

#define CALL_OPERATOR_SIZE 128

struct call {
    struct call *next; /* of httpd's list */
    struct httpd *httpd;
    struct MHD_Connection *connection;
    char method[16];
    struct target_path path;
    int refusal; /* an HTTP status when the request was wrong before anybody looked */
    char *body;
    size_t body_length, body_capacity;
    bool too_large;
    uint64_t started_ms; /* of waiting, for whatever it waits */
    uint64_t id;         /* of a deferred one; 0 = not deferred */
    bool handled, suspended, queued, streams;
    int status; /* of the answer that waits to be queued */
    struct MHD_Response *response;
    bool shares_response; /* it belongs to somebody else */
    void *stream;         /* owned by the response's callbacks */
};

/* Static words for the method: "GET", "HEAD" counts as "GET". */
bool call_is_get(const struct call *call);
bool call_is_post(const struct call *call);

/* A decoded value of the query into `ret_text`; returns 1, 0 when it is not there, -EINVAL. */
int call_query(const struct call *call, const char *name, char *ret_text, size_t size)
    __attribute__((warn_unused_result));

/* NULL when it is not there. */
const char *call_header(const struct call *call, const char *name);

/* Refuses parameters of the query that are not in `allowed` (ended by NULL). Returns the first
 * unknown name, or NULL. */
const char *call_unknown_query(const struct call *call, const char *const *allowed);

/* Who is at the other end, for the record and not for access: the name that the client gives
 * itself, and the user id as far as the kernel tells it. */
void call_operator(const struct call *call, char ret_name[static CALL_OPERATOR_SIZE]);

/* Answers; each may be called once per call. Takes `body`; NULL = out of memory, answered with 503.
 */
void call_answer(struct call *call, int status, json_t *body);
void call_message(struct call *call, int status, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
void call_text(struct call *call, int status, const char *type, const char *text, size_t length);

/* Takes one reference of a response made elsewhere, unless shares_response is set; NULL = out of
 * memory. */
void call_response(struct call *call, int status, struct MHD_Response *response);

/* A response with the headers that every answer of ours has; NULL without memory. Takes `bytes`. */
struct MHD_Response *call_make_response(char *bytes, size_t length, const char *type);
