#include "reconciler/engine/operation.h"

#include "config/base/check.h"
#include "config/base/pool.h"
#include "reconciler/engine/history.h"
#include "reconciler/engine/object.h"
#include "reconciler/engine/operation_write.h"
#include "reconciler/engine/request.h"
#include "reconciler/engine/unit.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct operation *operation_of(struct engine *engine, struct object *object)
{
    if (object->operation == NULL) {
        object->operation = pool_take(engine->operations);
        if (object->operation == NULL)
            engine->status = -ENOMEM;
    }
    return object->operation;
}

void operation_free(struct object *object)
{
    struct operation *operation = TAKE(object->operation);
    if (operation == NULL)
        return;
    json_decref(operation->body);
    json_decref(operation->differences);
    free(operation->message);
    pool_give(operation);
}

void operation_rest(struct object *object)
{
    if (object->operation == NULL)
        return;
    if (object->operation->request == 0) {
        operation_free(object);
    } else {
        json_decref(TAKE(object->operation->body));
        json_decref(TAKE(object->operation->differences));
    }
}

static void forget_troubles(struct operation *operation)
{
    operation->failures = 0;
    operation->echoes = 0;
    operation->tried_again = false;
    operation->searched = false;
    if (operation->request == 0)
        operation->state = OPERATION_IDLE;
}

void operation_aim(struct engine *engine, struct object *object, json_t *body, bool changed)
{
    struct operation *operation = operation_of(engine, object);
    if (operation == NULL) {
        json_decref(body);
        return;
    }
    json_decref(operation->body);
    operation->body = body;
    if (changed) {
        forget_troubles(operation);
        json_decref(TAKE(operation->differences));
    }
}

void operation_wake(struct engine *engine, struct object *object)
{
    (void)engine;
    if (object->operation != NULL)
        forget_troubles(object->operation);
}

/* --- sending ------------------------------------------------------------------------------------
 */

static void read_now(struct engine *engine, struct object *object, bool urgent)
{
    struct operation *operation = operation_of(engine, object);
    if (operation == NULL)
        return;
    OWNED_TEXT path;
    text_init(&path, 2048);
    object_key_path(&object->key, &path);
    operation->request = request_add(engine, &(struct request_order){.purpose = REQUEST_OBJECT,
                                                                     .owner = object,
                                                                     .method = "GET",
                                                                     .path = text_get(&path),
                                                                     .urgent = urgent});
    operation->state = OPERATION_READING;
    if (object->poll) {
        int64_t delay = engine->options.poll_fastest.ms
                        << (object->polls < 16 ? object->polls : 16);
        if (delay > engine->options.poll_slowest.ms)
            delay = engine->options.poll_slowest.ms;
        object->polls++;
        object->poll_at = (struct mono_time){engine->now.mono.ms + delay};
    } else {
        object->polls = 0;
    }
}

static bool is_waiting(const struct engine *engine, const struct object *object)
{
    const struct operation *operation = object->operation;
    if (operation->state == OPERATION_WAITING)
        return operation->due.ms > engine->now.mono.ms;
    if (operation->state != OPERATION_HELD)
        return false;
    if (operation->unpermitted && object->permit)
        return false;
    return operation->held_live == object->live && !object->missing &&
           operation->due.ms > engine->now.mono.ms;
}

static bool has_to_read(const struct engine *engine, const struct object *object)
{
    const bool polled = object->poll && object->poll_at.ms <= engine->now.mono.ms;
    if (object->missing || object->intent || polled)
        return true;
    switch (object->goal) {
    case GOAL_NONE:
        return false;
    case GOAL_PRESENT:
        return !object_is_equal(object) && (object->permit || object_is_drift(object));
    case GOAL_ABSENT:
        return object->permit;
    }
    return false;
}

void operation_pump(struct engine *engine, struct object *object)
{
    struct operation *operation = object->operation;
    if (object->making)
        return;
    if (operation != NULL) {
        if (operation->request != 0 || is_waiting(engine, object))
            return;
        operation->state = OPERATION_IDLE;
    }
    if (has_to_read(engine, object))
        read_now(engine, object, operation != NULL && operation->failures > 0);
    else if (object->goal != GOAL_PRESENT || object_is_equal(object))
        operation_rest(object);
}

struct mono_time operation_due(const struct object *object)
{
    const struct operation *operation = object->operation;
    struct mono_time due = {NEVER};
    if (operation != NULL && operation->request != 0)
        return due;
    if (operation != NULL &&
        (operation->state == OPERATION_WAITING || operation->state == OPERATION_HELD))
        return operation->due;
    if (object->poll)
        due = object->poll_at;
    return due;
}

/* --- what was read ------------------------------------------------------------------------------
 */

/* An intent whose object was found: what we made is ours, also when nobody wants it any more. The
 * server makes releases from components, without our mark. */
static void settle_unwanted(struct engine *engine, struct object *object, const json_t *live)
{
    const bool made = object->intent && ((object->intent_verb == 'P' && object->managed) ||
                                         object->intent_verb == 'G');
    if (made && !object->inventory)
        object_record(engine, object, live);
    object_intent(engine, object, 0);
}

