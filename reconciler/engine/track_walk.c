#include "reconciler/engine/track_walk.h"

#include <stdlib.h>

struct track_walk {
    const struct track **tracks; /* reached, in the order of visiting */
    size_t count, capacity;
    bool failed; /* no memory */
};

static bool is_reached(const struct track_walk *walk, const struct track *track)
{
    for (size_t i = 0; i < walk->count; i++) {
        if (walk->tracks[i] == track)
            return true;
    }
    return false;
}

void track_walk_add(struct track_walk *walk, const struct track *track)
{
    if (is_reached(walk, track))
        return;
    if (walk->count == walk->capacity) {
        const size_t capacity = walk->capacity == 0 ? 8 : walk->capacity * 2;
        const struct track **tracks = reallocarray(walk->tracks, capacity, sizeof *tracks);
        if (tracks == NULL) {
            walk->failed = true;
            return;
        }
        walk->tracks = tracks;
        walk->capacity = capacity;
    }
    walk->tracks[walk->count++] = track;
}

bool track_walk_meets(const struct track *from, track_walk_next *next, track_walk_test *test,
                      const void *context)
{
    struct track_walk walk = {0};
    bool met = false;
    next(&walk, from, context);
    for (size_t i = 0; i < walk.count && !met; i++) {
        met = test(walk.tracks[i], context);
        if (!met)
            next(&walk, walk.tracks[i], context);
    }
    met = met || walk.failed;
    free(walk.tracks);
    return met;
}

bool track_walk_leads(const struct track *from, const struct track *to, track_walk_next *next,
                      const void *context)
{
    struct track_walk walk = {0};
    next(&walk, from, context);
    for (size_t i = 0; i < walk.count && !is_reached(&walk, to); i++)
        next(&walk, walk.tracks[i], context);
    const bool found = walk.failed || is_reached(&walk, to);
    free(walk.tracks);
    return found;
}
