/* OpenChoreo components from which releases are made: Component and Workload as wanted, then
 * generate-release, then the release's content compared. A release is the same on all targets. */
#pragma once

#include "reconciler/engine/internal.h"

/* The unit's sources from its compiled tracks. */
void source_build(struct engine *engine, struct unit *unit);

/* A rolling component whose endpoints change goes to its second slot, too: nothing was to be made
 * for it until its rollout began. */
void source_keep_up(struct engine *engine, struct unit *unit);

void source_free(struct source *source);

/* Goes on with what a preparing rollout needs. Returns when it wants to be called again. */
struct mono_time source_pump(struct engine *engine, struct source *source);

void source_answer(struct engine *engine, struct source *source, const struct request *request,
                   const struct engine_event *event);

/* A ComponentRelease was read. */
void source_observed(struct engine *engine, struct object *release, const json_t *live);

/* The release of the track's wanted content exists for this binding's component, and holds it. */
bool source_has_release(const struct track *track, enum binding_role role);
