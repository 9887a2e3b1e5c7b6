#include "tests/daemon/api/serve.h"

#include "config/base/check.h"

#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define WORDS_MOST 16

static int run(char *const *words)
{
    const pid_t child = fork();
    CHECK(child >= 0);
    if (child == 0) {
        (void)execvp(words[0], words);
        perror(words[0]);
        _exit(127);
    }
    int status = 0;
    CHECK(waitpid(child, &status, 0) == child);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 1;
}

int serve(struct canned *canned, int count, char *const *words)
{
    char *command[WORDS_MOST + 3];
    CHECK(count >= 1 && count <= WORDS_MOST);
    CHECK(canned_start(canned) == 0);
    canned_publish(canned, json_array_size(canned->events));
    memcpy(command, words, (size_t)count * sizeof(*command));
    command[count] = canned->status_path;
    command[count + 1] = canned->admin_path;
    command[count + 2] = NULL;
    const int result = run(command);
    canned_stop(canned);
    canned_fini(canned);
    return result;
}
