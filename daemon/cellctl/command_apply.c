#include "daemon/cellctl/reply.h"

#include <stdio.h>

int command_run_apply(const struct invocation *invocation)
{
    const char *hash = invocation_option(invocation, "plan");
    if (hash == NULL) {
        (void)fputs("cellctl apply: --plan HASH is needed; `cellctl plan` prints it\n", stderr);
        return EXIT_USAGE;
    }
    return reply_of(invocation, "apply", json_pack("{s:s}", "hash", hash));
}
