/* Cells on targets: what the plan must know of each, and what it decided. */
#pragma once

#include "reconciler/engine/internal.h"

/* Nodes of all cells for the present platform; those that stay keep what is known. */
void node_rebuild(struct engine *engine);

/* The facts of a unit's nodes, new; the plan is made again when they changed. */
void node_update(struct engine *engine, struct unit *unit);

/* Decides again when facts changed; units whose verdict changed are queued. */
void node_plan(struct engine *engine);

/* The plan lets forward steps begin here, or they have begun. */
bool node_is_open(const struct engine *engine, const struct node *node);

const struct node_facts *node_facts_of(const struct engine *engine, const struct node *node);
const struct node_verdict *node_verdict_of(const struct engine *engine, const struct node *node);

/* Input for plan_explain(). */
struct plan_input node_plan_input(const struct engine *engine);
