#include "config/base/json.h"
#include "daemon/cellctl/client.h"
#include "daemon/cellctl/event_line.h"

#include <stdio.h>

int command_run_history(const struct invocation *invocation)
{
    struct error error;
    OWNED_JSON *value = NULL;
    OWNED_TEXT path;
    text_init(&path, 4096);
    text_add(&path, "/v1/history");
    client_add_query(&path, "cell", invocation_argument(invocation, 0));
    client_add_query(&path, "target", invocation_option(invocation, "target"));
    client_add_query(&path, "limit", invocation_option(invocation, "limit"));
    if (client_get(invocation, text_get(&path), &value, &error) != 0)
        return invocation_fail(&error);
    if (invocation->format != OUTPUT_TABLE)
        return output_value(stdout, invocation->format, value) == 0 ? EXIT_FINE : EXIT_WRONG;
    size_t index;
    const json_t *event;
    json_array_foreach(json_object_get(value, "events"), index, event)
    {
        if (event_line_print(invocation, event) != 0)
            return EXIT_WRONG;
    }
    return EXIT_FINE;
}
