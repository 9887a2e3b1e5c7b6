/* The journal's rows: the only place where durable state changes, be a row new or restored. */
#include "reconciler/engine/record.h"

#include "config/base/text.h"
#include "reconciler/engine/build.h"
#include "reconciler/engine/commit_status.h"
#include "reconciler/engine/emit.h"
#include "reconciler/engine/gate.h"
#include "reconciler/engine/health.h"
#include "reconciler/engine/history.h"
#include "reconciler/engine/object.h"
#include "reconciler/engine/quarantine.h"
#include "reconciler/engine/row.h"
#include "reconciler/engine/scope.h"
#include "reconciler/engine/trial_row.h"
#include "reconciler/engine/unit.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PARTS 5

/* A key's parts behind the family; kept in one buffer. */
struct parts {
    char bytes[KEY_SIZE];
    const char *at[PARTS];
    size_t count;
};

static bool parts_split(const char *key, struct parts *ret_parts)
{
    const size_t length = strlen(key);
    if (length >= sizeof ret_parts->bytes)
        return false;
    memcpy(ret_parts->bytes, key, length + 1);
    ret_parts->count = 0;
    for (char *at = ret_parts->bytes; at != NULL;) {
        if (ret_parts->count == PARTS)
            return false;
        ret_parts->at[ret_parts->count++] = at;
        at = strchr(at, '/');
        if (at != NULL)
            *at++ = '\0';
    }
    return true;
}

/* NULL = the key names no object, or one whose row goes and that is not known anyway. */
static struct object *object_of(struct engine *engine, const struct parts *parts,
                                const json_t *value)
{
    enum resource_kind kind;
    if (parts->count != 4 || resource_kind_find(parts->at[1], &kind) != 0)
        return NULL;
    const struct object_key key = {kind, parts->at[2], parts->at[3]};
    return value == NULL ? object_find(engine, &key) : object_get(engine, &key);
}

static void apply_inventory(struct engine *engine, const struct parts *parts, const json_t *value)
{
    struct object *object = object_of(engine, parts, value);
    if (object != NULL)
        row_inventory_apply(engine, object, value);
}

static void apply_intent(struct engine *engine, const struct parts *parts, const json_t *value)
{
    struct object *object = object_of(engine, parts, value);
    if (object != NULL)
        row_intent_apply(engine, object, value);
}

/* A row makes its track, the end of one does not. */
static struct track *track_of(struct engine *engine, const struct parts *parts, const json_t *value)
{
    if (parts->count != 4)
        return NULL;
    if (value == NULL)
        return unit_track_find(engine, parts->at[1], parts->at[2], parts->at[3]);
    struct unit *unit = unit_get(engine, parts->at[1]);
    return unit == NULL ? NULL : unit_track_get(engine, unit, parts->at[2], parts->at[3]);
}

static void apply_rollout(struct engine *engine, const struct parts *parts, const json_t *value)
{
    struct track *track = track_of(engine, parts, value);
    if (track != NULL)
        row_rollout_apply(engine, track, value);
}

static void apply_judge(struct engine *engine, const struct parts *parts, const json_t *value)
{
    struct track *track = track_of(engine, parts, value);
    if (track != NULL)
        trial_row_apply(engine, track, value);
}

static void apply_sick(struct engine *engine, const struct parts *parts, const json_t *value)
{
    struct track *track = track_of(engine, parts, value);
    if (track != NULL)
        health_apply(track, value);
}

static void apply_quarantine(struct engine *engine, const struct parts *parts, const json_t *value)
{
    if (parts->count == 5)
        quarantine_apply(engine, parts->at[1], parts->at[2], parts->at[3], parts->at[4], value);
}

static void apply_recall(struct engine *engine, const struct parts *parts, const json_t *value)
{
    if (parts->count == 4)
        scope_apply(engine, parts->at[1], parts->at[2], parts->at[3], value);
}

static void apply_commit(struct engine *engine, const struct parts *parts, const json_t *value)
{
    if (parts->count == 3)
        commit_status_apply(engine, parts->at[1], parts->at[2], value);
}

