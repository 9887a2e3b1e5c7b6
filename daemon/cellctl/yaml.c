#include "daemon/cellctl/yaml.h"

#include <yaml.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

static const char *const spaced = " \t\n\r";

/* libyaml takes unsigned bytes that it does not change. */
static const yaml_char_t *bytes(const char *text)
{
    return (const yaml_char_t *)text;
}

/* Words that a reader, of this YAML or an older one, would take for something else than text. */
static bool is_ambiguous(const char *text)
{
    static const char *const words[] = {"true", "false", "yes", "no", "on", "off",
                                        "null", "y",     "n",   "~",  ""};
    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
        if (strcasecmp(text, words[i]) == 0)
            return true;
    }
    /* Whatever begins like a number, a date or a duration in sixties. */
    const char first = text[0];
    return (first >= '0' && first <= '9') || first == '.' || first == '+' || first == '-' ||
           first == '<' || first == '=' || strchr(spaced, first) != NULL;
}

static bool emit_scalar(yaml_emitter_t *emitter, const char *text, yaml_scalar_style_t style)
{
    yaml_event_t event;
    return yaml_scalar_event_initialize(&event, NULL, NULL, bytes(text), (int)strlen(text), 1, 1,
                                        style) != 0 &&
           yaml_emitter_emit(emitter, &event) != 0;
}

static bool emit_text(yaml_emitter_t *emitter, const char *text)
{
    const yaml_scalar_style_t style = strchr(text, '\n') != NULL ? YAML_LITERAL_SCALAR_STYLE
                                      : is_ambiguous(text)       ? YAML_DOUBLE_QUOTED_SCALAR_STYLE
                                                                 : YAML_ANY_SCALAR_STYLE;
    return emit_scalar(emitter, text, style);
}

static bool emit(yaml_emitter_t *emitter, const json_t *value);

static bool emit_array(yaml_emitter_t *emitter, const json_t *value)
{
    yaml_event_t event;
    const yaml_sequence_style_t style =
        json_array_size(value) == 0 ? YAML_FLOW_SEQUENCE_STYLE : YAML_BLOCK_SEQUENCE_STYLE;
    bool fine = yaml_sequence_start_event_initialize(&event, NULL, NULL, 1, style) != 0 &&
                yaml_emitter_emit(emitter, &event) != 0;
    for (size_t i = 0; fine && i < json_array_size(value); i++)
        fine = emit(emitter, json_array_get(value, i));
    return fine && yaml_sequence_end_event_initialize(&event) != 0 &&
           yaml_emitter_emit(emitter, &event) != 0;
}

static bool emit_object(yaml_emitter_t *emitter, const json_t *value)
{
    yaml_event_t event;
    const yaml_mapping_style_t style =
        json_object_size(value) == 0 ? YAML_FLOW_MAPPING_STYLE : YAML_BLOCK_MAPPING_STYLE;
    bool fine = yaml_mapping_start_event_initialize(&event, NULL, NULL, 1, style) != 0 &&
                yaml_emitter_emit(emitter, &event) != 0;
    const char *key;
    json_t *member;
    /* Reading does not change it; the iteration has no const form. */
    union {
        const json_t *given;
        json_t *iterated;
    } object = {.given = value};
    json_object_foreach(object.iterated, key, member)
    {
        fine = fine && emit_text(emitter, key) && emit(emitter, member);
    }
    return fine && yaml_mapping_end_event_initialize(&event) != 0 &&
           yaml_emitter_emit(emitter, &event) != 0;
}

static bool emit_number(yaml_emitter_t *emitter, const json_t *value)
{
    char *text = json_dumps(value, JSON_ENCODE_ANY);
    const bool fine = text != NULL && emit_scalar(emitter, text, YAML_PLAIN_SCALAR_STYLE);
    free(text);
    return fine;
}

static bool emit(yaml_emitter_t *emitter, const json_t *value)
{
    switch (json_typeof(value)) {
    case JSON_OBJECT:
        return emit_object(emitter, value);
    case JSON_ARRAY:
        return emit_array(emitter, value);
    case JSON_STRING:
        return emit_text(emitter, json_string_value(value));
    case JSON_INTEGER:
    case JSON_REAL:
    case JSON_TRUE:
    case JSON_FALSE:
    case JSON_NULL:
        return emit_number(emitter, value);
    }
    return false;
}

int yaml_write(FILE *file, const json_t *value, bool unicode)
{
    yaml_emitter_t emitter;
    yaml_event_t event;
    if (yaml_emitter_initialize(&emitter) == 0)
        return -ENOMEM;
    yaml_emitter_set_output_file(&emitter, file);
    yaml_emitter_set_unicode(&emitter, unicode);
    yaml_emitter_set_width(&emitter, -1);
    const bool fine = yaml_stream_start_event_initialize(&event, YAML_UTF8_ENCODING) != 0 &&
                      yaml_emitter_emit(&emitter, &event) != 0 &&
                      yaml_document_start_event_initialize(&event, NULL, NULL, NULL, 0) != 0 &&
                      yaml_emitter_emit(&emitter, &event) != 0 && emit(&emitter, value) &&
                      yaml_document_end_event_initialize(&event, 1) != 0 &&
                      yaml_emitter_emit(&emitter, &event) != 0 &&
                      yaml_stream_end_event_initialize(&event) != 0 &&
                      yaml_emitter_emit(&emitter, &event) != 0;
    yaml_emitter_delete(&emitter);
    return fine ? 0 : -EIO;
}
