#include "gitwatch/fetch_result.h"

#include "config/base/check.h"
#include "config/base/json.h"

#include <string.h>

#define FETCH_REASON_NAME(name, text) text,
static const char *const reason_names[] = {FETCH_REASONS(FETCH_REASON_NAME)};
#undef FETCH_REASON_NAME
enum { FETCH_REASON_COUNT = sizeof(reason_names) / sizeof(reason_names[0]) };

const char *fetch_reason_name(enum fetch_reason reason)
{
    CHECK((size_t)reason < FETCH_REASON_COUNT);
    return reason_names[reason];
}

json_t *fetch_progress_to_json(const struct fetch_progress *progress)
{
    return json_pack("{s:I, s:I, s:I}", "bytes", (json_int_t)progress->bytes, "objects",
                     (json_int_t)progress->objects, "objectsTotal",
                     (json_int_t)progress->objects_total);
}

static uint64_t number_at(const json_t *json, const char *key)
{
    const json_int_t value = json_integer_value(json_object_get(json, key));
    return value < 0 ? 0 : (uint64_t)value;
}

struct fetch_progress fetch_progress_from_json(const json_t *json)
{
    return (struct fetch_progress){
        .bytes = number_at(json, "bytes"),
        .objects = (uint32_t)number_at(json, "objects"),
        .objects_total = (uint32_t)number_at(json, "objectsTotal"),
    };
}

json_t *fetch_result_to_json(const struct fetch_result *result)
{
    return json_pack("{s:i, s:i, s:i, s:s, s:s, s:s, s:b, s:b, s:b, s:I, s:o}", "reason",
                     (int)result->reason, "kind", (int)result->error.kind, "code",
                     result->error.code, "detail", result->error.detail, "commit",
                     result->commit.hex, "previous", result->previous.hex, "rewritten",
                     (int)result->rewritten, "recloned", (int)result->recloned, "compacted",
                     (int)result->compacted, "packs", (json_int_t)result->packs, "transfer",
                     fetch_progress_to_json(&result->transfer));
}

static bool read_id(const json_t *json, const char *key, struct object_id *ret_id)
{
    const char *text = json_text_or(json_object_get(json, key), "");
    *ret_id = (struct object_id){.hex = ""};
    return text[0] == '\0' || object_id_parse(text, ret_id) == 0;
}

int fetch_result_from_json(const json_t *json, struct fetch_result *ret_result, struct error *err)
{
    struct fetch_result result = {.reason = FETCH_INTERNAL};
    const uint64_t reason = number_at(json, "reason");
    const uint64_t kind = number_at(json, "kind");
    const bool sound = json_is_object(json) && reason < FETCH_REASON_COUNT &&
                       kind < ERROR_KIND_COUNT && (reason == FETCH_OK) == (kind == ERROR_NONE) &&
                       read_id(json, "commit", &result.commit) &&
                       read_id(json, "previous", &result.previous);
    if (!sound)
        return error_set(err, ERROR_INTERNAL, ERR_INVALID,
                         "the fetch worker's answer makes no sense");
    result.reason = (enum fetch_reason)reason;
    if (kind != ERROR_NONE)
        (void)error_set(&result.error, (enum error_kind)kind,
                        (int)json_integer_value(json_object_get(json, "code")), "%s",
                        json_text_or(json_object_get(json, "detail"), ""));
    result.rewritten = json_is_true(json_object_get(json, "rewritten"));
    result.recloned = json_is_true(json_object_get(json, "recloned"));
    result.compacted = json_is_true(json_object_get(json, "compacted"));
    result.packs = (uint32_t)number_at(json, "packs");
    result.transfer = fetch_progress_from_json(json_object_get(json, "transfer"));
    result.changed = !object_id_equal(&result.commit, &result.previous);
    *ret_result = result;
    return 0;
}
