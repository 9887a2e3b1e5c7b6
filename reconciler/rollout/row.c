/* The journal row. Numbers that are not known here are refused rather than guessed. */
#include "config/base/check.h"
#include "config/base/json.h"
#include "reconciler/rollout/machine.h"

#include <errno.h>
#include <inttypes.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#define ROW_VERSION 1

/* --- fields that are plain numbers, flags and texts --------------------------------------- */

enum field_type {
    FIELD_BOOL,
    FIELD_INT,
    FIELD_INT64,
    FIELD_UINT64,
    FIELD_UNSIGNED,
    FIELD_SIZE,
    FIELD_CHAR,
    FIELD_TEXT
};

struct field {
    const char *name;
    enum field_type type;
    size_t offset, size;
    bool in_room;
};

#define FIELD(type_, name_) FIELD_AT(type_, #name_, name_)
#define FIELD_AT(type_, text_, member_)                                                            \
    {                                                                                              \
        .name = (text_), .type = FIELD_##type_, .offset = offsetof(struct rollout, member_),       \
        .size = sizeof(((struct rollout *)0)->member_)                                             \
    }

#define FIELD_IN_ROOM(type_, name_)                                                                \
    {                                                                                              \
        .name = #name_, .type = FIELD_##type_, .offset = offsetof(struct rollout_room, name_),     \
        .size = sizeof(((struct rollout_room *)0)->name_), .in_room = true                         \
    }

static const struct field fields[] = {
    FIELD(UINT64, attempt),
    FIELD(CHAR, stable_slot),
    FIELD(CHAR, next_slot),
    FIELD(BOOL, has_stable),
    FIELD(BOOL, has_next),
    FIELD(BOOL, has_previous),
    FIELD(SIZE, step),
    FIELD(INT, weight),
    FIELD(INT64, bake_ms),
    FIELD(BOOL, returning),
    FIELD(BOOL, fast),
    FIELD(BOOL, unproven),
    FIELD(BOOL, verified),
    FIELD(BOOL, soaking),
    FIELD(BOOL, skip_soak),
    FIELD(BOOL, drained),
    FIELD(BOOL, warming),
    FIELD(BOOL, touched),
    FIELD(BOOL, route_touched),
    FIELD(BOOL, settle_due),
    FIELD(BOOL, drifted),
    FIELD_AT(BOOL, "scaled_a", scaled[0]),
    FIELD_AT(BOOL, "scaled_b", scaled[1]),
    FIELD(INT64, replicas),
    FIELD_AT(INT64, "started", started.ms),
    FIELD_AT(INT64, "state_since", state_since.ms),
    FIELD(INT64, judged_from_ms),
    FIELD(INT64, soaked_ms),
    FIELD_AT(INT64, "soaked_at_wall", soaked_at.wall.ms),
    FIELD_AT(INT64, "soaked_at_mono", soaked_at.mono.ms),
    FIELD(INT64, progress),
    FIELD_AT(INT64, "progress_at", progress_at.ms),
    FIELD(INT64, waited_ms),
    FIELD(INT64, fault_ms),
    FIELD(INT64, sick_ms),
    FIELD_AT(INT64, "counted_at_wall", counted_at.wall.ms),
    FIELD_AT(INT64, "counted_at_mono", counted_at.mono.ms),
    FIELD(UNSIGNED, failure_looks),
    FIELD(UINT64, failure_look),
    FIELD(TEXT, held_digest),
    FIELD(UNSIGNED, attempts_used),
    FIELD_AT(INT64, "retry_at", retry_at.ms),
    FIELD(UINT64, last_attempt),
    FIELD_IN_ROOM(TEXT, reason),
    FIELD_IN_ROOM(TEXT, evidence),
};
#define FIELD_COUNT (sizeof(fields) / sizeof(fields[0]))

