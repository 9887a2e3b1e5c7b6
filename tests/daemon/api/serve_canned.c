/* Serves the sockets with canned answers while a command runs: serve_canned COMMAND [WORD…]; the
 * sockets' paths are added to its words. Exits as the command does. */
#include "config/base/check.h"
#include "config/base/json.h"
#include "tests/daemon/socket/canned.h"

#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define WORDS 16

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
    char *command[WORDS + 3];
    CHECK(count >= 2 && count <= WORDS);
    canned_init(&canned);
    OWNED_JSON *events = make_events();
    canned.events = events;
    CHECK(canned_start(&canned) == 0);
    canned_publish(&canned, EVENTS);
    memcpy(command, words + 1, (size_t)(count - 1) * sizeof(*command));
    command[count - 1] = canned.status_path;
    command[count] = canned.admin_path;
    command[count + 1] = NULL;
    const pid_t child = fork();
    CHECK(child >= 0);
    if (child == 0) {
        (void)execvp(command[0], command);
        perror(command[0]);
        _exit(127);
    }
    int status = 0;
    CHECK(waitpid(child, &status, 0) == child);
    canned_stop(&canned);
    canned_fini(&canned);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 1;
}
