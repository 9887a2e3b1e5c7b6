#include "daemon/cellctl/reply.h"

#include <stdio.h>

int command_run_suspend(const struct invocation *invocation)
{
    const char *cell = invocation_argument(invocation, 0);
    const bool all = invocation_option(invocation, "all") != NULL;
    if ((cell != NULL) == all) {
        (void)fputs("cellctl suspend: name a cell, or --all for everything\n", stderr);
        return EXIT_USAGE;
    }
    return reply_of(invocation, "suspend", json_pack("{s:s*}", "cell", cell));
}
