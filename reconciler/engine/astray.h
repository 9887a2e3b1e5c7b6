/* Releases that celld made, and that somebody else removes or puts others in the place of. They do
 * not change, and no list shows them: each is read in its turn. What is gone is made again from its
 * source; what is another's is told, and left to whoever made it. */
#pragma once

#include "reconciler/engine/internal.h"

/* It may be read in its turn: nothing else is under way with it. */
bool astray_may_be_read(const struct object *object);

/* A release of what git wants was ours and is gone, or is another one by now. */
bool astray_is(const struct object *object);

/* Appends why one that is astray stands in the way; false = nothing does. */
bool astray_explain(const struct object *object, struct text *out);

/* A release was read that nothing can be compared with now: where it seems another, its cell is
 * compiled for that. */
void astray_observed(struct engine *engine, struct object *release, const json_t *live);

/* A release was looked for and is not there; call before it leaves the inventory. */
void astray_gone(struct engine *engine, struct object *release);
