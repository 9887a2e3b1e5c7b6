/* What the model does not follow, each as narrow as it can be, with the reason. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

struct exception {
    const char *file; /* prefix of the recording's name up to its number: "03b" */
    int from, to;     /* lines; equal for one */
    const char
        *pointer; /* glob over JSON pointers; "*" = the whole answer, "status" = its status */
    const char *reason;
};

extern const struct exception exceptions_table[];
size_t exceptions_count(void);

/* The first row that covers a place; -1 = none. */
int exceptions_find(const char *file, int line, const char *pointer);
