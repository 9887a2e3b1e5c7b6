/* The journal's rows of the engine: see the file. Nothing else changes durable state. */
#pragma once

#include "reconciler/engine/internal.h"

void record_apply(struct engine *engine, const char *key, const json_t *value);

/* Emits EFFECT_PERSIST and applies it. Takes `value`; NULL = no memory, remembered. */
void record_add(struct engine *engine, const char *key, json_t *value);
void record_remove(struct engine *engine, const char *key);
