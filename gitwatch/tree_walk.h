/* Walks a commit's directories as far as the selection needs, iteratively, and fills a listing
 * (without contents). Inside gitwatch only. */
#pragma once

#include "gitwatch/tree_reader.h"

#include <git2.h>

/* `listing` is empty but for commit and tree. Errors as tree_reader_load(). */
int tree_walk(struct mirror *mirror, const git_oid *root, const struct tree_listing *previous,
              const struct tree_selection *selection, const struct tree_limits *limits,
              struct tree_listing *listing, struct error *err) __attribute__((warn_unused_result));
