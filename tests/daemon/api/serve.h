/* Serves both sockets while a command asks them. */
#pragma once

#include "tests/daemon/socket/canned.h"

/* Starts `canned` with all its events, runs the `count` words with the paths of the status and the
 * admin socket added, stops and finishes. Returns the exit status of the command. Blocks. */
int serve(struct canned *canned, int count, char *const *words);
