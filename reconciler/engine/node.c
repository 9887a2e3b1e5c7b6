#include "reconciler/engine/node.h"

#include "config/base/text.h"
#include "reconciler/engine/astray.h"
#include "reconciler/engine/bootstrap.h"
#include "reconciler/engine/build.h"
#include "reconciler/engine/commit_status.h"
#include "reconciler/engine/contract.h"
#include "reconciler/engine/gate.h"
#include "reconciler/engine/health.h"
#include "reconciler/engine/history.h"
#include "reconciler/engine/object.h"
#include "reconciler/engine/project.h"
#include "reconciler/engine/quarantine.h"
#include "reconciler/engine/track.h"
#include "reconciler/engine/unit.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* --- the table ----------------------------------------------------------------------------------
 */

static int by_plan(const void *a, const void *b)
{
    const struct node *const *left = a, *const *right = b;
    if ((*left)->target->index != (*right)->target->index)
        return (*left)->target->index < (*right)->target->index ? -1 : 1;
    if ((*left)->unit->phase != (*right)->unit->phase)
        return (*left)->unit->phase < (*right)->unit->phase ? -1 : 1;
    return strcmp((*left)->unit->name, (*right)->unit->name);
}

/* The node of the unit on this target as it was before, or a new one. */
static struct node *keep_or_make(struct engine *engine, struct node **old, size_t count,
                                 const struct target *target)
{
    for (size_t i = 0; i < count; i++) {
        if (old[i] != NULL && strcmp(old[i]->name, target->name) == 0)
            return TAKE(old[i]);
    }
    struct node *node = calloc(1, sizeof *node);
    if (node == NULL)
        engine->status = -ENOMEM;
    return node;
}

static void rebuild_unit(struct engine *engine, struct unit *unit, const struct platform *platform)
{
    const size_t count = unit_is_live(unit) ? platform->target_count : 0;
    struct node **nodes = calloc(count + 1, sizeof(struct node *));
    if (nodes == NULL) {
        engine->status = -ENOMEM;
        return;
    }
    size_t made = 0;
    for (; made < count; made++) {
        const struct target *target = &platform->targets[made];
        struct node *node = keep_or_make(engine, unit->nodes, unit->node_count, target);
        if (node == NULL)
            break;
        node->unit = unit;
        node->target = target;
        text_put(node->name, sizeof node->name, "%s", target->name);
        nodes[made] = node;
    }
    for (size_t i = 0; i < unit->node_count; i++) {
        if (unit->nodes[i] != NULL)
            unit_hold(&unit->nodes[i]->binding, NULL);
        free(unit->nodes[i]);
    }
    free(unit->nodes);
    unit->nodes = nodes;
    unit->node_count = made;
    for (size_t i = 0; i < unit->track_count; i++) {
        struct track *track = unit->tracks[i];
        track->node = NULL;
        track->place = NULL;
        for (size_t k = 0; k < unit->node_count && track->manifest != NULL; k++) {
            if (strcmp(track->target, nodes[k]->name) != 0)
                continue;
            track->node = nodes[k];
            track->place = nodes[k]->target;
        }
    }
}

static int reserve(struct engine *engine, size_t count)
{
    struct node **nodes = calloc(count + 1, sizeof(struct node *));
    struct node_facts *facts = calloc(count + 1, sizeof *facts);
    struct node_verdict *verdicts = calloc(count + 1, sizeof *verdicts);
    if (nodes == NULL || facts == NULL || verdicts == NULL) {
        free(nodes);
        free(facts);
        free(verdicts);
        return -ENOMEM;
    }
    free(engine->nodes);
    free(engine->facts);
    free(engine->verdicts);
    engine->nodes = nodes;
    engine->facts = facts;
    engine->verdicts = verdicts;
    return 0;
}

void node_rebuild(struct engine *engine)
{
    size_t count = 0;
    for (size_t i = 0; i < engine->unit_count; i++) {
        rebuild_unit(engine, engine->units[i], engine->platform);
        count += engine->units[i]->node_count;
    }
    if (engine->status != 0 || reserve(engine, count) < 0) {
        engine->status = -ENOMEM;
        engine->node_count = 0;
        return;
    }
    engine->node_count = 0;
    for (size_t i = 0; i < engine->gate_count; i++) {
        engine->gates[i]->manifest = NULL; /* of the platform before */
        engine->gates[i]->wanted = false;
    }
    for (size_t i = 0; i < engine->unit_count; i++) {
        for (size_t k = 0; k < engine->units[i]->node_count; k++)
            engine->nodes[engine->node_count++] = engine->units[i]->nodes[k];
    }
    qsort(engine->nodes, engine->node_count, sizeof(struct node *), by_plan);
    for (size_t i = 0; i < engine->node_count; i++)
        engine->nodes[i]->index = i;
    for (size_t i = 0; i < engine->unit_count; i++)
        node_update(engine, engine->units[i]);
    engine->plan_dirty = true;
}

