#include "daemon/celld/repository.h"

#include "config/base/check.h"
#include "config/base/owned.h"
#include "daemon/celld/executor.h"
#include "daemon/celld/revision.h"
#include "daemon/celld/settings_file.h"
#include "gitwatch/fetch_job.h"
#include "gitwatch/host_key.h"
#include "gitwatch/remote_url.h"
#include "gitwatch/watch.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Something for the worker thread, one at a time and in order. */
struct task {
    struct task *next;
    uv_work_t work;
    struct repository *repository;
    enum task_kind { TASK_LOAD, TASK_READ, TASK_PIN } kind;
    struct revision_request request;
    struct revision *revision;
    char *ref; /* TASK_READ */
    repository_read_done *done;
    void *context;
    char *pin_name; /* TASK_PIN */
    struct object_id pin_commit;
    bool started;
};

struct repository {
    uv_loop_t *loop;
    struct repository_hooks hooks;
    const struct settings *settings;
    char *mirror, *worker, *secret_file, *passphrase_file;
    const char **cell_files, **native_files;
    char (*host_key_texts)[HOST_KEY_SIZE];
    const char **host_keys;
    struct watch watch;
    uv_timer_t timer;
    uv_poll_t poll;
    struct fetch_job *job;
    struct task *first, *last;
    struct object_id loaded; /* the commit that was handed over last */
    struct object_id last_good[REVISION_LAST_GOOD_LIMIT];
    size_t last_good_count;
    struct revision *newest; /* handed over; kept for repeats */
    struct error failure;    /* of the last fetch or reading; kind ERROR_NONE = all is well */
    const char *failure_reason;
    struct repository_counters counters;
    bool stopping;
    unsigned open_handles;
    void (*stopped)(void *context);
    void *stopped_context;
};

static void schedule(struct repository *repository);
static void start_next_task(struct repository *repository);

static void deliver_failure(struct repository *repository, const char *reason,
                            const struct error *err)
{
    struct engine_event event = {.kind = EVENT_REPOSITORY_FAILED, .now = executor_now()};
    repository->failure = *err;
    repository->failure_reason = reason;
    event.as.repository_failed.reason = reason;
    event.as.repository_failed.error = err;
    repository->hooks.deliver(repository->hooks.context, &event);
}

static void deliver_revision(struct repository *repository)
{
    const struct revision *revision = repository->newest;
    struct engine_event event = {.kind = EVENT_REVISION, .now = executor_now()};
    event.as.revision.set = revision->set;
    event.as.revision.commit = revision->commit.hex;
    event.as.revision.subject = revision->info.subject;
    event.as.revision.rewritten = revision->rewritten;
    event.as.revision.zones = revision->zones;
    event.as.revision.zone_count = revision->zone_count;
    event.as.revision.trees = revision->trees;
    event.as.revision.tree_count = revision->tree_count;
    repository->hooks.deliver(repository->hooks.context, &event);
}

/* --- the worker thread ---------------------------------------------------------------------- */

static void do_task(uv_work_t *work)
{
    struct task *task = work->data;
    if (task->kind != TASK_PIN) {
        task->revision = revision_read(&task->request);
        return;
    }
    struct mirror *mirror = NULL;
    if (mirror_open(task->request.mirror, &mirror, NULL) < 0)
        return;
    /* A pin that fails costs only the last good content of a cell that breaks later. */
    if (object_id_is_set(&task->pin_commit))
        (void)!mirror_pin(mirror, task->pin_name, &task->pin_commit, NULL);
    else
        (void)!mirror_unpin(mirror, task->pin_name, NULL);
    (void)mirror_free(mirror);
}

static void task_free(struct task *task)
{
    (void)revision_free(task->revision);
    (void)manifest_set_unref(task->request.fallback);
    free(task->ref);
    free(task->pin_name);
    free(task);
}

static void finish_load(struct repository *repository, struct task *task)
{
    struct revision *revision = task->revision;
    if (revision == NULL) {
        struct error err;
        (void)error_no_memory(&err);
        deliver_failure(repository, "OutOfMemory", &err);
    } else if (revision->result < 0) {
        if (revision->damaged)
            watch_damaged(&repository->watch, executor_now().mono);
        /* The same commit is read again when it is fetched again. */
        deliver_failure(repository, revision->damaged ? "MirrorDamaged" : "RevisionUnreadable",
                        &revision->error);
    } else {
        watch_sound(&repository->watch);
        repository->failure.kind = ERROR_NONE;
        repository->loaded = revision->commit;
        (void)revision_free(repository->newest);
        repository->newest = TAKE(task->revision);
        deliver_revision(repository);
    }
}

