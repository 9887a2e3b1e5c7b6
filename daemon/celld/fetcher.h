/* Fetches from the configured repository, one at a time, each in a child process that can be
 * killed. Knows the settings and their credentials; when to fetch is the caller's. On the loop's
 * thread. */
#pragma once

#include "config/base/error.h"
#include "config/settings/settings.h"
#include "gitwatch/fetch_result.h"

#include <uv.h>

#include <stdbool.h>

struct fetcher;

/* Reads where credentials are. `settings` is kept; `mirror` and `worker` (NULL = this program) are
 * copied. Returns 0; ERR_INVALID for settings that cannot be used, -ENOMEM. */
int fetcher_new(uv_loop_t *loop, const struct repository_settings *settings, const char *mirror,
                const char *worker, struct fetcher **ret_fetcher, struct error *err)
    __attribute__((warn_unused_result));

/* What is fetched: the watched branch, or (with a pin) what `ref` names, as in fetch_request. */
struct fetcher_order {
    const char *ref, *pin; /* NULL = the watched branch */
    bool reclone, may_reclone;
    struct duration deadline; /* 0 = the settings' */
};

/* The outcome, once per order that was started. Another order may be started in it. */
typedef void fetcher_done(void *context, const struct fetch_result *result);

/* Not while it is busy. The order is borrowed for the call. Returns 0, or what fetch_job_start()
 * returned: then `done` is not called. */
int fetcher_start(struct fetcher *fetcher, const struct fetcher_order *order, fetcher_done *done,
                  void *context, struct error *err) __attribute__((warn_unused_result));

bool fetcher_is_busy(const struct fetcher *fetcher);

/* Kills what runs; no `done` any more. `stopped` is the last call (perhaps in this one), then the
 * fetcher is gone. */
void fetcher_stop(struct fetcher *fetcher, void (*stopped)(void *context), void *context);
