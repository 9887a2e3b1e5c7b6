#include "daemon/cellctl/reply.h"

#include "config/base/json.h"
#include "daemon/cellctl/client.h"

#include <stdio.h>

int reply_of(const struct invocation *invocation, const char *verb, json_t *arguments)
{
    struct error error;
    OWNED_JSON *value = NULL;
    if (client_command(invocation, verb, arguments, &value, &error) != 0)
        return invocation_fail(&error);
    if (invocation->format != OUTPUT_TABLE)
        return output_value(stdout, invocation->format, value) == 0 ? EXIT_FINE : EXIT_WRONG;
    output_lines(stdout, json_text_or(json_object_get(value, "message"), "done"));
    (void)fputc('\n', stdout);
    return EXIT_FINE;
}