static void finish_read(struct task *task)
{
    struct error err;
    if (task->revision == NULL) {
        (void)error_no_memory(&err);
        task->done(task->context, NULL, &err);
    } else if (task->revision->result < 0) {
        task->done(task->context, NULL, &task->revision->error);
    } else {
        task->done(task->context, task->revision->set, NULL);
    }
}

static void maybe_stopped(struct repository *repository);

static void on_task_done(uv_work_t *work, int status)
{
    struct task *task = work->data;
    struct repository *repository = task->repository;
    (void)status;
    CHECK(repository->first == task);
    repository->first = task->next;
    if (repository->first == NULL)
        repository->last = NULL;
    if (!repository->stopping && task->kind == TASK_LOAD)
        finish_load(repository, task);
    else if (!repository->stopping && task->kind == TASK_READ)
        finish_read(task);
    task_free(task);
    if (repository->stopping) {
        maybe_stopped(repository);
        return;
    }
    start_next_task(repository);
    schedule(repository);
}

static void start_next_task(struct repository *repository)
{
    struct task *task = repository->first;
    if (task == NULL || task->started)
        return;
    task->started = true;
    /* Only what is current when it starts: tasks may have waited. */
    if (repository->newest != NULL)
        task->request.fallback = manifest_set_ref(repository->newest->set);
    task->request.previous = repository->loaded;
    CHECK(uv_queue_work(repository->loop, &task->work, do_task, on_task_done) == 0);
}

static struct task *add_task(struct repository *repository, enum task_kind kind)
{
    const struct repository_settings *settings = &repository->settings->repository;
    struct task *task = calloc(1, sizeof(*task));
    if (task == NULL)
        return NULL;
    task->repository = repository;
    task->work.data = task;
    task->kind = kind;
    task->request = (struct revision_request){
        .mirror = repository->mirror,
        .platform_file = settings->platform_file.text,
        .cell_files = repository->cell_files,
        .cell_file_count = settings->cell_files.count,
        .native_files = repository->native_files,
        .native_file_count = settings->native_files.count,
        .file_bytes = (uint64_t)settings->max_file_kib.value * 1024,
        .tree_entries = (uint32_t)settings->max_tree_entries.value,
        .last_good_count = repository->last_good_count,
    };
    memcpy(task->request.last_good, repository->last_good, sizeof(repository->last_good));
    if (repository->last != NULL)
        repository->last->next = task;
    else
        repository->first = task;
    repository->last = task;
    return task;
}

static void load(struct repository *repository, const struct object_id *commit)
{
    struct task *task = add_task(repository, TASK_LOAD);
    if (task == NULL)
        return;
    task->request.commit = *commit;
    start_next_task(repository);
}

/* --- fetching ------------------------------------------------------------------------------- */

