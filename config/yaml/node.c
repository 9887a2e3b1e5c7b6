#include "config/yaml/node.h"

#include <stddef.h>
#include <string.h>

const struct yaml_node *yaml_find(const struct yaml_node *node, const char *name)
{
    if (node == NULL || node->kind != YAML_KIND_MAPPING)
        return NULL;
    for (const struct yaml_node *key = node->first; key != NULL && key->next != NULL;
         key = key->next->next) {
        if (key->kind == YAML_KIND_SCALAR && strcmp(key->text, name) == 0)
            return key->next;
    }
    return NULL;
}

bool yaml_is_empty(const struct yaml_node *node)
{
    return node->kind == YAML_KIND_SCALAR && node->plain &&
           (node->length == 0 || (node->length == 1 && node->text[0] == '~'));
}
