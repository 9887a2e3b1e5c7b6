#include "daemon/cellctl/reply.h"

int command_run_reload(const struct invocation *invocation)
{
    return reply_of(invocation, "reload", json_object());
}