static json_t *field_to_json(const struct rollout *rollout, const struct field *field)
{
    const char *at =
        (field->in_room ? (const char *)rollout->room : (const char *)rollout) + field->offset;
    int64_t number = 0;
    switch (field->type) {
    case FIELD_BOOL: {
        bool flag;
        (void)memcpy(&flag, at, sizeof(flag));
        return json_boolean(flag);
    }
    case FIELD_TEXT:
        return json_string(at);
    case FIELD_CHAR:
        return json_stringn(at, *at != '\0' ? 1 : 0);
    case FIELD_INT: {
        int value;
        (void)memcpy(&value, at, sizeof(value));
        number = value;
        break;
    }
    case FIELD_UNSIGNED: {
        unsigned value;
        (void)memcpy(&value, at, sizeof(value));
        number = value;
        break;
    }
    case FIELD_INT64:
    case FIELD_UINT64:
    case FIELD_SIZE:
        (void)memcpy(&number, at, sizeof(number));
        break;
    }
    return json_integer(number);
}

static bool number_fits(enum field_type type, int64_t number)
{
    switch (type) {
    case FIELD_INT:
        return number >= INT32_MIN && number <= INT32_MAX;
    case FIELD_UNSIGNED:
        return number >= 0 && number <= INT32_MAX;
    case FIELD_UINT64:
    case FIELD_SIZE:
        return number >= 0;
    case FIELD_INT64:
        return true;
    case FIELD_BOOL:
    case FIELD_CHAR:
    case FIELD_TEXT:
        return false;
    }
    CHECK_UNREACHABLE();
}

static bool number_from_json(char *at, const struct field *field, const json_t *value)
{
    const int64_t number = json_integer_value(value);
    if (!json_is_integer(value) || !number_fits(field->type, number))
        return false;
    const int as_int = (int)number;
    const unsigned as_unsigned = (unsigned)number;
    if (field->type == FIELD_INT)
        (void)memcpy(at, &as_int, sizeof(as_int));
    else if (field->type == FIELD_UNSIGNED)
        (void)memcpy(at, &as_unsigned, sizeof(as_unsigned));
    else
        (void)memcpy(at, &number, sizeof(number));
    return true;
}

static bool text_from_json(char *at, size_t size, const json_t *value)
{
    if (!json_is_string(value) || json_string_length(value) >= size)
        return false;
    (void)memcpy(at, json_string_value(value), json_string_length(value) + 1);
    return true;
}

static bool field_from_json(struct rollout *rollout, const struct field *field, const json_t *row)
{
    char *at = (field->in_room ? (char *)rollout->room : (char *)rollout) + field->offset;
    const json_t *value = json_object_get(row, field->name);
    switch (field->type) {
    case FIELD_BOOL: {
        const bool flag = json_is_true(value);
        (void)memcpy(at, &flag, sizeof(flag));
        return json_is_boolean(value);
    }
    case FIELD_TEXT:
        return text_from_json(at, field->size, value);
    case FIELD_CHAR:
        if (!json_is_string(value) || json_string_length(value) > 1)
            return false;
        *at = json_string_value(value)[0];
        return true;
    case FIELD_INT:
    case FIELD_INT64:
    case FIELD_UINT64:
    case FIELD_UNSIGNED:
    case FIELD_SIZE:
        return number_from_json(at, field, value);
    }
    CHECK_UNREACHABLE();
}

/* --- contents ----------------------------------------------------------------------------- */

/* -1 without memory: a row must never say that there is no spec where there is one. */
static int spec_to_json(json_t *row, const char *name, const struct packed *spec)
{
    return json_object_set_new(row, name, spec == NULL ? json_null() : packed_open(spec));
}

