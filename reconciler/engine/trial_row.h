/* The journal's row of a judge. */
#pragma once

#include "reconciler/engine/trial.h"

/* Owned; NULL without memory. */
json_t *trial_row(const struct trial *trial);

/* NULL removes it; one that cannot be read counts as none: the attempt is judged anew. */
void trial_row_apply(struct engine *engine, struct track *track, const json_t *value);

struct trial *trial_row_free(struct trial *trial);

/* As record_add() with the key of the track. */
void trial_row_put(struct engine *engine, const struct track *track, const struct trial *next);
void trial_row_remove(struct engine *engine, const struct track *track);
