/* Whether the release that bears the traffic runs as it did when it was let through. That the
 * control plane complains only asks the question; the tree of its resources answers it. Nothing is
 * written because of it: a release that was good is not taken back for what befell it later. */
#pragma once

#include "reconciler/engine/internal.h"

/* Of a track that is at rest; one at work is judged by its rollout, and counts as well. */
enum health health_of(const struct engine *engine, const struct track *track);

/* The worst of a node. */
enum health health_of_node(const struct engine *engine, const struct node *node);

/* Looks at what the control plane complains of. Also of cells that stand still: it only reads. */
void health_watch(struct engine *engine, struct unit *unit, struct mono_time *due);

/* Takes note of what fell sick or is well again, and tells it. */
void health_update(struct engine *engine, struct unit *unit);

/* Its component is gone, or at work again. */
void health_forget(struct engine *engine, struct track *track);

/* The row sick/<cell>/<component>/<target>, which stands from when it was told until it is taken
 * back. health_row() is owned. */
void health_apply(struct track *track, const json_t *value);
json_t *health_row(const struct track *track);

/* Appends what ails the node, and what celld does about it; nothing where nothing does. */
void health_explain(const struct engine *engine, const struct node *node, struct text *out);

/* Appends what ails a component that is sick: "shop-api: pod x is crashing". */
void health_explain_track(const struct track *track, struct text *out);
