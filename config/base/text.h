/* A growing, bounded, always NUL-terminated piece of text. The first failure (memory or limit)
 * sticks: later calls do nothing, and text_status() tells it once at the end. */
#pragma once

#include "config/base/owned.h"

#include <stdarg.h>
#include <stddef.h>

struct text {
    char *bytes; /* never NULL for the reader: use text_get() */
    size_t length, capacity, limit;
    int status;
};

/* Caller's storage. `limit` is the most bytes it may hold, without the NUL. */
void text_init(struct text *text, size_t limit);
void text_fini(struct text *text);

void text_add(struct text *text, const char *string);
void text_add_bytes(struct text *text, const char *bytes, size_t length);
void text_add_char(struct text *text, char c);
/* Percent-encoded: all but the characters that RFC 3986 leaves unreserved. */
void text_add_encoded(struct text *text, const char *string);
/* A character that a precision cuts goes. */
void text_format(struct text *text, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* The bytes so far; "" when empty. Borrowed until the next call that changes the text. */
const char *text_get(const struct text *text);

/* 0, -ENOMEM or ERR_LIMIT. */
int text_status(const struct text *text) __attribute__((warn_unused_result));

/* Gives the bytes to the caller (free() them) and leaves the text empty; NULL when a call failed.
 */
char *text_take(struct text *text);

/* As snprintf(), and what was cut, here or by a precision, never ends in the middle of a character:
 * JSON and the journal refuse such text. For everything that may hold somebody else's words. */
int text_put(char *ret_text, size_t size, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
int text_vput(char *ret_text, size_t size, const char *format, va_list arguments)
    __attribute__((format(printf, 3, 0)));

#define OWNED_TEXT OWNED(text_fini) struct text
