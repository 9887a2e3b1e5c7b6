#include "reconciler/engine/gate.h"

#include "config/base/text.h"
#include "reconciler/engine/gate_run.h"
#include "reconciler/engine/history.h"
#include "reconciler/engine/record.h"
#include "reconciler/engine/request.h"
#include "reconciler/engine/row.h"
#include "reconciler/engine/trial_workflow.h"
#include "reconciler/engine/unit.h"

#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

static const char *const state_names[] = {
    [GATE_STATE_CLOSED] = "closed",   [GATE_STATE_RUNNING] = "running",
    [GATE_STATE_PASSED] = "passed",   [GATE_STATE_FAILED] = "failed",
    [GATE_STATE_UNKNOWN] = "unknown",
};

const char *gate_state_name(enum gate_state state)
{
    return state_names[state];
}

static enum gate_state state_of_name(const char *name)
{
    for (size_t i = 0; i < sizeof state_names / sizeof *state_names; i++) {
        if (strcmp(state_names[i], name) == 0)
            return (enum gate_state)i;
    }
    return GATE_STATE_UNKNOWN;
}

/* --- the table ----------------------------------------------------------------------------------
 */

static int compare(const struct gate_record *gate, const char *cell, const char *environment,
                   const char *name)
{
    int order = strcmp(gate->cell, cell);
    if (order == 0)
        order = strcmp(gate->environment, environment);
    return order != 0 ? order : strcmp(gate->name, name);
}

