#include "daemon/cellctl/client.h"
#include "daemon/cellctl/overview.h"
#include "daemon/cellctl/watch.h"

static int get(const struct watch_subject *subject, json_t **ret_value, struct error *error)
{
    const char *cell = invocation_argument(subject->invocation, 0);
    OWNED_TEXT path;
    text_init(&path, 4096);
    text_add(&path, cell == NULL ? "/v1/status" : "/v1/cells");
    if (cell != NULL)
        client_add_segment(&path, cell);
    return client_get(subject->invocation, text_get(&path), ret_value, error);
}

static void draw(const struct watch_subject *subject, FILE *file, const json_t *value)
{
    if (invocation_argument(subject->invocation, 0) == NULL)
        overview_print(file, value, subject->invocation->colour);
    else
        overview_print_cell(file, value, subject->invocation->colour);
}

int command_run_status(const struct invocation *invocation)
{
    const struct watch_subject subject = {.invocation = invocation, .get = get, .draw = draw};
    return invocation_option(invocation, "watch") == NULL ? watch_show(&subject)
                                                          : watch_run(&subject);
}
