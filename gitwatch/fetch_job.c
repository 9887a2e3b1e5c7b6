#include "gitwatch/fetch_job.h"

#include "config/base/check.h"
#include "config/base/owned.h"
#include "gitwatch/fetch_worker.h"
#include "gitwatch/frame.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/timerfd.h>
#include <sys/wait.h>
#include <unistd.h>

enum {
    JOB_MAGIC = 0x66746a62,
    /* How often a dying worker is looked for where the kernel has no process descriptors. */
    REAP_INTERVAL_MS = 20,
};

/* RUNNING ─ end of stream, deadline, cancel, nonsense ─▶ ENDING (killed) ─ reaped ─▶ DONE */
enum job_state { JOB_RUNNING, JOB_ENDING, JOB_DONE };

struct fetch_job {
    uint32_t magic;
    enum job_state state;
    pid_t pid;
    int set, channel, timer, process;
    char *request; /* not yet sent, wiped when sent */
    size_t request_length, request_sent;
    struct frame_reader reader;
    struct fetch_progress progress;
    struct fetch_result result;
    bool has_result;
};

static void close_fd(int *fd)
{
    if (*fd >= 0)
        close(*fd);
    *fd = -1;
}

/* 0 = off. */
static void arm(struct fetch_job *job, int64_t first_ms, int64_t again_ms)
{
    const struct itimerspec when = {
        .it_value = {.tv_sec = first_ms / 1000, .tv_nsec = (first_ms % 1000) * 1000000},
        .it_interval = {.tv_sec = again_ms / 1000, .tv_nsec = (again_ms % 1000) * 1000000},
    };
    CHECK(timerfd_settime(job->timer, 0, &when, NULL) == 0);
}

static int watch_fd(struct fetch_job *job, int fd, uint32_t events, int operation)
{
    struct epoll_event event = {.events = events, .data.fd = fd};
    return epoll_ctl(job->set, operation, fd, &event) < 0 ? -errno : 0;
}

static void drop_request(struct fetch_job *job)
{
    frame_wipe(job->request, job->request_length);
    job->request = NULL;
}

/* Sets the outcome if there is none yet, and makes sure that the worker ends. */
static void end(struct fetch_job *job, enum fetch_reason reason, enum error_kind kind, int code,
                const char *text)
{
    if (job->state != JOB_RUNNING)
        return;
    job->state = JOB_ENDING;
    if (!job->has_result) {
        job->result = (struct fetch_result){.reason = reason, .transfer = job->progress};
        (void)error_set(&job->result.error, kind, code, "%s", text);
    }
    /* Not reaped yet, so the number cannot belong to anybody else. */
    (void)kill(job->pid, SIGKILL);
    drop_request(job);
    close_fd(&job->channel);
    if (job->process < 0)
        arm(job, REAP_INTERVAL_MS, REAP_INTERVAL_MS);
    else
        arm(job, 0, 0);
}

static void send_request(struct fetch_job *job)
{
    while (job->request != NULL && job->request_sent < job->request_length) {
        const ssize_t count = send(job->channel, job->request + job->request_sent,
                                   job->request_length - job->request_sent, MSG_NOSIGNAL);
        if (count < 0 && errno == EINTR)
            continue;
        if (count < 0 && errno == EAGAIN)
            return;
        if (count < 0)
            break; /* the worker is gone: reading tells how */
        job->request_sent += (size_t)count;
    }
    drop_request(job);
    (void)watch_fd(job, job->channel, EPOLLIN, EPOLL_CTL_MOD);
}

static void handle_message(struct fetch_job *job, const json_t *message)
{
    const json_t *progress = json_object_get(message, "progress");
    const json_t *result = json_object_get(message, "result");
    if (progress != NULL) {
        job->progress = fetch_progress_from_json(progress);
        return;
    }
    if (fetch_result_from_json(result, &job->result, NULL) == 0)
        job->has_result = true;
    else
        end(job, FETCH_INTERNAL, ERROR_INTERNAL, ERR_GIT,
            "the fetch worker's answer makes no sense; celld ended it and will try again");
}

