/* OpenAPI v3 schemas inside component types: filling defaults and finding what does not fit, in the
 * words of the control plane. Keywords outside of our own types' use are ignored. */
#include "config/base/check.h"
#include "tests/platform/state.h"

#include <regex.h>
#include <stdio.h>
#include <string.h>

json_t *schema_default(const json_t *schema, const json_t *value)
{
    if (value == NULL)
        value = values_get(schema, "default");
    const json_t *properties = values_get(schema, "properties");
    const json_t *items = values_get(schema, "items");
    if (json_is_array(value) && items != NULL) {
        json_t *list = json_array();
        size_t i;
        json_t *item;
        json_array_foreach(value, i, item) json_array_append_new(list, schema_default(items, item));
        return list;
    }
    if (value != NULL && !(json_is_object(value) && properties != NULL))
        return values_copy(value);
    json_t *result = value == NULL ? json_object() : values_copy(value);
    const char *key;
    json_t *sub;
    json_object_foreach(values_mutable(properties), key, sub)
    {
        const json_t *given = values_get(value, key);
        if (given != NULL || values_get(sub, "default") != NULL)
            json_object_set_new(result, key, schema_default(sub, given));
    }
    return result;
}

struct problems {
    char *text;
    size_t size;
};

__attribute__((format(printf, 2, 3))) static void add(struct problems *out, const char *format, ...)
{
    const size_t used = strlen(out->text);
    if (used + 3 >= out->size)
        return;
    const int joint = snprintf(out->text + used, out->size - used, "%s", used == 0 ? "" : "; ");
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(out->text + used + joint, out->size - used - (size_t)joint, format, arguments);
    va_end(arguments);
}

static const char *type_of(const json_t *value)
{
    switch (json_typeof(value)) {
    case JSON_OBJECT:
        return "object";
    case JSON_ARRAY:
        return "array";
    case JSON_STRING:
        return "string";
    case JSON_INTEGER:
    case JSON_REAL:
        return "number";
    case JSON_TRUE:
    case JSON_FALSE:
        return "boolean";
    case JSON_NULL:
        return "null";
    }
    CHECK_UNREACHABLE();
}

static bool has_type(const json_t *value, const char *type)
{
    if (strcmp(type, "integer") == 0)
        return json_is_integer(value) ||
               (json_is_real(value) &&
                json_real_value(value) - (double)(int64_t)json_real_value(value) == 0.0);
    return type[0] == '\0' || strcmp(type_of(value), type) == 0;
}

static void check_value(const json_t *schema, const json_t *value, const char *path,
                        struct problems *out);

static void check_number(const json_t *schema, const json_t *value, const char *path,
                         struct problems *out)
{
    const json_t *least = values_get(schema, "minimum"), *most = values_get(schema, "maximum");
    const double number = json_number_value(value);
    if (least != NULL && number < json_number_value(least))
        add(out, "%s should be greater than or equal to %g", path, json_number_value(least));
    if (most != NULL && number > json_number_value(most))
        add(out, "%s should be less than or equal to %g", path, json_number_value(most));
}

static void check_string(const json_t *schema, const json_t *value, const char *path,
                         struct problems *out)
{
    const json_int_t length = (json_int_t)json_string_length(value);
    const int64_t least = values_int(schema, "minLength", -1);
    const int64_t most = values_int(schema, "maxLength", INT64_MAX);
    if (length < least)
        add(out, "%s should be at least %lld chars long", path, (long long)least);
    if (length > most)
        add(out, "%s should be at most %lld chars long", path, (long long)most);
    const char *pattern = values_text(schema, "pattern");
    regex_t compiled;
    if (pattern[0] != '\0' && regcomp(&compiled, pattern, REG_EXTENDED | REG_NOSUB) == 0) {
        if (regexec(&compiled, json_string_value(value), 0, NULL, 0) != 0)
            add(out, "%s should match '%s'", path, pattern);
        regfree(&compiled);
    }
}

static void check_enumeration(const json_t *schema, const json_t *value, const char *path,
                              struct problems *out)
{
    const json_t *allowed = values_get(schema, "enum");
    if (allowed == NULL)
        return;
    char list[256] = "";
    size_t i;
    json_t *item;
    json_array_foreach(allowed, i, item)
    {
        if (json_equal(item, value))
            return;
        const size_t used = strlen(list);
        snprintf(list + used, sizeof(list) - used, "%s%s", used == 0 ? "" : " ",
                 json_string_value(item));
    }
    add(out, "%s should be one of [%s]", path, list);
}

static void check_object(const json_t *schema, const json_t *value, const char *path,
                         struct problems *out)
{
    const char *key;
    json_t *sub;
    json_object_foreach(values_get(schema, "properties"), key, sub)
    {
        const json_t *member = values_get(value, key);
        char deeper[256];
        snprintf(deeper, sizeof(deeper), "%s%s%s", path, path[0] == '\0' ? "" : ".", key);
        if (member != NULL)
            check_value(sub, member, deeper, out);
    }
    size_t i;
    json_t *required;
    json_array_foreach(values_get(schema, "required"), i, required)
    {
        if (values_get(value, json_string_value(required)) == NULL)
            add(out, "%s.%s is required", path, json_string_value(required));
    }
}

static void check_array(const json_t *schema, const json_t *value, const char *path,
                        struct problems *out)
{
    const int64_t most = values_int(schema, "maxItems", INT64_MAX);
    if ((int64_t)json_array_size(value) > most)
        add(out, "%s should have at most %lld items", path, (long long)most);
    size_t i;
    json_t *item;
    json_array_foreach(value, i, item)
    {
        char deeper[256];
        snprintf(deeper, sizeof(deeper), "%s[%zu]", path, i);
        check_value(values_get(schema, "items"), item, deeper, out);
    }
}

static void check_value(const json_t *schema, const json_t *value, const char *path,
                        struct problems *out)
{
    const char *type = values_text(schema, "type");
    if (!has_type(value, type)) {
        add(out, "%s must be of type %s: \"%s\"", path, type, type_of(value));
        if (strcmp(type, "integer") == 0 && json_is_real(value))
            add(out, "Checked value must be of type integer (default format) in %s", path);
        return;
    }
    check_enumeration(schema, value, path, out);
    if (json_is_object(value))
        check_object(schema, value, path, out);
    else if (json_is_array(value))
        check_array(schema, value, path, out);
    else if (json_is_string(value))
        check_string(schema, value, path, out);
    else if (json_is_number(value))
        check_number(schema, value, path, out);
}

void schema_check(const json_t *schema, const json_t *value, char *ret_message, size_t size)
{
    ret_message[0] = '\0';
    struct problems out = {ret_message, size};
    if (schema != NULL && value != NULL)
        check_value(schema, value, "", &out);
}
