#include "gitwatch/fetch_worker.h"

#include "gitwatch/fetch_request.h"
#include "gitwatch/fetch_result.h"
#include "gitwatch/fetch_run.h"
#include "gitwatch/frame.h"
#include "gitwatch/libgit.h"
#include "gitwatch/remote_url.h"
#include "gitwatch/worker_fence.h"

#include <git2.h>

#include <errno.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum { PROGRESS_INTERVAL_MS = 200 };

struct worker {
    int out_fd;
    int64_t last_progress_ms;
};

static int64_t now_ms(void)
{
    struct timespec now;
    if (clock_gettime(CLOCK_MONOTONIC, &now) < 0)
        return 0;
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static int write_member(int fd, const char *key, json_t *value)
{
    json_t *message = value == NULL ? NULL : json_pack("{s:o}", key, value);
    if (message == NULL)
        return -1;
    const int status = frame_write(fd, message);
    json_decref(message);
    return status;
}

static void on_progress(const struct fetch_progress *progress, void *payload)
{
    struct worker *worker = payload;
    const int64_t now = now_ms();
    if (worker->last_progress_ms != 0 && now - worker->last_progress_ms < PROGRESS_INTERVAL_MS)
        return;
    worker->last_progress_ms = now;
    (void)!write_member(worker->out_fd, "progress", fetch_progress_to_json(progress));
}

static int read_request(int fd, json_t **ret_json, struct error *err)
{
    struct frame_reader reader;
    frame_reader_init(&reader);
    int status = 0;
    while (status == 0) {
        const int filled = frame_reader_fill(&reader, fd);
        if (filled <= 0) {
            status = error_set(err, ERROR_CANCELLED, -EPIPE, "the request never came");
            break;
        }
        status = frame_reader_next(&reader, ret_json, err);
    }
    frame_reader_fini(&reader);
    return status < 0 ? status : 0;
}

/* A local repository usually belongs to another user. The check of owners guards git programs that
 * run what a repository's configuration says; libgit2 runs nothing, and the mirror's own directory
 * is checked by us. Inside a user namespace the check could never succeed. */
static int prepare_libgit(const struct fetch_request *request, struct error *err)
{
    struct libgit_limits limits = libgit_limits_default();
    limits.pack_objects = request->limits.objects;
    limits.object_bytes = request->limits.object_bytes;
    int status = libgit_start(&limits, err);
    if (status < 0)
        return status;
    status = git_libgit2_opts(GIT_OPT_SET_OWNER_VALIDATION, 0);
    if (status == 0 && request->ca_file != NULL)
        status = git_libgit2_opts(GIT_OPT_SET_SSL_CERT_LOCATIONS, request->ca_file, NULL);
    if (status == 0)
        return 0;
    libgit_stop();
    return error_set(err, ERROR_INVALID, ERR_INVALID,
                     "the file with the certificate authority, %s, cannot be read or holds no "
                     "certificate",
                     request->ca_file == NULL ? "" : request->ca_file);
}

static void work(const json_t *json, struct worker *worker, struct fetch_result *ret_result)
{
    const char *host_keys[FETCH_HOST_KEY_LIMIT];
    struct fetch_request request;
    *ret_result = (struct fetch_result){.reason = FETCH_INVALID};
    if (fetch_request_from_json(json, &request, host_keys, &ret_result->error) < 0)
        return;
    if (worker_fence_limits(&request.limits, &ret_result->error) < 0) {
        ret_result->reason = FETCH_INTERNAL;
        return;
    }
    if (prepare_libgit(&request, &ret_result->error) < 0)
        return;
    fetch_run(&request, on_progress, worker, ret_result);
    libgit_stop();
}

int fetch_worker_main(int in_fd, int out_fd)
{
    struct worker worker = {.out_fd = out_fd};
    struct fetch_result result;
    json_t *json = NULL;
    /* libgit2 looks for ~/.ssh/known_hosts and gives up without HOME; host keys are pinned, so it
     * must find none. */
    if (worker_fence_early(in_fd > out_fd ? in_fd : out_fd) < 0 ||
        setenv("HOME", "/nonexistent", 1) < 0)
        return EXIT_FAILURE;
    umask(077);
    if (read_request(in_fd, &json, NULL) < 0)
        return EXIT_FAILURE;
    work(json, &worker, &result);
    json_decref(json);
    const int status = write_member(out_fd, "result", fetch_result_to_json(&result));
    return status < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}
