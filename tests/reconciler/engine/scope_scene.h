/* What tests of rollback scopes have in common: cells of parts that connect to one another. */
#pragma once

#include "tests/reconciler/engine/expect.h"

#define SCOPE_QUICK "  rollout: {progressDeadline: 3m}\n"
#define SCOPE_CELL "  rollout: {progressDeadline: 3m, rollback: {scope: cell}}\n"
#define SCOPE_PHASE "  rollout: {progressDeadline: 3m, rollback: {scope: phase}}\n"

/* All cells of a phase have to be there. */
#define SCOPE_PLATFORM(cells)                                                                      \
    PLATFORM_HEAD "  environments: [{name: development}]\n"                                        \
                  "  prune: {minimum: 50}\n"                                                       \
                  "  phases: [{name: first, cells: [" cells "]}]\n"

struct part {
    const char *name, *image; /* image NULL: built by a workflow */
    const char *to[3];        /* names of parts that it connects to */
};

/* base and front, which connects to it: as they stand, and with a base that never gets ready. */
extern const struct part scope_good[], scope_bad[];

/* The same with mid between them. */
extern const struct part scope_good_chain[], scope_bad_chain[];

/* The one component base: as it stands, and one that never gets ready. */
extern const struct part scope_good_base[], scope_bad_base[];

/* "raw:" and the manifest, owned; `head` are lines of the cell's spec, `parts` end with a name
 * NULL. */
char *scope_cell(const char *cell, const char *head, const struct part *parts);

/* Cell billing with the one component billing-api of this image. */
char *scope_billing(const char *image, const char *head);

/* Cells billing and stock, taken; NULL = it is not in the commit. */
void scope_commit(struct world *world, int revision, char *billing, char *stock);

/* The component runs registry.example/<image> in development. */
void scope_runs(const struct world *world, const char *component, const char *image);

/* Place of the last event of this type about the component; -1 = none. */
int64_t scope_told_at(const struct world *world, const char *type, const char *component);
