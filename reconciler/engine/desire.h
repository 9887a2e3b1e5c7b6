/* From a cell's manifest to what its objects and components should be. */
#pragma once

#include "reconciler/engine/internal.h"

/* Compiles the platform or a cell again, with the goals of what it has once for all targets. A
 * failure is remembered as the unit's problem. */
void desire_platform(struct engine *engine);
void desire_cell(struct engine *engine, struct unit *unit);

/* Lets go of what only work needs: bodies, deployments. */
void desire_rest(struct unit *unit);
