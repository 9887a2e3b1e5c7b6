#include "daemon/cellctl/reply.h"

int command_run_rollback(const struct invocation *invocation)
{
    return reply_of(invocation, "rollback",
                    json_pack("{s:s, s:s, s:s*}", "cell", invocation->arguments[0], "target",
                              invocation->arguments[1], "component",
                              invocation_option(invocation, "component")));
}
