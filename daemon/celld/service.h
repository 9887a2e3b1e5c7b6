/* What the service manager hears: ready, reloading, stopping, a line of status, and a pulse that
 * stops when nothing moves any more. Does nothing where there is no service manager. */
#pragma once

#include <uv.h>

#include <stdbool.h>
#include <stdint.h>

struct service;

/* Asked before each pulse: true when the daemon does its work, or has good reason to wait. */
typedef bool service_is_alive(void *context);

/* Starts the pulse when a watchdog is wanted. NULL without memory. */
struct service *service_start(uv_loop_t *loop, service_is_alive *is_alive, void *context);

void service_ready(struct service *service);
void service_reloading(struct service *service);
void service_stopping(struct service *service);

/* One line; sent only when it differs from the last one. */
void service_status(struct service *service, const char *line);

/* Listening sockets that were handed over: the descriptor of that name, or -1. */
int service_socket(const char *name);

void service_stop(struct service *service, void (*stopped)(void *context), void *context);
