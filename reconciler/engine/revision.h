/* A new revision of the repository: what git wants from now on. */
#pragma once

#include "reconciler/engine/internal.h"

void revision_take(struct engine *engine, const struct engine_event *event);
void revision_failed(struct engine *engine, const struct engine_event *event);

/* The whole revision was read: what it does not name is really not there. */
bool revision_is_complete(const struct engine *engine);

/* All targets have what it says, for the first time: told and recorded. */
void revision_note_convergence(struct engine *engine);

/* The compile context for a set. */
struct compile_context revision_context(const struct engine *engine, const struct manifest_set *set,
                                        const struct platform *platform);
