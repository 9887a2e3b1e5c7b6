/* Removal of what git does not name any more. Only what the inventory shows as ours, absent from a
 * completely read revision and seen in a complete look, within a budget, in reverse order; each is
 * confirmed by GET before its DELETE, and leaves the inventory with a GET's 404 only. */
#pragma once

#include "reconciler/engine/internal.h"

void prune_pump(struct engine *engine);

/* The unit's wanted marks can be trusted: its manifest was read and compiled, all of it. While an
 * image is still to be built they cannot: what git wants of that component has no name yet. */
bool prune_is_certain(const struct unit *unit);

/* A DELETE that was decided on may leave now: nothing has come into doubt since. */
bool prune_may_go_on(const struct engine *engine, const struct unit *unit);

/* Not pruned like other things: releases and runs have their own rules, and a secret stays while a
 * release names it. */
bool prune_is_kept(const struct object *object);

/* Why celld never deletes it; NULL = it may. */
const char *prune_is_for_people(const struct platform *platform, const struct object *object);

/* The first few of what is to go, by name: ": Component cart, Workload cart and 3 more". */
void prune_list(const json_t *names, struct text *out);

/* A person allows what is held over the budget; the hash must still fit. */
bool prune_approve(struct engine *engine, const char *hash, const char *operator_name);

/* The complete list of bindings, or of components: which places are inhabited. */
void prune_take_list(struct engine *engine, enum resource_kind kind, const json_t *items);
