/* Which of the doomed objects may go now: reverse phases, and inside a cell what carries traffic
 * first, the project last. */
#pragma once

#include "reconciler/engine/internal.h"

/* Marks those that may go now and holds the others back. */
void prune_order(struct engine *engine);

/* Removes ComponentReleases that nothing refers to, but for the newest few. */
void prune_releases(struct engine *engine);
