/* Whether a live object holds everything that was rendered for it.
 *
 * Metadata's labels are never compared, nor the object's own metadata at all. Quantities are
 * compared by value; what Kubernetes drops (empty, zero, false) may be absent. Lists that
 * Kubernetes merges by a key may have entries of others. */
#pragma once

#include "config/base/text.h"

#include <jansson.h>

#include <stdbool.h>

/* On false, the path of the first difference is added to `out` (may be NULL): "/spec/replicas". */
bool contain_object(const json_t *rendered, const json_t *live, struct text *out);
