#include "config/base/check.h"
#include "tests/platform/state.h"

#include <stdlib.h>
#include <string.h>

size_t index_from(const struct index *index, const char *key)
{
    size_t low = 0, high = index->count;
    while (low < high) {
        const size_t middle = low + (high - low) / 2;
        if (strcmp(index->entries[middle].key, key) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

void *index_find(const struct index *index, const char *key)
{
    const size_t at = index_from(index, key);
    if (at == index->count || strcmp(index->entries[at].key, key) != 0)
        return NULL;
    return index->entries[at].value;
}

void index_put(struct index *index, const char *key, void *value)
{
    const size_t at = index_from(index, key);
    if (at < index->count && strcmp(index->entries[at].key, key) == 0) {
        index->entries[at].value = value;
        return;
    }
    index->entries =
        values_grow(index->entries, &index->capacity, index->count + 1, sizeof(*index->entries));
    memmove(&index->entries[at + 1], &index->entries[at],
            (index->count - at) * sizeof(*index->entries));
    index->entries[at].key = values_copy_text(key);
    index->entries[at].value = value;
    index->count++;
}

void *index_remove(struct index *index, const char *key)
{
    const size_t at = index_from(index, key);
    if (at == index->count || strcmp(index->entries[at].key, key) != 0)
        return NULL;
    void *value = index->entries[at].value;
    free(index->entries[at].key);
    index->count--;
    memmove(&index->entries[at], &index->entries[at + 1],
            (index->count - at) * sizeof(*index->entries));
    return value;
}

void index_fini(struct index *index)
{
    for (size_t i = 0; i < index->count; i++)
        free(index->entries[i].key);
    free(index->entries);
    *index = (struct index){0};
}
