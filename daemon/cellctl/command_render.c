#include "config/base/json.h"
#include "daemon/cellctl/client.h"
#include "daemon/cellctl/hint.h"

#include <stdio.h>

int command_run_render(const struct invocation *invocation)
{
    struct error error;
    OWNED_JSON *value = NULL;
    OWNED_TEXT path;
    text_init(&path, 4096);
    text_add(&path, "/v1/render");
    client_add_query(&path, "cell", invocation_argument(invocation, 0));
    client_add_query(&path, "target", invocation_option(invocation, "target"));
    if (client_get(invocation, text_get(&path), &value, &error) != 0)
        return hint_fail(invocation, &error);
    if (json_array_size(json_object_get(value, "objects")) == 0 &&
        hint_check_cell(invocation) != EXIT_FINE)
        return EXIT_WRONG;
    const char *message = json_text_or(json_object_get(value, "message"), NULL);
    if (message != NULL) {
        (void)fputs("cellctl: ", stderr);
        output_text(stderr, message);
        (void)fputc('\n', stderr);
    }
    if (invocation->format == OUTPUT_JSON)
        return output_value(stdout, OUTPUT_JSON, value) == 0 ? EXIT_FINE : EXIT_WRONG;
    /* As people write manifests: one document per object. */
    size_t index;
    const json_t *object;
    json_array_foreach(json_object_get(value, "objects"), index, object)
    {
        if (output_yaml(stdout, object) != 0)
            return EXIT_WRONG;
    }
    return EXIT_FINE;
}
