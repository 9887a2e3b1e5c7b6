#include "config/base/check.h"
#include "tests/platform/state.h"

#include <string.h>

json_t *condition_begin(const struct object *o)
{
    return o->status == NULL ? json_object() : values_copy(o->status);
}

const json_t *condition_find(const json_t *status, const char *type)
{
    size_t i;
    json_t *condition;
    json_array_foreach(json_object_get(status, "conditions"), i, condition)
    {
        if (strcmp(values_text(condition, "type"), type) == 0)
            return condition;
    }
    return NULL;
}

bool condition_is(const json_t *status, const char *type, const char *value)
{
    return strcmp(values_text(condition_find(status, type), "status"), value) == 0;
}

void condition_set(json_t *status, const char *type, const char *value, const char *reason,
                   const char *message, int64_t generation, int64_t now_ms)
{
    json_t *list = json_object_get(status, "conditions");
    if (list == NULL) {
        list = json_array();
        json_object_set_new(status, "conditions", list);
    }
    char time[32];
    values_time(now_ms, time);
    size_t i;
    json_t *there = NULL;
    json_array_foreach(list, i, there)
    {
        if (strcmp(values_text(there, "type"), type) == 0)
            break;
    }
    if (i < json_array_size(list)) {
        if (strcmp(values_text(there, "status"), value) != 0)
            json_object_set_new(there, "lastTransitionTime", json_string(time));
        json_object_set_new(there, "status", json_string(value));
        json_object_set_new(there, "reason", json_string(reason));
        json_object_set_new(there, "message", json_string(message));
        json_object_set_new(there, "observedGeneration", json_integer(generation));
        return;
    }
    json_t *condition = json_pack("{s:s,s:s,s:s,s:s,s:s,s:I}", "type", type, "status", value,
                                  "reason", reason, "message", message, "lastTransitionTime", time,
                                  "observedGeneration", (json_int_t)generation);
    CHECK(condition != NULL);
    json_array_append_new(list, condition);
}

void condition_drop(json_t *status, const char *type)
{
    json_t *list = json_object_get(status, "conditions");
    for (size_t i = json_array_size(list); i-- > 0;) {
        if (strcmp(values_text(json_array_get(list, i), "type"), type) == 0)
            json_array_remove(list, i);
    }
}