/* The first difference that is not below the pointer; NULL = all are. */
static const char *first_beyond(const struct difference *difference, const char *pointer)
{
    for (size_t i = 0; i < difference->count; i++) {
        if (strncmp(difference->items[i].pointer, pointer, strlen(pointer)) != 0)
            return difference->items[i].pointer;
    }
    return NULL;
}

/* What says most: the spec before labels and annotations. */
static const char *first_difference(const struct difference *difference)
{
    const char *first = first_beyond(difference, "/metadata/");
    return first == NULL ? difference->items[0].pointer : first;
}

static json_t *differences_json(const struct difference *difference)
{
    json_t *list = json_array();
    for (size_t i = 0; i < difference->count; i++) {
        const struct field_difference *field = &difference->items[i];
        json_array_append_new(list, json_pack("{s:s, s:O?, s:O?}", "pointer", field->pointer,
                                              "live", field->live, "desired", field->desired));
    }
    return list;
}

/* How somebody lets celld have what is not its own. */
static const char *way_to_adopt(const struct object *object)
{
    if (!unit_is_platform(object->unit))
        return "say `adopt: true` in the cell to take it over";
    return object->key.kind == KIND_ENVIRONMENT || object->key.kind == KIND_DEPLOYMENT_PIPELINE
               ? "declare it as it is, or give it the label " LABEL_MANAGED_BY
                 "=" LABEL_MANAGED_BY_CELLD " if celld may change it"
               : "give it the label " LABEL_MANAGED_BY "=" LABEL_MANAGED_BY_CELLD
                 " if celld may change it, or remove it";
}

/* Whether it may be changed at all; otherwise it is held and says why. */
static bool may_change(struct engine *engine, struct object *object, const json_t *live,
                       const struct difference *difference)
{
    const struct resource_kind_info *info = resource_kind_info(object->key.kind);
    const bool ours =
        object->managed || object->adopt || (object->inventory && object_is_same(object, live));
    const char *first = first_difference(difference);
    if (!ours && !info->may_delete && strncmp(first, "/metadata/", 10) == 0) {
        object_found_equal(engine, object, live);
        return false;
    }
    if (!ours) {
        /* Of all differences the mark itself tells least. */
        const char *where = first_beyond(difference, "/metadata/labels");
        operation_hold(engine, object,
                       "%s %s stands there without celld's mark%s%s: celld leaves it alone; %s",
                       info->name, object->key.name, where == NULL ? "" : " and differs in ",
                       where == NULL ? "" : where, way_to_adopt(object));
        return false;
    }
    if (!object->permit) {
        operation_hold(engine, object, "%s %s differs in %s and is not to be changed now",
                       info->name, object->key.name, first);
        object->operation->unpermitted = true;
        return false;
    }
    if (!info->may_put) {
        operation_hold(engine, object, "%s %s differs in %s, and the API cannot change it",
                       info->name, object->key.name, first);
        return false;
    }
    return true;
}

static void found_present(struct engine *engine, struct object *object, const json_t *live)
{
    struct operation *operation = object->operation;
    if (object->presence == PRESENCE_TERMINATING) {
        operation_wait(engine, object, NULL,
                       "%s %s is being deleted; celld makes it again when it is gone",
                       object_kind(object), object->key.name);
        return;
    }
    if (operation->body == NULL) {
        operation->state = OPERATION_IDLE;
        return;
    }
    struct difference difference = {0};
    if (diff_object(object->key.kind, operation->body, live, &difference) < 0) {
        engine->status = -ENOMEM;
        return;
    }
    json_decref(operation->differences);
    operation->differences = difference.count == 0 ? NULL : differences_json(&difference);
    const bool drift = object->inventory && object->written == object->desired && !object->intent;
    if (difference.count == 0) {
        operation->state = OPERATION_IDLE;
        object_found_equal(engine, object, live);
    } else {
        if (drift && !object->drifted) {
            object->drifted = true;
            struct history_about about = object_about(object);
            about.data = json_pack("{s:O}", "differences", operation->differences);
            history_publish(engine, PUBLISH_NOTICE, "drift-found", &about,
                            "%s %s was changed by somebody else: %s", object_kind(object),
                            object->key.name, first_difference(&difference));
        }
        if (may_change(engine, object, live, &difference))
            operation_put(engine, object, live, &difference);
    }
    difference_fini(&difference);
}

/* It bears another cell's mark than the one that it is to be removed for, and was never that one's.
 */
static bool is_of_another(const struct object *object, const json_t *live)
{
    return !object->handed && object_bears_other_mark(object, live);
}

