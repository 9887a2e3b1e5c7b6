/* Who lived where when a list was taken: projects, and projects in environments. Kept as
 * fingerprints: two that share one only keep each other. */
#pragma once

#include "reconciler/engine/internal.h"

/* Counts the owners of the items anew; with or without the environment that they are in. */
void census_take(struct engine *engine, struct census *census, const json_t *items,
                 bool environments);

/* Somebody lived there, or nobody has looked yet. `environment` "" = the census was without. */
bool census_has(const struct census *census, const char *project, const char *environment);

void census_fini(struct census *census);
