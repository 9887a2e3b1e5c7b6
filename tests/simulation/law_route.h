/* What must hold for a binding at the moment it is written: weights, capacity, and that the stable
 * release stays (S1-S4, S7, S8). Used by law_write.c. */
#pragma once

#include "tests/simulation/law.h"

void law_route_write(struct law *law, const char *name, const json_t *body);
