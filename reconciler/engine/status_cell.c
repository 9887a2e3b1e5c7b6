#include "reconciler/engine/bootstrap.h"
#include "reconciler/engine/node.h"
#include "reconciler/engine/object.h"
#include "reconciler/engine/operation.h"
#include "reconciler/engine/quarantine.h"
#include "reconciler/engine/status.h"
#include "reconciler/engine/status_rollout.h"
#include "reconciler/engine/track.h"
#include "reconciler/engine/unit.h"
#include "reconciler/engine/why.h"

#include <string.h>

static const struct binding *shown_binding(const struct track *track)
{
    const struct rollout *rollout = &track->rollout;
    const char slot = rollout->has_next ? rollout->next_slot : rollout->stable_slot;
    return &track->bindings[slot == 'b' ? BINDING_B : BINDING_A];
}

static const char *health_of(const struct track *track)
{
    const struct binding *binding = shown_binding(track);
    if (binding->answered)
        return gate_verdict_name(binding->gate->verdict);
    if (track_is_done(track) && !binding->object->complain)
        return "settled";
    return "unknown";
}

static json_t *component_json(const struct engine *engine, const struct track *track,
                              struct instant now)
{
    const struct rollout *rollout = &track->rollout;
    OWNED_TEXT message;
    text_init(&message, 1024);
    track_explain(engine, track, now, &message);
    if (shown_binding(track)->failed_runs > 0)
        text_format(&message, "; its last %d runs failed", shown_binding(track)->failed_runs);
    const char slot[2] = {rollout->stable_slot, '\0'};
    return json_pack(
        "{s:s, s:s, s:s, s:o, s:o, s:o, s:o, s:i, s:I, s:I, s:o, s:o, s:s, s:o, s:b, "
        "s:b, s:o, s:o, s:o}",
        "name", track->component, "state", rollout_state_name(rollout->state), "strategy",
        status_strategy_name(rollout->strategy), "slot", status_text(slot), "wanted",
        status_content(&track->content, track->has_content), "stable",
        status_content(&rollout->stable, rollout->has_stable), "next",
        status_content(&rollout->next, rollout->has_next), "weight", rollout->weight, "step",
        (json_int_t)rollout->step, "attempt", (json_int_t)rollout->attempt, "since",
        status_time(rollout->state_since.ms), "replicas", status_replicas(shown_binding(track)),
        "health", health_of(track), "last_outcome",
        rollout->last_outcome == OUTCOME_NONE
            ? json_null()
            : json_string(rollout_outcome_name(rollout->last_outcome)),
        "quarantined", (int)(quarantine_of(engine, track) != NULL), "unproven",
        (int)rollout->stable.unproven, "reason", status_text(rollout->room->reason), "message",
        status_text(text_get(&message)), "rollout", status_rollout(engine, track, now));
}

json_t *status_node(const struct engine *engine, const struct node *node, struct instant now)
{
    const struct node_facts *facts = &engine->facts[node->index];
    const struct node_verdict *verdict = &engine->verdicts[node->index];
    json_t *components = json_array();
    for (size_t i = 0; i < node->unit->track_count; i++) {
        const struct track *track = node->unit->tracks[i];
        if (track->node == node)
            json_array_append_new(components, component_json(engine, track, now));
    }
    OWNED_TEXT message;
    text_init(&message, 2048);
    why_node(engine, node, now, &message);
    return json_pack("{s:s, s:s, s:s, s:s, s:b, s:o, s:s, s:o, s:o, s:o, s:o}", "target",
                     node->name, "environment", node->target->environment->name.text, "region",
                     node->target->region->name.text, "state", status_node_state_name(facts->state),
                     "healthy", (int)facts->healthy, "wait",
                     verdict->wait == WAIT_NONE ? json_null()
                                                : json_string(plan_wait_name(verdict->wait)),
                     "message", text_get(&message), "digest", status_text(facts->wanted_digests),
                     "release_digest", status_text(facts->release_digests), "since",
                     status_time(node->since.ms), "components", components);
}

static json_t *object_json(const struct object *object)
{
    static const char *const presences[] = {"unknown", "absent", "present", "terminating"};
    static const char *const goals[] = {"none", "present", "absent"};
    return json_pack("{s:s, s:o, s:s, s:s, s:s, s:b, s:b, s:s, s:b, s:o}", "kind",
                     object_kind(object), "namespace", status_text(object->key.namespace_name),
                     "name", object->key.name, "presence", presences[object->presence], "goal",
                     goals[object->goal], "equal", (int)object_is_equal(object), "inventory",
                     (int)object->inventory, "operation", operation_state_name(object), "drifted",
                     (int)object->drifted, "message", status_text(operation_message(object)));
}

static json_t *objects_json(const struct unit *unit)
{
    json_t *objects = json_array();
    for (size_t i = 0; i < unit->attached_count; i++) {
        const struct object *object = unit->attached[i];
        if (object->goal != GOAL_NONE || object->inventory)
            json_array_append_new(objects, object_json(object));
    }
    return objects;
}

