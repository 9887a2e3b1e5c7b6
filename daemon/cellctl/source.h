/* The manifests of a monorepo, to be checked: from a directory as it lies there, or from a commit.
 */
#pragma once

#include "config/base/error.h"
#include "daemon/manifests/manifests.h"

/* Reads and checks what the patterns select below `directory`. Links are not followed. Returns 0
 * and an owned set, or what made reading impossible. */
int source_read_directory(const char *directory, const struct manifests_patterns *patterns,
                          struct manifest_set **ret_set, struct error *err)
    __attribute__((warn_unused_result));

/* The same of a commit of the repository at `directory`; `ref` is a branch, a tag, or 40 hex
 * digits. */
int source_read_commit(const char *directory, const char *ref,
                       const struct manifests_patterns *patterns, struct manifest_set **ret_set,
                       struct error *err) __attribute__((warn_unused_result));
