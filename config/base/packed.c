#include "config/base/packed.h"

#include "config/base/check.h"
#include "config/base/json.h"

#include <stdlib.h>
#include <string.h>

struct packed {
    size_t references;
    char text[];
};

struct packed *packed_take(json_t *value)
{
    char *text = value == NULL ? NULL : json_canonical(value);
    json_decref(value);
    if (text == NULL)
        return NULL;
    const size_t size = strlen(text) + 1;
    struct packed *packed = malloc(sizeof(*packed) + size);
    if (packed != NULL) {
        packed->references = 1;
        memcpy(packed->text, text, size);
    }
    free(text);
    return packed;
}

json_t *packed_open(const struct packed *packed)
{
    return packed == NULL ? NULL : json_loads(packed->text, JSON_DECODE_ANY, NULL);
}

const char *packed_text(const struct packed *packed)
{
    return packed == NULL ? "" : packed->text;
}

struct packed *packed_ref(struct packed *packed)
{
    if (packed != NULL)
        packed->references++;
    return packed;
}

struct packed *packed_unref(struct packed *packed)
{
    CHECK(packed == NULL || packed->references > 0);
    if (packed != NULL && --packed->references == 0)
        free(packed);
    return NULL;
}

bool packed_equal(const struct packed *a, const struct packed *b)
{
    return a == b || (a != NULL && b != NULL && strcmp(a->text, b->text) == 0);
}