static json_t *content_to_json(const struct rollout_content *content)
{
    const char slot[2] = {content->slot, '\0'};
    json_t *row = json_pack("{s:s,s:s,s:s,s:s,s:s,s:I,s:b,s:b}", "release", content->release_digest,
                            "deployment", content->deployment_digest, "route",
                            content->route_digest, "revision", content->revision, "slot", slot,
                            "baked", (json_int_t)content->baked_wall_ms, "unproven",
                            (int)content->unproven, "accepted", (int)content->accepted);
    if (row != NULL && (spec_to_json(row, "slot_a", content->slot_spec[0]) < 0 ||
                        spec_to_json(row, "slot_b", content->slot_spec[1]) < 0 ||
                        spec_to_json(row, "route_spec", content->route_spec) < 0 ||
                        spec_to_json(row, "endpoints", content->endpoints) < 0 ||
                        spec_to_json(row, "needs", content->needs) < 0 ||
                        spec_to_json(row, "secrets", content->secrets) < 0)) {
        json_decref(row);
        return NULL;
    }
    return row;
}

static struct packed *packed_or_null(const json_t *row, const char *name, json_type type,
                                     int *status)
{
    json_t *value = json_object_get(row, name);
    if (value == NULL || json_typeof(value) == JSON_NULL)
        return NULL;
    if (json_typeof(value) != type) {
        *status = ERR_INVALID;
        return NULL;
    }
    struct packed *packed = packed_take(json_incref(value));
    if (packed == NULL)
        *status = -ENOMEM;
    return packed;
}

static int content_from_json(struct rollout_content *content, const json_t *row)
{
    int status = 0;
    *content = (struct rollout_content){
        .slot_spec = {packed_or_null(row, "slot_a", JSON_OBJECT, &status),
                      packed_or_null(row, "slot_b", JSON_OBJECT, &status)},
        .route_spec = packed_or_null(row, "route_spec", JSON_OBJECT, &status),
        .endpoints = packed_or_null(row, "endpoints", JSON_OBJECT, &status),
        .needs = packed_or_null(row, "needs", JSON_ARRAY, &status),
        .secrets = packed_or_null(row, "secrets", JSON_ARRAY, &status),
        .baked_wall_ms = json_integer_value(json_object_get(row, "baked")),
        .slot = json_text_or(json_object_get(row, "slot"), "")[0],
        .unproven = json_is_true(json_object_get(row, "unproven")),
        .accepted = json_is_true(json_object_get(row, "accepted")),
    };
    if (status < 0)
        return status;
    const bool sound =
        (content->slot == 0 || content->slot == 'a' || content->slot == 'b') &&
        json_is_integer(json_object_get(row, "baked")) &&
        text_from_json(content->release_digest, sizeof(content->release_digest),
                       json_object_get(row, "release")) &&
        text_from_json(content->deployment_digest, sizeof(content->deployment_digest),
                       json_object_get(row, "deployment")) &&
        text_from_json(content->route_digest, sizeof(content->route_digest),
                       json_object_get(row, "route")) &&
        text_from_json(content->revision, sizeof(content->revision),
                       json_object_get(row, "revision"));
    return sound ? 0 : ERR_INVALID;
}

/* --- enums and lists ---------------------------------------------------------------------- */

static const char *const strategy_names[] = {
    [STRATEGY_ROLLING] = "rolling",
    [STRATEGY_BLUE_GREEN] = "blue-green",
    [STRATEGY_CANARY] = "canary",
};
_Static_assert(sizeof(strategy_names) / sizeof(strategy_names[0]) == STRATEGY_COUNT, "one each");

static const char *state_text(size_t value)
{
    return rollout_state_name((enum rollout_state)value);
}

static const char *outcome_text(size_t value)
{
    return rollout_outcome_name((enum rollout_outcome)value);
}

static const char *hold_text(size_t value)
{
    return rollout_hold_name((enum rollout_hold)value);
}

static const char *strategy_text(size_t value)
{
    return strategy_names[value];
}

/* Index of the name, or `count`. */
static size_t enum_from_json(const json_t *row, const char *name, size_t count,
                             const char *(*text)(size_t value))
{
    const char *wanted = json_text_or(json_object_get(row, name), "");
    for (size_t i = 0; i < count; i++) {
        if (strcmp(text(i), wanted) == 0)
            return i;
    }
    return count;
}

