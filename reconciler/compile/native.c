#include "reconciler/compile/native.h"

#include "config/base/arena.h"
#include "config/base/json.h"
#include "reconciler/compile/body.h"
#include "reconciler/compile/desired.h"
#include "reconciler/resource/object.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static bool belongs_to(const struct native_resource *native, const char *cell)
{
    return cell == NULL ? native->cell == NULL
                        : native->cell != NULL && strcmp(native->cell, cell) == 0;
}

size_t native_count(const struct compile_context *context, const char *cell)
{
    size_t count = 0;
    for (size_t i = 0; context->set != NULL && i < context->set->native_count; i++)
        if (belongs_to(&context->set->natives[i], cell))
            count++;
    return count;
}

/* The body with our mark, and with nothing but metadata and spec. */
static json_t *native_body(struct body *body, const struct native_resource *native)
{
    json_t *object = body_new(body, native->name, native->cell);
    static const char *const maps[] = {"labels", "annotations"};
    for (size_t i = 0; i < sizeof maps / sizeof maps[0]; i++) {
        const json_t *theirs = json_at(native->body, "metadata", maps[i], NULL);
        json_t *metadata = json_object_get(object, "metadata");
        json_t *ours = json_object_get(metadata, maps[i]);
        if (json_object_size(theirs) == 0)
            continue;
        if (ours == NULL)
            ours = body_put_object(body, metadata, maps[i]);
        const char *key;
        json_t *value;
        json_object_foreach(json_unconst(theirs), key, value)
        {
            if (strcmp(key, LABEL_MANAGED_BY) != 0)
                body_put(body, ours, key, json_deep_copy(value));
        }
    }
    const json_t *spec = json_object_get(native->body, "spec");
    if (spec != NULL)
        body_put(body, object, "spec", json_deep_copy(spec));
    return object;
}

static int by_key(const void *a, const void *b)
{
    const struct desired_object *left = a, *right = b;
    return object_key_compare(&left->key, &right->key);
}

int native_add(const struct compile_context *context, const char *cell, struct desired_list *list,
               struct error *err)
{
    const size_t first = list->count;
    for (size_t i = 0; context->set != NULL && i < context->set->native_count; i++) {
        const struct native_resource *native = &context->set->natives[i];
        enum resource_kind kind = KIND_NAMESPACE;
        if (!belongs_to(native, cell))
            continue;
        if (resource_kind_find(native->kind, &kind) != 0) {
            const int status =
                error_set(err, ERROR_INVALID, ERR_INVALID,
                          "%s is no kind that the control plane serves", native->kind);
            if (err != NULL)
                err->where = native->at;
            return status;
        }
        struct body body = {0};
        json_t *object = native_body(&body, native);
        const char *namespace_name = native->namespace_name == NULL
                                         ? context->platform->namespace_name.text
                                         : native->namespace_name;
        if (desired_list_add(list, kind, namespace_name, object, false, native->at) != 0 ||
            body.status != 0)
            return error_no_memory(err);
    }
    qsort(list->items + first, list->count - first, sizeof *list->items, by_key);
    return 0;
}

const struct native_resource *native_secret_reference(const struct compile_context *context,
                                                      const char *name)
{
    for (size_t i = 0; context->set != NULL && i < context->set->native_count; i++) {
        const struct native_resource *native = &context->set->natives[i];
        if (strcmp(native->kind, "SecretReference") == 0 && strcmp(native->name, name) == 0)
            return native;
    }
    return NULL;
}
