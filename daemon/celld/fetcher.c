#include "daemon/celld/fetcher.h"

#include "config/base/check.h"
#include "config/base/owned.h"
#include "daemon/celld/settings_file.h"
#include "gitwatch/fetch_job.h"
#include "gitwatch/host_key.h"
#include "gitwatch/remote_url.h"

#include <stdlib.h>
#include <string.h>

struct fetcher {
    uv_loop_t *loop;
    const struct repository_settings *settings;
    char *mirror, *worker, *secret_file, *passphrase_file;
    char (*host_key_texts)[HOST_KEY_SIZE];
    const char **host_keys;
    struct fetch_job *job;
    uv_poll_t poll;
    fetcher_done *done;
    void *context;
    void (*stopped)(void *context); /* set = stopping */
    void *stopped_context;
};

static void fetcher_free(struct fetcher *fetcher)
{
    free(fetcher->mirror);
    free(fetcher->worker);
    free(fetcher->secret_file);
    free(fetcher->passphrase_file);
    free(fetcher->host_keys);
    free(fetcher->host_key_texts);
    free(fetcher);
}

static int read_host_keys(struct fetcher *fetcher, struct error *err)
{
    const size_t count = fetcher->settings->host_keys.count;
    fetcher->host_keys = calloc(count + 1, sizeof(*fetcher->host_keys));
    fetcher->host_key_texts = calloc(count + 1, sizeof(*fetcher->host_key_texts));
    if (fetcher->host_keys == NULL || fetcher->host_key_texts == NULL)
        return error_no_memory(err);
    for (size_t i = 0; i < count; i++) {
        char *text = fetcher->host_key_texts[i];
        if (host_key_read(fetcher->settings->host_keys.items[i].text, text, err) < 0)
            return error_context(err, "repository.hostKeys");
        fetcher->host_keys[i] = text;
    }
    return 0;
}

static int prepare(struct fetcher *fetcher, const char *mirror, const char *worker,
                   struct error *err)
{
    const struct repository_settings *settings = fetcher->settings;
    struct remote_url url;
    if (remote_url_parse(settings->url.text, &url, err) < 0)
        return error_context(err, "repository.url");
    int result = settings_file_secret(&settings->secret, "the repository's secret",
                                      &fetcher->secret_file, err);
    if (result == 0)
        result = settings_file_secret(&settings->passphrase, "the passphrase of the private key",
                                      &fetcher->passphrase_file, err);
    if (result == 0)
        result = read_host_keys(fetcher, err);
    if (result < 0)
        return result;
    fetcher->mirror = strdup(mirror);
    fetcher->worker = worker == NULL ? NULL : strdup(worker);
    return fetcher->mirror == NULL || (worker != NULL && fetcher->worker == NULL)
               ? error_no_memory(err)
               : 0;
}

int fetcher_new(uv_loop_t *loop, const struct repository_settings *settings, const char *mirror,
                const char *worker, struct fetcher **ret_fetcher, struct error *err)
{
    struct fetcher *fetcher = calloc(1, sizeof(*fetcher));
    if (fetcher == NULL)
        return error_no_memory(err);
    fetcher->loop = loop;
    fetcher->settings = settings;
    const int result = prepare(fetcher, mirror, worker, err);
    if (result < 0) {
        fetcher_free(fetcher);
        return result;
    }
    *ret_fetcher = fetcher;
    return 0;
}

static struct fetch_request request_of(const struct fetcher *fetcher,
                                       const struct fetcher_order *order)
{
    const struct repository_settings *settings = fetcher->settings;
    struct fetch_request request = {
        .url = settings->url.text,
        .ref = order->ref == NULL ? settings->branch.text : order->ref,
        .pin = order->pin,
        .mirror = fetcher->mirror,
        .username = settings->user.text,
        .secret_file = fetcher->secret_file,
        .passphrase_file = fetcher->passphrase_file,
        .ca_file = settings->ca_file.text,
        .host_keys = fetcher->host_keys,
        .host_key_count = settings->host_keys.count,
        .require_fast_forward = settings->require_fast_forward.value,
        .reclone = order->reclone,
        .may_reclone = order->may_reclone,
        .limits = fetch_limits_default(),
        .deadline = settings->deadline.value,
    };
    if (order->deadline.ms > 0 && order->deadline.ms < request.deadline.ms)
        request.deadline = order->deadline;
    request.limits.download_bytes = (uint64_t)settings->max_repository_mib.value * 1024 * 1024;
    switch (settings->auth) {
    case REPOSITORY_AUTH_NONE:
        break;
    case REPOSITORY_AUTH_TOKEN:
    case REPOSITORY_AUTH_BASIC:
        request.credential = FETCH_CREDENTIAL_PASSWORD;
        break;
    case REPOSITORY_AUTH_SSH:
        request.credential = FETCH_CREDENTIAL_SSH_KEY;
        break;
    }
    return request;
}

static void finish_stop(struct fetcher *fetcher)
{
    void (*stopped)(void *context) = fetcher->stopped;
    void *context = fetcher->stopped_context;
    fetcher_free(fetcher);
    stopped(context);
}

static void on_poll_closed(uv_handle_t *handle)
{
    struct fetcher *fetcher = handle->data;
    struct fetch_job *job = TAKE(fetcher->job);
    const struct fetch_result result = *fetch_job_result(job);
    (void)fetch_job_free(job);
    if (fetcher->stopped != NULL)
        finish_stop(fetcher);
    else
        fetcher->done(fetcher->context, &result);
}

static void on_fetch(uv_poll_t *poll, int status, int events)
{
    struct fetcher *fetcher = poll->data;
    (void)status;
    (void)events;
    fetch_job_process(fetcher->job);
    if (fetch_job_is_done(fetcher->job) && uv_is_closing((uv_handle_t *)poll) == 0)
        uv_close((uv_handle_t *)poll, on_poll_closed);
}

int fetcher_start(struct fetcher *fetcher, const struct fetcher_order *order, fetcher_done *done,
                  void *context, struct error *err)
{
    const struct fetch_request request = request_of(fetcher, order);
    CHECK(fetcher->job == NULL && fetcher->stopped == NULL);
    const int result = fetch_job_start(&request, fetcher->worker, &fetcher->job, err);
    if (result < 0)
        return result;
    fetcher->done = done;
    fetcher->context = context;
    CHECK(uv_poll_init(fetcher->loop, &fetcher->poll, fetch_job_fd(fetcher->job)) == 0);
    fetcher->poll.data = fetcher;
    CHECK(uv_poll_start(&fetcher->poll, UV_READABLE, on_fetch) == 0);
    return 0;
}

bool fetcher_is_busy(const struct fetcher *fetcher)
{
    return fetcher->job != NULL;
}

void fetcher_stop(struct fetcher *fetcher, void (*stopped)(void *context), void *context)
{
    fetcher->stopped = stopped;
    fetcher->stopped_context = context;
    if (fetcher->job == NULL)
        finish_stop(fetcher);
    else
        fetch_job_cancel(fetcher->job);
}
