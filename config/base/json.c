#include "config/base/json.h"

#include "config/base/text.h"

#include <errno.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

/* jansson limits nesting at 2048 only; one scan over the bytes finds what is deeper than ours. */
static bool is_too_deep(const char *bytes, size_t length)
{
    int depth = 0;
    bool in_string = false;
    for (size_t i = 0; i < length; i++) {
        const char c = bytes[i];
        if (in_string) {
            if (c == '\\')
                i++;
            else if (c == '"')
                in_string = false;
        } else if (c == '"') {
            in_string = true;
        } else if (c == '[' || c == '{') {
            if (++depth > JSON_DEPTH_LIMIT)
                return true;
        } else if (c == ']' || c == '}') {
            depth--;
        }
    }
    return false;
}

int json_read(const char *bytes, size_t length, const char *what, json_t **ret_value,
              struct error *err)
{
    if (is_too_deep(bytes, length))
        return error_set(err, ERROR_LIMIT, ERR_LIMIT, "%s is nested deeper than %d levels", what,
                         JSON_DEPTH_LIMIT);
    json_error_t problem;
    json_t *value = json_loadb(bytes, length, JSON_REJECT_DUPLICATES | JSON_DECODE_ANY, &problem);
    /* jansson has no words for memory that is missing at the beginning. */
    if (value == NULL &&
        (problem.text[0] == '\0' || json_error_code(&problem) == json_error_out_of_memory))
        return error_no_memory(err);
    if (value == NULL) {
        const int result = error_set(err, ERROR_INVALID, ERR_SYNTAX,
                                     "%s is not valid JSON: line %d, column %d: %s", what,
                                     problem.line, problem.column, problem.text);
        if (err != NULL)
            err->where.line = problem.line > 0 ? (uint32_t)problem.line : 0;
        return result;
    }
    *ret_value = value;
    return 0;
}

static int add_bytes(const char *bytes, size_t length, void *context)
{
    struct text *text = context;
    text_add_bytes(text, bytes, length);
    return text_status(text);
}

static char *write_json(const json_t *value, size_t flags)
{
    OWNED_TEXT text;
    text_init(&text, SIZE_MAX / 2);
    /* jansson forgets that a sorted key could not be written: json_dumps() would leave it out. */
    if (json_dump_callback(value, add_bytes, &text, flags | JSON_COMPACT | JSON_ENCODE_ANY) < 0 ||
        text_status(&text) < 0)
        return NULL;
    return text_take(&text);
}

char *json_canonical(const json_t *value)
{
    return write_json(value, JSON_SORT_KEYS);
}

char *json_escaped(const json_t *value)
{
    return write_json(value, JSON_ESCAPE_SLASH);
}

const json_t *json_at(const json_t *value, ...)
{
    va_list keys;
    va_start(keys, value);
    for (const char *key = va_arg(keys, const char *); key != NULL && value != NULL;
         key = va_arg(keys, const char *))
        value = json_object_get(value, key);
    va_end(keys);
    return value;
}

const char *json_text_or(const json_t *value, const char *otherwise)
{
    const char *text = json_string_value(value);
    return text == NULL ? otherwise : text;
}

json_t *json_join(json_t *to, json_t *from)
{
    if (to != NULL && (from == NULL || json_object_update(to, from) < 0))
        json_decref(TAKE(to));
    json_decref(from);
    return to;
}

json_t *json_copy_whole(const json_t *object)
{
    json_t *copy = json_copy(json_unconst(object));
    if (json_object_size(copy) != json_object_size(object))
        json_decref(TAKE(copy));
    return copy;
}
