/* The writing half of an operation. Used by operation.c only. */
#pragma once

#include "reconciler/engine/internal.h"

void operation_post(struct engine *engine, struct object *object);
void operation_put(struct engine *engine, struct object *object, const json_t *live,
                   const struct difference *difference);
void operation_delete(struct engine *engine, struct object *object, const json_t *live);

/* Looks for another binding of the same component and environment. */
void operation_search(struct engine *engine, struct object *object);

/* Reads it again after a while, without this being a failure. */
void operation_poll(struct engine *engine, struct object *object);

/* The answer to a POST, PUT or DELETE. */
void operation_written(struct engine *engine, struct object *object,
                       const struct engine_event *event);

/* Backs off; says why. */
void operation_wait(struct engine *engine, struct object *object, const struct error *err,
                    const char *format, ...) __attribute__((format(printf, 4, 5)));

/* What a person can do about a failure of which the server says little; "" = nothing is known. */
const char *operation_hint(const struct object *object, const char *verb, int status);

/* Nothing more until desired or live changes (or a long time went by). */
void operation_hold(struct engine *engine, struct object *object, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
