/* The command line, by the tables. */
#pragma once

#include "daemon/cellctl/command.h"

#include <stdbool.h>

/* Fills *ret_invocation from the words. Returns 0; -1 when the line is wrong (said on stderr), 1
 * when help was asked for and printed. */
int parse_line(int count, char **words, struct invocation *ret_invocation)
    __attribute__((warn_unused_result));