static void apply_gate(struct engine *engine, const struct parts *parts, const json_t *value)
{
    if (parts->count == 4)
        gate_apply(engine, parts->at[1], parts->at[2], parts->at[3], value);
}

static void apply_build(struct engine *engine, const struct parts *parts, const json_t *value)
{
    if (parts->count == 3)
        build_apply(engine, parts->at[1], parts->at[2], value);
}

static void apply_suspend(struct engine *engine, const struct parts *parts, const json_t *value)
{
    if (parts->count != 2)
        return;
    if (strcmp(parts->at[1], "*") == 0) {
        engine->all_suspended = value != NULL;
        return;
    }
    struct unit *unit = unit_get(engine, parts->at[1]);
    if (unit != NULL)
        unit->suspended = value != NULL;
}

static void apply_cell(struct engine *engine, const struct parts *parts, const json_t *value)
{
    struct unit *unit = parts->count == 2 ? unit_get(engine, parts->at[1]) : NULL;
    if (unit == NULL)
        return;
    row_cell_apply(unit, value);
    commit_status_touch(engine, unit);
}

static void apply_event(struct engine *engine, const struct parts *parts, const json_t *value)
{
    if (parts->count == 2)
        history_apply(engine, strtoull(parts->at[1], NULL, 10), value);
    if (parts->count == 2 && value != NULL)
        commit_status_told(engine, value);
}

static void apply_engine(struct engine *engine, const struct parts *parts, const json_t *value)
{
    (void)parts;
    row_engine_apply(engine, value);
}

static void apply_revision(struct engine *engine, const struct parts *parts, const json_t *value)
{
    (void)parts;
    row_revision_apply(engine, value);
}

static void apply_prune(struct engine *engine, const struct parts *parts, const json_t *value)
{
    (void)parts;
    row_prune_apply(engine, value);
}

static void apply_applied(struct engine *engine, const struct parts *parts, const json_t *value)
{
    (void)parts;
    text_put(engine->applied, sizeof engine->applied, "%s",
             json_text_or(json_object_get(value, "revision"), ""));
}

static const struct family {
    const char *name;
    void (*apply)(struct engine *engine, const struct parts *parts, const json_t *value);
} families[] = {
    {"engine", apply_engine},   {"revision", apply_revision}, {"cell", apply_cell},
    {"suspend", apply_suspend}, {"applied", apply_applied},   {"inventory", apply_inventory},
    {"intent", apply_intent},   {"rollout", apply_rollout},   {"quarantine", apply_quarantine},
    {"gate", apply_gate},       {"prune", apply_prune},       {"event", apply_event},
    {"build", apply_build},     {"judge", apply_judge},       {"recall", apply_recall},
    {"commit", apply_commit},   {"sick", apply_sick},
};

void record_apply(struct engine *engine, const char *key, const json_t *value)
{
    struct parts parts;
    if (!parts_split(key, &parts))
        return;
    for (size_t i = 0; i < sizeof families / sizeof *families; i++) {
        if (strcmp(families[i].name, parts.at[0]) == 0) {
            families[i].apply(engine, &parts, value);
            return;
        }
    }
}

static void record_put(struct engine *engine, const char *key, json_t *value)
{
    struct effect effect = {.kind = EFFECT_PERSIST};
    effect.as.persist.key = emit_text(engine, key);
    effect.as.persist.value = json_incref(value);
    emit_effect(engine, &effect);
    record_apply(engine, key, value);
    json_decref(value);
}

void record_add(struct engine *engine, const char *key, json_t *value)
{
    if (value == NULL)
        engine->status = -ENOMEM;
    else
        record_put(engine, key, value);
}

void record_remove(struct engine *engine, const char *key)
{
    record_put(engine, key, NULL);
}

/* --- all rows -----------------------------------------------------------------------------------
 */

