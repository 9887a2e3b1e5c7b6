/* Chosen files of a directory as it lies on disk, in the shape that a commit's are read in. */
#pragma once

#include "config/base/error.h"
#include "gitwatch/tree_reader.h"

/* Links are not followed, ".git" is not looked into; what a commit would be refused for is a
 * finding here too. Returns 0 and an owned listing; ERR_LIMIT, -ENOMEM or what the system said. */
int checkout_read(const char *directory, const struct tree_selection *selection,
                  const struct tree_limits *limits, struct tree_listing **ret_listing,
                  struct error *err) __attribute__((warn_unused_result));
