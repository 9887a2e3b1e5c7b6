#include "reconciler/engine/status.h"

#include "config/base/check.h"
#include "reconciler/engine/bootstrap.h"
#include "reconciler/engine/build.h"
#include "reconciler/engine/gate.h"
#include "reconciler/engine/node.h"
#include "reconciler/engine/object.h"
#include "reconciler/engine/operation.h"
#include "reconciler/engine/prune.h"
#include "reconciler/engine/prune_order.h"
#include "reconciler/engine/quarantine.h"
#include "reconciler/engine/track.h"
#include "reconciler/engine/unit.h"

#include <stdio.h>
#include <string.h>

/* --- names --------------------------------------------------------------------------------------
 */

const char *status_node_state_name(enum node_state state)
{
    static const char *const names[NODE_STATE_COUNT] = {
        [NODE_CONVERGED] = "converged", [NODE_FORWARD] = "forward",
        [NODE_ROLLING] = "rolling",     [NODE_BAKING] = "baking",
        [NODE_REPAIRING] = "repairing", [NODE_ROLLED_BACK] = "rolled-back",
        [NODE_UNKNOWN] = "unknown",
    };
    return names[state];
}

const char *status_condition_name(enum engine_condition condition)
{
    switch (condition) {
    case CONDITION_STARTING:
        return "starting";
    case CONDITION_WORKING:
        return "working";
    case CONDITION_CONVERGED:
        return "converged";
    case CONDITION_HELD:
        return "held";
    }
    CHECK_UNREACHABLE();
}

const char *status_level_name(enum publish_level level)
{
    switch (level) {
    case PUBLISH_INFO:
        return "info";
    case PUBLISH_NOTICE:
        return "notice";
    case PUBLISH_WARNING:
        return "warning";
    case PUBLISH_ERROR:
        return "error";
    }
    CHECK_UNREACHABLE();
}

json_t *status_time(int64_t wall_ms)
{
    if (wall_ms == 0)
        return json_null();
    char text[WALL_TIME_TEXT_SIZE];
    wall_time_format((struct wall_time){wall_ms}, text);
    return json_string(text);
}

json_t *status_text(const char *text)
{
    return text == NULL || text[0] == '\0' ? json_null() : json_string(text);
}

/* --- how it stands ------------------------------------------------------------------------------
 */

static bool has_held_object(const struct unit *unit)
{
    for (size_t i = 0; i < unit->attached_count; i++) {
        if (operation_is_held(unit->attached[i]))
            return true;
    }
    return false;
}

/* One that is held tries again only where it may start. */
static bool rollout_moves(const struct rollout *rollout, const struct node_verdict *verdict)
{
    if (rollout->state == ROLLOUT_HELD)
        return rollout->retry_at.ms != 0 && verdict->wait == WAIT_NONE;
    return rollout->state != ROLLOUT_PAUSED && rollout_is_active(rollout);
}

/* Somebody has to speak to it first. */
static bool waits_for_a_person(const struct node *node)
{
    for (size_t i = 0; i < node->unit->track_count; i++) {
        const struct track *track = node->unit->tracks[i];
        if (track->node == node &&
            (track->rollout.state == ROLLOUT_PAUSED || track->rollout.state == ROLLOUT_HELD))
            return true;
    }
    return false;
}

