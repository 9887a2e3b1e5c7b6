/* Workflow runs behind gates. A run proves something only when the very execution that celld began
 * (by uid) says so; a lost, late or vanished one is an unknown outcome, never a failed test. */
#pragma once

#include "reconciler/engine/internal.h"

/* Goes on with all runs that are waited for; sets engine->gate_due. */
void gate_run_pump(struct engine *engine);

void gate_run_answer(struct engine *engine, struct gate_record *gate, const struct request *request,
                     const struct engine_event *event);
