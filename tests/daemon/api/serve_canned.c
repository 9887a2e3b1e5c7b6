/* Serves the sockets with canned answers while a command runs: serve_canned COMMAND [WORD…]; the
 * sockets' paths are added to its words. Exits as the command does. */
#include "config/base/json.h"
#include "tests/daemon/api/serve.h"

#include <stdio.h>

#define EVENTS 25

/* Two attempts of a rollout, and then others that are alike: "event 24". */
static json_t *make_events(void)
{
    json_t *events = canned_answer("attempts");
    for (size_t i = json_array_size(events); i < EVENTS; i++) {
        json_t *event = canned_answer("event");
        char message[32];
        (void)snprintf(message, sizeof(message), "event %zu", i + 1);
        (void)json_object_set_new(event, "sequence", json_integer((json_int_t)i + 1));
        (void)json_object_set_new(event, "message", json_string(message));
        (void)json_array_append_new(events, event);
    }
    return events;
}

int main(int count, char **words)
{
    struct canned canned;
    canned_init(&canned);
    OWNED_JSON *events = make_events();
    canned.events = events;
    return serve(&canned, count - 1, words + 1);
}
