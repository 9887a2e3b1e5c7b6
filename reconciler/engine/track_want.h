/* From what a rollout wants to the goals of its bindings' objects. Used by track.c. */
#pragma once

#include "reconciler/engine/internal.h"

void track_want(struct engine *engine, struct track *track);

/* What the route's binding is to carry by that; `matches` stay the route_want's. */
struct binding_wants track_route_wants(const struct route_want *want);
