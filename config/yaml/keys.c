#include "config/yaml/keys.h"

#include "config/base/text.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* Up to here comparing each with each is cheaper than sorting. */
#define FEW 12u

static int report(const struct yaml_node *first, const struct yaml_node *second, const char *path,
                  struct diagnostics *found)
{
    char message[320];
    (void)text_put(message, sizeof(message), "the key \"%.253s\" stands twice", second->text);
    diagnostics_add(found, &(struct diagnostic){
                               .severity = DIAGNOSTIC_ERROR,
                               .code = "E_YAML_DUPLICATE_KEY",
                               .at = {path, second->line, second->column},
                               .message = message,
                               .hint = "keep one of them",
                               .related = {path, first->line, first->column},
                               .related_message = "it stands here first",
                           });
    return 1;
}

static bool is_same(const struct yaml_node *a, const struct yaml_node *b)
{
    return a->length == b->length && memcmp(a->text, b->text, a->length) == 0;
}

static int check_few(const struct yaml_node *mapping, const char *path, struct diagnostics *found)
{
    const struct yaml_node *keys[FEW];
    size_t count = 0;
    int duplicates = 0;
    for (const struct yaml_node *key = mapping->first; key != NULL; key = key->next->next) {
        size_t i = 0;
        while (i < count && !is_same(keys[i], key))
            i++;
        if (i < count)
            duplicates += report(keys[i], key, path, found);
        else
            keys[count++] = key;
    }
    return duplicates;
}

static int compare(const void *left, const void *right)
{
    const struct yaml_node *a = *(const struct yaml_node *const *)left;
    const struct yaml_node *b = *(const struct yaml_node *const *)right;
    const int order = strcmp(a->text, b->text);
    if (order != 0)
        return order;
    if (a->line != b->line)
        return a->line < b->line ? -1 : 1;
    return a->column < b->column ? -1 : a->column > b->column;
}

static int check_many(const struct yaml_node *mapping, const char *path, struct diagnostics *found)
{
    const struct yaml_node **keys = calloc(mapping->length, sizeof(struct yaml_node *));
    if (keys == NULL)
        return -ENOMEM;
    size_t count = 0;
    for (const struct yaml_node *key = mapping->first; key != NULL; key = key->next->next)
        keys[count++] = key;
    qsort(keys, count, sizeof(struct yaml_node *), compare);
    int duplicates = 0;
    for (size_t i = 1; i < count; i++) {
        if (is_same(keys[i - 1], keys[i]))
            duplicates += report(keys[i - 1], keys[i], path, found);
    }
    free(keys);
    return duplicates;
}

int yaml_keys_check(const struct yaml_node *mapping, const char *path, struct diagnostics *found)
{
    return mapping->length <= FEW ? check_few(mapping, path, found)
                                  : check_many(mapping, path, found);
}
