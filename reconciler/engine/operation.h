/* The work on one object until it is as it should be: read, compare, write, read back.
 *
 *            ┌──────────── WAITING ◀── failed, unknown outcome, being deleted ──┐
 *            ▼                                                                   │
 *   IDLE ─▶ READING ── 404 ─▶ (SEARCHING) ─▶ WRITING (POST) ──┬─ 2xx ─▶ IDLE      │
 *            │   ├─ differs ───────────────▶ WRITING (PUT) ───┤                  │
 *            │   └─ equal ─▶ IDLE                             ├─ 500, 409 ─▶ READING once, then
 *            │                                                └─ 400, 422 ─▶ HELD
 *            └─ 200, should go ─▶ DELETING ─▶ WAITING ─▶ READING … 404 ─▶ IDLE
 *
 * One request per object is in flight at most. The intent is durable before a write leaves, and
 * goes when its outcome is known; whatever is not known is read back before anything else. */
#pragma once

#include "reconciler/engine/internal.h"

/* A new aim: `body` (taken; NULL = it should be gone). `changed` = forget backoff and holds. */
void operation_aim(struct engine *engine, struct object *object, json_t *body, bool changed);

/* Nothing to do: body and messages are let go once no request is in flight. */
void operation_rest(struct object *object);

/* Goes on as far as it can without an answer. */
void operation_pump(struct engine *engine, struct object *object);

/* When it wants to be pumped again. */
struct mono_time operation_due(const struct object *object);

void operation_answer(struct engine *engine, struct object *object, const struct request *request,
                      const struct engine_event *event);
void operation_listed(struct engine *engine, struct object *object,
                      const struct engine_event *event);

/* Waiting and holds are forgotten: a new revision, or a person, says now. */
void operation_wake(struct engine *engine, struct object *object);

/* It is held or waits after failures; the message says why. */
bool operation_is_stuck(const struct object *object);
bool operation_is_held(const struct object *object);
const char *operation_message(const struct object *object);
const char *operation_state_name(const struct object *object);

void operation_free(struct object *object);
