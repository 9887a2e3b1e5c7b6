/* One event as a line for people. */
#pragma once

#include "daemon/cellctl/command.h"

#include <jansson.h>

/* In the invocation's format. Returns 0 or -EIO. */
int event_line_print(const struct invocation *invocation, const json_t *event)
    __attribute__((warn_unused_result));
