#include "reconciler/engine/operation_write.h"

#include "config/base/check.h"
#include "config/base/text.h"
#include "reconciler/engine/history.h"
#include "reconciler/engine/object.h"
#include "reconciler/engine/operation.h"
#include "reconciler/engine/request.h"
#include "reconciler/engine/unit.h"
#include "reconciler/engine/words.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* A refusal that was called permanent is tried again after this: the server's reason may have been
 * another object that has come since. */
#define HOLD_LIMIT DURATION_S(600)

void operation_wait(struct engine *engine, struct object *object, const struct error *err,
                    const char *format, ...)
{
    struct operation *operation = object->operation;
    char message[MESSAGE_SIZE];
    va_list arguments;
    va_start(arguments, format);
    text_vput(message, sizeof message, format, arguments);
    va_end(arguments);
    words_say(engine, &operation->message, "%s", message);
    operation->failures++;
    operation->state = OPERATION_WAITING;
    operation->due = request_backoff(engine, operation->failures, err);
    const struct history_about about = object_about(object);
    if (operation->failures == 3 || operation->failures % 50 == 0)
        history_publish(engine, PUBLISH_WARNING, "operation-delayed", &about,
                        "%s; celld goes on trying", message);
}

void operation_hold(struct engine *engine, struct object *object, const char *format, ...)
{
    struct operation *operation = object->operation;
    char message[MESSAGE_SIZE];
    va_list arguments;
    va_start(arguments, format);
    text_vput(message, sizeof message, format, arguments);
    va_end(arguments);
    const bool told = strcmp(operation_message(object), message) == 0;
    words_say(engine, &operation->message, "%s", message);
    operation->state = OPERATION_HELD;
    operation->unpermitted = false;
    operation->held_live = object->live;
    operation->due = (struct mono_time){engine->now.mono.ms + HOLD_LIMIT.ms};
    const struct history_about about = object_about(object);
    if (!told)
        history_publish(engine, PUBLISH_WARNING, "object-held", &about, "%s", message);
}

const char *operation_hint(const struct object *object, const char *verb, int status)
{
    if (status == 409 && strcmp(verb, "POST") == 0 && object->key.kind == KIND_NAMESPACE)
        return "it exists, but the control plane does not serve it, give it the label "
               "openchoreo.dev/control-plane=true: ";
    if (status == 500 && object->key.kind == KIND_AUTHZ_ROLE_BINDING)
        return "leave out `access` where the control plane's authorization is off: ";
    return "";
}

void operation_poll(struct engine *engine, struct object *object)
{
    struct operation *operation = object->operation;
    operation->state = OPERATION_WAITING;
    operation->due = (struct mono_time){engine->now.mono.ms + engine->options.poll_fastest.ms};
}

/* --- sending ------------------------------------------------------------------------------------
 */

static void stamp(struct engine *engine, const struct object *object, json_t *body)
{
    json_t *metadata = json_object_get(body, "metadata");
    int result = 0;
    if (json_object_get(metadata, "annotations") == NULL)
        result = json_object_set_new(metadata, "annotations", json_object());
    json_t *annotations = json_object_get(metadata, "annotations");
    result |= json_object_set_new(annotations, ANNOTATION_REVISION, json_string(engine->commit));
    result |= json_object_set_new(annotations, ANNOTATION_DIGEST,
                                  json_sprintf("%016" PRIx64, object->desired));
    result |= json_object_set_new(
        annotations, ANNOTATION_INTENT,
        json_sprintf("%s-%" PRIu64, engine->instance, engine->last_request + 1));
    if (result < 0)
        engine->status = -ENOMEM;
}

static void write_now(struct engine *engine, struct object *object, const char *method,
                      const char *path, json_t *body)
{
    struct operation *operation = object->operation;
    operation->verb = method;
    operation->request = request_add(engine, &(struct request_order){.purpose = REQUEST_OBJECT,
                                                                     .owner = object,
                                                                     .method = method,
                                                                     .path = path,
                                                                     .body = body,
                                                                     .urgent = true});
    operation->state = strcmp(method, "DELETE") == 0 ? OPERATION_DELETING : OPERATION_WRITING;
}

/* The value is put in where the request is sent: what stands here may be kept and shown. */
static void post_secret(struct engine *engine, struct object *object, const json_t *credential)
{
    const json_t *metadata = json_object_get(object->operation->body, "metadata");
    json_t *body =
        json_pack("{s:s, s:s, s:O, s:O, s:{s:{s:O}}}", "secretName", object->key.name, "secretType",
                  "Opaque", "targetPlane", json_object_get(credential, "targetPlane"), "labels",
                  json_object_get(metadata, "labels"), "data",
                  json_text_or(json_object_get(credential, "key"), ""), CREDENTIAL_PLACEHOLDER,
                  json_object_get(credential, "name"));
    if (body == NULL) {
        engine->status = -ENOMEM;
        return;
    }
    json_object_del(object->operation->body, "spec"); /* of the one before */
    object_intent(engine, object, 'P');
    object->before = -1;
    OWNED_TEXT path;
    text_init(&path, 2048);
    object_secret_path(&object->key, false, &path);
    write_now(engine, object, "POST", text_get(&path), body);
}

