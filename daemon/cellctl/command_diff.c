#include "config/base/json.h"
#include "daemon/cellctl/client.h"
#include "daemon/cellctl/differences.h"
#include "daemon/cellctl/hint.h"

#include <stdio.h>

static void print_object(const json_t *object, bool colour)
{
    output_text(stdout, json_text_or(json_object_get(object, "cell"), "platform"));
    (void)fputs("  ", stdout);
    output_text(stdout, json_text_or(json_object_get(object, "kind"), "?"));
    (void)fputc('/', stdout);
    output_text(stdout, json_text_or(json_object_get(object, "name"), "?"));
    (void)printf("  %s", output_colour_begin(colour, COLOUR_BUSY));
    output_text(stdout, json_text_or(json_object_get(object, "cause"), "?"));
    (void)printf("%s%s\n", output_colour_end(colour, COLOUR_BUSY),
                 json_is_true(json_object_get(object, "corrected")) ? "" : "  (left as it is)");
    differences_print(json_object_get(object, "differences"), colour);
}

int command_run_diff(const struct invocation *invocation)
{
    struct error error;
    OWNED_JSON *value = NULL;
    OWNED_TEXT path;
    text_init(&path, 4096);
    text_add(&path, "/v1/diff");
    client_add_query(&path, "cell", invocation_argument(invocation, 0));
    if (client_get(invocation, text_get(&path), &value, &error) != 0)
        return hint_fail(invocation, &error);
    if (json_array_size(json_object_get(value, "objects")) == 0 &&
        hint_check_cell(invocation) != EXIT_FINE)
        return EXIT_WRONG;
    if (invocation->format != OUTPUT_TABLE)
        return output_value(stdout, invocation->format, value) == 0 ? EXIT_FINE : EXIT_WRONG;
    size_t index;
    const json_t *object;
    json_array_foreach(json_object_get(value, "objects"), index, object)
    {
        print_object(object, invocation->colour);
    }
    if (json_array_size(json_object_get(value, "objects")) == 0)
        (void)puts("live is as git says");
    return EXIT_FINE;
}
