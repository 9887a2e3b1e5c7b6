/* What must hold for the rows of a rollout: order of steps, promotions, ways back. Used by law.c.
 */
#pragma once

#include "tests/simulation/law.h"

/* A row `rollout/<track>` becomes durable; `before` NULL = there was none. */
void law_rollout_row(struct law *law, const char *track, const json_t *before, const json_t *value);

/* A row `quarantine/<track>/<digest>`. */
void law_rollout_quarantine(struct law *law, const char *key, const json_t *value);
