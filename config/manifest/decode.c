#include "config/manifest/decode.h"

#include "config/base/arena.h"
#include "config/base/check.h"
#include "config/base/text.h"
#include "config/manifest/decode_list.h"
#include "config/yaml/typed.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

struct source_pos decode_place(const struct decoder *decoder, const struct yaml_node *node)
{
    return (struct source_pos){decoder->path, node->line, node->column};
}

void *decode_array(struct decoder *decoder, size_t count, size_t size)
{
    void *memory = arena_array(decoder->arena, count, size);
    if (memory == NULL)
        decoder->status = -ENOMEM;
    return memory;
}

void decode_report(struct decoder *decoder, enum diagnostic_severity severity, const char *code,
                   struct source_pos at, const char *hint, const char *format, ...)
{
    char message[1024];
    va_list arguments;
    va_start(arguments, format);
    (void)text_vput(message, sizeof(message), format, arguments);
    va_end(arguments);
    if (severity == DIAGNOSTIC_ERROR)
        decoder->errors++;
    else
        decoder->others++;
    diagnostics_add(decoder->found, &(struct diagnostic){
                                        .severity = severity,
                                        .code = code,
                                        .at = at,
                                        .message = message,
                                        .hint = hint,
                                        .cell = decoder->cell,
                                    });
}

void decode_conflict(struct decoder *decoder, const char *code, struct source_pos at,
                     struct source_pos related, const char *related_message, const char *format,
                     ...)
{
    char message[1024];
    va_list arguments;
    va_start(arguments, format);
    (void)text_vput(message, sizeof(message), format, arguments);
    va_end(arguments);
    decoder->errors++;
    diagnostics_add(decoder->found, &(struct diagnostic){
                                        .severity = DIAGNOSTIC_ERROR,
                                        .code = code,
                                        .at = at,
                                        .message = message,
                                        .cell = decoder->cell,
                                        .related = related,
                                        .related_message = related_message,
                                    });
}

static void report_unknown(struct decoder *decoder, const struct shape *shape,
                           const struct yaml_node *key)
{
    char hint[160];
    const char *nearest = shape_nearest(shape, key->text);
    if (nearest != NULL)
        (void)text_put(hint, sizeof(hint), "did you mean \"%s\"?", nearest);
    else
        (void)text_put(hint, sizeof(hint),
                       "remove it; keys that begin with x- are yours and are passed over");
    decode_report(decoder, DIAGNOSTIC_ERROR, "E_UNKNOWN_FIELD", decode_place(decoder, key), hint,
                  "unknown field \"%s\" in %s", key->text, shape->name);
}

/* Of the fields that `part` adds to the shape: the lowest bit of `seen` is its first one. */
static void report_missing_of(struct decoder *decoder, const struct shape *shape,
                              const struct shape *part, const struct yaml_node *node, uint64_t seen)
{
    for (size_t i = 0; i < part->field_count; i++) {
        const struct field *field = &part->fields[i];
        if (field->required && (seen & UINT64_C(1) << i) == 0)
            decode_report(decoder, DIAGNOSTIC_ERROR, "E_REQUIRED", decode_place(decoder, node),
                          field->doc, "%s needs the field \"%s\"", shape->name, field->name);
    }
}

static void *member(void *object, size_t offset)
{
    return (char *)object + offset;
}

static void mark_one(const struct decoder *decoder, const struct shape *shape,
                     const struct yaml_node *at, void *object)
{
    if (shape->at != 0) {
        const struct source_pos place = decode_place(decoder, at);
        memcpy(member(object, shape->at), &place, sizeof(place));
    }
    if (shape->set != 0) {
        const bool set = true;
        memcpy(member(object, shape->set), &set, sizeof(set));
    }
}

static void mark_written(const struct decoder *decoder, const struct shape *shape,
                         const struct yaml_node *at, void *object)
{
    mark_one(decoder, shape, at, object);
    for (size_t i = 0; i < SHAPE_PART_LIMIT && shape->parts[i].shape != NULL; i++)
        mark_one(decoder, shape->parts[i].shape, at, member(object, shape->parts[i].offset));
}

/* Nothing was written behind the key. True when there is nothing more to do. */
static bool is_left_out(struct decoder *decoder, const struct field *field,
                        const struct yaml_node *value)
{
    if (!yaml_is_empty(value))
        return false;
    if (value->length > 0)
        decode_report(decoder, DIAGNOSTIC_ERROR, "E_NULL", decode_place(decoder, value),
                      "leave the field out; a text goes in quotes", "\"%s\" may not be null (~)",
                      field->name);
    else if (field->required)
        decode_report(decoder, DIAGNOSTIC_ERROR, "E_NULL", decode_place(decoder, value),
                      field->kind == FIELD_TEXT && field->form == FORM_ANY
                          ? "write \"\" for an empty text"
                          : field->doc,
                      "\"%s\" is required, and nothing is written", field->name);
    return true;
}

