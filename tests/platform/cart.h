/* A town in which service cart runs: one slot with its route. */
#pragma once

#include "tests/platform/town.h"

/* Both are ready, and have been for a minute; the test fails otherwise. */
struct town *cart_town(void);

/* Status of the binding's condition Ready: town_condition(). */
const char *cart_ready(struct town *t, const char *binding);
