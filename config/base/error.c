#include "config/base/error.h"

#include "config/base/check.h"
#include "config/base/utf8.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

static const char *const kind_names[] = {
    [ERROR_NONE] = "none",           [ERROR_INVALID] = "invalid",
    [ERROR_NOT_FOUND] = "not-found", [ERROR_CONFLICT] = "conflict",
    [ERROR_DENIED] = "denied",       [ERROR_UNAVAILABLE] = "unavailable",
    [ERROR_TIMEOUT] = "timeout",     [ERROR_UNKNOWN] = "unknown-outcome",
    [ERROR_CANCELLED] = "cancelled", [ERROR_LIMIT] = "limit",
    [ERROR_INTERNAL] = "internal",
};
_Static_assert(sizeof(kind_names) / sizeof(kind_names[0]) == ERROR_KIND_COUNT, "a name per kind");

const char *error_kind_name(enum error_kind kind)
{
    CHECK((unsigned)kind < ERROR_KIND_COUNT);
    return kind_names[kind];
}

/* Valid UTF-8 without control characters. */
static void make_printable(char *text)
{
    utf8_mend(text);
    for (char *c = text; *c != '\0'; c++) {
        if ((unsigned char)*c < 0x20 || *c == 0x7F)
            *c = '?';
    }
}

int error_set(struct error *err, enum error_kind kind, int code, const char *format, ...)
{
    CHECK(code < 0);
    if (err == NULL)
        return code;
    *err = (struct error){.kind = kind, .code = code, .retry_after_ms = -1};
    va_list arguments;
    va_start(arguments, format);
    (void)vsnprintf(err->detail, sizeof(err->detail), format, arguments);
    va_end(arguments);
    make_printable(err->detail);
    return code;
}

int error_context(struct error *err, const char *format, ...)
{
    if (err == NULL)
        return 0;
    char before[sizeof(err->detail)];
    memcpy(before, err->detail, sizeof(before));
    va_list arguments;
    va_start(arguments, format);
    const int length = vsnprintf(err->detail, sizeof(err->detail), format, arguments);
    va_end(arguments);
    const size_t room = sizeof(err->detail) - 1;
    if (length >= 0 && (size_t)length + 2 < room) {
        memcpy(err->detail + length, ": ", 2);
        const size_t fits = strnlen(before, room - (size_t)length - 2);
        memcpy(err->detail + length + 2, before, fits);
        err->detail[(size_t)length + 2 + fits] = '\0';
    }
    make_printable(err->detail);
    return err->code;
}

int error_no_memory(struct error *err)
{
    return error_set(err, ERROR_INTERNAL, -ENOMEM, "out of memory");
}
