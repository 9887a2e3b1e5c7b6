#include "tests/reconciler/engine/parts.h"

#include <criterion/criterion.h>

#include <stdlib.h>

struct engine *parts_engine(int parallel_requests)
{
    struct engine_options options = engine_options_default;
    options.parallel_requests = parallel_requests;
    struct engine *engine = engine_new(&options);
    cr_assert_not_null(engine);
    return engine;
}

int parts_give(struct engine *engine, enum engine_event_kind kind, const char *key,
               const char *text)
{
    json_t *value = text == NULL ? NULL : json_loads(text, JSON_DECODE_ANY, NULL);
    cr_assert(text == NULL || value != NULL, "%s", text == NULL ? "nothing" : text);
    struct engine_event event = {.kind = kind, .now = {{1000}, {INT64_C(1795392000000)}}};
    if (kind == EVENT_RESTORE) {
        event.as.restore.key = key;
        event.as.restore.value = value;
    }
    struct effect_list effects;
    effect_list_init(&effects);
    const int status = engine_step(engine, &event, &effects);
    effect_list_fini(&effects);
    json_decref(value);
    return status;
}
