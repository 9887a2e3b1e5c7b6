/* One fetch, done by a worker process of our own that can be killed: libgit2 1.5 has no timeouts
 * and cannot be interrupted. Knows no event loop.
 *
 * With libuv: after fetch_job_start() watch fetch_job_fd() with one uv_poll for UV_READABLE, and
 * call fetch_job_process() in its callback until fetch_job_is_done(); then uv_poll_stop, copy the
 * result, uv_close the poll handle, and free the job in the close callback. That is all: the fd is
 * an epoll set that becomes readable for messages, for the deadline and for the worker's end, and
 * processing kills and reaps the worker. It installs no signal handler and waits for its own
 * process id only, so it can live beside uv_spawn.
 *
 * One thread at a time. The thread that starts a job must outlive it: the kernel kills the worker
 * when that thread ends, so that a worker never survives celld. */
#pragma once

#include "config/base/error.h"
#include "gitwatch/fetch_request.h"
#include "gitwatch/fetch_result.h"

#include <stdbool.h>
#include <sys/types.h>

struct fetch_job;

/* Starts `worker` (NULL = this very program, /proc/self/exe) with the argument --fetch-worker; its
 * main must call fetch_worker_main() (gitwatch/fetch_worker.h). The request is borrowed for the
 * call only; it goes over a socket, nothing of it is in arguments or environment. Returns 0 and an
 * owned job; ERR_INVALID for a request that fetch_request_check() refuses, -errno when the process
 * cannot be started. Never blocks. */
int fetch_job_start(const struct fetch_request *request, const char *worker,
                    struct fetch_job **ret_job, struct error *err)
    __attribute__((warn_unused_result));

/* Valid and the same until fetch_job_free(). */
int fetch_job_fd(const struct fetch_job *job);

/* Does what is due and returns at once. Harmless when nothing is. */
void fetch_job_process(struct fetch_job *job);

/* Kills the worker; the job is done soon, with FETCH_CANCELLED (unless its result was there). */
void fetch_job_cancel(struct fetch_job *job);

/* The worker has ended and is reaped; the result is final. */
bool fetch_job_is_done(const struct fetch_job *job);

/* Borrowed until fetch_job_free(). Only when done. */
const struct fetch_result *fetch_job_result(const struct fetch_job *job);

/* What the worker told last; all 0 in the beginning. */
struct fetch_progress fetch_job_progress(const struct fetch_job *job);

pid_t fetch_job_pid(const struct fetch_job *job);

/* A job that is not done is killed first and waited for (at once, but for a worker that hangs in
 * the kernel): cancel and process it to the end instead, when that matters. */
struct fetch_job *fetch_job_free(struct fetch_job *job);

void fetch_job_freep(struct fetch_job **job);
