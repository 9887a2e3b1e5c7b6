/* What tests of removal have in common: two cells, billing and shop, of which git lets billing go.
 */
#pragma once

#include "tests/reconciler/engine/expect.h"

#define LEAVING_PLATFORM(cells, prune)                                                             \
    PLATFORM_HEAD prune "  environments: [{name: development}]\n"                                  \
                        "  phases: [{name: all, cells: [" cells "]}]\n"

/* All of it may go without a person's word. */
#define LEAVING_GENEROUS "  prune: {budget: \"90%\", minimum: 50}\n"

/* Platforms of both cells, and of shop alone. */
extern const char leaving_both[], leaving_one[];
extern const char leaving_generous_both[], leaving_generous_one[];

void leaving_commit_both(struct world *world, int revision, const char *platform);
void leaving_commit_one(struct world *world, int revision, const char *platform);

/* Both cells stand; a removal has to be approved. */
struct world *leaving_world(void);

/* So many projects, components and what belongs to them have that part in their names. */
size_t leaving_left(const struct world *world, const char *part);
