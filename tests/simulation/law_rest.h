/* What must hold once the faults have stopped and nothing moves (L1, L2, L3, L6, L7, L8). */
#pragma once

#include "tests/simulation/law.h"

void law_rest(struct law *law);

/* At any time: what is not live can be explained (L8). */
void law_rest_explained(struct law *law);

/* It had converged, and nothing was changed since: it is still so (L7). */
void law_rest_stays(struct law *law);

/* A good commit came after whatever is held, aborted or condemned, and had its time: it is live
 * (L3). `rests`: it came to rest within that time. */
void law_rest_deployable(struct law *law, bool rests);

/* What the engine calls its condition. */
const char *law_rest_condition(const struct law *law);