static void read_messages(struct fetch_job *job)
{
    const int filled = frame_reader_fill(&job->reader, job->channel);
    int status = 1;
    while (status > 0 && job->state == JOB_RUNNING) {
        json_t *message = NULL;
        status = frame_reader_next(&job->reader, &message, NULL);
        if (status > 0)
            handle_message(job, message);
        json_decref(message);
    }
    if (status < 0)
        end(job, FETCH_INTERNAL, ERROR_INTERNAL, status,
            "the fetch worker wrote nonsense; celld ended it and will try again");
    else if (filled == 0 || (filled < 0 && filled != -EAGAIN))
        end(job, FETCH_WORKER_DIED, ERROR_UNAVAILABLE, ERR_GIT,
            "the fetch worker ended without an answer (killed, or past its memory or CPU limit); "
            "celld will try again");
}

static void reap(struct fetch_job *job)
{
    int status = 0;
    const pid_t pid = waitpid(job->pid, &status, WNOHANG);
    if (pid == 0 || (pid < 0 && errno == EINTR))
        return;
    /* Below a process that ignores SIGCHLD there is nothing to wait for: it is gone as well. */
    arm(job, 0, 0);
    close_fd(&job->process);
    close_fd(&job->channel);
    job->state = JOB_DONE;
}

static void handle_timer(struct fetch_job *job)
{
    uint64_t count = 0;
    if (read(job->timer, &count, sizeof(count)) != (ssize_t)sizeof(count))
        return;
    end(job, FETCH_TIMEOUT, ERROR_TIMEOUT, -ETIMEDOUT,
        "the fetch was not finished by its deadline and was ended; celld will try again");
}

void fetch_job_process(struct fetch_job *job)
{
    CHECK(job->magic == JOB_MAGIC);
    struct epoll_event events[4];
    const int count =
        job->state == JOB_DONE
            ? 0
            : epoll_wait(job->set, events, (int)(sizeof(events) / sizeof(events[0])), 0);
    for (int i = 0; i < count; i++) {
        const int fd = events[i].data.fd;
        if (fd == job->channel && job->state == JOB_RUNNING) {
            if ((events[i].events & EPOLLOUT) != 0)
                send_request(job);
            if ((events[i].events & (EPOLLIN | EPOLLHUP | EPOLLERR)) != 0)
                read_messages(job);
        } else if (fd == job->timer) {
            handle_timer(job);
        }
    }
    if (job->state == JOB_ENDING)
        reap(job);
}

void fetch_job_cancel(struct fetch_job *job)
{
    CHECK(job->magic == JOB_MAGIC);
    end(job, FETCH_CANCELLED, ERROR_CANCELLED, -ECANCELED, "the fetch was cancelled");
}

/* The worker's end of the channel lies at or above 10, so that dup2 to FETCH_WORKER_FD is always a
 * real copy without close-on-exec. */
static int open_channel(struct fetch_job *job, int *ret_worker_end)
{
    int pair[2];
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) < 0)
        return -errno;
    job->channel = pair[0];
    *ret_worker_end = fcntl(pair[1], F_DUPFD_CLOEXEC, 10);
    const int saved = errno;
    close(pair[1]);
    if (*ret_worker_end < 0)
        return -saved;
    return fcntl(job->channel, F_SETFL, O_NONBLOCK) < 0 ? -errno : 0;
}

static int spawn(struct fetch_job *job, const char *worker, int worker_end)
{
    char name[] = "celld";
    char argument[] = FETCH_WORKER_ARGUMENT;
    char *const arguments[] = {name, argument, NULL};
    char *const environment[] = {NULL};
    posix_spawn_file_actions_t files;
    posix_spawnattr_t attributes;
    sigset_t signals;
    int status = posix_spawn_file_actions_init(&files);
    if (status != 0)
        return -status;
    status = posix_spawnattr_init(&attributes);
    if (status != 0) {
        posix_spawn_file_actions_destroy(&files);
        return -status;
    }
    /* A group of its own: Ctrl-C in a terminal is for celld, which then ends its worker. */
    sigemptyset(&signals);
    (void)posix_spawnattr_setsigmask(&attributes, &signals);
    sigfillset(&signals);
    (void)posix_spawnattr_setsigdefault(&attributes, &signals);
    (void)posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF |
                                                    POSIX_SPAWN_SETPGROUP);
    (void)posix_spawn_file_actions_addopen(&files, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
    (void)posix_spawn_file_actions_addopen(&files, STDOUT_FILENO, "/dev/null", O_WRONLY, 0);
    (void)posix_spawn_file_actions_adddup2(&files, worker_end, FETCH_WORKER_FD);
    (void)posix_spawn_file_actions_addclosefrom_np(&files, FETCH_WORKER_FD + 1);
    status = posix_spawn(&job->pid, worker, &files, &attributes, arguments, environment);
    posix_spawnattr_destroy(&attributes);
    posix_spawn_file_actions_destroy(&files);
    return -status;
}

