#include "reconciler/compile/desired.h"

#include "config/base/arena.h"
#include "config/base/json.h"

#include <errno.h>

#define LIST_BYTES_LIMIT ((size_t)64 << 20)

int desired_list_init(struct desired_list *list, size_t capacity)
{
    *list = (struct desired_list){.arena = arena_new(LIST_BYTES_LIMIT)};
    if (list->arena != NULL)
        list->items = arena_array(list->arena, capacity, sizeof *list->items);
    if (list->items != NULL)
        return 0;
    desired_list_fini(list);
    return -ENOMEM;
}

/* Names in the key are borrowed from the body where they can be, so that a list needs few copies
 * and an object alone needs none of its own. */
static const char *name_in(const json_t *body)
{
    return json_text_or(json_at(body, "metadata", "name", NULL), NULL);
}

int desired_object_make(enum resource_kind kind, const char *namespace_name, json_t *body,
                        bool adopt, struct source_pos at, struct desired_object *ret_object)
{
    const char *name = name_in(body);
    if (name == NULL) {
        json_decref(body);
        return -ENOMEM;
    }
    *ret_object = (struct desired_object){
        .key = {kind, resource_kind_info(kind)->namespaced ? namespace_name : "", name},
        .body = body,
        .adopt = adopt,
        .at = at,
    };
    return 0;
}

void desired_object_fini(struct desired_object *object)
{
    json_decref(object->body);
    *object = (struct desired_object){0};
}

int desired_list_add(struct desired_list *list, enum resource_kind kind, const char *namespace_name,
                     json_t *body, bool adopt, struct source_pos at)
{
    if (desired_object_make(kind, namespace_name, body, adopt, at, &list->items[list->count]) != 0)
        return -ENOMEM;
    list->count++;
    return 0;
}

void desired_list_fini(struct desired_list *list)
{
    for (size_t i = 0; list->items != NULL && i < list->count; i++)
        json_decref(list->items[i].body);
    arena_free(list->arena);
    *list = (struct desired_list){0};
}
