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
