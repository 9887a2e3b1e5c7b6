#include "reconciler/engine/secret.h"

#include "reconciler/engine/object.h"
#include "reconciler/engine/unit.h"
#include "reconciler/resource/object.h"

#include <errno.h>
#include <string.h>

/* The names of its keys alone, as deployment_check_secrets() looks for them; NULL without memory.
 */
static json_t *outline_of(const json_t *live)
{
    OWNED_JSON *data = json_array();
    const json_t *rows = json_at(live, "spec", "data", NULL);
    for (size_t i = 0; i < json_array_size(rows); i++) {
        json_t *key = json_object_get(json_array_get(rows, i), "secretKey");
        if (json_array_append_new(data, json_pack("{s:O*}", "secretKey", key)) < 0)
            return NULL;
    }
    return json_pack("{s:{s:O}}", "spec", "data", data);
}

void secret_observed(struct engine *engine, const struct object *object, const json_t *live)
{
    if (object->wanted || object->inventory)
        return; /* celld wrote it with what is in it */
    json_t *outline = outline_of(live);
    const json_t *before = json_object_get(engine->secrets, object->key.name);
    const bool news = !json_equal(json_unconst(before), outline);
    if (news)
        unit_queue(engine, object->unit);
    if (engine->secrets == NULL)
        engine->secrets = json_object();
    if (json_object_set_new(engine->secrets, object->key.name, outline) < 0)
        engine->status = -ENOMEM;
}

void secret_gone(struct engine *engine, const struct object *object)
{
    json_object_del(engine->secrets, object->key.name);
}

/* One row for each key; more than a few are not of celld's making. */
#define SEALED_LIMIT 16

json_t *secret_seal(const json_t *live)
{
    json_t *data = json_object_get(json_object_get(live, "spec"), "data");
    const bool made = json_at(live, "metadata", "labels", LABEL_CREDENTIAL, NULL) != NULL;
    return made && json_array_size(data) <= SEALED_LIMIT ? data : NULL;
}

void secret_want_sealed(struct engine *engine, const struct object *object, json_t *body)
{
    /* What is being made anew gets other data. */
    if (object->sealed == NULL || object->intent || json_object_get(body, "credential") == NULL)
        return;
    if (json_object_set_new(body, "spec", json_pack("{s:O}", "data", object->sealed)) < 0)
        engine->status = -ENOMEM;
}

static const struct object *standing(const struct engine *engine, const char *name)
{
    const struct object_key key = {KIND_SECRET_REFERENCE, engine->platform->namespace_name.text,
                                   name};
    const struct object *object = object_find(engine, &key);
    return object != NULL && object->presence == PRESENCE_PRESENT ? object : NULL;
}

static const json_t *outline_named(const void *context, const char *name)
{
    const struct engine *engine = context;
    return standing(engine, name) == NULL ? NULL : json_object_get(engine->secrets, name);
}

bool secret_is_missing(const struct engine *engine, const struct track *track, struct text *out)
{
    struct error err = {0};
    if (track->deployment == NULL ||
        deployment_check_secrets(track->deployment, outline_named, engine, &err) == 0)
        return false;
    if (out != NULL)
        text_format(out, "%s (%s:%u:%u)", err.detail, err.where.path, err.where.line,
                    err.where.column);
    return true;
}

struct mono_time secret_ask(struct engine *engine, struct track *track)
{
    struct mono_time due = {NEVER};
    if (!secret_is_missing(engine, track, NULL))
        return due;
    for (size_t i = 0; i < track->deployment->secret_count; i++) {
        const struct object_key key = {KIND_SECRET_REFERENCE, engine->platform->namespace_name.text,
                                       track->deployment->secrets[i].name};
        struct object *object = object_get(engine, &key);
        if (object == NULL)
            return due;
        if (object->unit == NULL)
            unit_attach(engine, track->unit, object);
        if (object->presence == PRESENCE_UNKNOWN)
            object->missing = true; /* read it */
    }
    due.ms = engine->now.mono.ms + engine->options.poll_slowest.ms;
    return due;
}
