/* How a revision fares, for those who pushed it: one state per cell and environment, told when it
 * changes and never twice. The newest one of each is durable. */
#pragma once

#include "reconciler/engine/internal.h"

/* Tells what changed since it was called last. */
void commit_status_pump(struct engine *engine);

/* The unit may have another state by now. */
void commit_status_touch(struct engine *engine, struct unit *unit);

/* From its row, or from the event that told it (`commit`, `state`; NULL value = removed). */
void commit_status_apply(struct engine *engine, const char *cell, const char *environment,
                         const json_t *value);
void commit_status_told(struct engine *engine, const json_t *event);
json_t *commit_status_row(const struct commit_status *status);
