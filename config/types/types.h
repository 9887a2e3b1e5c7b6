/* The component types that celld installs on the control plane: cell-slot, cell-route, cell-worker,
 * cell-task, cell-build. Their YAML beside this file is part of the program. */
#pragma once

#include "config/base/error.h"

#include <jansson.h>

/* All five, sorted by name, as {"apiVersion", "kind", "metadata", "spec"}.
 * Returns 0 and an owned array in *ret_types, or -ENOMEM. */
int component_types_load(json_t **ret_types, struct error *err) __attribute__((warn_unused_result));
