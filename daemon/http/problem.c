#include "daemon/http/problem.h"

#include "config/base/json.h"
#include "config/base/text.h"
#include "config/base/utf8.h"

#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include <strings.h>

/* What is looked at of a text; what is shown is far shorter. */
#define RAW_LIMIT 2048

/* The first of the two is what a program reads, the second what a person reads. */
static const struct {
    const char *code, *text;
} shapes[] = {
    {"code", "error"},              /* the API */
    {"errorType", "error"},         /* Prometheus */
    {"error", "message"},           /* its token check */
    {"errorCode", "message"},       /* the observer */
    {"error", "error_description"}, /* a token endpoint */
    {"title", "detail"},            /* RFC 9457 */
    {"error", "error"},
    {"message", "message"},
    {"title", "title"},
};
#define SHAPE_COUNT (sizeof(shapes) / sizeof(shapes[0]))

struct found {
    void *context;
    char *text;
    size_t length;
};

static int overwrite_each(void *context, const char *bytes, size_t length)
{
    struct found *found = context;
    /* Shorter ones would blank words that mean something else. */
    if (length < 6)
        return 0;
    char *at = found->text;
    char *end = found->text + found->length;
    for (;;) {
        at = memmem(at, (size_t)(end - at), bytes, length);
        if (at == NULL)
            return 0;
        memset(at, '*', length);
        at += length;
    }
}

/* Controls, and the marks that reorder a line on a terminal. */
static bool is_printable(uint32_t c)
{
    return c >= 0x20 && !(c >= 0x7F && c <= 0x9F) && !(c >= 0x200B && c <= 0x200F) &&
           !(c >= 0x2028 && c <= 0x202E) && !(c >= 0x2060 && c <= 0x2069) && c != 0xFEFF;
}

/* One line: white space becomes one space, what cannot be printed '?'. Cut at a character. */
static void make_line(const char *raw, size_t length, char *to, size_t size)
{
    size_t used = 0;
    for (size_t i = 0; i < length;) {
        uint32_t character = '?';
        size_t width = utf8_read(raw + i, length - i, &character);
        const bool is_space = width == 1 && strchr(" \t\r\n", (int)character) != NULL;
        const bool is_shown = width > 0 && is_printable(character) && !is_space;
        const size_t taken = is_shown ? width : 1;
        if (used + taken >= size)
            break;
        if (is_shown)
            memcpy(to + used, raw + i, width);
        else if (!is_space)
            to[used] = '?';
        else if (used > 0 && to[used - 1] != ' ')
            to[used] = ' ';
        else
            used--; /* leading or repeated space: nothing */
        used += taken;
        i += width == 0 ? 1 : width;
    }
    while (used > 0 && to[used - 1] == ' ')
        used--;
    to[used] = '\0';
}

static void show(const char *bytes, size_t length, const struct secret *hidden, char *to,
                 size_t size)
{
    char raw[RAW_LIMIT];
    if (length > sizeof(raw))
        length = sizeof(raw);
    memcpy(raw, bytes, length);
    struct found found = {.text = raw, .length = length};
    if (hidden != NULL)
        (void)secret_use(hidden, overwrite_each, &found);
    make_line(raw, length, to, size);
}

static bool describe_json(const struct problem_source *source, char text[static PROBLEM_SIZE])
{
    for (size_t i = 0; i < SHAPE_COUNT; i++) {
        const json_t *code = json_object_get(source->json, shapes[i].code);
        const json_t *sentence = json_object_get(source->json, shapes[i].text);
        if (!json_is_string(code) || !json_is_string(sentence))
            continue;
        char shown[PROBLEM_SIZE - 64], shown_code[56];
        show(json_string_value(sentence), json_string_length(sentence), source->hidden, shown,
             sizeof(shown));
        show(json_string_value(code), json_string_length(code), source->hidden, shown_code,
             sizeof(shown_code));
        const bool is_one = strcmp(shapes[i].code, shapes[i].text) == 0;
        (void)text_put(text, PROBLEM_SIZE, "%s%s%s", is_one ? "" : shown_code, is_one ? "" : ": ",
                       shown);
        return true;
    }
    return false;
}

void problem_describe(const struct problem_source *source, char ret_text[static PROBLEM_SIZE])
{
    ret_text[0] = '\0';
    if (source->json != NULL) {
        (void)describe_json(source, ret_text);
        return;
    }
    if (strncasecmp(source->content_type, "text/plain", 10) == 0)
        show(source->bytes, source->length, source->hidden, ret_text, PROBLEM_SIZE - 64);
}
