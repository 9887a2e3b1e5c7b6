#include "config/base/text.h"

#include "config/base/error.h"
#include "config/base/utf8.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void text_init(struct text *text, size_t limit)
{
    *text = (struct text){.limit = limit};
}

void text_fini(struct text *text)
{
    free(text->bytes);
    *text = (struct text){.limit = text->limit};
}

/* Makes room for `more` bytes and a NUL. */
static int reserve(struct text *text, size_t more)
{
    if (text->status < 0)
        return text->status;
    if (more > text->limit - text->length)
        return text->status = ERR_LIMIT;
    const size_t wanted = text->length + more + 1;
    if (wanted <= text->capacity)
        return 0;
    size_t capacity = text->capacity == 0 ? 64 : text->capacity;
    while (capacity < wanted)
        capacity *= 2;
    char *bytes = realloc(text->bytes, capacity);
    if (bytes == NULL)
        return text->status = -ENOMEM;
    text->bytes = bytes;
    text->capacity = capacity;
    return 0;
}

void text_add_bytes(struct text *text, const char *bytes, size_t length)
{
    if (reserve(text, length) < 0)
        return;
    if (length > 0)
        memcpy(text->bytes + text->length, bytes, length);
    text->length += length;
    text->bytes[text->length] = '\0';
}

void text_add(struct text *text, const char *string)
{
    text_add_bytes(text, string, strlen(string));
}

void text_add_char(struct text *text, char c)
{
    text_add_bytes(text, &c, 1);
}

void text_add_encoded(struct text *text, const char *string)
{
    for (; *string != '\0'; string++) {
        const char c = *string;
        if ((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
            strchr("-._~", c) != NULL)
            text_add_char(text, c);
        else
            text_format(text, "%%%02X", (unsigned)(unsigned char)c);
    }
}

void text_format(struct text *text, const char *format, ...)
{
    va_list arguments, again;
    va_start(arguments, format);
    va_copy(again, arguments);
    const int length = vsnprintf(NULL, 0, format, arguments);
    va_end(arguments);
    if (length >= 0 && reserve(text, (size_t)length) == 0) {
        (void)text_vput(text->bytes + text->length, (size_t)length + 1, format, again);
        text->length += strlen(text->bytes + text->length);
    }
    va_end(again);
}

int text_vput(char *ret_text, size_t size, const char *format, va_list arguments)
{
    const int length = vsnprintf(ret_text, size, format, arguments);
    if (size > 0)
        utf8_mend(ret_text);
    return length;
}

int text_put(char *ret_text, size_t size, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    const int length = text_vput(ret_text, size, format, arguments);
    va_end(arguments);
    return length;
}

const char *text_get(const struct text *text)
{
    return text->bytes == NULL ? "" : text->bytes;
}

int text_status(const struct text *text)
{
    return text->status;
}

char *text_take(struct text *text)
{
    if (text->status == 0 && text->bytes == NULL)
        (void)reserve(text, 0);
    if (text->status < 0 || text->bytes == NULL)
        return NULL;
    char *bytes = text->bytes;
    bytes[text->length] = '\0';
    char *fitting = realloc(bytes, text->length + 1); /* what is taken is often kept for long */
    *text = (struct text){.limit = text->limit};
    return fitting == NULL ? bytes : fitting;
}
