/* A fetch job in a libuv loop, as the daemon has it: one poll handle, nothing else. */
#include "tests/gitwatch/test_fetch.h"
#include "tests/gitwatch/test_repository.h"
#include "tests/gitwatch/test_server.h"

#include <criterion/criterion.h>
#include <uv.h>

#include <stdio.h>
#include <unistd.h>

struct fetching {
    uv_poll_t poll;
    struct fetch_job *job;
    struct fetch_result result;
    int *running;
};

static void on_closed(uv_handle_t *handle)
{
    struct fetching *fetching = handle->data;
    fetching->job = fetch_job_free(fetching->job);
    --*fetching->running;
}

static void on_readable(uv_poll_t *poll, int status, int events)
{
    struct fetching *fetching = poll->data;
    (void)events;
    cr_assert(status == 0);
    fetch_job_process(fetching->job);
    if (!fetch_job_is_done(fetching->job))
        return;
    fetching->result = *fetch_job_result(fetching->job);
    uv_poll_stop(poll);
    uv_close((uv_handle_t *)poll, on_closed);
}

static void start(uv_loop_t *loop, struct fetching *fetching, const struct fetch_request *request,
                  int *running)
{
    struct error error;
    cr_assert(fetch_job_start(request, FETCH_WORKER_PROGRAM, &fetching->job, &error) == 0, "%s",
              error.detail);
    cr_assert(uv_poll_init(loop, &fetching->poll, fetch_job_fd(fetching->job)) == 0);
    fetching->poll.data = fetching;
    fetching->running = running;
    ++*running;
    cr_assert(uv_poll_start(&fetching->poll, UV_READABLE, on_readable) == 0);
}

Test(fetch_loop, several_jobs_end_in_one_loop, .timeout = 120)
{
    struct test_repository repository;
    char mirrors[3][160];
    char silent_url[64];
    uint16_t port = 0;
    uv_loop_t loop;
    struct fetching fetching[4] = {{.job = NULL}};
    int running = 0;
    test_repository_init(&repository);
    test_repository_write(&repository, "platform.yaml", "kind: Platform\n");
    const struct object_id first = test_repository_commit(&repository, "first");
    const int silent = test_server_silent(&port);
    snprintf(silent_url, sizeof(silent_url), "http://localhost:%u/x", port);
    cr_assert(uv_loop_init(&loop) == 0);
    for (size_t i = 0; i < 3; i++) {
        snprintf(mirrors[i], sizeof(mirrors[i]), "%s-%zu", repository.mirror, i);
        const struct fetch_request request = test_fetch_request(repository.url, mirrors[i]);
        start(&loop, &fetching[i], &request, &running);
    }
    struct fetch_request stalled = test_fetch_request(silent_url, repository.mirror);
    stalled.deadline = DURATION_MS(200);
    start(&loop, &fetching[3], &stalled, &running);
    cr_assert(uv_run(&loop, UV_RUN_DEFAULT) == 0);
    cr_assert_eq(running, 0);
    cr_assert(uv_loop_close(&loop) == 0, "a handle is left");
    for (size_t i = 0; i < 3; i++) {
        cr_assert(fetching[i].result.reason == FETCH_OK, "%s", fetching[i].result.error.detail);
        cr_assert_str_eq(fetching[i].result.commit.hex, first.hex);
    }
    cr_assert(fetching[3].result.reason == FETCH_TIMEOUT);
    close(silent);
    test_repository_fini(&repository);
}
