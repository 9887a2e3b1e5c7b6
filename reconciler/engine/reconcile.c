#include "reconciler/engine/reconcile.h"

#include "reconciler/engine/astray.h"
#include "reconciler/engine/bootstrap.h"
#include "reconciler/engine/build.h"
#include "reconciler/engine/desire.h"
#include "reconciler/engine/health.h"
#include "reconciler/engine/look.h"
#include "reconciler/engine/node.h"
#include "reconciler/engine/object.h"
#include "reconciler/engine/operation.h"
#include "reconciler/engine/prune.h"
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
    if (object->routine)
        return false;
    return astray_is(object) || object->operation != NULL || object->missing || object->poll ||
           object->intent || object->goal == GOAL_ABSENT;
}

static bool is_at_rest(const struct unit *unit)
{
    for (size_t i = 0; i < unit->attached_count; i++) {
        if (is_busy(unit->attached[i]))
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
            object->permit = object->condemned && prune_may_go_on(engine, unit);
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
    source_keep_up(engine, unit);
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
    if (!unit_is_live(unit))
        return;
    if (lacks_bodies(unit) || (!unit->compiled && !is_at_rest(unit)))
        desire_cell(engine, unit);
    if (engine->status != 0)
        return;
    health_watch(engine, unit, due);
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
    if (engine->base->stale || lacks_bodies(engine->base))
        desire_platform(engine);
    bootstrap_platform(engine);
}

static void reconcile(struct engine *engine, struct unit *unit)
{
    /* Before the first complete look nothing is known, so nothing is compared or written. */
    if (engine->looks == 0)
        return;
    struct mono_time due = {NEVER};
    if (unit_is_platform(unit))
        work_on_platform(engine);
    else
        work_on_cell(engine, unit, &due);
    if (engine->status != 0)
        return;
    pump_objects(engine, unit, &due);
    health_update(engine, unit);
    node_update(engine, unit);
    if (unit->compiled && is_at_rest(unit))
        desire_rest(unit);
    unit_schedule(engine, unit, due);
}

/* New content is weighed by the plan before any step is taken for it: a verdict that was given for
 * the content before it, or for another platform, must not let it in. */
static void take_news(struct engine *engine)
{
    if (engine->looks == 0)
        return;
    if (engine->base->stale)
        work_on_platform(engine);
    for (size_t i = 0; i < engine->unit_count && engine->status == 0; i++) {
        struct unit *unit = engine->units[i];
        if (!unit->stale || !unit_is_live(unit))
            continue;
        desire_cell(engine, unit);
        if (engine->status != 0)
            return;
        node_update(engine, unit);
    }
}

void reconcile_all(struct engine *engine)
{
    take_news(engine);
    if (engine->status != 0)
        return;
    scope_refresh(engine);
    node_plan(engine);
    for (size_t passes = (engine->unit_count + 1) * PASSES_PER_UNIT;
         passes > 0 && engine->queue != NULL; passes--) {
        reconcile(engine, unit_next(engine));
        if (engine->status != 0)
            return;
        if (engine->queue != NULL)
            continue;
        scope_refresh(engine);
        node_plan(engine);
    }
}
