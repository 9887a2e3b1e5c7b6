/* What happened, for operators: published at once and kept in the journal, bounded. */
#pragma once

#include "reconciler/engine/internal.h"

/* What an event is about; NULL = does not apply. */
struct history_about {
    const char *cell, *component, *target, *rollout;
    json_t *data; /* taken */
};

/* `type` is static and stable. */
void history_publish(struct engine *engine, enum publish_level level, const char *type,
                     const struct history_about *about, const char *format, ...)
    __attribute__((format(printf, 5, 6)));

/* Removes what is too old, a bounded part at a time. */
void history_expire(struct engine *engine);

void history_apply(struct engine *engine, uint64_t sequence, const json_t *value);
json_t *history_event(const struct engine *engine, uint64_t sequence);
void history_fini(struct engine *engine);
