/* Two cells, billing before shop, on four targets, whose projects get new releases. */
#pragma once

#include "tests/reconciler/engine/expect.h"

#define PROJECTS_BINDINGS "projectreleasebindings"

/* development, testing, production on us and on eu, in this order; no gates. */
extern const char *const projects_targets[4];

/* Shop with this image. */
void projects_commit(struct world *world, int revision, const char *image);

/* The first revision, until all stands. */
void projects_converge(struct world *world);

/* The platform team changes what namespaces of projects look like: every project gets a new
 * release. */
void projects_change_type(struct world *world, const char *label);

/* A text in a live object: <part>.<field>.<more>, `more` NULL = <part>.<field>. Borrowed until the
 * fourth next call of this one and the two after it. */
const char *projects_text(const struct world *world, const char *collection, const char *name,
                          const char *part, const char *field, const char *more);

/* What a project's binding is pinned to; a project's newest release. */
const char *projects_pin(const struct world *world, const char *binding);
const char *projects_latest(const struct world *world, const char *project);

/* Names of the project bindings that were written since the log was cleared, in order, without
 * "acme-". Borrowed until the next call. */
const char *projects_written(const struct world *world);

/* All of the project's bindings are pinned to its newest release. */
void projects_expect_latest(const struct world *world, const char *project);
