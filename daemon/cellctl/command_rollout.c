#include "daemon/cellctl/reply.h"

#include <stdio.h>
#include <string.h>

/* The second word of the command's name is what is to be done. */
int command_run_rollout(const struct invocation *invocation)
{
    const char *action = strchr(invocation->command->name, ' ') + 1;
    if (invocation_option(invocation, "full") != NULL)
        action = "promote-full";
    char about[512];
    (void)snprintf(about, sizeof(about), "%s/%s on %s: ", invocation->arguments[0],
                   invocation->arguments[1], invocation->arguments[2]);
    return reply_about(invocation, about, "rollout",
                       json_pack("{s:s, s:s, s:s, s:s}", "action", action, "cell",
                                 invocation->arguments[0], "component", invocation->arguments[1],
                                 "target", invocation->arguments[2]));
}
