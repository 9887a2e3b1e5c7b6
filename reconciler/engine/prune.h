/* Removal of what git does not name any more. Only what the inventory shows as ours, absent from a
 * completely read revision and seen in a complete look, within a budget, in reverse order; each is
 * confirmed by GET before its DELETE, and leaves the inventory with a GET's 404 only. */
#pragma once

#include "reconciler/engine/internal.h"

void prune_pump(struct engine *engine);

/* A person allows what is held over the budget; the hash must still fit. */
bool prune_approve(struct engine *engine, const char *hash, const char *operator_name);

/* Why celld never deletes what stands there on a platform like this; NULL = it may. */
const char *prune_obstacle(const struct platform *platform, const struct object *object);

/* Named by content, and still named by a release that is stable or on its way. */
bool prune_is_mentioned(const struct object *object);

/* The complete list of bindings, or of components: which places are inhabited. */
void prune_take_list(struct engine *engine, enum resource_kind kind, const json_t *items);
