/* One causal chain in one line. */
#pragma once

#include "reconciler/engine/internal.h"

/* Appends the chain of a node. */
void why_node(const struct engine *engine, const struct node *node, struct instant now,
              struct text *out);
