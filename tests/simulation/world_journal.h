/* The journal of a simulated world: the newest row of each key, in memory. Private to world.c. */
#pragma once

#include "tests/simulation/world.h"

/* Makes the row durable; NULL removes it. */
void world_journal_put(struct world *world, const char *key, json_t *value);

void world_journal_fini(struct world *world);
