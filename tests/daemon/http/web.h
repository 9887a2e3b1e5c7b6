/* A well-behaved HTTP or HTTPS server on a loopback port, by libmicrohttpd on a thread of its own;
 * what it answers is the test's. */
#pragma once

#include "config/base/text.h"

#include <stdbool.h>

struct web_request {
    unsigned number; /* from 0 */
    const char *method, *path;
    const char *cursor, *limit, *project;                  /* of the query; NULL = absent */
    const char *authorization, *request_id, *content_type; /* NULL = absent */
    const char *signature;                                 /* X-Celld-Signature */
    const char *user_agent, *accept_encoding, *transfer_encoding;
    const char *body;
};

struct web_reply {
    int status;               /* 200 */
    const char *content_type; /* "application/json" */
    const char *header, *value;
    struct text body;
};

/* On the server's thread, one at a time. */
typedef void web_handler(void *context, const struct web_request *request, struct web_reply *reply);

struct web_options {
    web_handler *handler;
    void *context;
    const char *certificate, *key; /* PEM; NULL = plain HTTP */
    const char *priorities;        /* of GnuTLS; NULL = its own */
};

struct web;

struct web *web_start(const struct web_options *options);
void web_stop(struct web *web);
unsigned web_port(const struct web *web);

/* Requests that were answered so far. */
unsigned web_count(const struct web *web);