static void rows_add(struct effect_list *rows, json_t *value, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

static void rows_add(struct effect_list *rows, json_t *value, const char *format, ...)
{
    char key[KEY_SIZE];
    va_list arguments;
    va_start(arguments, format);
    text_vput(key, sizeof key, format, arguments);
    va_end(arguments);
    struct effect effect = {.kind = EFFECT_PERSIST};
    effect.as.persist.key = strdup(key);
    effect.as.persist.value = value;
    if (effect.as.persist.key == NULL || value == NULL) {
        free(effect.as.persist.key);
        json_decref(value);
        rows->status = -ENOMEM;
        return;
    }
    effect_list_add(rows, &effect);
}

static void rows_of_track(const struct track *track, struct effect_list *rows)
{
    if (track->recorded)
        rows_add(rows, rollout_to_json(&track->rollout), "rollout/%s/%s/%s", track->unit->name,
                 track->component, track->target);
    if (track->trial != NULL)
        rows_add(rows, trial_row(track->trial), "judge/%s/%s/%s", track->unit->name,
                 track->component, track->target);
    if (track->sick)
        rows_add(rows, health_row(track), "sick/%s/%s/%s", track->unit->name, track->component,
                 track->target);
}

static void rows_of_units(const struct engine *engine, struct effect_list *rows)
{
    for (size_t i = 0; i < engine->unit_count; i++) {
        const struct unit *unit = engine->units[i];
        if (unit->recorded)
            rows_add(rows, row_cell(unit), "cell/%s", unit->name);
        if (unit->suspended)
            rows_add(rows, json_pack("{s:b}", "suspended", 1), "suspend/%s", unit->name);
        for (size_t k = 0; k < unit->status_count; k++)
            if (unit->statuses[k].recorded)
                rows_add(rows, commit_status_row(&unit->statuses[k]), "commit/%s/%s", unit->name,
                         unit->statuses[k].environment);
        for (size_t t = 0; t < unit->track_count; t++)
            rows_of_track(unit->tracks[t], rows);
    }
}

static void rows_of_objects(const struct engine *engine, struct effect_list *rows)
{
    for (size_t i = 0; i < engine->object_count; i++) {
        const struct object *object = engine->object_list[i];
        char name[KEY_SIZE];
        object_name(object, name);
        if (object->inventory)
            rows_add(rows, row_inventory(object), "inventory/%s", name);
        if (object->intent)
            rows_add(rows, row_intent(object, object->intent_verb), "intent/%s", name);
    }
}

int engine_rows(const struct engine *engine, struct effect_list *ret_rows)
{
    effect_list_init(ret_rows);
    if (engine->seeded)
        rows_add(ret_rows, row_engine(engine), "engine");
    if (engine->commit[0] != '\0')
        rows_add(ret_rows, row_revision(engine, engine->converged_ms), "revision/current");
    if (engine->applied[0] != '\0')
        rows_add(ret_rows, json_pack("{s:s}", "revision", engine->applied), "applied");
    if (engine->all_suspended)
        rows_add(ret_rows, json_pack("{s:b}", "suspended", 1), "suspend/*");
    rows_of_units(engine, ret_rows);
    rows_of_objects(engine, ret_rows);
    for (size_t i = 0; i < engine->quarantine_count; i++) {
        const struct quarantine *entry = engine->quarantines[i];
        rows_add(ret_rows, quarantine_row(entry), "quarantine/%s/%s/%s/%s", entry->cell,
                 entry->component, entry->target, entry->digest);
    }
    for (size_t i = 0; i < engine->recall_count; i++) {
        const struct recall *recall = &engine->recalls[i];
        rows_add(ret_rows, scope_row(recall), "recall/%s/%s/%s", recall->cell, recall->component,
                 recall->target);
    }
    for (size_t i = 0; i < engine->gate_count; i++) {
        const struct gate_record *gate = engine->gates[i];
        if (gate->recorded)
            rows_add(ret_rows, gate_row(gate), "gate/%s/%s/%s", gate->cell, gate->environment,
                     gate->name);
    }
    for (size_t i = 0; i < engine->build_count; i++) {
        const struct build_record *build = engine->builds[i];
        if (build->recorded)
            rows_add(ret_rows, build_row(build), "build/%s/%s", build->cell, build->component);
    }
    if (engine->pruning.revision[0] != '\0')
        rows_add(ret_rows, row_prune(&engine->pruning), "prune");
    for (uint64_t i = engine->event_first; i < engine->event_next; i++)
        rows_add(ret_rows, history_event(engine, i), "event/%" PRIu64, i);
    return ret_rows->status;
}