static struct fetch_request fetch_request(const struct repository *repository,
                                          const struct watch_decision *decision)
{
    const struct repository_settings *settings = &repository->settings->repository;
    struct fetch_request request = {
        .url = settings->url.text,
        .ref = settings->branch.text,
        .mirror = repository->mirror,
        .username = settings->user.text,
        .secret_file = repository->secret_file,
        .passphrase_file = repository->passphrase_file,
        .ca_file = settings->ca_file.text,
        .host_keys = repository->host_keys,
        .host_key_count = settings->host_keys.count,
        .require_fast_forward = settings->require_fast_forward.value,
        .reclone = decision->reclone,
        .may_reclone = decision->may_reclone,
        .limits = fetch_limits_default(),
        .deadline = settings->deadline.value,
    };
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

static void finish_fetch(struct repository *repository, const struct fetch_result *result)
{
    watch_finished(&repository->watch, result, executor_now().mono);
    repository->counters.fetches++;
    repository->counters.failures += result->reason != FETCH_OK;
    if (result->reason != FETCH_OK)
        deliver_failure(repository, fetch_reason_name(result->reason), &result->error);
    const bool is_new =
        object_id_is_set(&result->commit) && !object_id_equal(&result->commit, &repository->loaded);
    if (is_new) {
        load(repository, &result->commit);
    } else if (result->reason == FETCH_OK && repository->failure.kind != ERROR_NONE &&
               repository->newest != NULL) {
        /* The remote answers again and nothing is new: take back the bad news. */
        repository->failure.kind = ERROR_NONE;
        deliver_revision(repository);
    }
}

static void on_poll_closed(uv_handle_t *handle)
{
    struct repository *repository = handle->data;
    struct fetch_job *job = TAKE(repository->job);
    repository->open_handles--;
    if (!repository->stopping)
        finish_fetch(repository, fetch_job_result(job));
    (void)fetch_job_free(job);
    if (repository->stopping)
        maybe_stopped(repository);
    else
        schedule(repository);
}

static void on_fetch(uv_poll_t *poll, int status, int events)
{
    struct repository *repository = poll->data;
    (void)status;
    (void)events;
    fetch_job_process(repository->job);
    if (fetch_job_is_done(repository->job) && uv_is_closing((uv_handle_t *)poll) == 0)
        uv_close((uv_handle_t *)poll, on_poll_closed);
}

static void start_fetch(struct repository *repository, const struct watch_decision *decision)
{
    const struct fetch_request request = fetch_request(repository, decision);
    struct fetch_result failed = {.reason = FETCH_INTERNAL, .commit = repository->loaded};
    watch_started(&repository->watch, executor_now().mono);
    if (fetch_job_start(&request, repository->worker, &repository->job, &failed.error) < 0) {
        finish_fetch(repository, &failed);
        return;
    }
    CHECK(uv_poll_init(repository->loop, &repository->poll, fetch_job_fd(repository->job)) == 0);
    repository->poll.data = repository;
    repository->open_handles++;
    CHECK(uv_poll_start(&repository->poll, UV_READABLE, on_fetch) == 0);
}

static void on_timer(uv_timer_t *timer)
{
    schedule(timer->data);
}

static void schedule(struct repository *repository)
{
    if (repository->stopping || repository->job != NULL)
        return;
    const struct mono_time now = executor_now().mono;
    const struct watch_decision decision = watch_next(&repository->watch, now);
    if (decision.start)
        start_fetch(repository, &decision);
    const struct watch_decision next = watch_next(&repository->watch, now);
    if (repository->job != NULL || next.wake.ms == INT64_MAX)
        return;
    const int64_t wait = next.wake.ms > now.ms ? next.wake.ms - now.ms : 0;
    uv_update_time(repository->loop);
    CHECK(uv_timer_start(&repository->timer, on_timer, (uint64_t)wait, 0) == 0);
}

/* --- public --------------------------------------------------------------------------------- */

static const char **texts_of(const struct manifest_texts *texts)
{
    const char **list = calloc(texts->count + 1, sizeof(*list));
    for (size_t i = 0; list != NULL && i < texts->count; i++)
        list[i] = texts->items[i].text;
    return list;
}

static int read_host_keys(struct repository *repository, const struct repository_settings *settings,
                          struct error *err)
{
    const size_t count = settings->host_keys.count;
    repository->host_keys = calloc(count + 1, sizeof(*repository->host_keys));
    repository->host_key_texts = calloc(count + 1, sizeof(*repository->host_key_texts));
    if (repository->host_keys == NULL || repository->host_key_texts == NULL)
        return error_no_memory(err);
    for (size_t i = 0; i < count; i++) {
        char *text = repository->host_key_texts[i];
        if (host_key_read(settings->host_keys.items[i].text, text, err) < 0)
            return error_context(err, "repository.hostKeys");
        repository->host_keys[i] = text;
    }
    return 0;
}

static void repository_free(struct repository *repository)
{
    free(repository->mirror);
    free(repository->worker);
    free(repository->secret_file);
    free(repository->passphrase_file);
    free(repository->cell_files);
    free(repository->native_files);
    free(repository->host_keys);
    free(repository->host_key_texts);
    (void)revision_free(repository->newest);
    free(repository);
}

static int prepare(struct repository *repository, const struct repository_options *options,
                   struct error *err)
{
    const struct repository_settings *settings = &options->settings->repository;
    struct remote_url url;
    if (remote_url_parse(settings->url.text, &url, err) < 0)
        return error_context(err, "repository.url");
    int result = settings_file_secret(&settings->secret, "the repository's secret",
                                      &repository->secret_file, err);
    if (result == 0)
        result = settings_file_secret(&settings->passphrase, "the passphrase of the private key",
                                      &repository->passphrase_file, err);
    if (result == 0)
        result = read_host_keys(repository, settings, err);
    if (result < 0)
        return result;
    repository->cell_files = texts_of(&settings->cell_files);
    repository->native_files = texts_of(&settings->native_files);
    repository->worker = options->worker == NULL ? NULL : strdup(options->worker);
    if (asprintf(&repository->mirror, "%s/mirror", options->state_directory) < 0)
        repository->mirror = NULL;
    if (repository->mirror == NULL || repository->cell_files == NULL ||
        repository->native_files == NULL || (options->worker != NULL && repository->worker == NULL))
        return error_no_memory(err);
    return 0;
}

int repository_start(uv_loop_t *loop, const struct repository_options *options,
                     const struct repository_hooks *hooks, struct repository **ret_repository,
                     struct error *err)
{
    struct repository *repository = calloc(1, sizeof(*repository));
    if (repository == NULL)
        return error_no_memory(err);
    repository->loop = loop;
    repository->hooks = *hooks;
    repository->settings = options->settings;
    const int result = prepare(repository, options, err);
    if (result < 0) {
        repository_free(repository);
        return result;
    }
    struct watch_settings timing = watch_settings_default();
    timing.interval = options->settings->repository.interval.value;
    timing.jitter_percent = (uint32_t)options->settings->repository.jitter_percent.value;
    watch_init(&repository->watch, &timing, options->seed, executor_now().mono);
    CHECK(uv_timer_init(loop, &repository->timer) == 0);
    repository->timer.data = repository;
    repository->open_handles = 1;
    CHECK(uv_timer_start(&repository->timer, on_timer, 0, 0) == 0);
    *ret_repository = repository;
    return 0;
}

void repository_sync(struct repository *repository)
{
    (void)watch_sync(&repository->watch);
    schedule(repository);
}

void repository_pin(struct repository *repository, const char *name, const char *commit)
{
    struct object_id id = {.hex = ""};
    if (commit != NULL && object_id_parse(commit, &id) < 0)
        return;
    struct task *task = add_task(repository, TASK_PIN);
    if (task == NULL)
        return;
    task->pin_name = strdup(name);
    task->pin_commit = id;
    start_next_task(repository);
}

void repository_last_good(struct repository *repository, const char *commit)
{
    struct object_id id;
    if (object_id_parse(commit, &id) < 0)
        return;
    size_t kept = 0;
    for (size_t i = 0; i < repository->last_good_count; i++) {
        if (!object_id_equal(&repository->last_good[i], &id))
            repository->last_good[kept++] = repository->last_good[i];
    }
    if (kept == REVISION_LAST_GOOD_LIMIT) {
        kept--;
        memmove(&repository->last_good[0], &repository->last_good[1],
                kept * sizeof(repository->last_good[0]));
    }
    repository->last_good[kept++] = id;
    repository->last_good_count = kept;
}

struct manifest_set *repository_set(const struct repository *repository)
{
    return repository->newest == NULL ? NULL : repository->newest->set;
}

struct repository_counters repository_counters(const struct repository *repository)
{
    return repository->counters;
}

void repository_repeat(struct repository *repository)
{
    if (repository->newest != NULL)
        deliver_revision(repository);
    if (repository->failure.kind != ERROR_NONE) {
        const struct error err = repository->failure;
        deliver_failure(repository, repository->failure_reason, &err);
    }
}

int repository_read(struct repository *repository, const char *ref, repository_read_done *done,
                    void *context, struct error *err)
{
    struct task *task = add_task(repository, TASK_READ);
    if (task == NULL)
        return error_no_memory(err);
    task->ref = strdup(ref);
    task->request.ref = task->ref;
    task->done = done;
    task->context = context;
    start_next_task(repository);
    return 0;
}

static void on_timer_closed(uv_handle_t *handle)
{
    struct repository *repository = handle->data;
    repository->open_handles--;
    maybe_stopped(repository);
}

static void maybe_stopped(struct repository *repository)
{
    if (repository->open_handles > 0 || repository->first != NULL)
        return;
    void (*stopped)(void *context) = repository->stopped;
    void *context = repository->stopped_context;
    repository_free(repository);
    stopped(context);
}

void repository_stop(struct repository *repository, void (*stopped)(void *context), void *context)
{
    repository->stopping = true;
    repository->stopped = stopped;
    repository->stopped_context = context;
    struct task *running = repository->first;
    if (running != NULL) {
        for (struct task *task = running->next; task != NULL;) {
            struct task *next = task->next;
            task_free(task);
            task = next;
        }
        running->next = NULL;
        repository->last = running;
    }
    if (repository->job != NULL)
        fetch_job_cancel(repository->job);
    uv_close((uv_handle_t *)&repository->timer, on_timer_closed);
}
