/* Texts of the engine that mostly are not there, or mostly are the same. */
#pragma once

#include "reconciler/engine/internal.h"

/* Puts a sentence of at most MESSAGE_SIZE - 1 bytes into *place in the stead of what it held
 * (NULL = nothing). Owned by the place. Without memory the step fails. */
void words_say(struct engine *engine, char **place, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* The one copy of a target's name, good as long as the engine; never NULL. */
const char *words_target(struct engine *engine, const char *name);

void words_free_all(struct engine *engine);
