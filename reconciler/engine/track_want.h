/* From what a rollout wants to the goals of its bindings' objects. Used by track.c. */
#pragma once

#include "reconciler/engine/internal.h"

void track_want(struct engine *engine, struct track *track);