static size_t place_of(const struct engine *engine, const char *cell, const char *environment,
                       const char *name)
{
    size_t low = 0, high = engine->gate_count;
    while (low < high) {
        const size_t middle = low + (high - low) / 2;
        if (compare(engine->gates[middle], cell, environment, name) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

struct gate_record *gate_find(const struct engine *engine, const char *cell,
                              const char *environment, const char *name)
{
    const size_t at = place_of(engine, cell, environment, name);
    return at < engine->gate_count && compare(engine->gates[at], cell, environment, name) == 0
               ? engine->gates[at]
               : NULL;
}

static struct gate_record *insert(struct engine *engine, const char *cell, const char *environment,
                                  const char *name)
{
    if (engine->gate_count == engine->gate_capacity) {
        const size_t capacity = engine->gate_capacity == 0 ? 8 : engine->gate_capacity * 2;
        struct gate_record **gates =
            reallocarray(engine->gates, capacity, sizeof(struct gate_record *));
        if (gates == NULL)
            return NULL;
        engine->gates = gates;
        engine->gate_capacity = capacity;
    }
    struct gate_record *gate = calloc(1, sizeof *gate);
    if (gate == NULL)
        return NULL;
    text_put(gate->cell, sizeof gate->cell, "%s", cell);
    text_put(gate->environment, sizeof gate->environment, "%s", environment);
    text_put(gate->name, sizeof gate->name, "%s", name);
    const size_t at = place_of(engine, cell, environment, name);
    memmove(&engine->gates[at + 1], &engine->gates[at],
            (engine->gate_count - at) * sizeof(struct gate_record *));
    engine->gates[at] = gate;
    engine->gate_count++;
    return gate;
}

void gate_free_all(struct engine *engine)
{
    for (size_t i = 0; i < engine->gate_count; i++) {
        json_decref(engine->gates[i]->parameters);
        free(engine->gates[i]);
    }
    free(engine->gates);
}

/* What is asked about older digests says nothing of others. */
static void let_go(struct engine *engine, struct gate_record *gate)
{
    request_cancel(engine, gate->request);
    gate->request = 0;
    gate->failures = 0;
    gate->due = (struct mono_time){0};
    json_decref(TAKE(gate->parameters));
}

void gate_apply(struct engine *engine, const char *cell, const char *environment, const char *name,
                const json_t *value)
{
    struct gate_record *gate = gate_find(engine, cell, environment, name);
    if (value == NULL) {
        if (gate != NULL) {
            let_go(engine, gate);
            gate->recorded = false;
            gate->digests[0] = '\0';
            gate->state = GATE_STATE_CLOSED;
        }
        return;
    }
    if (gate == NULL)
        gate = insert(engine, cell, environment, name);
    if (gate == NULL) {
        engine->status = -ENOMEM;
        return;
    }
    char digests[sizeof gate->digests];
    row_text(value, "digests", digests, sizeof digests);
    if (strcmp(gate->digests, digests) != 0)
        let_go(engine, gate);
    gate->recorded = true;
    memcpy(gate->digests, digests, sizeof digests);
    gate->state = state_of_name(json_text_or(json_object_get(value, "state"), ""));
    row_text(value, "by", gate->by, sizeof gate->by);
    row_text(value, "run", gate->run, sizeof gate->run);
    row_text(value, "uid", gate->uid, sizeof gate->uid);
    row_text(value, "message", gate->message, sizeof gate->message);
    gate->since_ms = row_number(value, "since");
    gate->started_ms = row_number(value, "started");
    gate->attempt = (uint64_t)row_number(value, "attempt");
    engine->plan_dirty = true;
}

json_t *gate_row(const struct gate_record *gate)
{
    return json_pack("{s:s, s:s, s:s, s:s, s:s, s:s, s:I, s:I, s:I}", "digests", gate->digests,
                     "state", gate_state_name(gate->state), "by", gate->by, "run", gate->run, "uid",
                     gate->uid, "message", gate->message, "since", (json_int_t)gate->since_ms,
                     "started", (json_int_t)gate->started_ms, "attempt", (json_int_t)gate->attempt);
}

void gate_put(struct engine *engine, const struct gate_record *gate)
{
    char key[KEY_SIZE];
    text_put(key, sizeof key, "gate/%s/%s/%s", gate->cell, gate->environment, gate->name);
    record_add(engine, key, gate_row(gate));
}

/* --- questions ----------------------------------------------------------------------------------
 */

void *gate_context(const struct engine *engine)
{
    return (void *)(uintptr_t)engine;
}

/* Finds the zone's rules, NULL for UTC; false = the system does not have it, or it is no zone. */
static bool zone_find(const struct engine *engine, const char *name,
                      const struct zone_rules **ret_rules)
{
    for (size_t i = 0; i < engine->zone_count; i++) {
        if (strcmp(engine->zones[i].name, name) == 0) {
            *ret_rules = engine->zones[i].rules;
            return true;
        }
    }
    *ret_rules = NULL;
    return strcmp(name, "UTC") == 0 || strcmp(name, "Etc/UTC") == 0;
}

static enum gate_state window_state(struct engine *engine, const struct gate *gate)
{
    const struct zone_rules *rules = NULL;
    if (!zone_find(engine, gate->zone.text, &rules))
        return GATE_STATE_UNKNOWN;
    struct wall_time change = {NEVER};
    const bool open = zone_window_is_open(gate, rules, engine->now.wall, &change);
    if (engine->out != NULL && change.ms != NEVER) {
        const int64_t at = engine->now.mono.ms + (change.ms - engine->now.wall.ms);
        if (at < engine->plan_at.ms)
            engine->plan_at.ms = at;
    }
    return open ? GATE_STATE_PASSED : GATE_STATE_CLOSED;
}

enum gate_state gate_lookup(void *context, const char *cell, const struct environment *environment,
                            const struct gate *gate, const char *release_digests)
{
    struct engine *engine = context;
    if (gate->kind == GATE_WINDOW)
        return window_state(engine, gate);
    const struct gate_record *record =
        gate_find(engine, cell, environment->name.text, gate->name.text);
    return record != NULL && strcmp(record->digests, release_digests) == 0 ? record->state
                                                                           : GATE_STATE_CLOSED;
}

/* --- wants --------------------------------------------------------------------------------------
 */

/* The record of a gate that a node waits for, closed for these digests if it was not yet. */
static struct gate_record *open_record(struct engine *engine, const struct node_facts *facts,
                                       const struct gate *gate)
{
    const char *environment = facts->target->environment->name.text;
    struct gate_record *record = gate_find(engine, facts->cell_name, environment, gate->name.text);
    if (record != NULL && strcmp(record->digests, facts->release_digests) == 0)
        return record;
    struct gate_record next = {.since_ms = engine->now.wall.ms};
    text_put(next.cell, sizeof next.cell, "%s", facts->cell_name);
    text_put(next.environment, sizeof next.environment, "%s", environment);
    text_put(next.name, sizeof next.name, "%s", gate->name.text);
    text_put(next.digests, sizeof next.digests, "%s", facts->release_digests);
    if (record != NULL)
        next.attempt = record->attempt;
    gate_put(engine, &next);
    if (gate->kind == GATE_MANUAL)
        history_publish(engine, PUBLISH_NOTICE, "approval-needed",
                        &(struct history_about){.cell = next.cell, .target = facts->target->name},
                        "%s waits for approval of gate %s before %s: cellctl approve %s %s %s",
                        next.cell, next.name, environment, next.cell, environment, next.name);
    return gate_find(engine, next.cell, environment, next.name);
}

void gate_want(struct engine *engine)
{
    for (size_t i = 0; i < engine->gate_count; i++) {
        engine->gates[i]->wanted = false;
        engine->gates[i]->manifest = NULL;
    }
    for (size_t i = 0; i < engine->node_count && engine->status == 0; i++) {
        const struct node_verdict *verdict = &engine->verdicts[i];
        if (verdict->wait != WAIT_GATE || verdict->gate->kind == GATE_WINDOW ||
            engine->facts[i].release_digests[0] == '\0')
            continue;
        struct gate_record *record = open_record(engine, &engine->facts[i], verdict->gate);
        if (record == NULL)
            continue;
        record->wanted = true;
        record->manifest = verdict->gate;
    }
    trial_workflow_want(engine);
    gate_run_pump(engine);
}

size_t gate_approve(struct engine *engine, const char *cell, const char *environment,
                    const char *name, const char *operator_name)
{
    size_t approved = 0;
    for (size_t i = 0; i < engine->gate_count; i++) {
        const struct gate_record *gate = engine->gates[i];
        if (!gate->wanted || trial_workflow_owns(gate) ||
            (cell != NULL && strcmp(cell, gate->cell) != 0) ||
            (environment != NULL && strcmp(environment, gate->environment) != 0) ||
            (name != NULL && strcmp(name, gate->name) != 0))
            continue;
        struct gate_record next = *gate;
        next.state = GATE_STATE_PASSED;
        next.since_ms = engine->now.wall.ms;
        text_put(next.by, sizeof next.by, "%s", operator_name);
        text_put(next.message, sizeof next.message, "approved by %s", next.by);
        gate_put(engine, &next);
        approved++;
        history_publish(engine, PUBLISH_NOTICE, "gate-approved",
                        &(struct history_about){.cell = next.cell},
                        "gate %s of %s before %s was approved by %s", next.name, next.cell,
                        next.environment, next.by);
    }
    if (approved > 0) {
        engine->plan_dirty = true;
        unit_queue_all(engine);
    }
    return approved;
}

json_t *engine_gates(const struct engine *engine)
{
    json_t *gates = json_array();
    for (size_t i = 0; i < engine->gate_count; i++) {
        const struct gate_record *gate = engine->gates[i];
        if (!gate->recorded)
            continue;
        char since[WALL_TIME_TEXT_SIZE];
        wall_time_format((struct wall_time){gate->since_ms}, since);
        json_array_append_new(gates,
                              json_pack("{s:s, s:s, s:s, s:s, s:b, s:s, s:s, s:s?, s:s?, s:s?}",
                                        "cell", gate->cell, "environment", gate->environment,
                                        "name", gate->name, "state", gate_state_name(gate->state),
                                        "waited_for", (int)gate->wanted, "digests", gate->digests,
                                        "since", since, "by", gate->by[0] == '\0' ? NULL : gate->by,
                                        "run", gate->run[0] == '\0' ? NULL : gate->run, "message",
                                        gate->message[0] == '\0' ? NULL : gate->message));
    }
    return json_pack("{s:o}", "gates", gates);
}
