#include "daemon/celld/repository.h"

#include "config/base/check.h"
#include "config/base/owned.h"
#include "daemon/celld/executor.h"
#include "daemon/celld/fetcher.h"
#include "daemon/celld/reader.h"
#include "gitwatch/watch.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Questions about other revisions that wait at a time. */
#define LOOKS_MOST 8

/* A look is answered before its caller gives up. */
#define LOOK_DEADLINE DURATION_S(50)

/* Somebody who wants to know another revision:
 *
 *   (a commit) READ ── not in the mirror ──▶ WAIT ──▶ FETCH ──▶ READ ──▶ answered
 *   (a name)   ────────────────────────────▶ WAIT
 */
struct look {
    struct look *next;
    struct repository *repository;
    enum look_state { LOOK_READ, LOOK_WAIT, LOOK_FETCH } state;
    char *ref;
    char pin[16]; /* "" = not fetched yet */
    repository_read_done *done;
    void *context;
};

struct repository {
    uv_loop_t *loop;
    struct repository_hooks hooks;
    struct fetcher *fetcher;
    struct reader *reader;
    struct watch watch;
    uv_timer_t timer;
    struct object_id loaded; /* the commit that was handed over last */
    struct revision *newest; /* handed over */
    struct error failure;    /* of the last fetch or reading; kind ERROR_NONE = all is well */
    struct repository_counters counters;
    struct look *looks;
    size_t look_count;
    unsigned last_pin;
    bool stopping;
    unsigned parts; /* still to be stopped */
    void (*stopped)(void *context);
    void *stopped_context;
};

static void schedule(struct repository *repository);

