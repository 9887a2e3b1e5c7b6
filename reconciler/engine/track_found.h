/* A component that runs already although the journal says nothing of it: the state directory was
 * lost, the service moved to another machine, or its objects were adopted. What bears the traffic
 * is taken as its stable release, so that nothing is rolled out again, and what git wants beside it
 * goes the way of every change, with a release to go back to. */
#pragma once

#include "reconciler/engine/internal.h"

/* Keeps what a binding says live, as long as its component may need it here. */
void track_found(struct object *object, const json_t *live);

/* Writes the row of a component that was found. False: some binding has to be read first; the
 * rollout may not take a step before. */
bool track_recover(struct engine *engine, struct track *track);