/* --- facts --------------------------------------------------------------------------------------
 */

struct tally {
    json_t *wanted, *wanted_releases, *baked, *baked_releases; /* component -> digest */
    bool complete, all_baked; /* every component has a wanted, a baked content */
    size_t active, baking, rolled_back, refused, forward;
    size_t waiting; /* ... forward, for releases of others */
    bool healthy;
    bool unproven;
};

static void add_digest(struct engine *engine, json_t *object, const char *component,
                       const char *digest)
{
    if (json_object_set_new(object, component, json_string(digest)) < 0)
        engine->status = -ENOMEM;
}

static bool is_sick(const struct engine *engine, const struct track *track)
{
    return track_stable_slot(track)->object == NULL || !track->rollout.has_stable ||
           health_of(engine, track) != HEALTH_WELL;
}

static void go_forward(struct tally *tally, const struct track *track)
{
    tally->forward++;
    tally->waiting += track->waits;
}

static void tally_track(struct engine *engine, const struct track *track, struct tally *tally)
{
    const struct rollout *rollout = &track->rollout;
    if (track->has_content) {
        add_digest(engine, tally->wanted, track->component, track->content.deployment_digest);
        add_digest(engine, tally->wanted_releases, track->component, track->content.release_digest);
    } else {
        tally->complete = false;
    }
    if (rollout->has_stable) {
        add_digest(engine, tally->baked, track->component, rollout->stable.deployment_digest);
        add_digest(engine, tally->baked_releases, track->component, rollout->stable.release_digest);
    } else {
        tally->all_baked = false;
    }
    const bool condemned = quarantine_of(engine, track) != NULL;
    /* The time of its next automatic attempt has come, or its quarantine was lifted, or git wants
     * something else by now: it is a forward step again. */
    const bool due = rollout_retry_is_due(rollout, engine->now.wall);
    const char *held = rollout->has_next ? rollout->next.deployment_digest : rollout->held_digest;
    const bool other = track->has_content && strcmp(held, track->content.deployment_digest) != 0;
    const bool cancelled = rollout->hold == HOLD_CANCELLED && !track->recalled;
    const bool lifted = due || rollout->hold == HOLD_QUARANTINED || cancelled ||
                        (rollout->hold == HOLD_REFUSED && track->refusal == NULL);
    const bool again =
        rollout->state == ROLLOUT_HELD && !condemned && (other || (!rollout->has_next && lifted));
    if (rollout->state == ROLLOUT_BAKE)
        tally->baking++;
    else if (again)
        go_forward(tally, track);
    else if (rollout->state == ROLLOUT_HELD && rollout->hold == HOLD_REFUSED)
        tally->refused++;
    else if (rollout->state == ROLLOUT_HELD || (condemned && !rollout_is_active(rollout)))
        tally->rolled_back++;
    else if (rollout_is_active(rollout) || rollout->settle_due)
        tally->active++;
    else if (track->recalled)
        tally->rolled_back++;
    else if (!track_is_done(track))
        go_forward(tally, track);
    if (is_sick(engine, track) && !rollout_is_active(rollout))
        tally->healthy = false;
    if (!rollout->has_stable)
        tally->healthy = false;
    if (rollout->has_stable && rollout->stable.unproven && !rollout->stable.accepted)
        tally->unproven = true;
}

static void digest_into(struct engine *engine, const json_t *digests, bool valid,
                        char ret_text[static DIGEST_SHORT + 1])
{
    struct digest digest;
    ret_text[0] = '\0';
    if (!valid)
        return;
    if (digest_json(digests, &digest) < 0) {
        engine->status = -ENOMEM;
        return;
    }
    memcpy(ret_text, digest.text, DIGEST_SHORT);
    ret_text[DIGEST_SHORT] = '\0';
}

