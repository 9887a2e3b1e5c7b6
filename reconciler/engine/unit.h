/* Cells (and the platform) as the engine works on them: the table, their objects, the queue of
 * those that need a look, and the heap of those that want one later. */
#pragma once

#include "reconciler/engine/internal.h"

/* Finds or makes it; NULL when that can be no cell's name, or without memory, remembered. */
struct unit *unit_get(struct engine *engine, const char *name);
struct unit *unit_find(const struct engine *engine, const char *name);

struct unit *unit_new(const char *name);
struct unit *unit_free(struct unit *unit);
bool unit_is_platform(const struct unit *unit);

/* The track of a component on a target; NULL = there is none. */
struct track *unit_track_find(const struct engine *engine, const char *cell, const char *component,
                              const char *target);

/* Finds or makes it; NULL without memory, remembered. */
struct track *unit_track_get(struct engine *engine, struct unit *unit, const char *component,
                             const char *target);

/* The object belongs to the unit's desired state; it is pumped with it. */
void unit_attach(struct engine *engine, struct unit *unit, struct object *object);
void unit_detach(struct object *object);

/* Holds and lets go of a pointer to an object. */
void unit_hold(struct object **place, struct object *object);

/* To be reconciled within this step. */
void unit_queue(struct engine *engine, struct unit *unit);
void unit_queue_all(struct engine *engine);
/* Takes the first of them; there must be one. */
struct unit *unit_next(struct engine *engine);

/* To be reconciled at `due` (NEVER = not by time). */
void unit_schedule(struct engine *engine, struct unit *unit, struct mono_time due);
struct unit *unit_due(const struct engine *engine); /* the first; NULL = none */

/* Everything that waits or is held tries again. */
void unit_wake(struct engine *engine, struct unit *unit);

/* Suspended by an operator, by all cells' suspension, or by its manifest. */
bool unit_is_suspended(const struct engine *engine, const struct unit *unit);
enum drift_policy unit_drift_policy(const struct engine *engine, const struct unit *unit);

/* Its drift policy is `freeze`, and somebody changed one of its objects. */
bool unit_is_frozen(const struct engine *engine, const struct unit *unit);

/* Named by git, readable once, and not gone. */
bool unit_is_live(const struct unit *unit);
