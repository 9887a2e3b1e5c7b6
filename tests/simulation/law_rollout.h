/* What must hold for rollouts: weights, order of steps, verdicts, people's words (S1–S18). Used by
 * law.c. */
#pragma once

#include "tests/simulation/law.h"

/* A row `rollout/<track>` becomes durable; `before` NULL = there was none. */
void law_rollout_row(struct law *law, const char *track, const json_t *before, const json_t *value);

/* A row `quarantine/<track>/<digest>`. */
void law_rollout_quarantine(struct law *law, const char *key, const json_t *value);

/* A ReleaseBinding is written. */
void law_rollout_write(struct law *law, const char *name, const json_t *body);

/* Metrics are asked for. */
void law_rollout_query(struct law *law, const json_t *query);

/* At rest: nothing is left over, and what is held says why. */
void law_rollout_rest(struct law *law);
