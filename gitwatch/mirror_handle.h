/* The libgit2 side of an open mirror, for gitwatch's own files only. */
#pragma once

#include "config/base/error.h"
#include "gitwatch/mirror.h"
#include "gitwatch/object_id.h"

#include <git2.h>

#include <stdint.h>

git_repository *mirror_handle_repository(struct mirror *mirror);
git_odb *mirror_handle_odb(struct mirror *mirror);

struct object_id mirror_handle_id(const git_oid *id);

/* -ENOENT when the mirror has no such commit. */
int mirror_handle_root(struct mirror *mirror, const struct object_id *commit, git_oid *ret_tree,
                       struct error *err) __attribute__((warn_unused_result));

/* Loads a directory that another object names, after a look at its size: ERR_LIMIT (ERROR_LIMIT)
 * without loading when it is larger than `limit` bytes; MIRROR_DAMAGED when it is not there. */
int mirror_handle_tree(struct mirror *mirror, const git_oid *id, uint64_t limit,
                       git_tree **ret_tree, struct error *err) __attribute__((warn_unused_result));
