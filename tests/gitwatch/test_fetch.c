#include "tests/gitwatch/test_fetch.h"

#include <criterion/criterion.h>

#include <poll.h>

enum { PATIENCE_MS = 120000 };

struct fetch_request test_fetch_request(const char *url, const char *mirror)
{
    return (struct fetch_request){
        .url = url,
        .ref = "main",
        .mirror = mirror,
        .may_reclone = true,
        .limits = fetch_limits_default(),
        .deadline = DURATION_S(60),
    };
}

struct fetch_result test_fetch_wait(struct fetch_job *job)
{
    while (!fetch_job_is_done(job)) {
        struct pollfd event = {.fd = fetch_job_fd(job), .events = POLLIN};
        cr_assert(poll(&event, 1, PATIENCE_MS) == 1, "the fetch never ended");
        fetch_job_process(job);
    }
    return *fetch_job_result(job);
}

struct fetch_result test_fetch(const struct fetch_request *request)
{
    struct fetch_job *job = NULL;
    struct error error;
    cr_assert(fetch_job_start(request, FETCH_WORKER_PROGRAM, &job, &error) == 0, "%s",
              error.detail);
    const struct fetch_result result = test_fetch_wait(job);
    fetch_job_free(job);
    return result;
}
