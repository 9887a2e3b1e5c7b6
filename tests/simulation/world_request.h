/* Requests of a simulated world on their way to the control plane and back. Used by world.c. */
#pragma once

#include "tests/simulation/world.h"

/* Copies the order's path and body. */
void world_request_send(struct world *world, const struct world_request *order);

/* The write with this number never arrives. */
void world_request_lose(struct world *world, uint64_t write);

/* It reaches the control plane now; its answer is put on its way. */
void world_request_arrive(struct world *world, struct world_request *request);

/* The first by due time, out of the table. */
struct world_request *world_request_take(struct world *world);
void world_request_free(struct world_request *request);

void world_request_abandon(struct world *world, uint64_t id);
void world_request_orphan(struct world *world); /* all of them */
void world_request_free_all(struct world *world);
