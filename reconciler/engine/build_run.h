/* Workflow runs that build. A run is named by its source tree and read before it is posted, so that
 * none is made twice; it is never written again, as that could erase the image it announces. */
#pragma once

#include "reconciler/engine/internal.h"

/* Goes on with all builds; sets engine->build_due. */
void build_run_pump(struct engine *engine);

void build_run_answer(struct engine *engine, struct build_record *build,
                      const struct request *request, const struct engine_event *event);
