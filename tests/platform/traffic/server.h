/* One pod of a slot: a server of its own on the loopback interface that answers as the tag of its
 * image says (tests/platform/traffic/behaviour.h). A healthy one takes a few milliseconds. */
#pragma once

#include "tests/platform/traffic/counts.h"
#include "tests/platform/traffic/upstream.h"

struct traffic_server;

/* NULL when no socket is to be had. */
struct traffic_server *traffic_server_new(uv_loop_t *loop, const struct traffic_pod *pod,
                                          struct traffic_pod_count *count, uint64_t seed);
/* The gateway's way to it. */
struct traffic_upstream *traffic_server_upstream(const struct traffic_server *server);
const char *traffic_server_uid(const struct traffic_server *server);

/* The pod is gone: nothing new is sent to it, what is under way is answered. */
void traffic_server_close(struct traffic_server *server);
