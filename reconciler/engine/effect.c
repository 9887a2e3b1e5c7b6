#include "reconciler/engine/effect.h"

#include "config/base/check.h"

#include <errno.h>
#include <stdlib.h>

void effect_list_init(struct effect_list *list)
{
    *list = (struct effect_list){0};
}

static void publish_fini(struct effect *effect)
{
    free(effect->as.publish.cell);
    free(effect->as.publish.component);
    free(effect->as.publish.target);
    free(effect->as.publish.revision);
    free(effect->as.publish.rollout);
    free(effect->as.publish.message);
    json_decref(effect->as.publish.data);
}

static void effect_fini(struct effect *effect)
{
    switch (effect->kind) {
    case EFFECT_PERSIST:
        free(effect->as.persist.key);
        json_decref(effect->as.persist.value);
        return;
    case EFFECT_REQUEST:
        free(effect->as.request.path);
        json_decref(effect->as.request.body);
        return;
    case EFFECT_LIST:
        free(effect->as.list.path);
        return;
    case EFFECT_PIN:
        free(effect->as.pin.name);
        free(effect->as.pin.commit);
        return;
    case EFFECT_PUBLISH:
        publish_fini(effect);
        return;
    case EFFECT_COMMIT_STATUS:
        free(effect->as.commit_status.revision);
        free(effect->as.commit_status.context);
        free(effect->as.commit_status.message);
        return;
    case EFFECT_REPLY:
        json_decref(effect->as.reply.body);
        return;
    case EFFECT_QUERY_METRICS:
        json_decref(effect->as.metrics.query);
        return;
    case EFFECT_CANCEL:
    case EFFECT_WAKE:
    case EFFECT_FETCH:
        return;
    }
    CHECK_UNREACHABLE();
}

void effect_list_fini(struct effect_list *list)
{
    for (size_t i = 0; i < list->count; i++)
        effect_fini(&list->items[i]);
    free(list->items);
    *list = (struct effect_list){0};
}

void effect_list_add(struct effect_list *list, const struct effect *effect)
{
    if (list->status == 0 && list->count == list->capacity) {
        const size_t capacity = list->capacity == 0 ? 16 : list->capacity * 2;
        struct effect *items = reallocarray(list->items, capacity, sizeof *items);
        if (items == NULL) {
            list->status = -ENOMEM;
        } else {
            list->items = items;
            list->capacity = capacity;
        }
    }
    if (list->status != 0) {
        struct effect lost = *effect;
        effect_fini(&lost);
        return;
    }
    list->items[list->count++] = *effect;
}