static bool enums_from_json(struct rollout *rollout, const json_t *row)
{
    const size_t state = enum_from_json(row, "state", ROLLOUT_STATE_COUNT, state_text);
    const size_t from = enum_from_json(row, "from", ROLLOUT_STATE_COUNT, state_text);
    const size_t outcome = enum_from_json(row, "outcome", ROLLOUT_OUTCOME_COUNT, outcome_text);
    const size_t last = enum_from_json(row, "last_outcome", ROLLOUT_OUTCOME_COUNT, outcome_text);
    const size_t hold = enum_from_json(row, "hold", ROLLOUT_HOLD_COUNT, hold_text);
    const size_t strategy = enum_from_json(row, "strategy", STRATEGY_COUNT, strategy_text);
    if (state == ROLLOUT_STATE_COUNT || from == ROLLOUT_STATE_COUNT ||
        outcome == ROLLOUT_OUTCOME_COUNT || last == ROLLOUT_OUTCOME_COUNT ||
        hold == ROLLOUT_HOLD_COUNT || strategy == STRATEGY_COUNT)
        return false;
    rollout->state = (enum rollout_state)state;
    rollout->from = (enum rollout_state)from;
    rollout->outcome = (enum rollout_outcome)outcome;
    rollout->last_outcome = (enum rollout_outcome)last;
    rollout->hold = (enum rollout_hold)hold;
    rollout->strategy = (enum strategy)strategy;
    return true;
}

static json_t *stages_to_json(const struct rollout *rollout)
{
    json_t *list = json_array();
    for (size_t i = 0; i < rollout->stage_count; i++) {
        const struct rollout_stage *stage = &rollout->room->stages[i];
        if (json_array_append_new(list, json_pack("{s:i,s:I,s:b,s:b}", "weight", stage->weight,
                                                  "soak_ms", (json_int_t)stage->soak_ms, "pause",
                                                  stage->pause, "analysis", stage->analysis)) !=
            0) {
            json_decref(list);
            return NULL;
        }
    }
    return list;
}

static bool stages_from_json(struct rollout *rollout, const json_t *row)
{
    const json_t *list = json_object_get(row, "stages");
    if (!json_is_array(list) || json_array_size(list) > ROLLOUT_STEPS_LIMIT)
        return false;
    rollout->stage_count = json_array_size(list);
    for (size_t i = 0; i < rollout->stage_count; i++) {
        const json_t *stage = json_array_get(list, i);
        const json_t *weight = json_object_get(stage, "weight");
        const json_t *soak = json_object_get(stage, "soak_ms");
        if (!json_is_integer(weight) || json_integer_value(weight) < 0 ||
            json_integer_value(weight) > 100 || !json_is_integer(soak))
            return false;
        rollout->room->stages[i] = (struct rollout_stage){
            .weight = (int16_t)json_integer_value(weight),
            .soak_ms = json_integer_value(soak),
            .pause = json_is_true(json_object_get(stage, "pause")),
            .analysis = json_is_true(json_object_get(stage, "analysis")),
        };
    }
    return true;
}

static json_t *good_to_json(const struct rollout *rollout)
{
    json_t *list = json_array();
    for (size_t i = 0; i < ROLLOUT_GOOD_LIMIT && rollout->good[i].digest[0] != '\0'; i++) {
        if (json_array_append_new(list, json_pack("{s:s,s:I}", "digest", rollout->good[i].digest,
                                                  "at", (json_int_t)rollout->good[i].at.ms)) != 0) {
            json_decref(list);
            return NULL;
        }
    }
    return list;
}

