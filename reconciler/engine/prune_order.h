/* Which of the doomed objects may go now: reverse phases, and inside a cell what carries traffic
 * first, the project last. */
#pragma once

#include "reconciler/engine/internal.h"

/* Its removal was allowed, and it is ours and unwanted still. */
bool prune_order_is_doomed(const struct engine *engine, const struct object *object);

/* Marks those that may go now and holds the others back. */
void prune_order(struct engine *engine);

/* Its turn has come, but something stands in it that celld does not remove. */
bool prune_order_is_stopped(const struct engine *engine, const struct object *object);

/* Removes ComponentReleases that nothing refers to, but for the newest few. */
void prune_releases(struct engine *engine);
