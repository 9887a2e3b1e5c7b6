/* When a component fails, its policy may say that the whole cell, or all cells of its phase, go
 * back with it on that target: whatever came with the same revision.
 *
 * What goes back is written down before the failed content is condemned, and holds as long as git
 * still wants that content and nobody has lifted its quarantine. Those that went back are not
 * condemned themselves: they come again with the fix, or with newer content of their own. */
#pragma once

#include "reconciler/engine/internal.h"

/* The attempt of `track` failed. Call before that is recorded. */
void scope_begin(struct engine *engine, const struct track *track);

/* Ends what is over, and marks the tracks that are to go back, or to stay back. */
void scope_refresh(struct engine *engine);

/* A rollout got on: those whose turn it is now look again. */
void scope_moved(struct engine *engine);

/* An attempt under way is to be stopped, or none may begin. */
bool scope_cancels(const struct engine *engine, const struct track *track);

/* The stable release itself is to give way to the one before it. */
bool scope_undoes(const struct engine *engine, const struct track *track);

/* Why it is recalled, in one sentence; borrowed until the next row. Only of one that is. */
const char *scope_reason(const struct engine *engine, const struct track *track);

void scope_apply(struct engine *engine, const char *cell, const char *component, const char *target,
                 const json_t *value);
json_t *scope_row(const struct recall *recall);
void scope_free_all(struct engine *engine);