static bool moves_by_itself(const struct engine *engine, const struct node *node)
{
    const struct node_facts *facts = &engine->facts[node->index];
    const struct node_verdict *verdict = &engine->verdicts[node->index];
    if (facts->suspended)
        return false;
    for (size_t i = 0; i < node->unit->track_count; i++) {
        const struct track *track = node->unit->tracks[i];
        if (track->node == node && rollout_moves(&track->rollout, verdict) &&
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
    if (facts->state == NODE_ROLLED_BACK || facts->wanted_digests[0] == '\0' ||
        waits_for_a_person(node))
        return false;
    return !has_held_object(node->unit);
}

/* Something of it goes back with a component that failed, or is about to. */
static bool is_recalled(const struct engine *engine, const struct node *node)
{
    for (size_t i = 0; i < node->unit->track_count; i++) {
        const struct track *track = node->unit->tracks[i];
        if (track->node == node && track->recalled && track->rollout.state == ROLLOUT_IDLE &&
            track->rollout.has_previous && track->rollout.has_stable &&
            strcmp(track->rollout.stable.deployment_digest, track->content.deployment_digest) == 0)
            return true;
    }
    return engine->recall_dirty;
}

bool status_node_moves(const struct engine *engine, const struct node *node)
{
    if (is_recalled(engine, node))
        return true;
    for (size_t i = 0; i <= engine->node_count; i++) {
        if (engine->facts[node->index].state == NODE_CONVERGED)
            return false;
        if (moves_by_itself(engine, node))
            return true;
        const size_t next = engine->verdicts[node->index].waits_for;
        if (next == SIZE_MAX || next >= engine->node_count)
            return false;
        node = engine->nodes[next];
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
        if (object->goal != GOAL_ABSENT || !object->inventory)
            continue;
        left = true;
        *ret_moves = *ret_moves || (object->permit && !operation_is_held(object));
    }
    return left || engine->pruning.held != NULL;
}

enum engine_condition engine_condition(const struct engine *engine)
{
    if (engine->started && engine->set != NULL && engine->platform == NULL)
        return CONDITION_HELD;
    if (!engine->started || engine->set == NULL || engine->looks == 0)
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
    for (size_t i = 0; i < engine->node_count && !(moves && !converged); i++) {
        if (engine->facts[i].state == NODE_CONVERGED)
            continue;
        converged = false;
        moves = moves || (engine->known && status_node_moves(engine, engine->nodes[i]));
    }
    if (!converged && moves)
        return CONDITION_WORKING;
    if (is_pruning(engine, &moves))
        converged = false;
    return converged ? CONDITION_CONVERGED : moves ? CONDITION_WORKING : CONDITION_HELD;
}

/* --- the whole ----------------------------------------------------------------------------------
 */

static json_t *revision_json(const struct engine *engine)
{
    return json_pack("{s:o, s:o, s:o, s:b, s:o}", "commit", status_text(engine->commit), "subject",
                     status_text(engine->subject), "since", status_time(engine->revision_ms),
                     "rewritten", (int)engine->rewritten, "converged",
                     status_time(engine->converged_ms));
}

static json_t *platform_json(const struct engine *engine)
{
    OWNED_TEXT message;
    text_init(&message, 1024);
    const bool waits = engine->platform != NULL && engine->looks > 0 &&
                       bootstrap_explain_platform(engine, &message);
    const struct platform *platform = engine->platform;
    return json_pack("{s:o, s:o, s:b, s:o, s:o}", "name",
                     status_text(platform == NULL ? NULL : platform->name.text), "namespace",
                     status_text(platform == NULL ? NULL : platform->namespace_name.text), "ready",
                     (int)engine->base->ready, "broken",
                     status_text(engine->platform_broken ? engine->platform_reason : NULL),
                     "message", status_text(waits ? text_get(&message) : NULL));
}

static json_t *targets_json(const struct engine *engine)
{
    json_t *targets = json_array();
    for (size_t i = 0; engine->platform != NULL && i < engine->platform->target_count; i++) {
        const struct target *target = &engine->platform->targets[i];
        json_array_append_new(targets, json_pack("{s:s, s:s, s:s, s:b}", "name", target->name,
                                                 "environment", target->environment->name.text,
                                                 "region", target->region->name.text, "production",
                                                 (int)target->environment->production.value));
    }
    return targets;
}

static json_t *phases_json(const struct engine *engine)
{
    json_t *phases = json_array();
    for (size_t i = 0; engine->platform != NULL && i < engine->platform->phase_count; i++) {
        const struct phase *phase = &engine->platform->phases[i];
        json_t *cells = json_array();
        for (size_t k = 0; k < phase->cells.count; k++)
            json_array_append_new(cells, json_string(phase->cells.items[k].text));
        json_array_append_new(phases,
                              json_pack("{s:s, s:o}", "name", phase->name.text, "cells", cells));
    }
    return phases;
}

static json_t *counts_json(const struct engine *engine)
{
    int converged = 0, working = 0, waiting = 0, held = 0, drifted = 0, objects = 0, cells = 0;
    for (size_t i = 0; i < engine->node_count; i++) {
        const struct node *node = engine->nodes[i];
        if (engine->facts[i].state == NODE_CONVERGED)
            converged++;
        else if (moves_by_itself(engine, node))
            working++;
        else if (status_node_moves(engine, node))
            waiting++;
        else
            held++;
    }
    for (size_t i = 0; i < engine->object_count; i++) {
        objects += engine->object_list[i]->inventory;
        drifted += engine->object_list[i]->drifted;
    }
    for (size_t i = 0; i < engine->unit_count; i++)
        cells += !engine->units[i]->removed;
    return json_pack("{s:i, s:i, s:i, s:i, s:i, s:i, s:i, s:i}", "cells", cells, "nodes",
                     (int)engine->node_count, "converged", converged, "working", working, "waiting",
                     waiting, "held", held, "objects", objects, "drifted", drifted);
}

static void add_hold(json_t *holds, const char *kind, const char *cell, const char *target,
                     const char *environment, const char *name, int64_t since, const char *message,
                     const char *command)
{
    json_array_append_new(holds, json_pack("{s:s, s:o, s:o, s:o, s:o, s:o, s:s, s:o}", "kind", kind,
                                           "cell", status_text(cell), "target", status_text(target),
                                           "environment", status_text(environment), "name",
                                           status_text(name), "since", status_time(since),
                                           "message", message, "command", status_text(command)));
}

static void add_gate_holds(const struct engine *engine, json_t *holds)
{
    for (size_t i = 0; i < engine->gate_count; i++) {
        const struct gate_record *gate = engine->gates[i];
        const bool held = gate->wanted &&
                          (gate->state == GATE_STATE_FAILED || gate->state == GATE_STATE_UNKNOWN ||
                           (gate->state == GATE_STATE_CLOSED && gate->manifest != NULL &&
                            gate->manifest->kind == GATE_MANUAL));
        if (!held)
            continue;
        char message[2 * MESSAGE_SIZE], command[4 * NAME_SIZE];
        snprintf(message, sizeof message, "gate %s of %s before %s %s", gate->name, gate->cell,
                 gate->environment,
                 gate->state == GATE_STATE_CLOSED ? "waits for approval" : gate->message);
        snprintf(command, sizeof command, "cellctl approve %s %s %s", gate->cell, gate->environment,
                 gate->name);
        add_hold(holds, "gate", gate->cell, NULL, gate->environment, gate->name, gate->since_ms,
                 message, command);
    }
}

static void add_build_holds(const struct engine *engine, json_t *holds)
{
    for (size_t i = 0; i < engine->build_count; i++) {
        const struct build_record *build = engine->builds[i];
        if (!build_is_held(engine, build))
            continue;
        OWNED_TEXT message;
        text_init(&message, (size_t)2 * MESSAGE_SIZE);
        build_explain_hold(engine, build, &message);
        add_hold(holds, "build", build->cell, NULL, NULL, build->component, build->started_ms,
                 text_get(&message), NULL);
    }
}

static void add_prune_holds(const struct engine *engine, json_t *holds)
{
    if (engine->pruning.held != NULL) {
        char command[NAME_SIZE];
        OWNED_TEXT message;
        text_init(&message, (size_t)2 * MESSAGE_SIZE);
        text_format(&message, "%zu objects are to be removed, more than the budget",
                    json_object_size(engine->pruning.held));
        prune_list(engine->pruning.held, &message);
        snprintf(command, sizeof command, "cellctl approve --prune %s", engine->pruning.held_hash);
        add_hold(holds, "prune", NULL, NULL, NULL, engine->pruning.held_hash,
                 engine->pruning.held_since.ms, text_get(&message), command);
    }
    for (size_t i = 0; i < engine->object_count; i++) {
        const struct object *object = engine->object_list[i];
        if (!prune_order_is_stopped(engine, object))
            continue;
        char message[2 * MESSAGE_SIZE];
        snprintf(message, sizeof message,
                 "%s %s is not in git any more and would take along what others have in it: it is "
                 "removed when nothing is left there",
                 object_kind(object), object->key.name);
        add_hold(holds, "object", object->unit->name, object->target, NULL, object->key.name, 0,
                 message, NULL);
    }
}

/* Content that git still names. What it no longer names is in nobody's way. */
static void add_quarantine_hold(const struct engine *engine, json_t *holds,
                                const struct track *track)
{
    const struct quarantine *entry =
        !track->has_content ? NULL
                            : quarantine_find(engine, track->unit->name, track->component,
                                              track->target, track->content.deployment_digest);
    char command[4 * NAME_SIZE];
    if (entry == NULL)
        return;
    snprintf(command, sizeof command, "cellctl quarantine clear %s -c %s -t %s", entry->cell,
             entry->component, entry->target);
    add_hold(holds, "quarantine", entry->cell, entry->target, NULL, entry->digest, entry->since_ms,
             entry->reason, command);
}

/* A rollout that waits for a person, or what nobody proved. Quarantine is told by its entries. */
static void add_rollout_hold(json_t *holds, const struct track *track)
{
    const struct rollout *rollout = &track->rollout;
    const bool paused = rollout->state == ROLLOUT_PAUSED;
    const bool unproven = !rollout->has_next && rollout->has_stable && rollout->stable.unproven &&
                          !rollout->stable.accepted;
    const bool held = rollout->state == ROLLOUT_HELD && rollout->hold != HOLD_QUARANTINED &&
                      rollout->retry_at.ms == 0;
    if (!paused && !held && !unproven)
        return;
    const bool proof = paused ? rollout->hold == HOLD_INSUFFICIENT : unproven && !held;
    char message[2 * MESSAGE_SIZE], command[4 * NAME_SIZE];
    if (paused || held)
        snprintf(message, sizeof message, "%s is %s: %s", track->component,
                 paused ? "paused" : "held", rollout->reason);
    else
        snprintf(message, sizeof message, "release %s of %s was promoted without proof",
                 rollout->stable.release_digest, track->component);
    snprintf(command, sizeof command, "cellctl rollout %s %s %s %s",
             proof  ? "promote"
             : held ? "retry"
                    : "resume",
             track->unit->name, track->component, track->target);
    add_hold(holds, "rollout", track->unit->name, track->target, NULL, track->component,
             paused || held ? rollout->state_since.ms : rollout->stable.baked_wall_ms, message,
             command);
}

static void add_rollout_holds(const struct engine *engine, json_t *holds)
{
    for (size_t i = 0; i < engine->unit_count; i++) {
        for (size_t k = 0; k < engine->units[i]->track_count; k++) {
            const struct track *track = engine->units[i]->tracks[k];
            if (!track_is_live(track))
                continue;
            add_quarantine_hold(engine, holds, track);
            add_rollout_hold(holds, track);
        }
    }
}

static json_t *holds_json(const struct engine *engine)
{
    json_t *holds = json_array();
    add_gate_holds(engine, holds);
    add_build_holds(engine, holds);
    add_rollout_holds(engine, holds);
    add_prune_holds(engine, holds);
    for (size_t i = 0; i < engine->object_count; i++) {
        const struct object *object = engine->object_list[i];
        if (!operation_is_held(object))
            continue;
        add_hold(holds, "object", object->unit == NULL ? NULL : object->unit->name, object->target,
                 NULL, object->key.name, 0, operation_message(object), NULL);
    }
    for (size_t i = 0; i < json_array_size(engine->pruning.explained); i++) {
        const json_t *entry = json_array_get(engine->pruning.explained, i);
        char message[MESSAGE_SIZE];
        snprintf(message, sizeof message, "%s %s is not in git any more; %s",
                 json_text_or(json_object_get(entry, "kind"), ""),
                 json_text_or(json_object_get(entry, "name"), ""),
                 json_text_or(json_object_get(entry, "message"), ""));
        add_hold(holds, "object", json_text_or(json_object_get(entry, "cell"), NULL), NULL, NULL,
                 json_text_or(json_object_get(entry, "name"), NULL), 0, message, NULL);
    }
    return holds;
}

static json_t *cells_json(const struct engine *engine, struct instant now)
{
    json_t *cells = json_array();
    int last = -1;
    for (size_t i = 0; i < engine->unit_count; i++) {
        if (engine->units[i]->phase > last)
            last = engine->units[i]->phase;
    }
    for (int phase = -1; phase <= last; phase++) {
        for (size_t i = 0; i < engine->unit_count; i++) {
            const struct unit *unit = engine->units[i];
            const bool shown = !unit->removed || unit->recorded;
            if (unit->phase == phase && shown)
                json_array_append_new(cells, status_cell(engine, unit, now, false));
        }
    }
    return cells;
}

json_t *engine_status(const struct engine *engine, struct instant now)
{
    json_t *control =
        json_pack("{s:b, s:o, s:o}", "known", (int)engine->known, "looked",
                  status_time(engine->looked.ms), "message", status_text(engine->look_message));
    json_t *repository = json_pack("{s:b, s:o, s:o, s:o}", "ok", (int)engine->repository_ok,
                                   "reason", status_text(engine->repository_reason), "message",
                                   status_text(engine->repository_message), "since",
                                   status_time(engine->repository_since.ms));
    json_t *requests = json_pack("{s:I, s:I, s:I, s:I}", "in_flight", (json_int_t)engine->in_flight,
                                 "queued", (json_int_t)engine->queued, "reads",
                                 (json_int_t)engine->reads, "writes", (json_int_t)engine->writes);
    return json_pack(
        "{s:s, s:s, s:o, s:I, s:o, s:o, s:o, s:o, s:b, s:o, s:o, s:o, s:o, s:o, s:o}", "instance",
        engine->instance, "condition", status_condition_name(engine_condition(engine)), "time",
        status_time(now.wall.ms), "version", (json_int_t)engine->version, "revision",
        revision_json(engine), "repository", repository, "platform", platform_json(engine),
        "control_plane", control, "suspended", (int)engine->all_suspended, "targets",
        targets_json(engine), "phases", phases_json(engine), "counts", counts_json(engine),
        "requests", requests, "holds", holds_json(engine), "cells", cells_json(engine, now));
}
