#include "reconciler/compile/body.h"

#include "config/base/arena.h"
#include "reconciler/resource/object.h"

#include <errno.h>

void body_put(struct body *body, json_t *object, const char *key, json_t *value)
{
    if (json_object_set_new(object, key, value) != 0)
        body->status = -ENOMEM;
}

void body_append(struct body *body, json_t *array, json_t *value)
{
    if (json_array_append_new(array, value) != 0)
        body->status = -ENOMEM;
}

void body_put_text(struct body *body, json_t *object, const char *key, const char *text)
{
    if (text != NULL)
        body_put(body, object, key, json_string(text));
}

json_t *body_put_object(struct body *body, json_t *object, const char *key)
{
    body_put(body, object, key, json_object());
    return json_object_get(object, key);
}

json_t *body_put_array(struct body *body, json_t *object, const char *key)
{
    body_put(body, object, key, json_array());
    return json_object_get(object, key);
}

json_t *body_new(struct body *body, const char *name, const char *cell)
{
    json_t *object = json_object();
    json_t *metadata = body_put_object(body, object, "metadata");
    body_put_text(body, metadata, "name", name);
    json_t *labels = body_put_object(body, metadata, "labels");
    body_put_text(body, labels, LABEL_MANAGED_BY, LABEL_MANAGED_BY_CELLD);
    body_put_text(body, labels, LABEL_CELL, cell);
    return object;
}

void body_annotate(struct body *body, json_t *object, const char *key, const char *text)
{
    if (text == NULL || text[0] == '\0')
        return;
    json_t *metadata = json_object_get(object, "metadata");
    json_t *annotations = json_object_get(metadata, "annotations");
    if (annotations == NULL)
        annotations = body_put_object(body, metadata, "annotations");
    body_put_text(body, annotations, key, text);
}

const char *body_project(struct arena *arena, const struct platform *platform, const char *cell)
{
    const char *prefix = platform->project_prefix.text;
    return arena_format(arena, "%s%s", prefix == NULL ? "" : prefix, cell);
}
