#include "reconciler/engine/reconcile.h"

#include "reconciler/engine/bootstrap.h"
#include "reconciler/engine/build.h"
#include "reconciler/engine/desire.h"
#include "reconciler/engine/look.h"
#include "reconciler/engine/node.h"
#include "reconciler/engine/object.h"
#include "reconciler/engine/operation.h"
#include "reconciler/engine/scope.h"
#include "reconciler/engine/source.h"
#include "reconciler/engine/track.h"
#include "reconciler/engine/trial.h"
#include "reconciler/engine/unit.h"

/* The queue runs dry long before; a circle would be a fault of ours and goes on with the next
 * event instead of for ever. */
#define PASSES_PER_UNIT 64

static void sooner(struct mono_time *due, struct mono_time other)
{
    if (other.ms < due->ms)
        *due = other;
}

static bool is_busy(const struct object *object)
{
    if (object->operation != NULL || object->missing || object->poll || object->intent)
        return true;
    return object->goal == GOAL_ABSENT ||
           (object->goal == GOAL_PRESENT && !object_is_equal(object));
}

bool reconcile_is_at_rest(const struct unit *unit)
{
    if (unit->stale)
        return false;
    for (size_t i = 0; i < unit->attached_count; i++) {
        if (is_busy(unit->attached[i]))
            return false;
    }
    for (size_t i = 0; i < unit->source_count; i++) {
        if (unit->sources[i]->request != 0)
            return false;
    }
    for (size_t i = 0; i < unit->track_count; i++) {
        const struct track *track = unit->tracks[i];
        if (!track_is_live(track))
            continue;
        if (!track_is_done(track) || track->command != COMMAND_NONE)
            return false;
        for (size_t k = 0; k < BINDING_COUNT; k++) {
            if (track->bindings[k].look)
                return false;
        }
    }
    return true;
}

/* Objects that nothing may be done to now. */
static void stand_still(struct unit *unit)
{
    for (size_t i = 0; i < unit->attached_count; i++) {
        unit->attached[i]->permit = false;
        unit->attached[i]->condemned = false;
        unit->attached[i]->poll = false;
    }
}

static void pump_objects(struct engine *engine, struct unit *unit, struct mono_time *due)
{
    for (size_t i = 0; i < unit->attached_count; i++) {
        struct object *object = unit->attached[i];
        if (object->goal == GOAL_ABSENT)
            object->permit = object->condemned;
        operation_pump(engine, object);
        sooner(due, operation_due(object));
    }
}

static void step_tracks(struct engine *engine, struct unit *unit, struct mono_time *due)
{
    for (size_t i = 0; i < unit->track_count && engine->status == 0; i++) {
        struct track *track = unit->tracks[i];
        track_step(engine, track);
        sooner(due, track->due);
        sooner(due, trial_pump(engine, track));
    }
    for (size_t i = 0; i < unit->source_count && engine->status == 0; i++)
        sooner(due, source_pump(engine, unit->sources[i]));
    for (size_t i = 0; i < unit->track_count && engine->status == 0; i++) {
        struct track *track = unit->tracks[i];
        for (size_t k = 0; k < track->reference_count; k++)
            track->references[k]->permit = track_may_refer(engine, track, track->references[k]);
        for (size_t k = 0; k < BINDING_COUNT; k++)
            sooner(due, look_pump(engine, &track->bindings[k]));
    }
}

/* Something was equal when its unit was compiled, let its body go, and is not equal any more. */
static bool lacks_bodies(const struct unit *unit)
{
    for (size_t i = 0; i < unit->attached_count; i++) {
        const struct object *object = unit->attached[i];
        if (object->goal == GOAL_PRESENT && !object_is_equal(object) &&
            (object->operation == NULL || object->operation->body == NULL))
            return true;
    }
    return false;
}

static void work_on_cell(struct engine *engine, struct unit *unit, struct mono_time *due)
{
    if (!unit_is_live(unit) || engine->platform == NULL)
        return;
    if (unit->stale || lacks_bodies(unit) || (!unit->compiled && !reconcile_is_at_rest(unit)))
        desire_cell(engine, unit);
    if (engine->status != 0)
        return;
    if (unit->problem != NULL || unit_is_suspended(engine, unit) || unit_is_frozen(engine, unit)) {
        stand_still(unit);
        return;
    }
    look_watch_tasks(engine, unit, due);
    if (!unit->compiled)
        return;
    bootstrap_cell(engine, unit);
    build_permit(engine, unit);
    step_tracks(engine, unit, due);
}

static void work_on_platform(struct engine *engine)
{
    struct unit *unit = engine->base;
    if (engine->platform == NULL)
        return;
    bool busy = unit->stale;
    for (size_t i = 0; i < unit->attached_count && !busy; i++)
        busy = is_busy(unit->attached[i]);
    if (unit->stale || lacks_bodies(unit) || (busy && !unit->compiled))
        desire_platform(engine);
    bootstrap_platform(engine);
}

static void reconcile(struct engine *engine, struct unit *unit)
{
    /* Before the first complete look nothing is known, so nothing is compared or written. */
    if (!engine->started || engine->looks == 0)
        return;
    struct mono_time due = {NEVER};
    if (unit_is_platform(unit))
        work_on_platform(engine);
    else
        work_on_cell(engine, unit, &due);
    if (engine->status != 0)
        return;
    pump_objects(engine, unit, &due);
    if (unit->node_count > 0)
        node_update(engine, unit);
    if (unit_is_platform(unit)) {
        bool busy = false;
        for (size_t i = 0; i < unit->attached_count && !busy; i++)
            busy = is_busy(unit->attached[i]);
        unit->compiled = unit->compiled && busy;
    } else if (unit->compiled && reconcile_is_at_rest(unit)) {
        desire_rest(unit);
    }
    unit_schedule(engine, unit, due);
}

/* New content is weighed by the plan before any step is taken for it: a verdict that was given for
 * the content before it, or for another platform, must not let it in. */
static void take_news(struct engine *engine)
{
    if (!engine->started || engine->looks == 0 || engine->platform == NULL)
        return;
    if (engine->base->stale)
        work_on_platform(engine);
    for (size_t i = 0; i < engine->unit_count && engine->status == 0; i++) {
        struct unit *unit = engine->units[i];
        if (unit_is_platform(unit) || !unit->stale || !unit_is_live(unit))
            continue;
        desire_cell(engine, unit);
        if (engine->status == 0 && unit->node_count > 0)
            node_update(engine, unit);
    }
}

void reconcile_all(struct engine *engine)
{
    size_t passes = (engine->unit_count + 1) * PASSES_PER_UNIT;
    take_news(engine);
    if (engine->status != 0)
        return;
    scope_refresh(engine);
    node_plan(engine);
    do {
        for (struct unit *unit;
             passes > 0 && engine->status == 0 && (unit = unit_next(engine)) != NULL; passes--)
            reconcile(engine, unit);
        scope_refresh(engine);
        node_plan(engine);
    } while (engine->queue != NULL && passes > 0 && engine->status == 0);
}
