#include "tests/gitwatch/test_repository.h"

#include <criterion/criterion.h>

#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

enum { ARGUMENTS = 24, OUTPUT = 4096 };

static char *const clean_environment[] = {
    (char[]){"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"},
    (char[]){"HOME=/nonexistent"},
    (char[]){"LC_ALL=C"},
    (char[]){"GIT_CONFIG_NOSYSTEM=1"},
    (char[]){"GIT_AUTHOR_NAME=Ada"},
    (char[]){"GIT_AUTHOR_EMAIL=ada@example.com"},
    (char[]){"GIT_COMMITTER_NAME=Ada"},
    (char[]){"GIT_COMMITTER_EMAIL=ada@example.com"},
    (char[]){"GIT_CONFIG_COUNT=3"},
    (char[]){"GIT_CONFIG_KEY_0=init.defaultBranch"},
    (char[]){"GIT_CONFIG_VALUE_0=main"},
    (char[]){"GIT_CONFIG_KEY_1=safe.directory"},
    (char[]){"GIT_CONFIG_VALUE_1=*"},
    (char[]){"GIT_CONFIG_KEY_2=advice.nestedTag"},
    (char[]){"GIT_CONFIG_VALUE_2=false"},
    NULL,
};

static int or_null(int fd, int flags)
{
    return fd >= 0 ? fd : open("/dev/null", flags | O_CLOEXEC);
}

pid_t test_repository_spawn(const char *directory, int in, int out, int errors,
                            char *const *environment, const char *const *arguments)
{
    const pid_t pid = fork();
    cr_assert(pid >= 0);
    if (pid > 0)
        return pid;
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    signal(SIGPIPE, SIG_DFL);
    dup2(or_null(in, O_RDONLY), STDIN_FILENO);
    dup2(or_null(out, O_WRONLY), STDOUT_FILENO);
    dup2(or_null(errors, O_WRONLY), STDERR_FILENO);
    if (chdir(directory) < 0)
        _exit(126);
    /* The list is not written to; its type is older than const. */
    union {
        const char *const *given;
        char *const *wanted;
    } list = {.given = arguments};
    execvpe(arguments[0], list.wanted, environment == NULL ? clean_environment : environment);
    _exit(127);
}

static const char *run(const struct test_repository *repository, const char *input, size_t length,
                       const char *const *arguments)
{
    static char output[OUTPUT];
    int in[2];
    int out[2];
    int status = 0;
    cr_assert(pipe2(in, O_CLOEXEC) == 0 && pipe2(out, O_CLOEXEC) == 0);
    const pid_t pid =
        test_repository_spawn(repository->work, in[0], out[1], STDERR_FILENO, NULL, arguments);
    close(in[0]);
    close(out[1]);
    signal(SIGPIPE, SIG_IGN);
    for (size_t sent = 0; sent < length;) {
        const ssize_t count = write(in[1], input + sent, length - sent);
        cr_assert(count > 0, "%s does not read its input", arguments[1]);
        sent += (size_t)count;
    }
    close(in[1]);
    size_t used = 0;
    char rest[OUTPUT];
    for (;;) {
        const bool fits = used < sizeof(output) - 1;
        const ssize_t count = read(out[0], fits ? output + used : rest,
                                   fits ? sizeof(output) - 1 - used : sizeof(rest));
        if (count <= 0)
            break;
        used += fits ? (size_t)count : 0;
    }
    close(out[0]);
    output[used] = '\0';
    output[strcspn(output, "\n")] = '\0';
    cr_assert(waitpid(pid, &status, 0) == pid);
    cr_assert(WIFEXITED(status) && WEXITSTATUS(status) == 0, "%s %s failed with status %d",
              arguments[0], arguments[1], WEXITSTATUS(status));
    return output;
}

const char *test_repository_run(const struct test_repository *repository, const char *program, ...)
{
    const char *arguments[ARGUMENTS] = {program};
    va_list list;
    va_start(list, program);
    for (size_t i = 1; i < ARGUMENTS - 1; i++) {
        arguments[i] = va_arg(list, const char *);
        if (arguments[i] == NULL)
            break;
    }
    va_end(list);
    return run(repository, NULL, 0, arguments);
}

