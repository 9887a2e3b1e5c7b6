/* The gateway in front of all routes: chooses a pod for every request and passes on what it
 * answers. On the loop's thread only. */
#pragma once

#include "tests/platform/traffic/counts.h"

#include <uv.h>

#include <stdint.h>

struct traffic_gateway;

/* `counts` and `log` (NULL = none) are borrowed. Returns NULL and libuv's code in *ret_status. */
struct traffic_gateway *traffic_gateway_new(uv_loop_t *loop, const char *address, uint16_t port,
                                            uint64_t seed, struct traffic_counts *counts, FILE *log,
                                            int *ret_status);
uint16_t traffic_gateway_port(const struct traffic_gateway *gateway);

/* Takes the table that holds from now on. Requests under way stay where they are: servers of pods
 * that are gone end when they have answered. */
void traffic_gateway_adopt(struct traffic_gateway *gateway, struct traffic_table *table,
                           int64_t at_ms);

/* Answers what is under way and then frees itself, within the longest answer of any pod. */
void traffic_gateway_close(struct traffic_gateway *gateway);
