/* Engines without a world, for tests of single parts. */
#pragma once

#include "reconciler/engine/engine.h"

/* A new one; the test fails without. */
struct engine *parts_engine(int parallel_requests);

/* One step with an event of that kind; of EVENT_RESTORE key and value (JSON, NULL = gone) are
 * given. What engine_step() says. */
int parts_give(struct engine *engine, enum engine_event_kind kind, const char *key,
               const char *text);
