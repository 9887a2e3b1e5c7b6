#include "daemon/cellctl/reply.h"

#include <stdio.h>

int command_run_approve(const struct invocation *invocation)
{
    const char *prune = invocation_option(invocation, "prune");
    const bool all = invocation_option(invocation, "all") != NULL;
    const size_t arguments = invocation->argument_count;
    const int ways = (prune != NULL) + all + (arguments > 0);
    if (ways != 1 || arguments == 1) {
        (void)fputs("cellctl approve: say what: CELL ENVIRONMENT [GATE], --prune HASH, or --all\n",
                    stderr);
        return EXIT_USAGE;
    }
    if (prune != NULL)
        return reply_of(invocation, "approve", json_pack("{s:s}", "prune", prune));
    if (all)
        return reply_of(invocation, "approve", json_pack("{s:b}", "all", 1));
    return reply_of(invocation, "approve",
                    json_pack("{s:s, s:s, s:s*}", "cell", invocation->arguments[0], "environment",
                              invocation->arguments[1], "gate",
                              invocation_argument(invocation, 2)));
}