static void decode_field(struct decoder *decoder, const struct field *field,
                         const struct yaml_node *key, void *object)
{
    const struct yaml_node *value = yaml_value(key);
    if (is_left_out(decoder, field, value))
        return;
    if (field->read != NULL)
        field->read(decoder, field, key, value, object);
    else
        decode_value(decoder, field, key, value, object);
}

static void finish(struct decoder *decoder, const struct shape *shape, const struct yaml_node *node,
                   uint64_t seen, void *object)
{
    report_missing_of(decoder, shape, shape, node, seen);
    size_t first = shape->field_count;
    for (size_t i = 0; i < SHAPE_PART_LIMIT && shape->parts[i].shape != NULL; i++) {
        const struct shape_part *part = &shape->parts[i];
        report_missing_of(decoder, shape, part->shape, node, seen >> first);
        first += part->shape->field_count;
    }
    if (shape->fill)
        decode_defaults(decoder, shape, object);
    first = shape->field_count;
    for (size_t i = 0; i < SHAPE_PART_LIMIT && shape->parts[i].shape != NULL; i++) {
        const struct shape_part *part = &shape->parts[i];
        if (part->shape->finish != NULL)
            part->shape->finish(decoder, member(object, part->offset), node, seen >> first);
        first += part->shape->field_count;
    }
    if (shape->finish != NULL)
        shape->finish(decoder, object, node, seen);
}

void decode_mapping(struct decoder *decoder, const struct shape *shape,
                    const struct yaml_node *node, void *object)
{
    uint64_t seen = 0;
    size_t expected = 0;
    if (node->kind == YAML_KIND_SCALAR && shape->shorthand > 0 && !yaml_is_empty(node)) {
        mark_written(decoder, shape, node, object);
        decode_value(decoder, &shape->fields[shape->shorthand - 1], node, node, object);
        seen = UINT64_C(1) << (shape->shorthand - 1);
        finish(decoder, shape, node, seen, object);
        return;
    }
    if (node->kind != YAML_KIND_MAPPING) {
        char sample[300], hint[400];
        shape_sample(shape, sample, sizeof(sample));
        (void)text_put(hint, sizeof(hint), "%s, as in: %s", shape->doc, sample);
        decode_report(decoder, DIAGNOSTIC_ERROR, "E_TYPE", decode_place(decoder, node), hint,
                      "%s must be a mapping (field: value)", shape->name);
        return;
    }
    mark_written(decoder, shape, node, object);
    for (const struct yaml_node *key = node->first; key != NULL; key = key->next->next) {
        const int index = shape_find(shape, key->text, key->length, expected);
        if (index < 0) {
            if (strncmp(key->text, "x-", 2) != 0)
                report_unknown(decoder, shape, key);
            continue;
        }
        /* A key that stands twice is reported already: the first one counts. */
        if ((seen & UINT64_C(1) << index) != 0)
            continue;
        size_t base = 0;
        const struct field *field = shape_field(shape, (size_t)index, &base);
        seen |= UINT64_C(1) << index;
        expected = (size_t)index + 1;
        decode_field(decoder, field, key, member(object, base));
    }
    finish(decoder, shape, node, seen, object);
}

static void decode_nested(struct decoder *decoder, const struct field *field,
                          const struct yaml_node *key, const struct yaml_node *value, void *object)
{
    void *nested = member(object, field->offset);
    decode_mapping(decoder, field->shape, value, nested);
    if (value->kind == YAML_KIND_MAPPING)
        mark_written(decoder, field->shape, key, nested);
}

static void decode_apart(struct decoder *decoder, const struct field *field,
                         const struct yaml_node *key, const struct yaml_node *value, void *object)
{
    void *apart = decode_array(decoder, 1, field->shape->size);
    if (apart == NULL)
        return;
    const struct field nested = {.shape = field->shape};
    decode_nested(decoder, &nested, key, value, apart);
    memcpy(member(object, field->offset), &apart, sizeof(apart));
}

static void decode_json(struct decoder *decoder, const struct field *field,
                        const struct yaml_node *value, void *object)
{
    CHECK(decoder->json != NULL);
    if (value->kind != YAML_KIND_MAPPING) {
        DECODE_ERROR(decoder, "E_TYPE", decode_place(decoder, value), "\"%s\" must be a mapping",
                     field->name);
        return;
    }
    json_t *json = yaml_typed(value);
    if (*decoder->json == NULL)
        *decoder->json = json_array();
    if (json == NULL || json_array_append_new(*decoder->json, json) < 0) {
        decoder->status = -ENOMEM;
        return;
    }
    memcpy(member(object, field->offset), &json, sizeof(json_t *));
}

