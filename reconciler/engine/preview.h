/* What would be sent, and what would change: compiled bodies without any effect. */
#pragma once

#include "reconciler/engine/internal.h"

struct preview_subject {
    const struct engine *engine;
    const struct compile_context *context;
    const struct cell *cell;
    /* Against what stands: null for what is as it should be, or stays though no body names it.
     * Without, all bodies as they are to stand in the end. */
    bool live;
};

/* All bodies of a cell, by the object's name in the journal ("Project/acme/shop"); `target` NULL =
 * for all. Appends to `bodies`; problems are added to `message`. */
void preview_cell(const struct preview_subject *subject, const char *target, json_t *bodies,
                  struct text *message);
void preview_platform(const struct compile_context *context, json_t *bodies, struct text *message);
