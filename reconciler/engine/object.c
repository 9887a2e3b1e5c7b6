#include "reconciler/engine/object.h"

#include "config/base/text.h"
#include "reconciler/engine/bootstrap.h"
#include "reconciler/engine/fingerprint.h"
#include "reconciler/engine/move.h"
#include "reconciler/engine/observe.h"
#include "reconciler/engine/operation.h"
#include "reconciler/engine/record.h"
#include "reconciler/engine/row.h"
#include "reconciler/engine/secret.h"
#include "reconciler/engine/unit.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* --- the table ----------------------------------------------------------------------------------
 */

static size_t slot_of(const struct object_key *key, size_t slots)
{
    uint64_t hash = (uint64_t)key->kind * UINT64_C(0x9e3779b97f4a7c15) + 14695981039346656037u;
    for (const char *at = key->namespace_name; *at != '\0'; at++)
        hash = (hash ^ (unsigned char)*at) * UINT64_C(1099511628211);
    hash = (hash ^ '/') * UINT64_C(1099511628211);
    for (const char *at = key->name; *at != '\0'; at++)
        hash = (hash ^ (unsigned char)*at) * UINT64_C(1099511628211);
    return (size_t)(hash ^ (hash >> 29)) & (slots - 1);
}

static struct object **place_of(const struct engine *engine, const struct object_key *key)
{
    size_t slot = slot_of(key, engine->object_slots);
    while (engine->objects[slot] != NULL &&
           object_key_compare(&engine->objects[slot]->key, key) != 0)
        slot = (slot + 1) & (engine->object_slots - 1);
    return &engine->objects[slot];
}

struct object *object_find(const struct engine *engine, const struct object_key *key)
{
    return engine->object_slots == 0 ? NULL : *place_of(engine, key);
}

/* From the list; the table is empty. */
static void fill(struct engine *engine)
{
    for (size_t i = 0; i < engine->object_count; i++)
        *place_of(engine, &engine->object_list[i]->key) = engine->object_list[i];
}

static int widen(struct engine *engine)
{
    const size_t slots = engine->object_slots == 0 ? 128 : engine->object_slots * 2;
    struct object **table = calloc(slots, sizeof *table);
    if (table == NULL)
        return -ENOMEM;
    free(engine->objects);
    engine->objects = table;
    engine->object_slots = slots;
    fill(engine);
    return 0;
}

static int reserve(struct engine *engine)
{
    if (engine->object_count == engine->object_list_capacity) {
        const size_t capacity =
            engine->object_list_capacity == 0 ? 64 : engine->object_list_capacity * 2;
        struct object **list = reallocarray(engine->object_list, capacity, sizeof(struct object *));
        if (list == NULL)
            return -ENOMEM;
        engine->object_list = list;
        engine->object_list_capacity = capacity;
    }
    if ((engine->object_count + 1) * 4 > engine->object_slots * 3)
        return widen(engine);
    return 0;
}

static struct object *object_new(const struct object_key *key)
{
    const size_t place = strlen(key->namespace_name) + 1, name = strlen(key->name) + 1;
    struct object *object = calloc(1, sizeof *object + place + name);
    if (object == NULL)
        return NULL;
    char *texts = (char *)(object + 1);
    memcpy(texts, key->namespace_name, place);
    memcpy(texts + place, key->name, name);
    object->key = (struct object_key){key->kind, texts, texts + place};
    object->target = "";
    object->generation = -1;
    object->before = -1;
    return object;
}

struct object *object_get(struct engine *engine, const struct object_key *key)
{
    struct object *object = object_find(engine, key);
    if (object != NULL)
        return object;
    object = reserve(engine) < 0 ? NULL : object_new(key);
    if (object == NULL) {
        engine->status = -ENOMEM;
        return NULL;
    }
    engine->object_list[engine->object_count++] = object;
    *place_of(engine, key) = object;
    return object;
}

static void object_free(struct object *object)
{
    operation_free(object);
    json_decref(object->sealed);
    free(object);
}

void object_free_all(struct engine *engine)
{
    for (size_t i = 0; i < engine->object_count; i++)
        object_free(engine->object_list[i]);
    free(engine->object_list);
    free(engine->objects);
}

static bool is_idle(const struct object *object)
{
    return object->holders == 0 && !object->inventory && !object->intent &&
           object->goal == GOAL_NONE && object->operation == NULL;
}

void object_sweep(struct engine *engine)
{
    size_t kept = 0;
    for (size_t i = 0; i < engine->object_count; i++) {
        struct object *object = engine->object_list[i];
        if (is_idle(object)) {
            unit_detach(object);
            object_free(object);
        } else {
            engine->object_list[kept++] = object;
        }
    }
    if (kept == engine->object_count)
        return;
    engine->object_count = kept;
    memset(engine->objects, 0, engine->object_slots * sizeof(struct object *));
    fill(engine);
}

