/* How durable state is written as JSON and read back. Owned results; NULL without memory. */
#pragma once

#include "reconciler/engine/internal.h"

json_t *row_engine(const struct engine *engine);
void row_engine_apply(struct engine *engine, const json_t *value);

json_t *row_revision(const struct engine *engine, int64_t converged_ms);
void row_revision_apply(struct engine *engine, const json_t *value);

json_t *row_cell(const struct unit *unit);
void row_cell_apply(struct unit *unit, const json_t *value);

json_t *row_inventory(const struct object *object);
void row_inventory_apply(struct engine *engine, struct object *object, const json_t *value);

/* As much of the object as is needed to find out what came of it, be it wanted by then or not. */
json_t *row_intent(const struct object *object, char verb);
void row_intent_apply(struct engine *engine, struct object *object, const json_t *value);

void row_rollout_apply(struct engine *engine, struct track *track, const json_t *value);

json_t *row_prune(const struct pruning *pruning);
void row_prune_apply(struct engine *engine, const json_t *value);

/* Small copies out of rows. */
void row_text(const json_t *value, const char *key, char *ret_text, size_t size);
int64_t row_number(const json_t *value, const char *key);
uint64_t row_bits(const json_t *value, const char *key);
