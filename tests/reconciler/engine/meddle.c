#include "tests/reconciler/engine/meddle.h"

#include <criterion/criterion.h>

#include <string.h>

static void watch(void *context, const struct effect *effect)
{
    struct meddler *meddler = context;
    const bool list = effect->kind == EFFECT_LIST;
    if (!list && effect->kind != EFFECT_REQUEST)
        return;
    const char *method = list ? "LIST" : effect->as.request.method;
    const char *path = list ? effect->as.list.path : effect->as.request.path;
    for (size_t i = 0; i < MEDDLE_LIMIT && meddler->items[i].method != NULL; i++) {
        const struct meddling *item = &meddler->items[i];
        if (strcmp(item->method, method) != 0 || strstr(path, item->path) == NULL)
            continue;
        const unsigned number = meddler->seen[i]++;
        if (number < item->skip || number - item->skip >= item->times)
            continue;
        meddler->ids[i] = list ? effect->as.list.id : effect->as.request.id;
        return;
    }
}

static const struct meddling *find(struct meddler *meddler, uint64_t id)
{
    for (size_t i = 0; i < MEDDLE_LIMIT; i++) {
        if (meddler->ids[i] == id && id != 0) {
            meddler->ids[i] = 0;
            return &meddler->items[i];
        }
    }
    return NULL;
}

static enum world_fate fate(void *context, const struct world_request *request)
{
    const struct meddler *meddler = context;
    for (size_t i = 0; i < MEDDLE_LIMIT; i++) {
        if (meddler->ids[i] == request->id && meddler->items[i].lost)
            return WORLD_NEVER_SEEN;
    }
    return WORLD_ARRIVES;
}

static int step(void *context, struct engine *engine, const struct engine_event *event,
                struct effect_list *effects)
{
    struct meddler *meddler = context;
    const struct meddling *item = NULL;
    if (event->kind == EVENT_ANSWER)
        item = find(meddler, event->as.answer.id);
    else if (event->kind == EVENT_LISTED)
        item = find(meddler, event->as.listed.id);
    if (item == NULL)
        return engine_step(engine, event, effects);
    meddler->replaced++;
    json_t *body = item->body == NULL ? NULL : json_loads(item->body, JSON_DECODE_ANY, NULL);
    cr_assert(item->body == NULL || body != NULL, "%s", item->body);
    struct error error = {0};
    error_set(&error, item->status == 404 ? ERROR_NOT_FOUND : ERROR_UNAVAILABLE, ERR_HTTP,
              "meddled with");
    error.http_status = item->status;
    error.retry_after_ms = -1;
    struct engine_event changed = *event;
    const bool good = item->outcome == ANSWER_RECEIVED && item->status / 100 == 2;
    if (event->kind == EVENT_LISTED) {
        changed.as.listed.complete = good;
        changed.as.listed.items = good ? body : NULL;
        changed.as.listed.error = good ? NULL : &error;
    } else {
        changed.as.answer.outcome = item->outcome;
        changed.as.answer.status = item->status;
        changed.as.answer.body = body;
        changed.as.answer.error = good ? NULL : &error;
    }
    const int status = engine_step(engine, &changed, effects);
    json_decref(body);
    return status;
}

struct world *meddle_world(struct meddler *meddler, const struct meddling *items)
{
    *meddler = (struct meddler){0};
    for (size_t i = 0; items[i].method != NULL; i++) {
        cr_assert_lt(i, MEDDLE_LIMIT);
        meddler->items[i] = items[i];
    }
    struct world_options options;
    world_options_default(&options);
    options.watch = watch;
    options.step = step;
    options.fate = fate;
    options.context = meddler;
    return world_new(&options);
}