const char *test_repository_feed(const struct test_repository *repository, const char *input,
                                 size_t length, const char *const *arguments)
{
    return run(repository, input, length, arguments);
}

void test_repository_init(struct test_repository *repository)
{
    const char *base = getenv("TMPDIR");
    snprintf(repository->root, sizeof(repository->root), "%s/celld-git-XXXXXX",
             base == NULL || strlen(base) > 40 ? "/tmp" : base);
    cr_assert_not_null(mkdtemp(repository->root));
    snprintf(repository->work, sizeof(repository->work), "%s/work", repository->root);
    snprintf(repository->objects, sizeof(repository->objects), "%s/work/.git", repository->root);
    snprintf(repository->remote, sizeof(repository->remote), "%s/remote.git", repository->root);
    snprintf(repository->mirror, sizeof(repository->mirror), "%s/mirror", repository->root);
    snprintf(repository->url, sizeof(repository->url), "file://%s", repository->remote);
    cr_assert(mkdir(repository->work, 0755) == 0);
    (void)GIT(repository, "init", "-q", "--bare", repository->remote);
    (void)GIT(repository, "init", "-q", ".");
    (void)GIT(repository, "remote", "add", "origin", repository->remote);
}

void test_repository_fini(struct test_repository *repository)
{
    const char *const arguments[] = {"rm", "-rf", repository->root, NULL};
    const pid_t pid = test_repository_spawn("/", -1, -1, -1, NULL, arguments);
    cr_assert(waitpid(pid, NULL, 0) == pid);
}

void test_repository_write(const struct test_repository *repository, const char *path,
                           const char *text)
{
    char full[1024];
    snprintf(full, sizeof(full), "%s/%s", repository->work, path);
    for (char *slash = strchr(full + strlen(repository->work) + 1, '/'); slash != NULL;
         slash = strchr(slash + 1, '/')) {
        *slash = '\0';
        (void)mkdir(full, 0755);
        *slash = '/';
    }
    FILE *file = fopen(full, "we");
    cr_assert_not_null(file, "cannot write %s", full);
    cr_assert(fputs(text, file) >= 0);
    cr_assert(fclose(file) == 0);
}

static struct object_id parse(const char *text)
{
    struct object_id id;
    cr_assert(object_id_parse(text, &id) == 0, "not an object id: %s", text);
    return id;
}

struct object_id test_repository_commit(const struct test_repository *repository,
                                        const char *message)
{
    (void)GIT(repository, "add", "-A");
    (void)GIT(repository, "commit", "-q", "--allow-empty", "-m", message);
    (void)GIT(repository, "push", "-q", "-f", "origin", "HEAD:refs/heads/main");
    return parse(GIT(repository, "rev-parse", "HEAD"));
}

struct object_id test_repository_commit_tree(const struct test_repository *repository,
                                             const char *tree)
{
    const struct object_id commit =
        parse(GIT(repository, "commit-tree", "-m", "made by plumbing", tree));
    char refspec[128];
    snprintf(refspec, sizeof(refspec), "%s:refs/heads/main", commit.hex);
    (void)GIT(repository, "push", "-q", "-f", "origin", refspec);
    return commit;
}

void test_repository_tree(const struct test_repository *repository, const char *lines,
                          char ret_tree[static OBJECT_ID_TEXT_SIZE])
{
    const char *const arguments[] = {"git", "mktree", "--missing", NULL};
    const struct object_id id =
        parse(test_repository_feed(repository, lines, strlen(lines), arguments));
    memcpy(ret_tree, id.hex, OBJECT_ID_TEXT_SIZE);
}

void test_repository_object(const struct test_repository *repository, const char *type,
                            const char *bytes, size_t length,
                            char ret_id[static OBJECT_ID_TEXT_SIZE])
{
    const char *const arguments[] = {"git", "hash-object", "--literally", "-t",
                                     type,  "-w",          "--stdin",     NULL};
    const struct object_id id = parse(test_repository_feed(repository, bytes, length, arguments));
    memcpy(ret_id, id.hex, OBJECT_ID_TEXT_SIZE);
}
