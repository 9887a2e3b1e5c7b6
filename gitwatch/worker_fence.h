/* What a fetch worker may still do after it fenced itself in: it parses what a hostile server
 * sends. */
#pragma once

#include "config/base/error.h"
#include "gitwatch/fetch_request.h"

/* Before the request is read: dies with its parent, no core, no new privileges, no other open files
 * than 0 to 2 and `keep_fd`. Returns 0 or -errno. */
int worker_fence_early(int keep_fd) __attribute__((warn_unused_result));

/* With the request's limits: address space and CPU. */
int worker_fence_limits(const struct fetch_limits *limits, struct error *err)
    __attribute__((warn_unused_result));
