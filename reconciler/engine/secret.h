/* The SecretReferences that cells use and the repository does not declare: whether they stand on
 * the control plane, and with the keys that are asked for. The server takes a binding without them,
 * and fails it much later. Only names of keys are known here. */
#pragma once

#include "reconciler/engine/internal.h"

/* A SecretReference was read, or is not there. */
void secret_observed(struct engine *engine, const struct object *object, const json_t *live);
void secret_gone(struct engine *engine, const struct object *object);

/* What the secrets API wrote into the reference that it made for a credential (names where the
 * value is kept); borrowed from `live`, NULL = it made none. */
json_t *secret_seal(const json_t *live);

/* The body of a credential's reference is to have what the secrets API wrote into it, too: celld
 * cannot know that beforehand, and keeps it from then on. */
void secret_want_sealed(struct engine *engine, const struct object *object, json_t *body);

/* True = one that the track's content uses is missing, or lacks a key; `out` (may be NULL) gets
 * where it is asked for and what to do. */
bool secret_is_missing(const struct engine *engine, const struct track *track, struct text *out);

/* Has those read that nothing is known of. Returns when to look again. */
struct mono_time secret_ask(struct engine *engine, struct track *track);
