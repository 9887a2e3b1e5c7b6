#include "config/base/json.h"
#include "daemon/cellctl/client.h"
#include "daemon/cellctl/hint.h"

#include <stdio.h>

int command_run_why(const struct invocation *invocation)
{
    struct error error;
    OWNED_JSON *value = NULL;
    OWNED_TEXT path;
    text_init(&path, 4096);
    text_add(&path, "/v1/cells");
    client_add_segment(&path, invocation->arguments[0]);
    text_add(&path, "/why");
    client_add_query(&path, "target", invocation_argument(invocation, 1));
    if (client_get(invocation, text_get(&path), &value, &error) != 0)
        return hint_fail(invocation, &error);
    if (invocation->format != OUTPUT_TABLE)
        return output_value(stdout, invocation->format, value) == 0 ? EXIT_FINE : EXIT_WRONG;
    output_text(stdout, json_text_or(json_object_get(value, "message"), ""));
    (void)fputc('\n', stdout);
    return EXIT_FINE;
}
