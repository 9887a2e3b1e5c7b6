/* Serves the sockets with canned answers while a command runs: serve_canned COMMAND [WORD…]; the
 * sockets' paths are added to its words. Exits as the command does. */
#include "config/base/check.h"
#include "tests/daemon/socket/canned.h"

#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define WORDS 16

int main(int count, char **words)
{
    struct canned canned;
    char *command[WORDS + 3];
    CHECK(count >= 2 && count <= WORDS);
    canned_init(&canned);
    CHECK(canned_start(&canned) == 0);
    canned_publish(&canned, 25);
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
