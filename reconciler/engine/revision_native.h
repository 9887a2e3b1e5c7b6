/* What a revision changes beside the cells' own files: native manifests. */
#pragma once

#include "reconciler/engine/internal.h"

/* The native manifests in a cell's directory differ between the two sets; with `cell` NULL: the
 * SecretReferences of all, which any cell may use. */
bool revision_native_changed(const struct manifest_set *before, const struct manifest_set *after,
                             const char *cell);