void operation_post(struct engine *engine, struct object *object)
{
    const json_t *credential = json_object_get(object->operation->body, "credential");
    if (credential != NULL) {
        post_secret(engine, object, credential);
        return;
    }
    json_t *body = json_deep_copy(object->operation->body);
    if (body == NULL) {
        engine->status = -ENOMEM;
        return;
    }
    object_intent(engine, object, 'P');
    object_precede(engine, object, -1);
    stamp(engine, object, body);
    OWNED_TEXT path;
    text_init(&path, 2048);
    object_collection_path(object->key.kind, object->key.namespace_name, &path);
    write_now(engine, object, "POST", text_get(&path), body);
}

static bool changes_spec(const struct difference *difference)
{
    bool changes = difference->dropped > 0;
    for (size_t i = 0; i < difference->count; i++)
        changes = changes || strncmp(difference->items[i].pointer, "/spec", 5) == 0;
    return changes;
}

void operation_put(struct engine *engine, struct object *object, const json_t *live,
                   const struct difference *difference)
{
    json_t *body = diff_merge(object->key.kind, object->operation->body, NULL, live);
    if (body == NULL) {
        engine->status = -ENOMEM;
        return;
    }
    object_intent(engine, object, 'U');
    /* Labels alone give the object no new generation: nothing would ever rise above the old one. */
    if (changes_spec(difference))
        object_precede(engine, object, object->generation);
    stamp(engine, object, body);
    OWNED_TEXT path;
    text_init(&path, 2048);
    object_key_path(&object->key, &path);
    write_now(engine, object, "PUT", text_get(&path), body);
}

void operation_delete(struct engine *engine, struct object *object, const json_t *live)
{
    object_intent(engine, object, 'D');
    OWNED_TEXT path;
    text_init(&path, 2048);
    if (object->key.kind == KIND_SECRET_REFERENCE &&
        json_at(live, "metadata", "labels", LABEL_CREDENTIAL, NULL) != NULL)
        object_secret_path(&object->key, true, &path);
    else
        object_key_path(&object->key, &path);
    write_now(engine, object, "DELETE", text_get(&path), NULL);
}

void operation_search(struct engine *engine, struct object *object)
{
    struct operation *operation = object->operation;
    OWNED_TEXT path;
    text_init(&path, 2048);
    object_collection_path(KIND_RELEASE_BINDING, object->key.namespace_name, &path);
    text_format(&path, "?component=%s",
                json_text_or(json_at(operation->body, "spec", "owner", "componentName", NULL), ""));
    operation->request = request_add(engine, &(struct request_order){.purpose = REQUEST_DUPLICATES,
                                                                     .owner = object,
                                                                     .path = text_get(&path),
                                                                     .kind = KIND_RELEASE_BINDING,
                                                                     .urgent = true});
    operation->state = OPERATION_SEARCHING;
}

/* --- answers ------------------------------------------------------------------------------------
 */

/* Name of another binding of the same component and environment; NULL = there is none. */
static const char *duplicate_in(const struct object *object, const json_t *items)
{
    const json_t *spec = json_object_get(object->operation->body, "spec");
    const char *environment = json_text_or(json_object_get(spec, "environment"), "");
    const char *component = json_text_or(json_at(spec, "owner", "componentName", NULL), "");
    for (size_t i = 0; i < json_array_size(items); i++) {
        const json_t *item = json_array_get(items, i);
        const json_t *other = json_object_get(item, "spec");
        const char *name = json_text_or(json_at(item, "metadata", "name", NULL), "");
        if (strcmp(json_text_or(json_object_get(other, "environment"), ""), environment) == 0 &&
            strcmp(json_text_or(json_at(other, "owner", "componentName", NULL), ""), component) ==
                0 &&
            strcmp(name, object->key.name) != 0)
            return name;
    }
    return NULL;
}

void operation_listed(struct engine *engine, struct object *object,
                      const struct engine_event *event)
{
    struct operation *operation = object->operation;
    CHECK(operation != NULL && operation->request == event->as.listed.id);
    operation->request = 0;
    operation->state = OPERATION_IDLE;
    unit_queue(engine, object->unit);
    if (operation->body == NULL)
        return; /* it is not wanted any more */
    if (!event->as.listed.complete) {
        operation_wait(engine, object, event->as.listed.error,
                       "the bindings of %s's component cannot be listed", object->key.name);
        return;
    }
    const char *other = duplicate_in(object, event->as.listed.items);
    if (other == NULL) {
        operation->searched = true;
        operation_post(engine, object);
        return;
    }
    operation_hold(engine, object,
                   "ReleaseBinding %s already binds this component in this environment; a second "
                   "one would destroy both, so celld makes none: remove %s first (state Undeploy, "
                   "then delete)",
                   other, other);
    operation->due = (struct mono_time){engine->now.mono.ms + engine->options.retry_slowest.ms};
}