static void deliver_failure(struct repository *repository, const char *reason,
                            const struct error *err)
{
    struct engine_event event = {.kind = EVENT_REPOSITORY_FAILED, .now = executor_now()};
    repository->failure = *err;
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

/* --- the watched branch --------------------------------------------------------------------- */

static void on_loaded(void *context, struct revision **revision)
{
    struct repository *repository = context;
    if (*revision == NULL) {
        struct error err;
        (void)error_no_memory(&err);
        deliver_failure(repository, "OutOfMemory", &err);
    } else if ((*revision)->result < 0) {
        const bool damaged = (*revision)->damaged;
        if (damaged)
            watch_damaged(&repository->watch, executor_now().mono);
        /* The same commit is read again when it is fetched again. */
        deliver_failure(repository, damaged ? "MirrorDamaged" : "RevisionUnreadable",
                        &(*revision)->error);
    } else {
        watch_sound(&repository->watch);
        repository->failure.kind = ERROR_NONE;
        repository->loaded = (*revision)->commit;
        reader_base(repository->reader, *revision);
        (void)revision_free(repository->newest);
        repository->newest = TAKE(*revision);
        deliver_revision(repository);
    }
    schedule(repository);
}

static void on_fetched(void *context, const struct fetch_result *result)
{
    struct repository *repository = context;
    watch_finished(&repository->watch, result, executor_now().mono);
    repository->counters.fetches++;
    repository->counters.failures += result->reason != FETCH_OK;
    if (result->reason != FETCH_OK)
        deliver_failure(repository, fetch_reason_name(result->reason), &result->error);
    const bool is_new =
        object_id_is_set(&result->commit) && !object_id_equal(&result->commit, &repository->loaded);
    if (is_new) {
        /* Without memory the next fetch finds it new again. */
        (void)!reader_read(repository->reader, &result->commit, on_loaded, repository);
    } else if (result->reason == FETCH_OK && repository->failure.kind != ERROR_NONE &&
               repository->newest != NULL) {
        /* The remote answers again and nothing is new: take back the bad news. */
        repository->failure.kind = ERROR_NONE;
        deliver_revision(repository);
    }
    schedule(repository);
}

static void fetch_watched(struct repository *repository, const struct watch_decision *decision)
{
    const struct fetcher_order order = {.reclone = decision->reclone,
                                        .may_reclone = decision->may_reclone};
    struct fetch_result failed = {.reason = FETCH_INTERNAL, .commit = repository->loaded};
    watch_started(&repository->watch, executor_now().mono);
    if (fetcher_start(repository->fetcher, &order, on_fetched, repository, &failed.error) < 0)
        on_fetched(repository, &failed);
}

/* --- other revisions ------------------------------------------------------------------------ */

static void look_free(struct look *look)
{
    free(look->ref);
    free(look);
}

static void look_end(struct look *look)
{
    struct repository *repository = look->repository;
    struct look **at = &repository->looks;
    while (*at != look)
        at = &(*at)->next;
    *at = look->next;
    repository->look_count--;
    look_free(look);
}

static void answer(struct look *look, const struct revision *revision, const struct error *err)
{
    static const struct object_id none;
    struct error no_memory;
    if (revision != NULL && revision->result == 0)
        look->done(look->context, &revision->commit, revision->set, NULL);
    else if (revision != NULL)
        look->done(look->context, NULL, NULL, &revision->error);
    else if (err != NULL)
        look->done(look->context, NULL, NULL, err);
    else {
        (void)error_no_memory(&no_memory);
        look->done(look->context, NULL, NULL, &no_memory);
    }
    if (look->pin[0] != '\0')
        reader_pin(look->repository->reader, look->pin, &none);
    look_end(look);
}

static void on_look_read(void *context, struct revision **revision)
{
    struct look *look = context;
    struct repository *repository = look->repository;
    const bool missing = *revision != NULL && (*revision)->result == -ENOENT;
    if (*revision != NULL && (*revision)->damaged)
        watch_damaged(&repository->watch, executor_now().mono);
    if (missing && look->pin[0] == '\0')
        look->state = LOOK_WAIT;
    else
        answer(look, *revision, NULL);
    schedule(repository);
}

static void on_look_fetched(void *context, const struct fetch_result *result)
{
    struct look *look = context;
    struct repository *repository = look->repository;
    look->state = LOOK_READ;
    if (result->reason == FETCH_DAMAGED)
        watch_damaged(&repository->watch, executor_now().mono);
    if (result->reason != FETCH_OK)
        answer(look, NULL, &result->error);
    else if (reader_read(repository->reader, &result->commit, on_look_read, look) < 0)
        answer(look, NULL, NULL);
    schedule(repository);
}

/* The one that has waited longest. */
static void fetch_look(struct repository *repository)
{
    struct look *look = repository->looks;
    while (look != NULL && look->state != LOOK_WAIT)
        look = look->next;
    if (look == NULL)
        return;
    struct error err;
    (void)snprintf(look->pin, sizeof(look->pin), "look/%u",
                   repository->last_pin++ % (2 * LOOKS_MOST));
    look->state = LOOK_FETCH;
    const struct fetcher_order order = {
        .ref = look->ref, .pin = look->pin, .deadline = LOOK_DEADLINE};
    if (fetcher_start(repository->fetcher, &order, on_look_fetched, look, &err) < 0)
        answer(look, NULL, &err);
}

int repository_read(struct repository *repository, const char *ref, repository_read_done *done,
                    void *context, struct error *err)
{
    struct object_id commit;
    if (repository->look_count == LOOKS_MOST)
        return error_set(err, ERROR_UNAVAILABLE, -EBUSY,
                         "%d other revisions are being looked at already; try again", LOOKS_MOST);
    struct look *look = calloc(1, sizeof(*look));
    char *copy = strdup(ref);
    if (look == NULL || copy == NULL) {
        free(look);
        free(copy);
        return error_no_memory(err);
    }
    *look = (struct look){.repository = repository, .ref = copy, .done = done, .context = context};
    struct look **end = &repository->looks;
    while (*end != NULL)
        end = &(*end)->next;
    *end = look;
    repository->look_count++;
    look->state = LOOK_WAIT;
    if (object_id_parse(ref, &commit) == 0 &&
        reader_read(repository->reader, &commit, on_look_read, look) == 0)
        look->state = LOOK_READ;
    schedule(repository);
    return 0;
}

/* --- when ----------------------------------------------------------------------------------- */

static void on_timer(uv_timer_t *timer)
{
    schedule(timer->data);
}

/* What is watched goes first; a look has the fetcher in between. */
static void schedule(struct repository *repository)
{
    if (repository->stopping || fetcher_is_busy(repository->fetcher))
        return;
    const struct mono_time now = executor_now().mono;
    const struct watch_decision decision = watch_next(&repository->watch, now);
    if (decision.start)
        fetch_watched(repository, &decision);
    if (!fetcher_is_busy(repository->fetcher))
        fetch_look(repository);
    const struct watch_decision next = watch_next(&repository->watch, now);
    if (fetcher_is_busy(repository->fetcher) || next.wake.ms == INT64_MAX)
        return;
    const int64_t wait = next.wake.ms > now.ms ? next.wake.ms - now.ms : 0;
    uv_update_time(repository->loop);
    CHECK(uv_timer_start(&repository->timer, on_timer, (uint64_t)wait, 0) == 0);
}

/* --- public --------------------------------------------------------------------------------- */

static int make_parts(struct repository *repository, const struct repository_options *options,
                      struct error *err)
{
    const struct repository_settings *settings = &options->settings->repository;
    OWNED(owned_free) char *mirror = NULL;
    if (asprintf(&mirror, "%s/mirror", options->state_directory) < 0)
        return error_no_memory(err);
    repository->reader = reader_new(repository->loop, settings, mirror);
    return repository->reader == NULL ? error_no_memory(err)
                                      : fetcher_new(repository->loop, settings, mirror,
                                                    options->worker, &repository->fetcher, err);
}

static void free_unstarted(void *context)
{
    free(context);
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
    const int result = make_parts(repository, options, err);
    if (result < 0) {
        if (repository->reader != NULL)
            reader_stop(repository->reader, free_unstarted, repository);
        else
            free(repository);
        return result;
    }
    struct watch_settings timing = watch_settings_default();
    timing.interval = options->settings->repository.interval.value;
    timing.jitter_percent = (uint32_t)options->settings->repository.jitter_percent.value;
    watch_init(&repository->watch, &timing, options->seed, executor_now().mono);
    CHECK(uv_timer_init(loop, &repository->timer) == 0);
    repository->timer.data = repository;
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
    if (commit == NULL || object_id_parse(commit, &id) == 0)
        reader_pin(repository->reader, name, &id);
}

void repository_last_good(struct repository *repository, const char *commit)
{
    struct object_id id;
    if (object_id_parse(commit, &id) == 0)
        reader_last_good(repository->reader, &id);
}

struct repository_counters repository_counters(const struct repository *repository)
{
    return repository->counters;
}

static void part_stopped(void *context)
{
    struct repository *repository = context;
    if (--repository->parts > 0)
        return;
    void (*stopped)(void *context) = repository->stopped;
    void *stopped_context = repository->stopped_context;
    for (struct look *look = repository->looks, *next; look != NULL; look = next) {
        next = look->next;
        look_free(look);
    }
    (void)revision_free(repository->newest);
    free(repository);
    stopped(stopped_context);
}

static void on_timer_closed(uv_handle_t *handle)
{
    part_stopped(handle->data);
}

void repository_stop(struct repository *repository, void (*stopped)(void *context), void *context)
{
    repository->stopping = true;
    repository->stopped = stopped;
    repository->stopped_context = context;
    repository->parts = 3;
    uv_close((uv_handle_t *)&repository->timer, on_timer_closed);
    fetcher_stop(repository->fetcher, part_stopped, repository);
    reader_stop(repository->reader, part_stopped, repository);
}
