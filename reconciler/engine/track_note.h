/* What came of a round: the journal's row, the history, quarantine, an operator's answer. */
#pragma once

#include "reconciler/engine/internal.h"

void track_take_result(struct engine *engine, struct track *track,
                       const struct rollout_result *result);