static void decode_word_field(struct decoder *decoder, const struct field *field,
                              const struct yaml_node *value, void *object)
{
    int word = 0;
    if (!decode_word(decoder, field->name, field->words, value, &word))
        return;
    memcpy(member(object, field->offset), &word, sizeof(word));
    if (field->extra != 0) {
        const bool set = true;
        memcpy(member(object, field->extra), &set, sizeof(set));
    }
}

/* A text that may have only some values bears the list of them. */
static void decode_text_field(struct decoder *decoder, const struct field *field,
                              const struct yaml_node *value, struct manifest_text *ret_text)
{
    int ignored = 0;
    if (field->words == NULL)
        (void)decode_text(decoder, field, value, ret_text);
    else if (decode_word(decoder, field->name, field->words, value, &ignored))
        *ret_text = (struct manifest_text){value->text, decode_place(decoder, value)};
}

static void decode_flag(struct decoder *decoder, const struct field *field,
                        const struct yaml_node *value, struct manifest_flag *ret_flag)
{
    const bool plain = value->kind == YAML_KIND_SCALAR && value->plain;
    const bool yes = plain && strcmp(value->text, "true") == 0;
    if (!yes && !(plain && strcmp(value->text, "false") == 0)) {
        decode_report(decoder, DIAGNOSTIC_ERROR, "E_FLAG", decode_place(decoder, value),
                      "only true and false count; yes, no, on and off do not",
                      "\"%s\" must be true or false, without quotes", field->name);
        return;
    }
    *ret_flag =
        (struct manifest_flag){.value = yes, .set = true, .at = decode_place(decoder, value)};
}

static void decode_duration(struct decoder *decoder, const struct field *field,
                            const struct yaml_node *value, struct manifest_duration *ret_duration)
{
    struct duration duration = {0};
    const struct source_pos at = decode_place(decoder, value);
    const int status =
        value->kind == YAML_KIND_SCALAR ? duration_parse(value->text, &duration) : -EINVAL;
    if (status < 0) {
        decode_report(decoder, DIAGNOSTIC_ERROR, "E_DURATION", at,
                      "write numbers with units in falling order: 90s, 1h30m, 250ms",
                      status == -ERANGE ? "\"%s\": \"%.40s\" is longer than ten years"
                                        : "\"%s\": \"%.40s\" is not a length of time",
                      field->name, value->kind == YAML_KIND_SCALAR ? value->text : "...");
        return;
    }
    if ((field->min != 0 || field->max != 0) &&
        (duration.ms < field->min || duration.ms > field->max)) {
        char low[DURATION_TEXT_SIZE], high[DURATION_TEXT_SIZE];
        duration_format(DURATION_MS(field->min), low);
        duration_format(DURATION_MS(field->max), high);
        decode_report(decoder, DIAGNOSTIC_ERROR, "E_RANGE", at, NULL,
                      "\"%s\" is %s; it must be between %s and %s", field->name, value->text, low,
                      high);
        return;
    }
    *ret_duration = (struct manifest_duration){.value = duration, .set = true, .at = at};
}

void decode_value(struct decoder *decoder, const struct field *field, const struct yaml_node *key,
                  const struct yaml_node *value, void *object)
{
    switch (field->kind) {
    case FIELD_TEXT:
        decode_text_field(decoder, field, value, member(object, field->offset));
        return;
    case FIELD_NUMBER:
        (void)decode_number(decoder, field, value, member(object, field->offset));
        return;
    case FIELD_FLAG:
        decode_flag(decoder, field, value, member(object, field->offset));
        return;
    case FIELD_DURATION:
        decode_duration(decoder, field, value, member(object, field->offset));
        return;
    case FIELD_WORD:
        decode_word_field(decoder, field, value, object);
        return;
    case FIELD_TEXTS:
        decode_texts(decoder, field, value, member(object, field->offset));
        return;
    case FIELD_MAPPING:
        decode_nested(decoder, field, key, value, object);
        return;
    case FIELD_APART:
        decode_apart(decoder, field, key, value, object);
        return;
    case FIELD_LIST:
        decode_list(decoder, field, value, object);
        return;
    case FIELD_TABLE:
        decode_table(decoder, field, value, object);
        return;
    case FIELD_JSON:
        decode_json(decoder, field, value, object);
        return;
    case FIELD_OTHER:
        break;
    }
    CHECK_UNREACHABLE();
}
