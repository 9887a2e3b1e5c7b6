#include "config/manifest/publish.h"

#include "config/base/check.h"
#include "config/base/json.h"
#include "config/base/text.h"
#include "config/base/time.h"

#include <string.h>

#define DURATION_PATTERN "^([0-9]+d)?([0-9]+h)?([0-9]+m)?([0-9]+s)?([0-9]+ms)?$"

/* --- shapes ----------------------------------------------------------------------------------- */

static void add_shape(struct publish_shapes *shapes, const struct shape *shape)
{
    for (size_t i = 0; i < shapes->count; i++) {
        if (shapes->items[i] == shape)
            return;
    }
    CHECK(shapes->count < PUBLISH_SHAPE_LIMIT);
    shapes->items[shapes->count++] = shape;
}

void publish_collect(const struct shape *root, struct publish_shapes *ret_shapes)
{
    *ret_shapes = (struct publish_shapes){0};
    add_shape(ret_shapes, root);
    for (size_t i = 0; i < ret_shapes->count; i++) {
        const struct shape *shape = ret_shapes->items[i];
        const size_t count = shape_field_count(shape);
        for (size_t j = 0; j < count; j++) {
            size_t base = 0;
            const struct field *field = shape_field(shape, j, &base);
            if (field->shape != NULL)
                add_shape(ret_shapes, field->shape);
        }
    }
}

/* --- JSON Schema ------------------------------------------------------------------------------ */

/* Names in references have no spaces. */
static void def_name(const struct shape *shape, char ret_name[static 64])
{
    (void)text_put(ret_name, 64, "%s", shape->name);
    for (char *c = ret_name; *c != '\0'; c++) {
        if (*c == ' ')
            *c = '-';
    }
}

static json_t *reference(const struct shape *shape)
{
    char name[64], text[96];
    def_name(shape, name);
    (void)text_put(text, sizeof(text), "#/$defs/%s", name);
    json_t *ref = json_pack("{s:s}", "$ref", text);
    return shape->shorthand == 0 ? ref
                                 : json_pack("{s:[{s:s}, o]}", "oneOf", "type", "string", ref);
}

static json_t *text_schema(enum text_form form)
{
    const char *pattern = form_pattern(form);
    /* Numbers and true are texts here, whatever an editor takes them for. */
    json_t *schema = json_pack("{s:[s,s,s]}", "type", "string", "number", "boolean");
    if (pattern != NULL)
        (void)json_object_set_new(schema, "pattern", json_string(pattern));
    return schema;
}

static json_t *words_schema(const struct word *words)
{
    json_t *names = json_array();
    for (; words->name != NULL; words++)
        (void)json_array_append_new(names, json_string(words->name));
    return json_pack("{s:o}", "enum", names);
}

static void set_limits(json_t *schema, const char *low, const char *high, const struct field *field)
{
    if (field->min == 0 && field->max == 0)
        return;
    (void)json_object_set_new(schema, low, json_integer(field->min));
    (void)json_object_set_new(schema, high, json_integer(field->max));
}

static json_t *value_schema(const struct field *field)
{
    json_t *schema = NULL;
    switch (field->kind) {
    case FIELD_TEXT:
        return field->words != NULL ? words_schema(field->words) : text_schema(field->form);
    case FIELD_NUMBER:
        schema = json_pack("{s:s}", "type", "integer");
        set_limits(schema, "minimum", "maximum", field);
        return schema;
    case FIELD_FLAG:
        return json_pack("{s:s}", "type", "boolean");
    case FIELD_DURATION:
        return json_pack("{s:s, s:s}", "type", "string", "pattern", DURATION_PATTERN);
    case FIELD_WORD:
        return words_schema(field->words);
    case FIELD_TEXTS:
        schema = json_pack("{s:s, s:o}", "type", "array", "items", text_schema(field->form));
        set_limits(schema, "minItems", "maxItems", field);
        return schema;
    case FIELD_MAPPING:
    case FIELD_APART:
        return reference(field->shape);
    case FIELD_LIST:
        schema = json_pack("{s:s, s:o}", "type", "array", "items", reference(field->shape));
        set_limits(schema, "minItems", "maxItems", field);
        return schema;
    case FIELD_TABLE:
        return json_pack("{s:s, s:o, s:o}", "type", "object", "propertyNames",
                         text_schema(field->form), "additionalProperties", reference(field->shape));
    case FIELD_JSON:
        return json_pack("{s:s}", "type", "object");
    case FIELD_OTHER:
        return json_object();
    }
    CHECK_UNREACHABLE();
}

/* Nothing written behind the key is the same as no key, where it may be left out. */
static json_t *or_nothing(json_t *schema)
{
    json_t *type = json_object_get(schema, "type"), *words = json_object_get(schema, "enum");
    if (json_is_string(type))
        (void)json_object_set_new(schema, "type", json_pack("[O,s]", type, "null"));
    else if (json_is_array(type))
        (void)json_array_append_new(type, json_string("null"));
    else if (words != NULL)
        (void)json_array_append_new(words, json_null());
    else if (json_object_size(schema) > 0)
        return json_pack("{s:[o,{s:s}]}", "anyOf", schema, "type", "null");
    return schema;
}

static json_t *field_schema(const struct field *field)
{
    json_t *schema = field->json_schema == NULL
                         ? value_schema(field)
                         : json_loads(field->json_schema, JSON_DECODE_ANY, NULL);
    CHECK(schema != NULL);
    if (!field->required)
        schema = or_nothing(schema);
    (void)json_object_set_new(schema, "description", json_string(field->doc));
    return schema;
}

