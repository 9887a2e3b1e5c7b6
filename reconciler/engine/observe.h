/* The complete look: all lists of the kinds that matter, at an interval or when asked for. What is
 * missing from a list is only suspected; an empty or short one says nothing at all. */
#pragma once

#include "reconciler/engine/internal.h"

/* Begins a look when one is due, or asked for. */
void observe_pump(struct engine *engine);

/* Look soon: something happened that makes the last look old. */
void observe_again(struct engine *engine);

void observe_listed(struct engine *engine, const struct request *request,
                    const struct engine_event *event);
void observe_probed(struct engine *engine, const struct request *request,
                    const struct engine_event *event);

/* The last look was complete in every kind: absence means something. */
bool observe_is_complete(const struct engine *engine);
