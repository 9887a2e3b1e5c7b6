/* The manifests of a monorepo, to be checked: from a directory as it lies there, or from a commit.
 */
#pragma once

#include "config/base/error.h"
#include "config/manifest/load.h"

#include <stddef.h>

struct source_patterns {
    const char *platform_file;
    const char *const *cell_files, *const *native_files;
    size_t cell_file_count, native_file_count;
};

/* Reads and checks what the patterns select below `directory`. Links are not followed. Returns 0
 * and an owned set, or what made reading impossible. */
int source_read_directory(const char *directory, const struct source_patterns *patterns,
                          struct manifest_set **ret_set, struct error *err)
    __attribute__((warn_unused_result));

/* The same of a commit of the repository at `directory`; `ref` is a branch, a tag, or 40 hex
 * digits. */
int source_read_commit(const char *directory, const char *ref,
                       const struct source_patterns *patterns, struct manifest_set **ret_set,
                       struct error *err) __attribute__((warn_unused_result));
