#include "daemon/cellctl/reply.h"

#include "config/base/json.h"
#include "daemon/cellctl/client.h"
#include "daemon/cellctl/hint.h"

#include <stdio.h>
#include <string.h>

/* A refusal may have many lines, as of settings that are wrong. */
static int fail(const struct invocation *invocation, const json_t *refusal,
                const struct error *error)
{
    const char *message = json_text_or(json_object_get(refusal, "message"), NULL);
    if (message == NULL || strchr(message, '\n') == NULL)
        return hint_fail(invocation, error);
    (void)fputs("cellctl: ", stderr);
    output_lines(stderr, message);
    (void)fputc('\n', stderr);
    return EXIT_WRONG;
}

int reply_of(const struct invocation *invocation, const char *verb, json_t *arguments)
{
    return reply_about(invocation, "", verb, arguments);
}

int reply_about(const struct invocation *invocation, const char *about, const char *verb,
                json_t *arguments)
{
    struct error error;
    OWNED_JSON *value = NULL;
    if (client_command(invocation, verb, arguments, &value, &error) != 0)
        return fail(invocation, value, &error);
    if (invocation->format != OUTPUT_TABLE)
        return output_value(stdout, invocation->format, value) == 0 ? EXIT_FINE : EXIT_WRONG;
    output_text(stdout, about);
    output_lines(stdout, json_text_or(json_object_get(value, "message"), "done"));
    (void)fputc('\n', stdout);
    return EXIT_FINE;
}
