/* The release of its project that each of a cell's targets stands on: what the project's binding
 * there is pinned to.
 *
 * The control plane makes a new release when the project's type or its parameters change; bindings
 * stay where they are. celld moves them like everything else: the first target to the newest
 * release, each later one to what stands Ready on the target before it. A release whose content is
 * not that of the live project is not believed. */
#pragma once

#include "reconciler/engine/internal.h"

/* A project, a release or a binding of one was read, or is not there. */
void project_observed(struct engine *engine, struct object *object, const json_t *live);
void project_gone(struct engine *engine, struct object *object);

/* Why its project or binding of that name is not Ready, in the server's words; NULL = not known.
 * Borrowed until the next answer. */
const char *project_trouble(const struct unit *unit, const char *name);

/* What a binding is to be pinned to, as far as is known now; "" = not known. */
const char *project_release_for(const struct node *node);

/* Wants and permits the binding of each of the unit's targets. */
void project_bind(struct engine *engine, struct unit *unit);

/* False = the binding stands (a list showed it), and what it is pinned to was not read yet. */
bool project_is_known(const struct node *node);

/* The binding is Ready, and nobody deletes it: what is below it has a place to run. */
bool project_is_bound(const struct node *node);

/* The binding was seen Ready on the release that it is pinned to. */
bool project_stands(const struct node *node);

/* The binding may move to another release now: no rollout begins before it stands there. */
bool project_moves(const struct node *node);