static json_t *depends_json(const struct unit *unit)
{
    json_t *names = json_array();
    for (size_t i = 0; unit->cell != NULL && i < unit->cell->depends_on.count; i++)
        json_array_append_new(names, json_string(unit->cell->depends_on.items[i].text));
    return names;
}

static const char *phase_name(const struct engine *engine, const struct unit *unit)
{
    /* One that is gone may be of a phase that is gone, too. */
    if (unit->phase < 0 || (size_t)unit->phase >= engine->platform->phase_count)
        return NULL;
    return engine->platform->phases[unit->phase].name.text;
}

json_t *status_cell(const struct engine *engine, const struct unit *unit, struct instant now,
                    bool objects)
{
    static const char *const policies[] = {"correct", "report", "freeze"};
    json_t *targets = json_array();
    for (size_t i = 0; i < unit->node_count; i++)
        json_array_append_new(targets, status_node(engine, unit->nodes[i], now));
    OWNED_TEXT message;
    text_init(&message, 2048);
    const bool told = engine_why(engine, unit->name, NULL, now, &message) == 0;
    char project[NAME_SIZE] = "";
    if (engine->platform != NULL)
        platform_project_name(engine->platform, unit->name, project, sizeof project);
    json_t *cell = json_pack(
        "{s:s, s:o, s:o, s:o, s:o, s:b, s:o, s:b, s:s, s:o, s:o, s:o}", "name", unit->name,
        "project", status_text(project), "phase", status_text(phase_name(engine, unit)), "path",
        status_text(unit->cell == NULL ? NULL : unit->cell->path), "description",
        status_text(unit->cell == NULL ? NULL : unit->cell->description.text), "suspended",
        (int)unit_is_suspended(engine, unit), "broken",
        status_text(unit->broken ? unit->reason : unit->problem), "removed", (int)unit->removed,
        "drift", policies[unit_drift_policy(engine, unit)], "depends_on", depends_json(unit),
        "targets", targets, "message", status_text(told ? text_get(&message) : NULL));
    if (objects && cell != NULL)
        json_object_set_new(cell, "objects", objects_json(unit));
    return cell;
}

json_t *engine_cell_status(const struct engine *engine, const char *cell, struct instant now)
{
    const struct unit *unit = unit_find(engine, cell);
    return unit == NULL ? json_null() : status_cell(engine, unit, now, true);
}

/* --- rollouts -----------------------------------------------------------------------------------
 */

static bool fits(const char *wanted, const char *name)
{
    return wanted == NULL || strcmp(wanted, name) == 0;
}

/* Not at rest: under way, held, or out of action. */
static bool is_active(const struct engine *engine, const struct track *track)
{
    return track->rollout.state != ROLLOUT_IDLE || quarantine_of(engine, track) != NULL;
}

static json_t *entry_of(const struct engine *engine, const struct track *track, struct instant now)
{
    const struct node *node = track->node;
    const struct node_facts *facts = &engine->facts[node->index];
    const enum wait_kind wait = engine->verdicts[node->index].wait;
    OWNED_TEXT message;
    text_init(&message, 2048);
    why_node(engine, node, now, &message);
    return json_pack("{s:s, s:s, s:s, s:s, s:{s:s, s:o, s:s}, s:o}", "cell", track->unit->name,
                     "target", node->name, "environment", node->target->environment->name.text,
                     "region", node->target->region->name.text, "node", "state",
                     status_node_state_name(facts->state), "wait",
                     wait == WAIT_NONE ? json_null() : json_string(plan_wait_name(wait)), "message",
                     text_get(&message), "component", component_json(engine, track, now));
}

/* By component and then by target: what belongs together stands together. */
static void add_rollouts(const struct engine *engine, const struct unit *unit,
                         const struct engine_rollouts_of *of, struct instant now, json_t *entries)
{
    for (size_t from = 0, to = 0; from < unit->track_count; from = to) {
        const char *component = unit->tracks[from]->component;
        while (to < unit->track_count && strcmp(unit->tracks[to]->component, component) == 0)
            to++;
        for (size_t n = 0; n < unit->node_count && fits(of->component, component); n++) {
            for (size_t i = from; i < to; i++) {
                const struct track *track = unit->tracks[i];
                if (track->node == unit->nodes[n] && fits(of->target, track->target) &&
                    (!of->active || is_active(engine, track)))
                    json_array_append_new(entries, entry_of(engine, track, now));
            }
        }
    }
}

json_t *engine_rollouts(const struct engine *engine, const struct engine_rollouts_of *of,
                        struct instant now)
{
    if (of->cell != NULL && unit_find(engine, of->cell) == NULL)
        return json_null();
    json_t *entries = json_array();
    for (size_t i = 0; i < engine->unit_count; i++) {
        if (fits(of->cell, engine->units[i]->name))
            add_rollouts(engine, engine->units[i], of, now, entries);
    }
    return entries;
}
