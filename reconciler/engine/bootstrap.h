/* What must stand before a component can: platform objects, then the cell's project with its
 * latest release, then the project's binding on the target. */
#pragma once

#include "reconciler/engine/internal.h"

void bootstrap_platform(struct engine *engine);
void bootstrap_cell(struct engine *engine, struct unit *unit);

/* An object was read: projects, project bindings and releases tell more than whether they differ.
 */
void bootstrap_observed(struct engine *engine, struct object *object, const json_t *live);
void bootstrap_gone(struct engine *engine, struct object *object);

/* Why the platform is not ready, in one sentence; false = it is. */
bool bootstrap_explain_platform(const struct engine *engine, struct text *out);

/* An object of the unit that git changed (not drift) is not written yet. */
bool bootstrap_is_pending(const struct object *object);
