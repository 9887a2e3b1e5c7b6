/* Who may begin, how often, and in which order all go back (S12, S15, S16). Used by
 * law_rollout.c. */
#pragma once

#include "tests/simulation/law.h"

/* A row `rollout/<track>` becomes durable. */
void law_order_row(struct law *law, struct law_track *known, const json_t *before,
                   const json_t *value);

/* Something is told to people. */
void law_order_told(struct law *law, const struct effect *effect);

/* After a step: what is given up was told. */
void law_order_step(struct law *law);
