/* The table of the control plane's objects: what is known of each, and what it should be. */
#pragma once

#include "reconciler/engine/history.h"
#include "reconciler/engine/internal.h"

/* Finds or makes it; NULL without memory, remembered. */
struct object *object_get(struct engine *engine, const struct object_key *key);
struct object *object_find(const struct engine *engine, const struct object_key *key);
void object_free_all(struct engine *engine);

/* Lets go of those that nobody wants, holds or has in the inventory. */
void object_sweep(struct engine *engine);

/* "ReleaseBinding/acme/cart-a-testing": as in the journal's keys. */
void object_name(const struct object *object, char ret_name[static KEY_SIZE]);

/* The object should be this body (taken). Nothing is sent here. */
void object_want(struct engine *engine, struct object *object, json_t *body, bool adopt);

/* It should not be there. */
void object_want_gone(struct engine *engine, struct object *object);

/* It may be as it is. */
void object_want_nothing(struct engine *engine, struct object *object);

/* Live is what is desired, and nothing is under way. */
bool object_is_equal(const struct object *object);

/* ... as far as was known before it is read again. */
bool object_was_equal(const struct object *object);

/* Live differs although celld wrote just this before: somebody else changed it. */
bool object_is_drift(const struct object *object);

/* It is being deleted, or may be: a DELETE is under way whose outcome nobody knows yet. */
bool object_is_leaving(const struct object *object);

/* What an answer or a list says of it. */
void object_observed(struct engine *engine, struct object *object, const json_t *live);
void object_gone(struct engine *engine, struct object *object);

/* The control plane has taken our deletion of it. */
void object_deleted(struct object *object);

/* Of a live object, also of a workflow run; borrowed; "" = it has none. */
const char *object_uid(const json_t *live);

/* `live` is the very object that was recorded, not another one under its name. */
bool object_is_same(const struct object *object, const json_t *live);

/* Whether it is a release of that Component of OpenChoreo, by its name. */
bool object_is_release_of(const struct object *object, const char *component);

/* The condition of that type, also of a workflow run; borrowed; NULL = the object has none. */
const json_t *object_condition(const json_t *live, const char *type);

/* `live` shows a condition of this type with the status True. */
bool object_condition_is_true(const json_t *live, const char *type);

/* A write follows: the generation that was seen last precedes it. Durable with the intent, or a
 * restart in between would take the status of the content before for that of the new one. */
void object_precede(struct engine *engine, struct object *object, int64_t generation);

/* `live` was compared and found to be as desired: inventory and intent follow. */
void object_found_equal(struct engine *engine, struct object *object, const json_t *live);

/* Into the inventory (`live` gives the uid), or again with what is known now. */
void object_record(struct engine *engine, struct object *object, const json_t *live);

/* It belongs to the unit's desired state now; the inventory says so, too, before anything is
 * written: who wants it may drop it again at once. */
void object_hand_over(struct engine *engine, struct object *object, struct unit *unit);

/* `live` is marked as another unit's. */
bool object_bears_other_mark(const struct object *object, const json_t *live);

void object_forget(struct engine *engine, struct object *object); /* out of the inventory */
void object_intent(struct engine *engine, struct object *object, char verb); /* 0 = settled */

/* Names for people: "ReleaseBinding cart-a-testing". */
const char *object_kind(const struct object *object);

/* What an event about the object is about. */
struct history_about object_about(const struct object *object);
