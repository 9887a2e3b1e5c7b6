/* What would be sent, and what would change: compiled bodies without any effect. */
#pragma once

#include "reconciler/engine/internal.h"

/* All bodies of a cell, by the object's name in the journal ("Project/acme/shop"); `target` NULL =
 * for all. Appends to `bodies`, and to `kept` (may be NULL) the names of what besides stays as long
 * as its components do: a second slot. False = not all of it could be compiled; problems are added
 * to `message`. */
bool preview_cell(const struct engine *engine, const struct compile_context *context,
                  const struct cell *cell, const char *target, json_t *bodies, json_t *kept,
                  struct text *message);
bool preview_platform(const struct compile_context *context, json_t *bodies, struct text *message);

/* Into which slot a component's content goes, or where it stands: 'a', 'b', or 0 when it has none.
 * *ret_stable is what is stable there; NULL = nothing yet. */
char preview_slot(const struct engine *engine, const struct deployment *deployment,
                  const struct rollout_content **ret_stable);