static int encode_request(struct fetch_job *job, const struct fetch_request *request)
{
    json_t *json = fetch_request_to_json(request);
    if (json == NULL)
        return -ENOMEM;
    const int status = frame_encode(json, &job->request, &job->request_length);
    json_decref(json);
    return status;
}

static int start(struct fetch_job *job, const struct fetch_request *request, const char *worker)
{
    int worker_end = -1;
    int status = encode_request(job, request);
    if (status < 0)
        return status;
    job->set = epoll_create1(EPOLL_CLOEXEC);
    /* The boot-time clock: a machine that slept through the deadline has missed it. */
    job->timer = timerfd_create(CLOCK_BOOTTIME, TFD_NONBLOCK | TFD_CLOEXEC);
    if (job->set < 0 || job->timer < 0)
        return -errno;
    status = open_channel(job, &worker_end);
    if (status == 0)
        status = spawn(job, worker, worker_end);
    close_fd(&worker_end);
    if (status < 0) {
        job->pid = 0;
        return status;
    }
    job->process = (int)syscall(SYS_pidfd_open, job->pid, 0);
    if (job->process >= 0)
        (void)watch_fd(job, job->process, EPOLLIN, EPOLL_CTL_ADD);
    arm(job, request->deadline.ms, 0);
    status = watch_fd(job, job->timer, EPOLLIN, EPOLL_CTL_ADD);
    return status < 0 ? status : watch_fd(job, job->channel, EPOLLIN | EPOLLOUT, EPOLL_CTL_ADD);
}

int fetch_job_start(const struct fetch_request *request, const char *worker,
                    struct fetch_job **ret_job, struct error *err)
{
    int status = fetch_request_check(request, err);
    if (status < 0)
        return status;
    OWNED(fetch_job_freep) struct fetch_job *job = calloc(1, sizeof(*job));
    if (job == NULL)
        return error_no_memory(err);
    job->magic = JOB_MAGIC;
    job->set = job->channel = job->timer = job->process = -1;
    frame_reader_init(&job->reader);
    status = start(job, request, worker == NULL ? "/proc/self/exe" : worker);
    if (status < 0)
        return error_set(err, ERROR_INTERNAL, status, "cannot start a fetch worker: %s",
                         strerror(status <= -1000 ? EMSGSIZE : -status));
    *ret_job = TAKE(job);
    return 0;
}

int fetch_job_fd(const struct fetch_job *job)
{
    return job->set;
}

bool fetch_job_is_done(const struct fetch_job *job)
{
    return job->state == JOB_DONE;
}

const struct fetch_result *fetch_job_result(const struct fetch_job *job)
{
    CHECK(job->state == JOB_DONE);
    return &job->result;
}

struct fetch_progress fetch_job_progress(const struct fetch_job *job)
{
    return job->progress;
}

pid_t fetch_job_pid(const struct fetch_job *job)
{
    return job->pid;
}

struct fetch_job *fetch_job_free(struct fetch_job *job)
{
    if (job == NULL)
        return NULL;
    CHECK(job->magic == JOB_MAGIC);
    if (job->pid > 0 && job->state != JOB_DONE) {
        (void)kill(job->pid, SIGKILL);
        while (waitpid(job->pid, NULL, 0) < 0 && errno == EINTR)
            ;
    }
    drop_request(job);
    close_fd(&job->channel);
    close_fd(&job->timer);
    close_fd(&job->process);
    close_fd(&job->set);
    frame_reader_fini(&job->reader);
    job->magic = 0;
    free(job);
    return NULL;
}

void fetch_job_freep(struct fetch_job **job)
{
    if (*job != NULL)
        *job = fetch_job_free(*job);
}
