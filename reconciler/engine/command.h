/* What operators say. Each command is answered with EFFECT_REPLY, at once or when the rollout has
 * taken it. */
#pragma once

#include "reconciler/engine/internal.h"

void command_take(struct engine *engine, const struct engine_event *event);
