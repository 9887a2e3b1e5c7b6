/* Each allocation of one part of the engine fails in turn: the step is told to fail. */
#pragma once

#include "reconciler/engine/track.h"
#include "tests/simulation/world.h"

/* The component "shop/<component>" on development; the test fails when there is none. */
struct track *shortage_track(const struct world *world, const char *component);

/* Calls it until no allocation fails any more; how often the step was told to fail. */
unsigned shortage_run(struct engine *engine, struct track *track,
                      void (*part)(struct engine *engine, struct track *track));