static bool is_of_node(const struct node *node, const struct object *object)
{
    return object->target[0] == '\0' || strcmp(object->target, node->target->name) == 0;
}

/* What the cell has once belongs to its first target; a pending change of it is a forward step. */
static bool has_pending(const struct node *node)
{
    const struct object *binding = node->binding;
    if (binding == NULL || binding->presence != PRESENCE_PRESENT || bootstrap_is_pending(binding) ||
        !project_stands(node))
        return true;
    if (node->target->index != 0)
        return false;
    for (size_t i = 0; i < node->unit->object_count; i++) {
        if (bootstrap_is_pending(node->unit->objects[i]))
            return true;
    }
    return false;
}

/* Its route is gone and comes back when the slots have pods: until then nobody wants it. Asked of
 * components that are done. */
static bool lacks_route(const struct track *track)
{
    const struct object *route = track->bindings[BINDING_ROUTE].object;
    return track->rollout.routed && route->goal == GOAL_NONE && route->presence == PRESENCE_ABSENT;
}

static bool has_repairs(const struct engine *engine, const struct node *node)
{
    if (unit_drift_policy(engine, node->unit) != DRIFT_CORRECT)
        return false;
    for (size_t i = 0; i < node->unit->track_count; i++) {
        if (node->unit->tracks[i]->node == node && lacks_route(node->unit->tracks[i]))
            return true;
    }
    for (size_t i = 0; i < node->unit->attached_count; i++) {
        const struct object *object = node->unit->attached[i];
        if (astray_is(object))
            return true;
        if (object->goal == GOAL_PRESENT && is_of_node(node, object) && !object_is_equal(object) &&
            (object->permit || object_is_drift(object)))
            return true;
    }
    return false;
}

static enum node_state state_of(const struct engine *engine, const struct node *node,
                                const struct tally *tally)
{
    if (!engine->known || !project_is_known(node))
        return NODE_UNKNOWN;
    if (tally->active > 0)
        return NODE_ROLLING;
    if (tally->baking > 0)
        return NODE_BAKING;
    if (tally->rolled_back > 0)
        return NODE_ROLLED_BACK;
    /* What is refused may be waiting for its neighbours: they go on. */
    if (tally->refused > 0 && tally->forward == 0)
        return NODE_ROLLED_BACK;
    if (tally->forward > 0 || has_pending(node) || build_is_awaited(engine, node->unit))
        return NODE_FORWARD;
    return has_repairs(engine, node) ? NODE_REPAIRING : NODE_CONVERGED;
}

static void fill_facts(struct engine *engine, const struct node *node, struct node_facts *ret_facts)
{
    struct unit *unit = node->unit;
    struct tally tally = {.wanted = json_object(),
                          .wanted_releases = json_object(),
                          .baked = json_object(),
                          .baked_releases = json_object(),
                          .complete = true,
                          .all_baked = true,
                          .healthy = true};
    for (size_t i = 0; i < unit->track_count; i++) {
        if (unit->tracks[i]->node == node)
            tally_track(engine, unit->tracks[i], &tally);
    }
    *ret_facts = (struct node_facts){
        .cell = unit->cell,
        .cell_name = unit->name,
        .target = node->target,
        .phase = unit->phase,
        .broken = unit->broken || unit->problem != NULL,
        .suspended = unit_is_suspended(engine, unit) || unit_is_frozen(engine, unit),
        .healthy = tally.healthy,
        .state = state_of(engine, node, &tally),
        .failed = tally.rolled_back + tally.refused > 0,
        .unproven = tally.unproven,
        .train = unit->train,
    };
    ret_facts->waits =
        ret_facts->state == NODE_FORWARD && tally.forward > 0 && tally.waiting == tally.forward;
    digest_into(engine, tally.wanted, tally.complete, ret_facts->wanted_digests);
    digest_into(engine, tally.wanted_releases, tally.complete, ret_facts->release_digests);
    digest_into(engine, tally.baked, tally.all_baked, ret_facts->baked_digests);
    digest_into(engine, tally.baked_releases, tally.all_baked, ret_facts->baked_release_digests);
    json_decref(tally.wanted);
    json_decref(tally.wanted_releases);
    json_decref(tally.baked);
    json_decref(tally.baked_releases);
}

/* What a revision brings (target, phase, train) is new together with the cell: the table is made
 * anew then. A release's digest goes into that of its deployment. */
