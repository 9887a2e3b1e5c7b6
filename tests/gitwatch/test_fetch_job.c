#include "gitwatch/fetch_worker.h"
#include "tests/gitwatch/test_fetch.h"
#include "tests/gitwatch/test_server.h"

#include <criterion/criterion.h>

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

static struct test_repository repository;
static int silent = -1;
static char silent_url[64];

static void start(void)
{
    uint16_t port = 0;
    test_repository_init(&repository);
    test_repository_write(&repository, "platform.yaml", "kind: Platform\n");
    (void)test_repository_commit(&repository, "first");
    silent = test_server_silent(&port);
    snprintf(silent_url, sizeof(silent_url), "http://localhost:%u/x", port);
}

static void stop(void)
{
    close(silent);
    test_repository_fini(&repository);
}

TestSuite(fetch_job, .init = start, .fini = stop, .timeout = 120);

static struct fetch_job *start_silent(struct duration deadline)
{
    struct fetch_request request = test_fetch_request(silent_url, repository.mirror);
    struct fetch_job *job = NULL;
    struct error error;
    request.deadline = deadline;
    request.credential = FETCH_CREDENTIAL_PASSWORD;
    request.secret = TEST_SERVER_PASSWORD;
    cr_assert(fetch_job_start(&request, FETCH_WORKER_PROGRAM, &job, &error) == 0, "%s",
              error.detail);
    return job;
}

/* Until the worker's request has arrived at the silent server. */
static int accept_worker(struct fetch_job *job)
{
    for (;;) {
        struct pollfd events[] = {{.fd = fetch_job_fd(job), .events = POLLIN},
                                  {.fd = silent, .events = POLLIN}};
        cr_assert(poll(events, 2, 60000) > 0);
        fetch_job_process(job);
        cr_assert(!fetch_job_is_done(job), "%s", fetch_job_result(job)->error.detail);
        if (events[1].revents != 0)
            return accept4(silent, NULL, NULL, SOCK_CLOEXEC);
    }
}

static void assert_no_child(pid_t pid)
{
    cr_assert(kill(pid, 0) < 0, "the worker still exists");
    cr_assert(waitpid(-1, NULL, WNOHANG) <= 0, "a worker was not reaped");
}

static struct fetch_result fetch_local(void)
{
    const struct fetch_request request = test_fetch_request(repository.url, repository.mirror);
    return test_fetch(&request);
}

/* G11 */
Test(fetch_job, silent_server_is_ended_by_the_deadline)
{
    struct fetch_job *job = start_silent(DURATION_MS(300));
    const pid_t pid = fetch_job_pid(job);
    const struct fetch_result result = test_fetch_wait(job);
    cr_assert(result.reason == FETCH_TIMEOUT && result.error.kind == ERROR_TIMEOUT);
    cr_assert_null(strstr(result.error.detail, "canary"));
    assert_no_child(pid);
    fetch_job_free(job);
    cr_assert(fetch_local().reason == FETCH_OK, "the next fetch is fine");
}

Test(fetch_job, can_be_cancelled)
{
    struct fetch_job *job = start_silent(DURATION_S(60));
    const int connection = accept_worker(job);
    fetch_job_cancel(job);
    fetch_job_cancel(job);
    const struct fetch_result result = test_fetch_wait(job);
    cr_assert(result.reason == FETCH_CANCELLED && result.error.kind == ERROR_CANCELLED);
    assert_no_child(fetch_job_pid(job));
    fetch_job_process(job);
    struct pollfd event = {.fd = fetch_job_fd(job), .events = POLLIN};
    cr_assert(poll(&event, 1, 0) == 0, "a job that is done never wakes the loop again");
    fetch_job_free(job);
    close(connection);
}

Test(fetch_job, can_be_freed_at_any_time)
{
    struct fetch_job *job = start_silent(DURATION_S(60));
    const pid_t pid = fetch_job_pid(job);
    cr_assert_null(fetch_job_free(job));
    assert_no_child(pid);
    job = start_silent(DURATION_S(60));
    close(accept_worker(job));
    fetch_job_free(job);
    assert_no_child(pid);
    cr_assert_null(fetch_job_free(NULL));
}

static int open_files(void)
{
    int count = 0;
    DIR *directory = opendir("/proc/self/fd");
    cr_assert_not_null(directory);
    while (readdir(directory) != NULL)
        count++;
    closedir(directory);
    return count;
}

