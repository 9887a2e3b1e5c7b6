#include "config/base/json.h"

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
    if (value == NULL && json_error_code(&problem) == json_error_out_of_memory)
        return error_no_memory(err);
    if (value == NULL)
        return error_set(err, ERROR_INVALID, ERR_SYNTAX,
                         "%s is not valid JSON: line %d, column %d: %s", what, problem.line,
                         problem.column, problem.text);
    *ret_value = value;
    return 0;
}

struct writing {
    char *bytes;
    size_t length, capacity;
    bool failed;
};

static int write_bytes(const char *bytes, size_t length, void *context)
{
    struct writing *writing = context;
    if (writing->capacity - writing->length <= length && !writing->failed) {
        const size_t capacity = 2 * (writing->capacity + length) + 256;
        char *grown = realloc(writing->bytes, capacity);
        writing->failed = grown == NULL;
        writing->bytes = grown == NULL ? writing->bytes : grown;
        writing->capacity = grown == NULL ? writing->capacity : capacity;
    }
    if (writing->failed)
        return -1;
    memcpy(writing->bytes + writing->length, bytes, length);
    writing->length += length;
    return 0;
}

char *json_canonical(const json_t *value)
{
    struct writing writing = {0};
    const size_t flags = JSON_SORT_KEYS | JSON_COMPACT | JSON_ENCODE_ANY;
    /* jansson forgets that a sorted key could not be written: json_dumps() would leave it out. */
    if (json_dump_callback(value, write_bytes, &writing, flags) < 0 || writing.failed ||
        writing.bytes == NULL) {
        free(writing.bytes);
        return NULL;
    }
    writing.bytes[writing.length] = '\0';
    return writing.bytes;
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