void object_name(const struct object *object, char ret_name[static KEY_SIZE])
{
    text_put(ret_name, KEY_SIZE, "%s/%s/%s", object_kind(object), object->key.namespace_name,
             object->key.name);
}

const char *object_kind(const struct object *object)
{
    return resource_kind_info(object->key.kind)->name;
}

struct history_about object_about(const struct object *object)
{
    return (struct history_about){
        .cell = object->unit->name,
    };
}

/* --- goals --------------------------------------------------------------------------------------
 */

bool object_was_equal(const struct object *object)
{
    return object->goal == GOAL_PRESENT && object->presence == PRESENCE_PRESENT &&
           object->live == object->equal_live && object->desired == object->equal_desired &&
           !object->intent;
}

bool object_is_equal(const struct object *object)
{
    return object_was_equal(object) && !object->missing;
}

bool object_is_drift(const struct object *object)
{
    return object->goal == GOAL_PRESENT && object->inventory && !object->intent &&
           object->written == object->desired && object->presence != PRESENCE_UNKNOWN &&
           !object_is_equal(object);
}

bool object_is_leaving(const struct object *object)
{
    return object->presence == PRESENCE_TERMINATING ||
           (object->intent && object->intent_verb == 'D');
}

void object_want(struct engine *engine, struct object *object, json_t *body, bool adopt)
{
    if (body == NULL) {
        engine->status = -ENOMEM;
        return;
    }
    const uint64_t desired = fingerprint_object(body);
    const bool changed = object->goal != GOAL_PRESENT || object->desired != desired;
    object->goal = GOAL_PRESENT;
    object->desired = desired;
    object->adopt = adopt;
    if (object_is_equal(object)) {
        json_decref(body);
        operation_rest(object);
        return;
    }
    secret_want_sealed(engine, object, body);
    operation_aim(engine, object, body, changed);
}

void object_want_gone(struct engine *engine, struct object *object)
{
    const bool changed = object->goal != GOAL_ABSENT;
    object->goal = GOAL_ABSENT;
    object->desired = 0;
    operation_aim(engine, object, NULL, changed);
}

void object_want_nothing(struct engine *engine, struct object *object)
{
    (void)engine;
    object->goal = GOAL_NONE;
    object->desired = 0;
    object->poll = false;
    object->permit = false;
    operation_rest(object);
}

/* --- what is known ------------------------------------------------------------------------------
 */

bool object_is_release_of(const struct object *object, const char *component)
{
    const size_t length = strlen(component);
    return object->key.kind == KIND_COMPONENT_RELEASE &&
           strlen(object->key.name) == length + 1 + DIGEST_SHORT &&
           strncmp(object->key.name, component, length) == 0 && object->key.name[length] == '-';
}

const json_t *object_condition(const json_t *live, const char *type)
{
    const json_t *conditions = json_at(live, "status", "conditions", NULL);
    for (size_t i = 0; i < json_array_size(conditions); i++) {
        const json_t *condition = json_array_get(conditions, i);
        if (strcmp(json_text_or(json_object_get(condition, "type"), ""), type) == 0)
            return condition;
    }
    return NULL;
}

const char *object_uid(const json_t *live)
{
    return json_text_or(json_at(live, "metadata", "uid", NULL), "");
}

bool object_is_same(const struct object *object, const json_t *live)
{
    return strcmp(object->uid, object_uid(live)) == 0;
}

void object_deleted(struct object *object)
{
    object->going = fingerprint_text(object->uid);
    object->doubts = 0;
}

/* Nothing takes a deletion back: what shows the same object whole is an older view of it. So many
 * of them in a row are not, and the deletion was only seemingly taken. */
#define DOUBTS 4

static bool is_going(struct object *object, const json_t *live)
{
    const uint64_t uid = fingerprint_text(object_uid(live));
    if (object_is_terminating(live)) {
        object->going = uid;
        object->doubts = 0;
    } else if (object->going == uid && ++object->doubts == DOUBTS) {
        object->going = 0;
    }
    return object->going == uid;
}

static int64_t generation_of(const json_t *live, const char *type)
{
    const json_t *condition = object_condition(live, type);
    return condition == NULL ? -1
                             : json_integer_value(json_object_get(condition, "observedGeneration"));
}

bool object_condition_is_true(const json_t *live, const char *type)
{
    const json_t *condition = object_condition(live, type);
    return strcmp(json_text_or(json_object_get(condition, "status"), ""), "True") == 0;
}