Test(fetch_job, leaves_no_open_files)
{
    (void)fetch_local();
    const int before = open_files();
    for (int i = 0; i < 5; i++)
        cr_assert(fetch_local().reason == FETCH_OK);
    struct fetch_request request = test_fetch_request(repository.url, repository.mirror);
    struct fetch_job *job = NULL;
    cr_assert(fetch_job_start(&request, "/nonexistent", &job, NULL) < 0);
    cr_assert_eq(open_files(), before);
}

/* G15: killed from outside in the middle; what it left does not disturb the next one. */
Test(fetch_job, killed_worker_is_reported_and_the_next_fetch_is_fine)
{
    struct fetch_job *job = start_silent(DURATION_S(60));
    const int connection = accept_worker(job);
    cr_assert(kill(fetch_job_pid(job), SIGKILL) == 0);
    const struct fetch_result result = test_fetch_wait(job);
    cr_assert(result.reason == FETCH_WORKER_DIED && result.error.kind == ERROR_UNAVAILABLE);
    fetch_job_free(job);
    close(connection);
    cr_assert(fetch_local().reason == FETCH_OK);
}

/* Killed at many points of a real fetch: afterwards there is always a sound mirror. */
Test(fetch_job, killed_at_any_point_leaves_a_mirror_that_can_be_fetched_into)
{
    char path[64];
    for (int i = 0; i < 300; i++) {
        snprintf(path, sizeof(path), "cells/c%d/cell.yaml", i);
        test_repository_write(&repository, path, path);
    }
    for (int round = 0; round < 15; round++) {
        snprintf(path, sizeof(path), "round %d", round);
        test_repository_write(&repository, "platform.yaml", path);
        const struct object_id commit = test_repository_commit(&repository, path);
        const struct fetch_request request = test_fetch_request(repository.url, repository.mirror);
        struct fetch_job *job = NULL;
        cr_assert(fetch_job_start(&request, FETCH_WORKER_PROGRAM, &job, NULL) == 0);
        struct pollfd event = {.fd = fetch_job_fd(job), .events = 0};
        (void)poll(&event, 1, round);
        fetch_job_cancel(job);
        (void)test_fetch_wait(job);
        fetch_job_free(job);
        const struct fetch_result result = fetch_local();
        cr_assert(result.reason == FETCH_OK, "round %d: %s", round, result.error.detail);
        cr_assert_str_eq(result.commit.hex, commit.hex);
    }
}

/* Reads a file of /proc and asserts that the canary is nowhere in it. */
static void assert_clean(pid_t pid, const char *name)
{
    char path[64];
    static char bytes[65536];
    snprintf(path, sizeof(path), "/proc/%d/%s", (int)pid, name);
    const int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return; /* even better */
    const ssize_t length = read(fd, bytes, sizeof(bytes));
    close(fd);
    if (length > 0)
        cr_assert_null(memmem(bytes, (size_t)length, "canary", 6), "%s shows the secret", path);
}

Test(fetch_job, secrets_are_in_neither_arguments_nor_environment)
{
    cr_assert(setenv("LEAK", "canary", 1) == 0);
    struct fetch_job *job = start_silent(DURATION_S(60));
    const int connection = accept_worker(job);
    const pid_t pid = fetch_job_pid(job);
    assert_clean(pid, "cmdline");
    assert_clean(pid, "environ");
    assert_clean(pid, "status");
    fetch_job_free(job);
    close(connection);
}

/* What the worker fenced itself in with, seen from outside. */
Test(fetch_job, worker_is_fenced_in)
{
    char path[64];
    char line[256];
    struct fetch_job *job = start_silent(DURATION_S(60));
    const int connection = accept_worker(job);
    int found = 0;
    snprintf(path, sizeof(path), "/proc/%d/status", (int)fetch_job_pid(job));
    FILE *file = fopen(path, "re");
    cr_assert_not_null(file);
    while (fgets(line, sizeof(line), file) != NULL)
        found += strcmp(line, "NoNewPrivs:\t1\n") == 0;
    fclose(file);
    cr_assert_eq(found, 1);
    snprintf(path, sizeof(path), "/proc/%d/limits", (int)fetch_job_pid(job));
    file = fopen(path, "re");
    cr_assert_not_null(file);
    while (fgets(line, sizeof(line), file) != NULL) {
        if (strncmp(line, "Max core file size", 18) == 0)
            cr_assert_not_null(strstr(line, " 0 "), "%s", line);
        if (strncmp(line, "Max cpu time", 12) == 0)
            cr_assert_not_null(strstr(line, " 300 "), "%s", line);
        if (strncmp(line, "Max open files", 14) == 0)
            cr_assert_not_null(strstr(line, " 256 "), "%s", line);
    }
    fclose(file);
    fetch_job_free(job);
    close(connection);
}

