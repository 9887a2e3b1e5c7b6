/* The journal of a simulated world: the newest row of each key, in memory. For world.c, and for
 * tests of rows that no engine would write. */
#pragma once

#include "tests/simulation/world.h"

/* Makes the row durable; NULL removes it. */
void world_journal_put(struct world *world, const char *key, json_t *value);

void world_journal_fini(struct world *world);
