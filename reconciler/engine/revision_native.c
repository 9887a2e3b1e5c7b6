#include "reconciler/engine/revision_native.h"

#include <string.h>

static bool fits(const struct native_resource *native, const char *cell)
{
    if (cell == NULL)
        return strcmp(native->kind, "SecretReference") == 0;
    return native->cell != NULL && strcmp(native->cell, cell) == 0;
}

static const struct native_resource *next_of(const struct manifest_set *set, size_t *at,
                                             const char *cell)
{
    while (*at < set->native_count) {
        const struct native_resource *native = &set->natives[(*at)++];
        if (fits(native, cell))
            return native;
    }
    return NULL;
}

static bool is_same(const struct native_resource *a, const struct native_resource *b)
{
    const char *here = a->namespace_name == NULL ? "" : a->namespace_name;
    const char *there = b->namespace_name == NULL ? "" : b->namespace_name;
    return strcmp(a->kind, b->kind) == 0 && strcmp(a->name, b->name) == 0 &&
           strcmp(here, there) == 0 && json_equal(a->body, b->body);
}

bool revision_native_changed(const struct manifest_set *before, const struct manifest_set *after,
                             const char *cell)
{
    size_t i = 0, k = 0;
    const struct native_resource *a, *b;
    do {
        a = next_of(before, &i, cell);
        b = next_of(after, &k, cell);
    } while (a != NULL && b != NULL && is_same(a, b));
    return a != b;
}
