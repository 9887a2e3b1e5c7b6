#include "daemon/cellctl/attempts.h"

#include "config/base/json.h"
#include "config/base/time.h"
#include "daemon/cellctl/view.h"

#include <stdlib.h>
#include <string.h>

/* What an event means for its attempt. */
static const struct meaning {
    const char *type, *result;
    bool ends;
} meanings[] = {
    {"rollout-promoted", "promoted", false},
    {"rollout-baked", "promoted", true},
    {"rollback-started", "rolling-back", false},
    {"rolled-back", "rolled-back", true},
    {"rollout-superseded", "superseded", true},
    {"rollout-withdrawn", "withdrawn", true},
    {"rollout-held", "held", true},
};

static const struct meaning *meaning_of(const char *type)
{
    for (size_t i = 0; i < sizeof(meanings) / sizeof(meanings[0]); i++) {
        if (strcmp(meanings[i].type, type) == 0)
            return &meanings[i];
    }
    return NULL;
}

static bool is_same(const json_t *a, const json_t *b, const char *key)
{
    return json_equal(json_object_get(a, key), json_object_get(b, key)) == 1;
}

static json_t *find(const json_t *attempts, const json_t *event)
{
    for (size_t i = json_array_size(attempts); i-- > 0;) {
        json_t *attempt = json_array_get(attempts, i);
        if (is_same(attempt, event, "cell") && is_same(attempt, event, "rollout"))
            return attempt;
    }
    return NULL;
}

static json_t *begin(json_t *attempts, const json_t *event)
{
    const bool is_start = view_is(event, "type", "rollout-started");
    const char *rollout = json_text_or(json_object_get(event, "rollout"), "");
    const char *number = strrchr(rollout, '/');
    json_t *attempt = json_pack(
        "{s:O?, s:O?, s:O?, s:I, s:s, s:n, s:O?, s:n, s:o, s:n, s:n, s:n, s:n, s:n, "
        "s:n, s:n}",
        "cell", json_object_get(event, "cell"), "component", json_object_get(event, "component"),
        "target", json_object_get(event, "target"), "attempt",
        (json_int_t)(number == NULL ? 0 : strtoull(number + 1, NULL, 10)), "rollout", rollout,
        "release", "revision", json_object_get(event, "revision"), "strategy", "started",
        is_start ? json_incref(json_object_get(event, "time")) : json_null(), "ended",
        "duration_ms", "result", "verdict", "message", "evidence", "by");
    if (attempt != NULL && json_array_append_new(attempts, attempt) < 0)
        return NULL;
    return attempt;
}

static void copy(json_t *attempt, const char *to, const json_t *object, const char *from)
{
    json_t *value = json_object_get(object, from);
    if (value != NULL && !json_is_null(value))
        (void)json_object_set(attempt, to, value);
}

/* "… by alice (uid 1000)" or "… by alice (uid 1000): …" */
static void take_person(json_t *attempt, const char *message)
{
    const char *by = strstr(message, " by ");
    const char *end = by == NULL ? NULL : strstr(by, " (uid ");
    end = end == NULL ? NULL : strchr(end, ')');
    if (end != NULL)
        (void)json_object_set_new(attempt, "by",
                                  json_stringn(by + 4, (size_t)(end + 1 - (by + 4))));
}

static void take(json_t *attempt, const json_t *event)
{
    const json_t *data = json_object_get(event, "data");
    const json_t *analysis = json_object_get(data, "analysis");
    const struct meaning *meaning = meaning_of(json_text_or(json_object_get(event, "type"), ""));
    /* What it was about is said by its first event: later ones may be on the way back. */
    if (json_is_null(json_object_get(attempt, "release"))) {
        copy(attempt, "release", data, "release");
        copy(attempt, "revision", data, "revision");
    }
    copy(attempt, "strategy", data, "strategy");
    copy(attempt, "duration_ms", data, "duration_ms");
    copy(attempt, "message", event, "message");
    copy(attempt, "verdict", analysis, "verdict");
    copy(attempt, "evidence", analysis, "message");
    take_person(attempt, json_text_or(json_object_get(event, "message"), ""));
    if (meaning == NULL)
        return;
    (void)json_object_set_new(attempt, "result", json_string(meaning->result));
    if (meaning->ends)
        copy(attempt, "ended", event, "time");
}

/* Where the events do not say how long it took; of what is under way, they say how long it had
 * taken until the last of them. */
static void measure(json_t *attempt)
{
    struct wall_time from;
    struct wall_time to;
    if (!json_is_string(json_object_get(attempt, "ended"))) {
        (void)json_object_set_new(attempt, "duration_ms", json_null());
        return;
    }
    if (json_is_integer(json_object_get(attempt, "duration_ms")) ||
        wall_time_parse(json_text_or(json_object_get(attempt, "started"), ""), &from) != 0 ||
        wall_time_parse(json_text_or(json_object_get(attempt, "ended"), ""), &to) != 0)
        return;
    (void)json_object_set_new(attempt, "duration_ms", json_integer(to.ms - from.ms));
}

json_t *attempts_of(const json_t *history)
{
    json_t *attempts = json_array();
    size_t index;
    const json_t *event;
    json_t *attempt;
    json_array_foreach(json_object_get(history, "events"), index, event)
    {
        if (!json_is_string(json_object_get(event, "rollout")))
            continue;
        attempt = find(attempts, event);
        if (attempt == NULL)
            attempt = begin(attempts, event);
        /* What happens to its release later on is not what became of the attempt. */
        if (attempt != NULL && !json_is_string(json_object_get(attempt, "ended")))
            take(attempt, event);
    }
    json_array_foreach(attempts, index, attempt)
    {
        measure(attempt);
    }
    return json_pack("{s:o}", "attempts", attempts);
}
