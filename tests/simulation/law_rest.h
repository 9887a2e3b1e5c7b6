/* What must hold once the faults have stopped and nothing moves (L1, L2, L6). */
#pragma once

#include "tests/simulation/law.h"

void law_rest(struct law *law);
