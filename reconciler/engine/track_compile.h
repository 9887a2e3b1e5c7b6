/* A track's content from the manifest: specs, names of its bindings, references. Used by desire.c.
 */
#pragma once

#include "reconciler/engine/internal.h"

/* Content, names and references from the manifest, or why there are none (track->note). */
void track_compile(struct engine *engine, struct track *track);
