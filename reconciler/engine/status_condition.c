/* How the whole stands: at work, converged, or held. */
#include "config/base/check.h"
#include "reconciler/engine/astray.h"
#include "reconciler/engine/build.h"
#include "reconciler/engine/contract.h"
#include "reconciler/engine/gate.h"
#include "reconciler/engine/object.h"
#include "reconciler/engine/operation.h"
#include "reconciler/engine/project.h"
#include "reconciler/engine/provider.h"
#include "reconciler/engine/status.h"
#include "reconciler/engine/track.h"

#include <string.h>

static bool has_held_object(const struct unit *unit)
{
    for (size_t i = 0; i < unit->attached_count; i++) {
        const struct object *object = unit->attached[i];
        if (operation_is_held(object) ||
            (astray_is(object) && object->presence == PRESENCE_PRESENT))
            return true;
    }
    return false;
}

/* One that is held tries again by itself; once its time has come the plan says what else it waits
 * for. */
static bool rollout_moves(const struct rollout *rollout, struct wall_time now)
{
    if (rollout->state == ROLLOUT_HELD)
        return rollout->retry_at.ms != 0 && !rollout_retry_is_due(rollout, now);
    return rollout->state != ROLLOUT_PAUSED && rollout_is_active(rollout);
}

/* Somebody has to speak to it first. */
static bool waits_for_a_person(const struct node *node)
{
    for (size_t i = 0; i < node->unit->track_count; i++) {
        const struct track *track = node->unit->tracks[i];
        if (track->node == node &&
            (track->rollout.state == ROLLOUT_PAUSED ||
             (track->rollout.state == ROLLOUT_HELD && track->rollout.retry_at.ms == 0)))
            return true;
    }
    return false;
}

/* Not all that is left to do there waits for others. */
static bool can_go_on(const struct node *node)
{
    bool waits = false;
    for (size_t i = 0; i < node->unit->track_count; i++) {
        const struct track *track = node->unit->tracks[i];
        if (track->node != node || track_is_done(track))
            continue;
        if (!track->waits && !track->yields && track->rollout.state != ROLLOUT_HELD)
            return true;
        waits = true;
    }
    return !waits || !project_stands(node) || !project_is_bound(node);
}

bool status_node_works(const struct engine *engine, const struct node *node)
{
    const struct node_facts *facts = &engine->facts[node->index];
    const struct node_verdict *verdict = &engine->verdicts[node->index];
    if (facts->suspended)
        return false;
    if (!project_is_known(node))
        return true; /* it is being read */
    for (size_t i = 0; i < node->unit->track_count; i++) {
        const struct track *track = node->unit->tracks[i];
        if (track->node == node && rollout_moves(&track->rollout, engine->now.wall) &&
            !has_held_object(node->unit))
            return true;
    }
    switch (verdict->wait) {
    case WAIT_GATE: {
        if (verdict->gate->kind == GATE_MANUAL)
            return false;
        const enum gate_state state =
            gate_lookup(gate_context(engine), facts->cell_name, facts->target->environment,
                        verdict->gate, facts->release_digests);
        return state != GATE_STATE_FAILED && state != GATE_STATE_UNKNOWN;
    }
    case WAIT_FREEZE:
    case WAIT_CAPACITY:
        return true;
    case WAIT_NONE:
        break;
    case WAIT_PHASE:
    case WAIT_DEPENDENCY:
    case WAIT_PROMOTION:
    case WAIT_REGION:
    case WAIT_SUSPENDED:
    case WAIT_BROKEN:
    case WAIT_QUARANTINE:
    case WAIT_CANCELLED:
    case WAIT_PLATFORM:
    case WAIT_APPROVAL:
    case WAIT_UNKNOWN:
        return false;
    }
    return facts->wanted_digests[0] != '\0' && !waits_for_a_person(node) &&
           !has_held_object(node->unit) && can_go_on(node);
}

/* Something of it goes back with a component that failed, or is about to. */
static bool is_recalled(const struct engine *engine, const struct node *node)
{
    for (size_t i = 0; i < node->unit->track_count; i++) {
        const struct track *track = node->unit->tracks[i];
        if (track->node == node && track->recalled && track->rollout.state == ROLLOUT_IDLE &&
            track->rollout.has_previous &&
            strcmp(track->rollout.stable.deployment_digest, track->content.deployment_digest) == 0)
            return true;
    }
    return engine->recall_dirty;
}

