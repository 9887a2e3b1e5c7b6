/* From what a rollout wants to the goals of its bindings' objects. Used by track.c. */
#pragma once

#include "reconciler/engine/internal.h"

void track_want(struct engine *engine, struct track *track);

/* What the route's binding is to carry by that; `matches` stay the route_want's. */
struct binding_wants track_route_wants(const struct route_want *want);

/* The components that it connects to run on its target, those aside that wait for it in turn. */
bool track_providers_stand(const struct engine *engine, const struct track *track);

/* The first that does not; NULL = all stand. */
const struct track *track_missing_provider(const struct engine *engine, const struct track *track);