static void found_unwanted(struct engine *engine, struct object *object, const json_t *live)
{
    struct operation *operation = object->operation;
    operation->state = OPERATION_IDLE;
    if (object->intent && object->intent_verb != 'D')
        settle_unwanted(engine, object, live);
    /* The server makes releases from components, without our mark. */
    const bool marked = object->managed || object->key.kind == KIND_COMPONENT_RELEASE;
    if (!object_is_same(object, live) || !marked || is_of_another(object, live)) {
        const struct history_about about = object_about(object);
        history_publish(engine, PUBLISH_WARNING, "ownership-lost", &about,
                        "%s %s is not the one that celld made any more: it is left alone",
                        object_kind(object), object->key.name);
        object_forget(engine, object);
        object_intent(engine, object, 0);
        object->goal = GOAL_NONE;
        return;
    }
    if (object->presence == PRESENCE_TERMINATING)
        operation_poll(engine, object);
    else if (object->permit)
        operation_delete(engine, object, live);
}

static void found(struct engine *engine, struct object *object, const json_t *live)
{
    object_observed(engine, object, live);
    switch (object->goal) {
    case GOAL_NONE:
        object->operation->state = OPERATION_IDLE;
        settle_unwanted(engine, object, live);
        return;
    case GOAL_PRESENT:
        found_present(engine, object, live);
        return;
    case GOAL_ABSENT:
        found_unwanted(engine, object, live);
        return;
    }
}

static void found_nothing(struct engine *engine, struct object *object)
{
    struct operation *operation = object->operation;
    operation->state = OPERATION_IDLE;
    const bool was_ours = object->inventory;
    object_gone(engine, object);
    switch (object->goal) {
    case GOAL_PRESENT:
        if (was_ours && !object->intent && !object->drifted) {
            object->drifted = true;
            const struct history_about about = object_about(object);
            history_publish(engine, PUBLISH_NOTICE, "drift-found", &about,
                            "%s %s was deleted by somebody else", object_kind(object),
                            object->key.name);
        }
        if (!object->permit || operation->body == NULL) {
            object_intent(engine, object, 0);
            operation_hold(engine, object, "%s %s is missing and is not to be made now",
                           object_kind(object), object->key.name);
            operation->unpermitted = true;
        } else if (object->key.kind == KIND_RELEASE_BINDING && !operation->searched) {
            operation_search(engine, object);
        } else {
            operation_post(engine, object);
        }
        return;
    case GOAL_ABSENT:
    case GOAL_NONE:
        object_intent(engine, object, 0);
        if (object->goal == GOAL_ABSENT || !object->wanted ||
            object->key.kind == KIND_COMPONENT_RELEASE)
            object_forget(engine, object);
        /* It is gone: whoever makes another of this name makes his own. */
        if (object->goal == GOAL_ABSENT)
            object_want_nothing(engine, object);
        unit_queue(engine, object->unit);
        return;
    }
}

static void answer_read(struct engine *engine, struct object *object,
                        const struct engine_event *event)
{
    const bool received = event->as.answer.outcome == ANSWER_RECEIVED;
    const int status = event->as.answer.status;
    /* Nothing follows from an answer that is about something else. */
    const char *name = json_text_or(json_at(event->as.answer.body, "metadata", "name", NULL), "");
    if (received && status == 200 && strcmp(name, object->key.name) == 0)
        found(engine, object, event->as.answer.body);
    else if (received && status == 404)
        found_nothing(engine, object);
    else
        operation_wait(engine, object, event->as.answer.error, "%s %s cannot be read: %s%s",
                       object_kind(object), object->key.name,
                       operation_hint(object, "GET", received ? status : 0),
                       event->as.answer.error == NULL ? "an answer that is not about it"
                                                      : event->as.answer.error->detail);
}

void operation_answer(struct engine *engine, struct object *object, const struct request *request,
                      const struct engine_event *event)
{
    struct operation *operation = object->operation;
    CHECK(operation != NULL && operation->request == request->id);
    operation->request = 0;
    object->answered = true;
    if (operation->state == OPERATION_READING)
        answer_read(engine, object, event);
    else
        operation_written(engine, object, event);
    /* Settled troubles start anew. */
    if (object->operation != NULL && object->operation->state == OPERATION_IDLE &&
        object_is_equal(object))
        operation_rest(object);
    unit_queue(engine, object->unit);
}

/* --- questions ----------------------------------------------------------------------------------
 */

bool operation_is_held(const struct object *object)
{
    return object->operation != NULL && object->operation->state == OPERATION_HELD &&
           !object->operation->unpermitted;
}

bool operation_is_stuck(const struct object *object)
{
    return operation_is_held(object) ||
           (object->operation != NULL && object->operation->failures > 1);
}

const char *operation_message(const struct object *object)
{
    const struct operation *operation = object->operation;
    return operation == NULL || operation->message == NULL ? "" : operation->message;
}

const char *operation_state_name(const struct object *object)
{
    if (object->operation == NULL)
        return "idle";
    switch (object->operation->state) {
    case OPERATION_IDLE:
        return "idle";
    case OPERATION_READING:
    case OPERATION_SEARCHING:
        return "reading";
    case OPERATION_WRITING:
        return "writing";
    case OPERATION_DELETING:
        return "deleting";
    case OPERATION_WAITING:
        return "waiting";
    case OPERATION_HELD:
        return "held";
    }
    return "idle";
}
