#include "reconciler/engine/unit.h"

#include "config/base/check.h"
#include "config/base/pool.h"
#include "config/base/text.h"
#include "reconciler/engine/operation.h"
#include "reconciler/engine/row.h"
#include "reconciler/engine/source.h"
#include "reconciler/engine/track.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* --- the table ----------------------------------------------------------------------------------
 */

struct unit *unit_new(const char *name)
{
    struct unit *unit = calloc(1, sizeof *unit);
    if (unit == NULL)
        return NULL;
    text_put(unit->name, sizeof unit->name, "%s", name);
    unit->due = (struct mono_time){NEVER};
    unit->phase = -1;
    unit->good_phase = -1;
    unit->stale = true;
    return unit;
}

struct unit *unit_free(struct unit *unit)
{
    if (unit == NULL)
        return NULL;
    for (size_t i = 0; i < unit->track_count; i++)
        track_free(unit->tracks[i]);
    for (size_t i = 0; i < unit->source_count; i++)
        source_free(unit->sources[i]);
    for (size_t i = 0; i < unit->node_count; i++)
        free(unit->nodes[i]);
    desired_list_fini(&unit->desired);
    cell_unref(unit->cell);
    cell_unref(unit->tracked);
    free(unit->tracks);
    free(unit->sources);
    free(unit->nodes);
    free(unit->objects);
    free(unit->attached);
    free(unit->statuses);
    free(unit->reason);
    free(unit->problem);
    free(unit->trouble);
    free(unit);
    return NULL;
}

bool unit_is_platform(const struct unit *unit)
{
    return unit->name[0] == '\0';
}

