/* The manifests of one state of a repository: which of its files they are, and the checked set that
 * they make. Knows nothing of where the files lie: a lister looks there. */
#pragma once

#include "config/base/error.h"
#include "config/manifest/load.h"
#include "gitwatch/tree_reader.h"

#include <stddef.h>

/* Where manifests are, below the repository's root. */
struct manifests_patterns {
    const char *platform_file;
    const char *const *cell_files, *const *native_files;
    size_t cell_file_count, native_file_count;
};

/* Reads the selected files. Returns 0 and an owned listing, or a negative code with *err. */
typedef int manifests_lister(void *context, const struct tree_selection *selection,
                             struct tree_listing **ret_listing, struct error *err);

/* Reads and checks them all; the platform's file first, since it may name native manifests.
 * `previous` and `fallback` as in manifest_load(), borrowed. What the lister found wrong is broken
 * in the set. Returns 0 and an owned set, or what the lister or manifest_load() returned. */
int manifests_read(const struct manifests_patterns *patterns, manifests_lister *list, void *context,
                   const struct manifest_set *previous, const struct manifest_set *fallback,
                   struct manifest_set **ret_set, struct error *err)
    __attribute__((warn_unused_result));
