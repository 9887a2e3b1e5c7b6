#include "tests/platform/conformance/exceptions.h"

#include "tests/platform/state.h"

#include <string.h>

const struct exception exceptions_table[] = {
    {"none", 0, 0, "", ""},
};

size_t exceptions_count(void)
{
    return sizeof(exceptions_table) / sizeof(*exceptions_table);
}

int exceptions_find(const char *file, int line, const char *pointer)
{
    for (size_t i = 0; i < exceptions_count(); i++) {
        const struct exception *e = &exceptions_table[i];
        if (strcmp(e->file, file) == 0 && line >= e->from && line <= e->to &&
            values_glob(e->pointer, pointer))
            return (int)i;
    }
    return -1;
}
