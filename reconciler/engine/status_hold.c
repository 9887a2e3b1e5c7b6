#include "reconciler/engine/status_hold.h"

#include "config/base/text.h"
#include "reconciler/engine/astray.h"
#include "reconciler/engine/build.h"
#include "reconciler/engine/health.h"
#include "reconciler/engine/object.h"
#include "reconciler/engine/operation.h"
#include "reconciler/engine/prune.h"
#include "reconciler/engine/prune_order.h"
#include "reconciler/engine/quarantine.h"
#include "reconciler/engine/status.h"
#include "reconciler/engine/track.h"
#include "reconciler/engine/track_advice.h"

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
        const bool held =
            gate->wanted &&
            (gate->state == GATE_STATE_FAILED || gate->state == GATE_STATE_UNKNOWN ||
             (gate->state == GATE_STATE_CLOSED && gate->manifest->kind == GATE_MANUAL));
        if (!held)
            continue;
        char message[2 * MESSAGE_SIZE], command[4 * NAME_SIZE];
        text_put(message, sizeof message, "gate %s of %s before %s %s", gate->name, gate->cell,
                 gate->environment,
                 gate->state == GATE_STATE_CLOSED ? "waits for approval" : gate->message);
        text_put(command, sizeof command, "cellctl approve %s %s %s", gate->cell, gate->environment,
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
        text_put(command, sizeof command, "cellctl approve --prune %s", engine->pruning.held_hash);
        add_hold(holds, "prune", NULL, NULL, NULL, engine->pruning.held_hash,
                 engine->pruning.held_since.ms, text_get(&message), command);
    }
    for (size_t i = 0; i < engine->object_count; i++) {
        const struct object *object = engine->object_list[i];
        if (!prune_order_is_stopped(engine, object))
            continue;
        char message[2 * MESSAGE_SIZE];
        text_put(message, sizeof message,
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
    const struct quarantine *entry = quarantine_of(engine, track);
    if (entry == NULL)
        return;
    char command[4 * NAME_SIZE];
    text_put(command, sizeof command, "cellctl quarantine clear %s -c %s -t %s", entry->cell,
             entry->component, entry->target);
    add_hold(holds, "quarantine", entry->cell, entry->target, NULL, entry->digest, entry->since_ms,
             entry->reason, command);
}

static void add_rollout_hold(json_t *holds, const struct track *track, int64_t since,
                             const char *verb, const char *message)
{
    char command[4 * NAME_SIZE] = "";
    if (verb != NULL)
        text_put(command, sizeof command, "cellctl rollout %s %s %s %s", verb, track->unit->name,
                 track->component, track->target);
    add_hold(holds, "rollout", track->unit->name, track->target, NULL, track->component, since,
             message, command);
}

/* A rollout that waits for a person, or what nobody proved. Quarantine is told by its entries. */
static void tell_rollout(json_t *holds, const struct track *track)
{
    const struct rollout *rollout = &track->rollout;
    const bool paused = rollout->state == ROLLOUT_PAUSED;
    const bool held = rollout->state == ROLLOUT_HELD && rollout->hold != HOLD_QUARANTINED &&
                      rollout->retry_at.ms == 0;
    const bool unproven =
        !rollout->has_next && rollout->stable.unproven && !rollout->stable.accepted;
    char message[2 * MESSAGE_SIZE];
    if (paused || held) {
        text_put(message, sizeof message, "%s is %s: %s", track->component,
                 paused ? "paused" : "held", rollout->room->reason);
        add_rollout_hold(holds, track, rollout->state_since.ms, track_advice_verb(track), message);
    } else if (unproven) {
        text_put(message, sizeof message, "release %s of %s was promoted without proof",
                 rollout->stable.release_digest, track->component);
        add_rollout_hold(holds, track, rollout->stable.baked_wall_ms, "promote", message);
    }
}

/* It does not move by itself, and celld does not move it either. */
static void add_health_hold(json_t *holds, const struct track *track)
{
    if (!track->sick)
        return;
    OWNED_TEXT message;
    text_init(&message, (size_t)2 * MESSAGE_SIZE);
    text_format(&message, "release %s, which was good, is not healthy any more: ",
                track->rollout.stable.release_digest);
    health_explain_track(track, &message);
    char command[4 * NAME_SIZE];
    text_put(command, sizeof command, "cellctl rollback %s %s -c %s", track->unit->name,
             track->target, track->component);
    add_hold(holds, "health", track->unit->name, track->target, NULL, track->component,
             track->sick_since.ms, text_get(&message), command);
}

static void add_rollout_holds(const struct engine *engine, json_t *holds)
{
    for (size_t i = 0; i < engine->unit_count; i++) {
        for (size_t k = 0; k < engine->units[i]->track_count; k++) {
            const struct track *track = engine->units[i]->tracks[k];
            if (!track_is_live(track))
                continue;
            add_quarantine_hold(engine, holds, track);
            tell_rollout(holds, track);
            add_health_hold(holds, track);
        }
    }
}

json_t *status_holds(const struct engine *engine)
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
        add_hold(holds, "object", object->unit->name, object->target, NULL, object->key.name, 0,
                 operation_message(object), NULL);
    }
    for (size_t i = 0; i < engine->object_count; i++) {
        const struct object *object = engine->object_list[i];
        OWNED_TEXT message;
        text_init(&message, (size_t)2 * MESSAGE_SIZE);
        if (object->presence == PRESENCE_PRESENT && astray_explain(object, &message))
            add_hold(holds, "object", object->unit->name, NULL, NULL, object->key.name, 0,
                     text_get(&message), NULL);
    }
    for (size_t i = 0; i < json_array_size(engine->pruning.explained); i++) {
        const json_t *entry = json_array_get(engine->pruning.explained, i);
        char message[MESSAGE_SIZE];
        text_put(message, sizeof message, "%s %s is not in git any more; %s",
                 json_text_or(json_object_get(entry, "kind"), ""),
                 json_text_or(json_object_get(entry, "name"), ""),
                 json_text_or(json_object_get(entry, "message"), ""));
        add_hold(holds, "object", json_text_or(json_object_get(entry, "cell"), NULL), NULL, NULL,
                 json_text_or(json_object_get(entry, "name"), NULL), 0, message, NULL);
    }
    return holds;
}
