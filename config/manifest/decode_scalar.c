/* The parts of decode.h that read one text, number or word, and the defaults. */
#include "config/base/check.h"
#include "config/base/text.h"
#include "config/manifest/decode.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* Words that other readers of YAML take for true, false or nothing. */
static bool is_deceptive(const struct yaml_node *value)
{
    static const char *const words[] = {"yes", "Yes", "YES", "no",  "No", "NO", "on", "On",
                                        "ON",  "off", "Off", "OFF", "y",  "Y",  "n",  "N"};
    if (!value->plain || value->length > 3 || value->length == 0 ||
        strchr("yYnNoO", value->text[0]) == NULL)
        return false;
    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
        if (strcmp(value->text, words[i]) == 0)
            return true;
    }
    return false;
}

static bool is_null_word(const struct yaml_node *value)
{
    return value->plain && (value->length == 4 || value->length == 1) &&
           (strcmp(value->text, "null") == 0 || strcmp(value->text, "Null") == 0 ||
            strcmp(value->text, "NULL") == 0 || strcmp(value->text, "~") == 0);
}

static bool check_scalar(struct decoder *decoder, const char *field, const struct yaml_node *value,
                         const char *wanted)
{
    const struct source_pos at = decode_place(decoder, value);
    if (value->kind != YAML_KIND_SCALAR) {
        DECODE_ERROR(decoder, "E_TYPE", at, "\"%s\" must be %s, not a %s", field, wanted,
                     value->kind == YAML_KIND_MAPPING ? "mapping" : "list");
        return false;
    }
    if (is_null_word(value)) {
        decode_report(decoder, DIAGNOSTIC_ERROR, "E_NULL", at,
                      "leave the field out, or write the word in quotes", "\"%s\" may not be %s",
                      field, value->text);
        return false;
    }
    return true;
}

bool decode_text(struct decoder *decoder, const struct field *field, const struct yaml_node *value,
                 struct manifest_text *ret_text)
{
    if (!check_scalar(decoder, field->name, value, "a text"))
        return false;
    const struct source_pos at = decode_place(decoder, value);
    const char *problem = form_problem(field->form, value->text, value->length);
    if (problem != NULL) {
        /* A URL with a user in it may have the password as well. */
        const bool url = field->form == FORM_URL || field->form == FORM_SAFE_URL;
        const bool shown = field->form != FORM_SECRET && !(url && strchr(value->text, '@') != NULL);
        decode_report(decoder, DIAGNOSTIC_ERROR, "E_FORM", at, form_doc(field->form),
                      shown ? "\"%s\": \"%.200s\" %s" : "\"%s\"%.0s %s", field->name, value->text,
                      problem);
        return false;
    }
    if (value->invisible)
        decode_report(decoder, DIAGNOSTIC_WARNING, "W_INVISIBLE", at, "type the text again",
                      "\"%s\" has invisible characters", field->name);
    if (is_deceptive(value))
        decode_report(decoder, DIAGNOSTIC_NOTE, "N_TEXT", at, "put it in quotes to say so",
                      "\"%s\": %s is taken as a text, not as true or false", field->name,
                      value->text);
    *ret_text = (struct manifest_text){value->text, at};
    return true;
}

/* The decimal numbers of JSON without fraction: no sign but -, no leading zero, no 0x, no _. */
static bool parse_number(const char *text, int64_t *ret_number)
{
    const char *digits = *text == '-' ? text + 1 : text;
    const size_t length = strlen(digits);
    if (length == 0 || strspn(digits, "0123456789") != length || (length > 1 && *digits == '0'))
        return false;
    errno = 0;
    *ret_number = strtoll(text, NULL, 10);
    return errno == 0;
}