static void accepted(struct engine *engine, struct object *object, const json_t *live)
{
    struct operation *operation = object->operation;
    object->epoch++;
    operation->state = OPERATION_IDLE;
    operation->failures = 0;
    engine->progress++;
    /* What was refused because this one was missing is not refused any more. */
    if (strcmp(operation->verb, "POST") == 0)
        unit_wake(engine, object->unit);
    if (!json_is_object(live) || operation->body == NULL)
        return; /* it is read again */
    struct difference difference = {0};
    if (diff_object(object->key.kind, operation->body, live, &difference) < 0) {
        engine->status = -ENOMEM;
        return;
    }
    const size_t count = difference.count;
    object_observed(engine, object, live);
    if (count > 0 && ++operation->echoes >= 2 && object->presence == PRESENCE_PRESENT) {
        /* The server keeps its own form of what we send: that form counts as ours, or the two of
         * us would write for ever. */
        const struct history_about about = object_about(object);
        history_publish(engine, PUBLISH_WARNING, "server-changes-field", &about,
                        "%s %s: the control plane keeps another value of %s than was written",
                        object_kind(object), object->key.name, difference.items[0].pointer);
        object_found_equal(engine, object, live);
    } else if (count == 0 && object->presence == PRESENCE_PRESENT) {
        object_found_equal(engine, object, live);
    }
    difference_fini(&difference);
}

/* Read back at once the first time, then with backoff. */
static void read_back(struct engine *engine, struct object *object, const struct error *err,
                      int status)
{
    struct operation *operation = object->operation;
    if (!operation->tried_again) {
        operation->tried_again = true;
        operation->state = OPERATION_IDLE;
        operation->failures++;
        return;
    }
    operation_wait(engine, object, err, "%s of %s %s failed: %s%s", operation->verb,
                   object_kind(object), object->key.name,
                   operation_hint(object, operation->verb, status), request_complaint(err));
}

static void refused(struct engine *engine, struct object *object, const struct engine_event *event)
{
    struct operation *operation = object->operation;
    const struct error *err = event->as.answer.error;
    const int status = event->as.answer.status;
    const char *credential = json_text_or(json_at(operation->body, "credential", "name", NULL), "");
    if (status == 501 && credential[0] != '\0') {
        object_intent(engine, object, 0);
        operation_hold(engine, object,
                       "the control plane's secrets API is off: declare a SecretReference %s, or "
                       "enable secret_management there",
                       credential);
        operation->due = (struct mono_time){engine->now.mono.ms + engine->options.retry_slowest.ms};
        return;
    }
    if (status == 400 || status == 422) {
        object_intent(engine, object, 0);
        operation_hold(engine, object, "%s of %s %s was refused (%d): %s", operation->verb,
                       object_kind(object), object->key.name, status, request_complaint(err));
        return;
    }
    if (status == 401 || status == 403 || status == 429) {
        object_intent(engine, object, 0);
        operation_wait(engine, object, err, "%s of %s %s was refused (%d): %s", operation->verb,
                       object_kind(object), object->key.name, status, request_complaint(err));
        return;
    }
    /* 404, 409, 500 and all else: the world is not what it was, or a race was lost. */
    read_back(engine, object, err, status);
}

void operation_written(struct engine *engine, struct object *object,
                       const struct engine_event *event)
{
    struct operation *operation = object->operation;
    const int status = event->as.answer.status;
    const bool good = status / 100 == 2;
    switch (event->as.answer.outcome) {
    case ANSWER_RECEIVED:
        if (operation->state == OPERATION_DELETING && (good || status == 404)) {
            object->epoch++;
            object_deleted(object);
            operation_poll(engine, object);
        } else if (good) {
            accepted(engine, object, event->as.answer.body);
        } else {
            refused(engine, object, event);
        }
        return;
    case ANSWER_NOT_SENT:
        object_intent(engine, object, 0);
        operation_wait(engine, object, event->as.answer.error, "%s of %s %s could not be sent: %s",
                       operation->verb, object_kind(object), object->key.name,
                       request_complaint(event->as.answer.error));
        return;
    case ANSWER_UNKNOWN:
        operation_wait(engine, object, event->as.answer.error,
                       "%s of %s %s has an unknown outcome; celld reads it back", operation->verb,
                       object_kind(object), object->key.name);
        return;
    }
}
