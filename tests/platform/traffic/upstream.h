/* Requests to one address over connections that are kept and used again. On the loop's thread. */
#pragma once

#include "tests/platform/traffic/message.h"

#include <uv.h>

#include <netinet/in.h>

struct traffic_upstream;

/* status: the answer's, or a negative code of libuv when there was none. `bytes` is the whole
 * answer and `message` its head, both borrowed; without an answer NULL. */
typedef void traffic_answered(void *closure, int status, const struct traffic_message *message,
                              const char *bytes, size_t length);

struct traffic_upstream *traffic_upstream_new(uv_loop_t *loop, const struct sockaddr_in *address);

/* Sends a whole request, head and body (copied). It is sent once more over a fresh connection when
 * a kept one turns out to be closed before the first byte of an answer. */
void traffic_upstream_send(struct traffic_upstream *upstream, const char *bytes, size_t length,
                           traffic_answered *answered, void *closure);

/* Requests under way are still answered. After the last it calls `closed` (NULL = nobody) and frees
 * itself; never before this returns. */
void traffic_upstream_close(struct traffic_upstream *upstream, void (*closed)(void *closure),
                            void *closure);