/* The worker dies with the process that started it, however that ends. */
Test(fetch_job, worker_does_not_outlive_its_parent)
{
    int pipes[2];
    pid_t worker = 0;
    cr_assert(pipe2(pipes, O_CLOEXEC) == 0);
    const pid_t parent = fork();
    if (parent == 0) {
        struct fetch_job *job = start_silent(DURATION_S(60));
        const pid_t pid = fetch_job_pid(job);
        (void)accept_worker(job);
        (void)!write(pipes[1], &pid, sizeof(pid));
        (void)kill(getpid(), SIGKILL);
    }
    cr_assert(read(pipes[0], &worker, sizeof(worker)) == (ssize_t)sizeof(worker));
    cr_assert(waitpid(parent, NULL, 0) == parent);
    const int pidfd = (int)syscall(SYS_pidfd_open, worker, 0);
    struct pollfd event = {.fd = pidfd, .events = POLLIN};
    if (pidfd >= 0)
        cr_assert(poll(&event, 1, 60000) == 1, "the worker outlived its parent");
    close(pidfd);
    close(pipes[0]);
    close(pipes[1]);
}

/* A worker that answers what it likes. */
static struct fetch_result answer(const char *bytes, size_t length)
{
    char script[128];
    char path[128];
    char octal[600] = "";
    struct fetch_job *job = NULL;
    const struct fetch_request request = test_fetch_request(repository.url, repository.mirror);
    for (size_t i = 0; i < length; i++)
        sprintf(octal + strlen(octal), "\\%03o", (unsigned char)bytes[i]);
    char text[1024];
    snprintf(text, sizeof(text), "#!/bin/sh\nprintf '%s' >&3\n", octal);
    snprintf(script, sizeof(script), "answer.sh");
    test_repository_write(&repository, script, text);
    snprintf(path, sizeof(path), "%s/answer.sh", repository.work);
    (void)test_repository_run(&repository, "chmod", "+x", path, NULL);
    cr_assert(fetch_job_start(&request, path, &job, NULL) == 0);
    const struct fetch_result result = test_fetch_wait(job);
    fetch_job_free(job);
    return result;
}

Test(fetch_job, nonsense_from_the_worker_is_refused)
{
    static const char too_long[] = "\xff\xff\xff\xff{}";
    static const char empty[] = "\0\0\0\0";
    static const char no_json[] = "\0\0\0\x03{{{";
    static const char no_result[] = "\0\0\0\x02{}";
    static const char bad_result[] = "\0\0\0\x19{\"result\":{\"reason\":999}}";
    static const char cut[] = "\0\0\0\x19{\"res";
    cr_assert(answer(too_long, sizeof(too_long) - 1).reason == FETCH_INTERNAL);
    cr_assert(answer(empty, sizeof(empty) - 1).reason == FETCH_INTERNAL);
    cr_assert(answer(no_json, sizeof(no_json) - 1).reason == FETCH_INTERNAL);
    cr_assert(answer(no_result, sizeof(no_result) - 1).reason == FETCH_INTERNAL);
    cr_assert(answer(bad_result, sizeof(bad_result) - 1).reason == FETCH_INTERNAL);
    cr_assert(answer(cut, sizeof(cut) - 1).reason == FETCH_WORKER_DIED);
}

Test(fetch_job, request_that_makes_no_sense_starts_nothing)
{
    struct fetch_request request = test_fetch_request(repository.url, repository.mirror);
    struct fetch_job *job = NULL;
    struct error error;
    request.ref = "--upload-pack=x";
    cr_assert(fetch_job_start(&request, NULL, &job, &error) == ERR_INVALID);
    request = test_fetch_request(repository.url, repository.mirror);
    cr_assert(fetch_job_start(&request, "/nonexistent/celld", &job, &error) == -ENOENT);
    cr_assert_null(job);
}

Test(fetch_job, worker_that_speaks_nonsense_or_dies_is_reported)
{
    const struct fetch_request request = test_fetch_request(repository.url, repository.mirror);
    struct fetch_job *job = NULL;
    struct error error;
    cr_assert(fetch_job_start(&request, "/bin/true", &job, &error) == 0);
    const struct fetch_result result = test_fetch_wait(job);
    cr_assert(result.reason == FETCH_WORKER_DIED);
    cr_assert_not_null(strstr(result.error.detail, "without an answer"));
    cr_assert(result.error.kind == ERROR_UNAVAILABLE);
    fetch_job_free(job);
}
