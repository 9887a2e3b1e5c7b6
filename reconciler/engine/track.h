/* One component on one target: shows its rollout what is, and carries out what it wants. */
#pragma once

#include "reconciler/engine/internal.h"

/* Automatic attempts of the same content while the manifest cannot be compiled. */
#define TRACK_ATTEMPTS 3

void track_init(struct track *track, struct unit *unit, const char *component, const char *target);
void track_free(struct track *track);

/* Its deployment is let go, with all that points into it. */
void track_drop_deployment(struct track *track);

/* What only work on it needs is let go. */
void track_rest(struct track *track);

/* One round of the rollout. Call only with the live state known and nothing suspended. */
void track_step(struct engine *engine, struct track *track);

/* Git names it, and the platform has its target: then it has a place and a node. */
bool track_is_live(const struct track *track);

/* On the wanted content, settled and baked, nothing to do. */
bool track_is_done(const struct track *track);

/* The binding of the slot that bears the traffic at rest. */
const struct binding *track_stable_slot(const struct track *track);

/* The name of a binding's Component. */
void track_component_name(const struct track *track, enum binding_role role,
                          char ret_name[static NAME_SIZE + 2]);

/* The role of a slot's Component. */
enum component_role track_slot_role(const struct track *track, enum binding_role role);

/* Appends one clause: why it is where it is. Only of one that is live. */
void track_explain(const struct engine *engine, const struct track *track, struct instant now,
                   struct text *out);

/* A SecretReference of ours may be written: a rollout needs it, or it drifted. */
bool track_may_refer(const struct engine *engine, const struct track *track,
                     const struct object *reference);
