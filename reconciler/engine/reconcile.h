/* One unit, level-triggered: whatever woke it, all that it needs is looked at anew. */
#pragma once

#include "reconciler/engine/internal.h"

/* Works on all queued units and the plan until nothing more follows from what is known. */
void reconcile_all(struct engine *engine);
