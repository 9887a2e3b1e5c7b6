/* The effects of a step that are neither rows nor requests: timers, events, questions of metrics,
 * notices, replies. */
#pragma once

#include "daemon/celld/core_parts.h"

void performance_of(void *context, const struct effect *effect);

/* A source of metrics answered, or says why it does not. */
void performance_answered(void *context, uint64_t id, const json_t *answer,
                          const struct error *err);
