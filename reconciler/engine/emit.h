/* The effects of a step leave here. */
#pragma once

#include "reconciler/engine/internal.h"

/* Appends to the step's effects; takes what *effect owns. After a failure nothing is appended any
 * more: what follows could rest on a row that was lost. */
void emit_effect(struct engine *engine, const struct effect *effect);

/* A copy for an effect; NULL for NULL. Without memory the step fails, and the effect is dropped. */
char *emit_text(struct engine *engine, const char *text);
