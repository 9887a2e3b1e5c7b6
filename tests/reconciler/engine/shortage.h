/* Parts of the engine that run short of memory, each of their allocations in turn. */
#pragma once

#include "reconciler/engine/internal.h"
#include "tests/simulation/world.h"

/* Runs the part until no allocation of it fails any more, each time one more of them is spared. It
 * must say -ENOMEM or do its work; how often it said so. */
unsigned shortage_run(struct engine *engine, struct track *track,
                      void (*part)(struct engine *engine, struct track *track));

/* The track of a component of cell shop on development, which must be there. */
struct track *shortage_track(const struct world *world, const char *component);