static bool good_from_json(struct rollout *rollout, const json_t *row)
{
    const json_t *list = json_object_get(row, "good");
    if (!json_is_array(list) || json_array_size(list) > ROLLOUT_GOOD_LIMIT)
        return false;
    for (size_t i = 0; i < ROLLOUT_GOOD_LIMIT; i++) {
        const json_t *entry = json_array_get(list, i);
        (void)memset(&rollout->good[i], 0, sizeof(rollout->good[i]));
        if (entry == NULL)
            continue;
        if (!text_from_json(rollout->good[i].digest, sizeof(rollout->good[i].digest),
                            json_object_get(entry, "digest")))
            return false;
        rollout->good[i].at.ms = json_integer_value(json_object_get(entry, "at"));
    }
    return true;
}

/* --- the row ------------------------------------------------------------------------------ */

json_t *rollout_to_json(const struct rollout *rollout)
{
    OWNED_JSON *row =
        json_pack("{s:i,s:s,s:s,s:s,s:s,s:s,s:s,s:o,s:o,s:o,s:o,s:o}", "version", ROW_VERSION,
                  "state", state_text(rollout->state), "from", state_text(rollout->from), "outcome",
                  outcome_text(rollout->outcome), "last_outcome",
                  outcome_text(rollout->last_outcome), "hold", hold_text(rollout->hold), "strategy",
                  strategy_text(rollout->strategy), "stages", stages_to_json(rollout), "good",
                  good_to_json(rollout), "stable", content_to_json(&rollout->stable), "next",
                  content_to_json(&rollout->next), "previous", content_to_json(&rollout->previous));
    if (row == NULL)
        return NULL;
    for (size_t i = 0; i < FIELD_COUNT; i++) {
        if (json_object_set_new(row, fields[i].name, field_to_json(rollout, &fields[i])) != 0)
            return NULL;
    }
    return TAKE(row);
}

static int contents_from_json(struct rollout *rollout, const json_t *row)
{
    int status = content_from_json(&rollout->stable, json_object_get(row, "stable"));
    if (status == 0)
        status = content_from_json(&rollout->next, json_object_get(row, "next"));
    if (status == 0)
        status = content_from_json(&rollout->previous, json_object_get(row, "previous"));
    return status;
}

/* 0, -ENOMEM, or ERR_INVALID with what is wrong in *ret_wrong. */
static int row_read(const json_t *row, struct rollout *rollout, const char **ret_wrong)
{
    *ret_wrong = "version";
    if (json_integer_value(json_object_get(row, "version")) != ROW_VERSION)
        return ERR_INVALID;
    for (size_t i = 0; i < FIELD_COUNT; i++) {
        *ret_wrong = fields[i].name;
        if (!field_from_json(rollout, &fields[i], row))
            return ERR_INVALID;
    }
    *ret_wrong = "state";
    if (!enums_from_json(rollout, row))
        return ERR_INVALID;
    *ret_wrong = "stages";
    if (!stages_from_json(rollout, row) || rollout->step > rollout->stage_count)
        return ERR_INVALID;
    *ret_wrong = "good";
    if (!good_from_json(rollout, row))
        return ERR_INVALID;
    *ret_wrong = "content";
    const int status = contents_from_json(rollout, row);
    if (status < 0)
        return status;
    *ret_wrong = check_find(rollout);
    return *ret_wrong == NULL ? 0 : ERR_INVALID;
}

int rollout_from_json(const json_t *row, struct rollout *rollout, struct error *err)
{
    struct rollout read;
    rollout_init(&read, rollout->cell, rollout->component, rollout->target, rollout->routed);
    const char *wrong = NULL;
    int status = rollout_open(&read);
    if (status == 0)
        status = row_read(row, &read, &wrong);
    if (status < 0)
        rollout_fini(&read);
    if (status == -ENOMEM)
        return error_no_memory(err);
    if (status < 0)
        return error_set(
            err, ERROR_INVALID, ERR_INVALID,
            "the journal's row of the rollout of %s/%s on %s is not readable at \"%s\"",
            rollout->cell, rollout->component, rollout->target, wrong);
    credit_kept(&read);
    rollout_fini(rollout);
    *rollout = read;
    return 0;
}
