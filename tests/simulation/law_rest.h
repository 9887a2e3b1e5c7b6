/* What must hold once the faults have stopped and nothing moves (L1, L2, L6, L8). */
#pragma once

#include "tests/simulation/law.h"

void law_rest(struct law *law);

/* At any time: what is not live can be explained (L8). */
void law_rest_explained(struct law *law);