/* It works, or what the plan has it wait for does. */
static bool moves_in_order(const struct engine *engine, const struct node *node)
{
    for (size_t i = 0;; i++) {
        CHECK(i <= engine->node_count); /* nobody waits for itself */
        if (engine->facts[node->index].state == NODE_CONVERGED)
            return false;
        if (status_node_works(engine, node))
            return true;
        const size_t next = engine->verdicts[node->index].waits_for;
        if (next == SIZE_MAX)
            return false;
        node = engine->nodes[next];
    }
}

static void add_waits(struct track_walk *walk, const struct track *at, const void *context)
{
    const struct engine *engine = context;
    provider_add_waits(walk, at, engine);
    for (size_t i = 0; at->yields && i < engine->unit_count; i++) {
        const struct unit *unit = engine->units[i];
        for (size_t k = 0; k < unit->track_count; k++) {
            if (contract_yields_to(engine, at, unit->tracks[k]))
                track_walk_add(walk, unit->tracks[k]);
        }
    }
}

static bool moves_somewhere(const struct track *track, const void *context)
{
    const struct engine *engine = context;
    return track->node != NULL &&
           (provider_is_on_its_way(track) || is_recalled(engine, track->node) ||
            moves_in_order(engine, track->node));
}

bool status_node_moves(const struct engine *engine, const struct node *node)
{
    if (is_recalled(engine, node) || moves_in_order(engine, node))
        return true;
    for (size_t i = 0; i < node->unit->track_count; i++) {
        const struct track *track = node->unit->tracks[i];
        if (track->node == node && track_walk_meets(track, add_waits, moves_somewhere, engine))
            return true;
    }
    return false;
}

static bool platform_moves(const struct engine *engine)
{
    for (size_t i = 0; i < engine->base->object_count; i++) {
        const struct object *object = engine->base->objects[i];
        if (!object_is_equal(object) && object->permit && !operation_is_held(object))
            return true;
    }
    return false;
}

static bool is_pruning(const struct engine *engine, bool *ret_moves)
{
    bool left = false;
    for (size_t i = 0; i < engine->object_count; i++) {
        const struct object *object = engine->object_list[i];
        if (object->goal != GOAL_ABSENT)
            continue;
        left = true;
        *ret_moves = *ret_moves || (object->permit && !operation_is_held(object));
    }
    return left || engine->pruning.held != NULL;
}

enum engine_condition engine_condition(const struct engine *engine)
{
    if (!engine->started || engine->set == NULL)
        return CONDITION_STARTING;
    if (engine->platform == NULL)
        return CONDITION_HELD;
    if (engine->looks == 0)
        return CONDITION_STARTING;
    bool converged =
        engine->base->ready && !engine->platform_broken && engine->known && engine->queue == NULL;
    bool moves = !engine->base->ready && platform_moves(engine);
    for (size_t i = 0; i < engine->unit_count; i++) {
        const struct unit *unit = engine->units[i];
        if (!unit->removed && (unit->broken || unit->problem != NULL))
            converged = false;
        moves = moves || (unit->moving && engine->prune_dirty);
    }
    for (size_t i = 0; i < engine->build_count; i++) {
        const bool under_way = build_moves(engine, engine->builds[i]);
        if (under_way || build_is_held(engine, engine->builds[i]))
            converged = false;
        moves = moves || under_way;
    }
    for (size_t i = 0; i < engine->node_count; i++) {
        if (engine->facts[i].state == NODE_CONVERGED) {
            converged = converged && engine->nodes[i]->health == HEALTH_WELL;
            moves = moves || engine->nodes[i]->health == HEALTH_DOUBTFUL;
            continue;
        }
        converged = false;
        moves = moves || (engine->known && status_node_moves(engine, engine->nodes[i]));
    }
    if (!converged && moves)
        return CONDITION_WORKING;
    if (is_pruning(engine, &moves))
        converged = false;
    return converged ? CONDITION_CONVERGED : moves ? CONDITION_WORKING : CONDITION_HELD;
}
