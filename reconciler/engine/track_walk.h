/* Whether one track is reached from another, over whatever leads from track to track: each is
 * visited once, also where they lead in a circle. */
#pragma once

#include "reconciler/engine/internal.h"

struct track_walk;

/* Adds those that `at` leads to. */
typedef void track_walk_next(struct track_walk *walk, const struct track *at, const void *context);

void track_walk_add(struct track_walk *walk, const struct track *track);

typedef bool track_walk_test(const struct track *track, const void *context);

/* Of those that are reached from `from`, one is what is looked for. True also when there is no
 * memory to look: it may be so. */
bool track_walk_meets(const struct track *from, track_walk_next *next, track_walk_test *test,
                      const void *context);

/* The same for one track. */
bool track_walk_leads(const struct track *from, const struct track *to, track_walk_next *next,
                      const void *context);