bool decode_number(struct decoder *decoder, const struct field *field,
                   const struct yaml_node *value, struct manifest_number *ret_number)
{
    int64_t number = 0;
    if (!check_scalar(decoder, field->name, value, "a whole number"))
        return false;
    const struct source_pos at = decode_place(decoder, value);
    if (!value->plain || !parse_number(value->text, &number)) {
        decode_report(decoder, DIAGNOSTIC_ERROR, "E_NUMBER", at,
                      "write it in plain decimal digits, without quotes, leading zeros, _ or 0x",
                      "\"%s\": \"%.80s\" is no whole number", field->name, value->text);
        return false;
    }
    if ((field->min != 0 || field->max != 0) && (number < field->min || number > field->max)) {
        DECODE_ERROR(decoder, "E_RANGE", at, "\"%s\" is %lld; it must be between %lld and %lld",
                     field->name, (long long)number, (long long)field->min, (long long)field->max);
        return false;
    }
    *ret_number = (struct manifest_number){.value = number, .set = true, .at = at};
    return true;
}

static void report_word(struct decoder *decoder, const char *field, const struct word *words,
                        const struct yaml_node *value)
{
    char allowed[256] = "";
    size_t length = 0;
    for (const struct word *word = words; word->name != NULL; word++) {
        const int written = text_put(allowed + length, sizeof(allowed) - length, "%s%s",
                                     length == 0 ? "" : ", ", word->name);
        CHECK(written > 0 && length + (size_t)written < sizeof(allowed));
        length += (size_t)written;
    }
    char hint[96];
    const char *nearest = schema_nearest_word(words, value->text);
    if (nearest != NULL)
        (void)text_put(hint, sizeof(hint), "did you mean \"%s\"?", nearest);
    decode_report(decoder, DIAGNOSTIC_ERROR, "E_WORD", decode_place(decoder, value),
                  nearest != NULL ? hint : NULL, "\"%s\" is \"%.80s\"; it may be %s", field,
                  value->text, allowed);
}

bool decode_word(struct decoder *decoder, const char *field, const struct word *words,
                 const struct yaml_node *value, int *ret_value)
{
    if (!check_scalar(decoder, field, value, "a word"))
        return false;
    for (const struct word *word = words; word->name != NULL; word++) {
        if (strcmp(word->name, value->text) == 0) {
            *ret_value = word->value;
            return true;
        }
    }
    report_word(decoder, field, words, value);
    return false;
}

/* --- defaults --------------------------------------------------------------------------------- */

static bool is_set(const struct field *field, const char *object)
{
    const void *member = object + field->offset;
    bool set = false;
    switch (field->kind) {
    case FIELD_TEXT:
        return ((const struct manifest_text *)member)->text != NULL;
    case FIELD_NUMBER:
        return ((const struct manifest_number *)member)->set;
    case FIELD_FLAG:
        return ((const struct manifest_flag *)member)->set;
    case FIELD_DURATION:
        return ((const struct manifest_duration *)member)->set;
    case FIELD_WORD:
        if (field->extra != 0)
            memcpy(&set, object + field->extra, sizeof(set));
        return set;
    case FIELD_TEXTS:
        return ((const struct manifest_texts *)member)->set;
    case FIELD_MAPPING:
    case FIELD_APART:
    case FIELD_LIST:
    case FIELD_TABLE:
    case FIELD_JSON:
    case FIELD_OTHER:
        return true;
    }
    CHECK_UNREACHABLE();
}

static void fill(struct decoder *decoder, const struct field *field, void *object)
{
    const struct yaml_node text = {.kind = YAML_KIND_SCALAR,
                                   .plain = true,
                                   .length = (uint32_t)strlen(field->fallback),
                                   .text = field->fallback};
    const struct yaml_node list = {.kind = YAML_KIND_SEQUENCE, .length = 1, .first = &text};
    decode_value(decoder, field, &text, field->kind == FIELD_TEXTS ? &list : &text, object);
}

void decode_defaults(struct decoder *decoder, const struct shape *shape, void *object)
{
    const size_t count = shape_field_count(shape);
    for (size_t i = 0; i < count; i++) {
        size_t base = 0;
        const struct field *field = shape_field(shape, i, &base);
        char *owner = (char *)object + base;
        void *apart = NULL;
        if (field->kind == FIELD_APART)
            memcpy(&apart, owner + field->offset, sizeof(apart));
        if (field->kind == FIELD_MAPPING)
            decode_defaults(decoder, field->shape, owner + field->offset);
        else if (apart != NULL)
            decode_defaults(decoder, field->shape, apart);
        else if (field->fallback != NULL && field->is_default && !is_set(field, owner))
            fill(decoder, field, owner);
    }
}
