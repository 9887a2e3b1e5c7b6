/* Keys that stand twice in one mapping. */
#pragma once

#include "config/manifest/diagnostic.h"
#include "config/yaml/node.h"

/* Adds an error with both places for each key that is there already.
 * Returns how many there were, or -ENOMEM. In n log n steps. */
int yaml_keys_check(const struct yaml_node *mapping, const char *path, struct diagnostics *found)
    __attribute__((warn_unused_result));