static bool is_same(const struct node_facts *a, const struct node_facts *b)
{
    return a->cell == b->cell && a->broken == b->broken && a->suspended == b->suspended &&
           a->healthy == b->healthy && a->state == b->state && a->waits == b->waits &&
           a->failed == b->failed && a->unproven == b->unproven &&
           strcmp(a->wanted_digests, b->wanted_digests) == 0 &&
           strcmp(a->baked_digests, b->baked_digests) == 0;
}

void node_update(struct engine *engine, struct unit *unit)
{
    for (size_t i = 0; i < unit->node_count; i++) {
        struct node *node = unit->nodes[i];
        struct node_facts facts;
        fill_facts(engine, node, &facts);
        const enum health health = health_of_node(engine, node);
        if (health != node->health) {
            node->health = health;
            commit_status_touch(engine, unit);
            engine->version++;
        }
        struct node_facts *known = &engine->facts[node->index];
        if (is_same(&facts, known))
            continue;
        if (node->since.ms == 0 || facts.state != node->state) {
            node->since = engine->now.wall;
            node->state = facts.state;
            engine->progress++;
        }
        *known = facts;
        commit_status_touch(engine, unit);
        engine->plan_dirty = true;
        engine->version++;
    }
}

/* --- the plan -----------------------------------------------------------------------------------
 */

struct plan_input node_plan_input(const struct engine *engine)
{
    return (struct plan_input){
        .platform = engine->platform,
        .nodes = engine->facts,
        .node_count = engine->node_count,
        .now = engine->now.wall,
        .parallel_nodes = engine->options.parallel_nodes,
        .gate_state = gate_lookup,
        .context = gate_context(engine),
    };
}

/* No later than this, should the clock be set meanwhile. */
#define FREEZE_LOOK_MS INT64_C(3600000)

/* A freeze begins and ends by itself: then the plan is another one. */
static void wake_for_freezes(struct engine *engine)
{
    const int64_t now = engine->now.wall.ms;
    for (size_t i = 0; i < engine->platform->freeze_count; i++) {
        const struct freeze_window *freeze = &engine->platform->freezes[i];
        const int64_t change = freeze->from.ms > now ? freeze->from.ms : freeze->to.ms;
        if (change <= now)
            continue;
        const int64_t wait = change - now < FREEZE_LOOK_MS ? change - now : FREEZE_LOOK_MS;
        if (engine->now.mono.ms + wait < engine->plan_at.ms)
            engine->plan_at.ms = engine->now.mono.ms + wait;
    }
}

void node_plan(struct engine *engine)
{
    if (!engine->plan_dirty || engine->platform == NULL || engine->node_count == 0)
        return;
    engine->plan_dirty = false;
    wake_for_freezes(engine);
    struct node_verdict *verdicts = calloc(engine->node_count, sizeof *verdicts);
    const struct plan_input input = node_plan_input(engine);
    if (verdicts == NULL || plan_decide(&input, verdicts) < 0) {
        free(verdicts);
        engine->status = -ENOMEM;
        return;
    }
    bool changed = false;
    for (size_t i = 0; i < engine->node_count; i++) {
        struct node_verdict *verdict = &verdicts[i];
        const struct node_verdict *before = &engine->verdicts[i];
        /* Nothing goes forward on a platform that does not stand. */
        if (!engine->base->ready && verdict->may_start) {
            verdict->may_start = verdict->place = false;
            verdict->wait = WAIT_PLATFORM;
            verdict->waits_for = SIZE_MAX;
        }
        if (verdict->may_start == before->may_start && verdict->place == before->place &&
            verdict->wait == before->wait)
            continue;
        changed = true;
        unit_queue(engine, engine->nodes[i]->unit);
    }
    free(engine->verdicts);
    engine->verdicts = verdicts;
    engine->version++;
    /* Who waits for whom depends on who may begin. */
    if (changed)
        contract_changed(engine);
    gate_want(engine);
}

bool node_is_open(const struct engine *engine, const struct node *node)
{
    const enum node_state state = engine->facts[node->index].state;
    return engine->verdicts[node->index].may_start || state == NODE_ROLLING || state == NODE_BAKING;
}

const struct node_facts *node_facts_of(const struct engine *engine, const struct node *node)
{
    return &engine->facts[node->index];
}

const struct node_verdict *node_verdict_of(const struct engine *engine, const struct node *node)
{
    return &engine->verdicts[node->index];
}