static size_t place_of(const struct engine *engine, const char *name)
{
    size_t low = 0, high = engine->unit_count;
    while (low < high) {
        const size_t middle = low + (high - low) / 2;
        if (strcmp(engine->units[middle]->name, name) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

struct unit *unit_find(const struct engine *engine, const char *name)
{
    const size_t at = place_of(engine, name);
    return at < engine->unit_count && strcmp(engine->units[at]->name, name) == 0 ? engine->units[at]
                                                                                 : NULL;
}

static int reserve(struct engine *engine)
{
    if (engine->unit_count < engine->unit_capacity)
        return 0;
    const size_t capacity = engine->unit_capacity == 0 ? 16 : engine->unit_capacity * 2;
    struct unit **units = reallocarray(engine->units, capacity, sizeof(struct unit *));
    if (units == NULL)
        return -ENOMEM;
    engine->units = units;
    engine->unit_capacity = capacity;
    return 0;
}

struct unit *unit_get(struct engine *engine, const char *name)
{
    struct unit *unit = unit_find(engine, name);
    if (unit != NULL)
        return unit;
    if (name[0] == '\0' || strlen(name) >= NAME_SIZE)
        return NULL;
    unit = reserve(engine) < 0 ? NULL : unit_new(name);
    if (unit == NULL) {
        engine->status = -ENOMEM;
        return NULL;
    }
    const size_t at = place_of(engine, name);
    memmove(&engine->units[at + 1], &engine->units[at],
            (engine->unit_count - at) * sizeof(struct unit *));
    engine->units[at] = unit;
    engine->unit_count++;
    return unit;
}

/* --- tracks -------------------------------------------------------------------------------------
 */

static struct track *insert_track(struct engine *engine, struct unit *unit, size_t at)
{
    if (unit->track_count == unit->track_capacity) {
        const size_t capacity = unit->track_capacity == 0 ? 4 : unit->track_capacity * 2;
        struct track **tracks = reallocarray(unit->tracks, capacity, sizeof(struct track *));
        if (tracks == NULL)
            return NULL;
        unit->tracks = tracks;
        unit->track_capacity = capacity;
    }
    struct track *track = pool_take(engine->tracks);
    if (track == NULL)
        return NULL;
    memmove(&unit->tracks[at + 1], &unit->tracks[at],
            (unit->track_count - at) * sizeof(struct track *));
    unit->tracks[at] = track;
    unit->track_count++;
    return track;
}

/* Position of the track, or where it would stand. */
static size_t track_place(const struct unit *unit, const char *component, const char *target,
                          bool *ret_found)
{
    size_t low = 0, high = unit->track_count;
    while (low < high) {
        const size_t middle = low + (high - low) / 2;
        int order = strcmp(unit->tracks[middle]->component, component);
        if (order == 0)
            order = strcmp(unit->tracks[middle]->target, target);
        if (order == 0) {
            *ret_found = true;
            return middle;
        }
        if (order < 0)
            low = middle + 1;
        else
            high = middle;
    }
    *ret_found = false;
    return low;
}

struct track *unit_track_find(const struct engine *engine, const char *cell, const char *component,
                              const char *target)
{
    const struct unit *unit = unit_find(engine, cell);
    if (unit == NULL)
        return NULL;
    bool found;
    const size_t at = track_place(unit, component, target, &found);
    return found ? unit->tracks[at] : NULL;
}

struct track *unit_track_get(struct engine *engine, struct unit *unit, const char *component,
                             const char *target)
{
    bool found;
    const size_t at = track_place(unit, component, target, &found);
    if (found)
        return unit->tracks[at];
    struct track *track = insert_track(engine, unit, at);
    if (track == NULL)
        engine->status = -ENOMEM;
    else
        track_init(track, unit, component, target);
    return track;
}

/* --- objects ------------------------------------------------------------------------------------
 */

void unit_attach(struct engine *engine, struct unit *unit, struct object *object)
{
    if (object->unit == unit)
        return;
    unit_detach(object);
    if (unit->attached_count == unit->attached_capacity) {
        const size_t capacity = unit->attached_capacity == 0 ? 16 : unit->attached_capacity * 2;
        struct object **attached = reallocarray(unit->attached, capacity, sizeof(struct object *));
        if (attached == NULL) {
            engine->status = -ENOMEM;
            return;
        }
        unit->attached = attached;
        unit->attached_capacity = capacity;
    }
    unit->attached[unit->attached_count++] = object;
    object->unit = unit;
}

void unit_detach(struct object *object)
{
    struct unit *unit = object->unit;
    if (unit == NULL)
        return;
    object->unit = NULL;
    size_t at = 0;
    for (; unit->attached[at] != object; at++)
        CHECK(at + 1 < unit->attached_count);
    unit->attached_count--;
    memmove(&unit->attached[at], &unit->attached[at + 1],
            (unit->attached_count - at) * sizeof(struct object *));
}

void unit_hold(struct object **place, struct object *object)
{
    if (object != NULL)
        object->holders++;
    if (*place != NULL)
        (*place)->holders--;
    *place = object;
}

/* --- the queue ----------------------------------------------------------------------------------
 */

void unit_queue(struct engine *engine, struct unit *unit)
{
    if (unit->queued)
        return;
    unit->queued = true;
    unit->next = NULL;
    *engine->queue_end = unit;
    engine->queue_end = &unit->next;
}

void unit_queue_all(struct engine *engine)
{
    unit_queue(engine, engine->base);
    for (size_t i = 0; i < engine->unit_count; i++)
        unit_queue(engine, engine->units[i]);
}

struct unit *unit_next(struct engine *engine)
{
    struct unit *unit = engine->queue;
    CHECK(unit != NULL);
    engine->queue = unit->next;
    if (engine->queue == NULL)
        engine->queue_end = &engine->queue;
    unit->queued = false;
    unit->next = NULL;
    return unit;
}

/* --- the heap -----------------------------------------------------------------------------------
 */

static bool is_before(const struct unit *a, const struct unit *b)
{
    return a->due.ms != b->due.ms ? a->due.ms < b->due.ms : strcmp(a->name, b->name) < 0;
}

static void put(struct engine *engine, size_t at, struct unit *unit)
{
    engine->heap[at] = unit;
    unit->heap = at + 1;
}

static void sift_up(struct engine *engine, size_t at)
{
    struct unit *unit = engine->heap[at];
    while (at > 0 && is_before(unit, engine->heap[(at - 1) / 2])) {
        put(engine, at, engine->heap[(at - 1) / 2]);
        at = (at - 1) / 2;
    }
    put(engine, at, unit);
}

static void sift_down(struct engine *engine, size_t at)
{
    struct unit *unit = engine->heap[at];
    for (;;) {
        size_t child = 2 * at + 1;
        if (child >= engine->heap_count)
            break;
        if (child + 1 < engine->heap_count &&
            is_before(engine->heap[child + 1], engine->heap[child]))
            child++;
        if (!is_before(engine->heap[child], unit))
            break;
        put(engine, at, engine->heap[child]);
        at = child;
    }
    put(engine, at, unit);
}

static void heap_remove(struct engine *engine, struct unit *unit)
{
    const size_t at = unit->heap - 1;
    unit->heap = 0;
    struct unit *last = engine->heap[--engine->heap_count];
    if (last == unit)
        return;
    put(engine, at, last);
    sift_up(engine, at);
    sift_down(engine, last->heap - 1);
}

void unit_schedule(struct engine *engine, struct unit *unit, struct mono_time due)
{
    if (unit->heap != 0)
        heap_remove(engine, unit);
    unit->due = due;
    if (due.ms == NEVER)
        return;
    if (engine->heap_count == engine->heap_capacity) {
        const size_t capacity = engine->heap_capacity == 0 ? 16 : engine->heap_capacity * 2;
        struct unit **heap = reallocarray(engine->heap, capacity, sizeof(struct unit *));
        if (heap == NULL) {
            engine->status = -ENOMEM;
            return;
        }
        engine->heap = heap;
        engine->heap_capacity = capacity;
    }
    engine->heap[engine->heap_count] = unit;
    unit->heap = ++engine->heap_count;
    sift_up(engine, engine->heap_count - 1);
}

struct unit *unit_due(const struct engine *engine)
{
    return engine->heap_count == 0 ? NULL : engine->heap[0];
}

/* --- what it may do -----------------------------------------------------------------------------
 */

void unit_wake(struct engine *engine, struct unit *unit)
{
    for (size_t i = 0; i < unit->attached_count; i++)
        operation_wake(engine, unit->attached[i]);
    unit_queue(engine, unit);
}

bool unit_is_suspended(const struct engine *engine, const struct unit *unit)
{
    if (unit_is_live(unit) && unit->cell->suspend.value)
        return true;
    const bool applied = engine->applied[0] != '\0' && strcmp(engine->applied, engine->commit) == 0;
    return (engine->all_suspended || unit->suspended) && !applied;
}

enum drift_policy unit_drift_policy(const struct engine *engine, const struct unit *unit)
{
    const enum drift_policy wide =
        engine->platform == NULL ? DRIFT_CORRECT : engine->platform->drift;
    return unit_is_live(unit) && unit->cell->drift_set ? unit->cell->drift : wide;
}

bool unit_is_frozen(const struct engine *engine, const struct unit *unit)
{
    if (unit_drift_policy(engine, unit) != DRIFT_FREEZE)
        return false;
    for (size_t i = 0; i < unit->attached_count; i++) {
        if (unit->attached[i]->drifted)
            return true;
    }
    return false;
}

bool unit_is_live(const struct unit *unit)
{
    return unit->cell != NULL && !unit->removed;
}
