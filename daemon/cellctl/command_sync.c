#include "daemon/cellctl/reply.h"

int command_run_sync(const struct invocation *invocation)
{
    return reply_of(invocation, "sync", json_object());
}
