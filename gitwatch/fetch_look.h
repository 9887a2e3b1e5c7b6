/* What a name that a person typed means in a repository: a branch, a tag, or a commit by its first
 * digits. Part of the fetch worker. */
#pragma once

#include "config/base/error.h"

#include <git2.h>

#include <stddef.h>

/* Among what the server advertises. Returns 0 and the one ref that the name means; NULL in
 * *ret_head when it can only be a commit's digits. -ENOENT when it is neither; ERR_INVALID when a
 * branch and a tag have that name and are different commits. */
int fetch_look_find(const git_remote_head **heads, size_t count, const char *name,
                    const git_remote_head **ret_head, struct error *err)
    __attribute__((warn_unused_result));

/* Among what was downloaded: by at least 7 digits. -ENOENT, or ERR_INVALID when several commits
 * begin so. */
int fetch_look_commit(git_repository *repository, const char *digits, git_oid *ret_commit,
                      struct error *err) __attribute__((warn_unused_result));
