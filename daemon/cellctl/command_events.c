#include "config/base/json.h"
#include "daemon/cellctl/client.h"
#include "daemon/cellctl/event_line.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

struct follow {
    const struct invocation *invocation;
    const char *cell; /* NULL = all */
    json_int_t after;
    bool broken; /* nobody reads what we print */
};

static bool on_event(void *context, const char *type, const json_t *event)
{
    struct follow *follow = context;
    if (strcmp(type, "gap") == 0) {
        (void)fputs("cellctl: some events are not kept any more\n", stderr);
        return true;
    }
    follow->after = json_integer_value(json_object_get(event, "sequence"));
    if (follow->cell != NULL &&
        strcmp(json_text_or(json_object_get(event, "cell"), ""), follow->cell) != 0)
        return true;
    follow->broken = event_line_print(follow->invocation, event) != 0;
    return !follow->broken;
}

/* A stream that breaks, as at a restart, goes on where it was. */
static int follow(struct follow *follow, const char *first_path)
{
    struct error error;
    char path[128];
    (void)snprintf(path, sizeof(path), "%s", first_path);
    int result = client_stream(follow->invocation, path, on_event, follow, &error);
    if (result != 0 && error.http_status != 0)
        return invocation_fail(&error);
    if (result != 0 && follow->after < 0)
        return invocation_fail(&error);
    while (!follow->broken) {
        static const struct timespec pause = {.tv_sec = 1};
        (void)nanosleep(&pause, NULL);
        if (follow->after >= 0)
            (void)snprintf(path, sizeof(path), "/v1/events?after=%lld", (long long)follow->after);
        (void)!client_stream(follow->invocation, path, on_event, follow, &error);
    }
    return EXIT_FINE;
}

int command_run_events(const struct invocation *invocation)
{
    const char *last = invocation_option(invocation, "last");
    const char *after = invocation_option(invocation, "after");
    struct follow context = {
        .invocation = invocation, .cell = invocation_argument(invocation, 0), .after = -1};
    OWNED_TEXT path;
    text_init(&path, 128);
    text_add(&path, "/v1/events");
    if (after != NULL)
        client_add_query(&path, "after", after);
    else
        client_add_query(&path, "last", last == NULL ? "20" : last);
    if (invocation_option(invocation, "follow") != NULL)
        return follow(&context, text_get(&path));
    struct error error;
    OWNED_JSON *page = NULL;
    if (client_get(invocation, text_get(&path), &page, &error) != 0)
        return invocation_fail(&error);
    size_t index;
    const json_t *event;
    json_array_foreach(json_object_get(page, "events"), index, event)
    {
        if (!on_event(&context, "", event))
            return EXIT_WRONG;
    }
    return EXIT_FINE;
}