void object_observed(struct engine *engine, struct object *object, const json_t *live)
{
    const uint64_t before = object->live;
    const enum presence was = object->presence;
    const bool complained = object->complain;
    object->presence = is_going(object, live) ? PRESENCE_TERMINATING : PRESENCE_PRESENT;
    object->managed = object_is_managed(live);
    object->live = fingerprint_object(live);
    object->missing = object->routine = false;
    if (object_was_equal(object))
        object->drifted = false; /* somebody took the change back */
    if (object->key.kind == KIND_RELEASE_BINDING) {
        object->generation = generation_of(live, "ReleaseSynced");
        object->complain = !object_condition_is_true(live, "Ready");
    } else if (object->key.kind == KIND_PROJECT_RELEASE_BINDING) {
        object->generation = generation_of(live, "Synced");
    } else if (object->key.kind == KIND_SECRET_REFERENCE) {
        secret_observed(engine, object, live);
    }
    bootstrap_observed(engine, object, live);
    /* Whoever depends on it waits for its health, too. */
    if (object->live != before || object->presence != was || object->complain != complained)
        unit_queue(engine, object->unit);
}

void object_gone(struct engine *engine, struct object *object)
{
    const enum presence was = object->presence;
    object->presence = PRESENCE_ABSENT;
    object->live = 0;
    object->missing = object->routine = false;
    object->managed = false;
    object->sound = false;
    object->generation = -1;
    if (object->key.kind == KIND_SECRET_REFERENCE)
        secret_gone(engine, object);
    bootstrap_gone(engine, object);
    if (was != PRESENCE_ABSENT)
        unit_queue(engine, object->unit);
}

static void record_inventory(struct engine *engine, const struct object *next)
{
    char name[KEY_SIZE], key[KEY_SIZE + 16];
    object_name(next, name);
    text_put(key, sizeof key, "inventory/%s", name);
    record_add(engine, key, row_inventory(next));
}

void object_record(struct engine *engine, struct object *object, const json_t *live)
{
    /* What the row will say is written into a copy first: the object itself changes where the row
     * is applied. */
    struct object next = *object;
    next.equal_live = object->live;
    next.written = object->desired;
    if (!object->inventory)
        next.made = engine->made + 1;
    if (next.sealed == NULL || !object_is_same(object, live))
        next.sealed = secret_seal(live);
    next.handed = object->handed && object_bears_other_mark(object, live);
    text_put(next.uid, sizeof next.uid, "%s", object_uid(live));
    record_inventory(engine, &next);
}

bool object_bears_other_mark(const struct object *object, const json_t *live)
{
    const char *cell = json_text_or(json_at(live, "metadata", "labels", LABEL_CELL, NULL), NULL);
    return cell != NULL && strcmp(cell, object->unit->name) != 0;
}

void object_hand_over(struct engine *engine, struct object *object, struct unit *unit)
{
    const bool handed = object->inventory && object->unit != unit;
    unit_attach(engine, unit, object);
    if (!handed)
        return;
    struct object next = *object;
    next.handed = true;
    record_inventory(engine, &next);
}

void object_precede(struct engine *engine, struct object *object, int64_t generation)
{
    if (object->inventory && object->before != generation) {
        char name[KEY_SIZE], key[KEY_SIZE + 16];
        object_name(object, name);
        text_put(key, sizeof key, "inventory/%s", name);
        struct object next = *object;
        next.before = generation;
        record_add(engine, key, row_inventory(&next));
    }
    object->before = generation;
}

void object_found_equal(struct engine *engine, struct object *object, const json_t *live)
{
    /* What others made may stand as wanted: it is not ours for that. */
    if (object->managed && (!object->inventory || object->written != object->desired ||
                            object->equal_live != object->live || !object_is_same(object, live)))
        object_record(engine, object, live);
    object->equal_live = object->live;
    object->equal_desired = object->desired;
    object->drifted = false;
    object_intent(engine, object, 0);
    engine->progress++;
}

void object_forget(struct engine *engine, struct object *object)
{
    if (!object->inventory)
        return;
    char name[KEY_SIZE], key[KEY_SIZE + 16];
    object_name(object, name);
    text_put(key, sizeof key, "inventory/%s", name);
    record_remove(engine, key);
    engine->progress++;
    engine->prune_dirty = true;
    move_look_again(engine);
    /* Project bindings and projects go when a newer list shows that nobody lives there. */
    if (object->goal == GOAL_ABSENT &&
        (object->key.kind == KIND_RELEASE_BINDING || object->key.kind == KIND_COMPONENT))
        observe_again(engine);
}

void object_intent(struct engine *engine, struct object *object, char verb)
{
    if (verb == 0 && !object->intent)
        return;
    char name[KEY_SIZE], key[KEY_SIZE + 16];
    object_name(object, name);
    text_put(key, sizeof key, "intent/%s", name);
    if (verb == 0)
        record_remove(engine, key);
    else
        record_add(engine, key, row_intent(object, verb));
}