static json_t *shape_schema(const struct shape *shape)
{
    json_t *properties = json_object(), *required = json_array();
    const size_t count = shape_field_count(shape);
    for (size_t i = 0; i < count; i++) {
        size_t base = 0;
        const struct field *field = shape_field(shape, i, &base);
        (void)json_object_set_new(properties, field->name, field_schema(field));
        if (field->required)
            (void)json_array_append_new(required, json_string(field->name));
    }
    json_t *schema =
        json_pack("{s:s, s:s, s:o, s:{s:{}}, s:b}", "description", shape->doc, "type", "object",
                  "properties", properties, "patternProperties", "^x-", "additionalProperties", 0);
    if (json_array_size(required) > 0)
        (void)json_object_set(schema, "required", required);
    json_decref(required);
    if (shape->json_rules != NULL) {
        OWNED_JSON *rules = json_loads(shape->json_rules, 0, NULL);
        CHECK(rules != NULL);
        (void)json_object_update(schema, rules);
    }
    return schema;
}

json_t *publish_json_schema(const struct shape *root)
{
    struct publish_shapes shapes;
    char name[64];
    publish_collect(root, &shapes);
    json_t *definitions = json_object();
    for (size_t i = 1; i < shapes.count; i++) {
        def_name(shapes.items[i], name);
        (void)json_object_set_new(definitions, name, shape_schema(shapes.items[i]));
    }
    json_t *schema = shape_schema(root);
    (void)json_object_set_new(schema, "$schema",
                              json_string("https://json-schema.org/draft/2020-12/schema"));
    (void)json_object_set_new(schema, "title", json_string(root->name));
    (void)json_object_set_new(schema, "$defs", definitions);
    return schema;
}

/* --- the manual ------------------------------------------------------------------------------- */

static void write_words(const struct word *words, struct text *out)
{
    for (const struct word *word = words; word->name != NULL; word++)
        text_format(out, "%s`%s`", word == words ? "" : ", ", word->name);
}

static void write_range(const struct field *field, bool durations, struct text *out)
{
    if (field->min == 0 && field->max == 0)
        return;
    if (durations) {
        char low[DURATION_TEXT_SIZE], high[DURATION_TEXT_SIZE];
        duration_format(DURATION_MS(field->min), low);
        duration_format(DURATION_MS(field->max), high);
        text_format(out, ", %s to %s", low, high);
    } else {
        text_format(out, ", %lld to %lld", (long long)field->min, (long long)field->max);
    }
}

/* To the section of the shape, whose anchor is lower case and without spaces and dots. */
static void write_link(const struct shape *shape, struct text *out)
{
    text_format(out, "[%s](#", shape->name);
    for (const char *c = shape->name; *c != '\0'; c++) {
        if (*c == ' ')
            text_add_char(out, '-');
        else if (*c >= 'A' && *c <= 'Z')
            text_add_char(out, (char)(*c + ('a' - 'A')));
        else if (*c != '.')
            text_add_char(out, *c);
    }
    text_add_char(out, ')');
}

static void write_type(const struct field *field, struct text *out)
{
    if (field->type_doc != NULL) {
        text_add(out, field->type_doc);
        return;
    }
    switch (field->kind) {
    case FIELD_TEXT:
    case FIELD_WORD:
        if (field->words != NULL)
            write_words(field->words, out);
        else
            text_add(out, form_doc(field->form));
        return;
    case FIELD_NUMBER:
        text_add(out, "number");
        write_range(field, false, out);
        return;
    case FIELD_FLAG:
        text_add(out, "`true`, `false`");
        return;
    case FIELD_DURATION:
        text_add(out, "duration");
        write_range(field, true, out);
        return;
    case FIELD_TEXTS:
        text_format(out, "list of: %s", form_doc(field->form));
        return;
    case FIELD_MAPPING:
    case FIELD_APART:
        write_link(field->shape, out);
        return;
    case FIELD_LIST:
        text_add(out, "list of ");
        write_link(field->shape, out);
        return;
    case FIELD_TABLE:
        text_add(out, "mapping from names to ");
        write_link(field->shape, out);
        return;
    case FIELD_JSON:
        text_add(out, "any mapping");
        return;
    case FIELD_OTHER:
        return;
    }
    CHECK_UNREACHABLE();
}

static void write_field(const struct field *field, struct text *out)
{
    text_format(out, "| `%s` | ", field->name);
    write_type(field, out);
    if (field->required)
        text_add(out, " | required | ");
    else if (field->fallback != NULL)
        text_format(out, " | `%s` | ", field->fallback[0] == '\0' ? "\"\"" : field->fallback);
    else
        text_add(out, " | | ");
    text_format(out, "%s |\n", field->doc);
}

void publish_reference(const struct shape *root, struct text *out)
{
    struct publish_shapes shapes;
    publish_collect(root, &shapes);
    for (size_t i = 0; i < shapes.count; i++) {
        const struct shape *shape = shapes.items[i];
        const size_t count = shape_field_count(shape);
        text_format(out, "\n%s %s\n\n%s.", i == 0 ? "##" : "###", shape->name, shape->doc);
        if (shape->shorthand > 0)
            text_format(out, " A bare text stands for `%s`.",
                        shape->fields[shape->shorthand - 1].name);
        text_add(out, "\n");
        if (count > 0)
            text_add(out, "\n| field | value | default | meaning |\n| --- | --- | --- | --- |\n");
        for (size_t j = 0; j < count; j++) {
            size_t base = 0;
            write_field(shape_field(shape, j, &base), out);
        }
    }
}
