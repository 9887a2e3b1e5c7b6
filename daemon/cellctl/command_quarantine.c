#include "config/base/json.h"
#include "daemon/cellctl/client.h"
#include "daemon/cellctl/grid.h"
#include "daemon/cellctl/reply.h"

#include <stdio.h>

static void print(const struct invocation *invocation, const json_t *value)
{
    OWNED(grid_freep) struct grid *grid = grid_new(6);
    static const char *const heads[] = {"CELL", "COMPONENT", "TARGET", "DIGEST", "SINCE", "REASON"};
    static const char *const keys[] = {"cell", "component", "target", "digest", "since", "reason"};
    for (size_t i = 0; i < 6; i++)
        grid_add(grid, COLOUR_HEAD, heads[i]);
    size_t index;
    const json_t *entry;
    json_array_foreach(json_object_get(value, "entries"), index, entry)
    {
        for (size_t i = 0; i < 6; i++)
            grid_add(grid, i == 5 ? COLOUR_BAD : COLOUR_NONE,
                     json_text_or(json_object_get(entry, keys[i]), NULL));
    }
    if (grid_rows(grid) == 1)
        (void)puts("nothing is in quarantine");
    else
        grid_print(grid, stdout, invocation->colour);
}

int command_run_quarantine_list(const struct invocation *invocation)
{
    struct error error;
    OWNED_JSON *value = NULL;
    if (client_get(invocation, "/v1/quarantine", &value, &error) != 0)
        return invocation_fail(&error);
    if (invocation->format != OUTPUT_TABLE)
        return output_value(stdout, invocation->format, value) == 0 ? EXIT_FINE : EXIT_WRONG;
    print(invocation, value);
    return EXIT_FINE;
}

int command_run_quarantine_clear(const struct invocation *invocation)
{
    const char *cell = invocation_argument(invocation, 0);
    const bool all = invocation_option(invocation, "all") != NULL;
    if ((cell != NULL) == all) {
        (void)fputs("cellctl quarantine clear: name a cell, or --all for everything\n", stderr);
        return EXIT_USAGE;
    }
    return reply_of(invocation, "quarantine",
                    json_pack("{s:b, s:s*, s:s*, s:s*, s:s*}", "clear", 1, "cell", cell,
                              "component", invocation_option(invocation, "component"), "target",
                              invocation_option(invocation, "target"), "digest",
                              invocation_option(invocation, "digest")));
}
