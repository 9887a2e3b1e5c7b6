/* What would be sent, and what would change: compiled bodies without any effect. */
#pragma once

#include "reconciler/engine/internal.h"

/* Bodies by the object's name in the journal ("Project/acme/shop"). */
struct preview_bodies {
    json_t *bodies;       /* NULL = memory ran out */
    json_t *kept;         /* names of what stays as long as its components do; NULL = not wanted */
    struct text *message; /* what could not be compiled */
    bool scarce;          /* memory ran out: they are not complete */
};

/* Adds all bodies of a cell, `target` NULL = for all, and what is kept besides: a second slot.
 * False = not all of it could be compiled. */
bool preview_cell(const struct engine *engine, const struct compile_context *context,
                  const struct cell *cell, const char *target, struct preview_bodies *out);
bool preview_platform(const struct compile_context *context, struct preview_bodies *out);

/* Into which slot a component's content goes, or where it stands: 'a', 'b', or 0 when it has none.
 * *ret_stable is what is stable there; NULL = nothing yet. */
char preview_slot(const struct engine *engine, const struct deployment *deployment,
                  const struct rollout_content **ret_stable);
