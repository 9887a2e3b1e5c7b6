/* A small HTTP/1.1 server on a libuv loop: connections are kept, requests of one connection are
 * answered in their order. Everything happens on the loop's thread. */
#pragma once

#include "tests/platform/traffic/message.h"

#include <uv.h>

#include <stdint.h>

struct traffic_listener;

/* A request that waits for its answer. */
struct traffic_call {
    struct traffic_message message; /* points into the connection's memory until the answer */
    const char *body;
};

typedef void traffic_handler(void *closure, struct traffic_call *call);

/* Listens on address ("127.0.0.1") and port (0 = any free one). Every request is given to
 * `handler`, which answers it then or later. Returns NULL on failure, with libuv's code in
 * *ret_status. */
struct traffic_listener *traffic_listener_new(uv_loop_t *loop, const char *address, uint16_t port,
                                              traffic_handler *handler, void *closure,
                                              int *ret_status);
uint16_t traffic_listener_port(const struct traffic_listener *listener);

/* Takes no new connections and ends those that wait for a request; calls that are pending are still
 * to be answered. Frees itself after the last. */
void traffic_listener_close(struct traffic_listener *listener);

/* Sends a whole answer, head and body, exactly once per call; copies the bytes. Where the client
 * has gone nothing is sent. */
void traffic_call_answer(struct traffic_call *call, const char *bytes, size_t length);

/* Sends a short answer made of status, extra header lines (each ending in CR LF) and body. */
void traffic_call_say(struct traffic_call *call, int status, const char *headers,
                      const char *content_type, const char *body, size_t length);
