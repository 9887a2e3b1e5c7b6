#include "gitwatch/object_id.h"

#include <errno.h>
#include <string.h>

int object_id_parse(const char *text, struct object_id *ret_id)
{
    const size_t length = OBJECT_ID_TEXT_SIZE - 1;
    if (strnlen(text, OBJECT_ID_TEXT_SIZE) != length)
        return -EINVAL;
    if (strspn(text, "0123456789abcdef") != length)
        return -EINVAL;
    memcpy(ret_id->hex, text, OBJECT_ID_TEXT_SIZE);
    return 0;
}

bool object_id_is_set(const struct object_id *id)
{
    return id->hex[0] != '\0';
}

bool object_id_equal(const struct object_id *a, const struct object_id *b)
{
    return strcmp(a->hex, b->hex) == 0;
}
