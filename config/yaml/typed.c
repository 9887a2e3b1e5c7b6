#include "config/yaml/typed.h"

#include "config/base/check.h"
#include "config/yaml/reader.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* Longer numbers stay texts. */
#define REAL_LIMIT 200u

static bool is_any(const char *text, const char *a, const char *b, const char *c)
{
    return strcmp(text, a) == 0 || strcmp(text, b) == 0 || strcmp(text, c) == 0;
}

/* Whether it is one that fits; then *ret_value, NULL without memory. */
static bool integer(const char *text, const char *digits, int base, json_t **ret_value)
{
    const char *allowed = base == 8    ? "01234567"
                          : base == 16 ? "0123456789abcdefABCDEF"
                                       : "0123456789";
    if (*digits == '\0' || strspn(digits, allowed) != strlen(digits))
        return false;
    errno = 0;
    const long long value = strtoll(base == 10 ? text : digits, NULL, base);
    if (errno != 0)
        return false;
    *ret_value = json_integer(value);
    return true;
}

/* [-+]? ( digits [. digits*] | . digits ) ( [eE] [-+]? digits )? */
static bool is_real(const char *text)
{
    if (*text == '-' || *text == '+')
        text++;
    const size_t whole = strspn(text, "0123456789");
    text += whole;
    if (*text == '.') {
        const size_t fraction = strspn(++text, "0123456789");
        if (whole == 0 && fraction == 0)
            return false;
        text += fraction;
    } else if (whole == 0) {
        return false;
    }
    if (*text == 'e' || *text == 'E') {
        text++;
        if (*text == '-' || *text == '+')
            text++;
        const size_t exponent = strspn(text, "0123456789");
        if (exponent == 0)
            return false;
        text += exponent;
    }
    return *text == '\0';
}

/* A real in JSON's narrower spelling: no plus, no zeros before, digits on both sides of the point.
 * False when it does not fit a double, or is longer than any that does. */
static bool real(const char *text, json_t **ret_value)
{
    char spelled[REAL_LIMIT + 8];
    size_t length = 0;
    if (strlen(text) > REAL_LIMIT)
        return false;
    if (*text == '-')
        spelled[length++] = '-';
    text += *text == '-' || *text == '+';
    while (text[0] == '0' && text[1] >= '0' && text[1] <= '9')
        text++;
    if (*text == '.')
        spelled[length++] = '0';
    for (; *text != '\0'; text++) {
        spelled[length++] = *text;
        if (*text == '.' && (text[1] < '0' || text[1] > '9'))
            spelled[length++] = '0';
    }
    json_error_t error;
    *ret_value = json_loadb(spelled, length, JSON_DECODE_ANY, &error);
    return *ret_value != NULL || json_error_code(&error) != json_error_numeric_overflow;
}

/* Whether it is one; then *ret_value, NULL without memory. */
static bool number(const char *text, json_t **ret_value)
{
    if (strncmp(text, "0o", 2) == 0)
        return integer(text, text + 2, 8, ret_value);
    if (strncmp(text, "0x", 2) == 0)
        return integer(text, text + 2, 16, ret_value);
    const char *digits = *text == '-' || *text == '+' ? text + 1 : text;
    return integer(text, digits, 10, ret_value) || (is_real(text) && real(text, ret_value));
}

static json_t *scalar(const struct yaml_node *node)
{
    const char *text = node->text;
    if (node->plain) {
        if (node->length == 0 || strcmp(text, "~") == 0 || is_any(text, "null", "Null", "NULL"))
            return json_null();
        if (is_any(text, "true", "True", "TRUE"))
            return json_true();
        if (is_any(text, "false", "False", "FALSE"))
            return json_false();
        json_t *value;
        if (number(text, &value))
            return value;
    }
    return json_stringn_nocheck(text, node->length);
}

static json_t *start(const struct yaml_node *node)
{
    switch ((enum yaml_kind)node->kind) {
    case YAML_KIND_SCALAR:
        return scalar(node);
    case YAML_KIND_MAPPING:
        return json_object();
    case YAML_KIND_SEQUENCE:
        return json_array();
    }
    CHECK_UNREACHABLE();
}

struct frame {
    json_t *value;
    bool is_mapping;
    const struct yaml_node *next; /* the next key, or the next entry */
};

json_t *yaml_typed(const struct yaml_node *node)
{
    struct frame stack[YAML_DEPTH_LARGEST + 1];
    size_t depth = 0;
    json_t *root = start(node);
    if (root == NULL || node->kind == YAML_KIND_SCALAR)
        return root;
    stack[depth++] = (struct frame){root, node->kind == YAML_KIND_MAPPING, node->first};
    while (depth > 0) {
        struct frame *frame = &stack[depth - 1];
        const struct yaml_node *entry = frame->next;
        if (entry == NULL) {
            depth--;
            continue;
        }
        const struct yaml_node *child = frame->is_mapping ? entry->next : entry;
        json_t *value = start(child);
        frame->next = child->next;
        const int status = frame->is_mapping
                               ? json_object_set_new_nocheck(frame->value, entry->text, value)
                               : json_array_append_new(frame->value, value);
        if (status < 0) {
            json_decref(root);
            return NULL;
        }
        if (child->kind != YAML_KIND_SCALAR) {
            CHECK(depth <= YAML_DEPTH_LARGEST);
            stack[depth++] = (struct frame){value, child->kind == YAML_KIND_MAPPING, child->first};
        }
    }
    return root;
}
