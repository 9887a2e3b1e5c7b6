/* Looks at what a binding renders: the binding first, then its tree, then the gate's judgement. */
#pragma once

#include "reconciler/engine/internal.h"

/* Begins a look when one is wanted and due. Returns when it wants to be called again. */
struct mono_time look_pump(struct engine *engine, struct binding *binding);

/* What was seen is not so any more. */
void look_forget(struct binding *binding);

void look_answer(struct engine *engine, struct binding *binding, const struct request *request,
                 const struct engine_event *event);

/* Scheduled tasks are looked at now and then also at rest: their failures show nowhere else. */
void look_watch_tasks(struct engine *engine, struct unit *unit, struct mono_time *due);

/* What the last look found of the binding as it is wanted now; NULL = there was none yet. */
const struct gate_answer *look_seen(const struct binding *binding);
