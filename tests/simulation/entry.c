#include "tests/simulation/entry.h"

#include "config/base/json.h"

#include <string.h>

bool entry_is(const json_t *row, const char *member, const char *value)
{
    return strcmp(json_text_or(json_object_get(row, member), ""), value) == 0;
}

int64_t entry_number(const json_t *row, const char *member)
{
    return json_integer_value(json_object_get(row, member));
}

bool entry_flag(const json_t *row, const char *member)
{
    return json_is_true(json_object_get(row, member));
}

char entry_slot(const json_t *row, const char *member)
{
    return json_text_or(json_object_get(row, member), "")[0];
}

const char *entry_deployment(const json_t *row, const char *content)
{
    return json_text_or(json_at(row, content, "deployment", NULL), "");
}

const char *entry_effective(const json_t *row)
{
    const bool frozen = entry_is(row, "state", "paused") ||
                        (entry_is(row, "state", "held") && entry_flag(row, "has_next"));
    return json_text_or(json_object_get(row, frozen ? "from" : "state"), "");
}

static bool is_one_of(const char *state, const char *const *states)
{
    for (; *states != NULL; states++) {
        if (strcmp(*states, state) == 0)
            return true;
    }
    return false;
}

bool entry_is_forward(const char *state)
{
    static const char *const forward[] = {"prepare", "narrow", "deploy", "step",
                                          "route",   "bake",   NULL};
    return is_one_of(state, forward);
}

bool entry_has_all_traffic(const char *state)
{
    static const char *const all_traffic[] = {"route", "bake", "cleanup", NULL};
    return is_one_of(state, all_traffic);
}

int64_t entry_stage_weight(const json_t *row, int64_t step)
{
    const json_t *stages = json_object_get(row, "stages");
    const json_t *stage = json_array_get(stages, (size_t)step);
    return stage == NULL ? 100 : json_integer_value(json_object_get(stage, "weight"));
}
