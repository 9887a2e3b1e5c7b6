/* What a person can decide now: the HOLDs of status.h. */
#pragma once

#include "reconciler/engine/internal.h"

/* Array of HOLD; owned, NULL without memory. */
json_t *status_holds(const struct engine *engine);
