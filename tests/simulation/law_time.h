/* Deadlines and soaks: what flaps or dies neither postpones nor shortens them (L4, L5). Used by
 * law_rollout.c and law.c. */
#pragma once

#include "tests/simulation/law.h"

/* A row `rollout/<track>` becomes durable. */
void law_time_row(struct law *law, struct law_track *known, const json_t *before,
                  const json_t *value);

/* Now and then. */
void law_time_look(struct law *law);
