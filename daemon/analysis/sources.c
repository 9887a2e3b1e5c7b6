#include "daemon/analysis/sources.h"

#include "config/base/check.h"
#include "config/base/json.h"
#include "daemon/analysis/inquiry.h"
#include "daemon/http/clock.h"

#include <stdlib.h>
#include <string.h>

/* Rounds of a question that may each take a source's timeout. */
#define ROUNDS 2
#define GRACE_MS 1000

enum task_state {
    TASK_WAITING, /* for one of those that run to end */
    TASK_RUNNING,
    TASK_ENDED, /* its end is still to be told */
};

struct task {
    struct task *next; /* in the order of asking */
    struct sources *sources;
    uint64_t id;
    enum task_state state;
    struct source *source; /* NULL when it never found one */
    json_t *query;         /* while it waits */
    struct inquiry *inquiry;
    int64_t deadline_ms;
    json_t *answer;
    struct error error;
};

struct sources {
    uv_loop_t *loop;
    uv_timer_t timer;
    struct sources_hooks hooks;
    clock_reader *clock;
    struct source *list;
    size_t count;
    struct task *first;
    struct sources_counters counters;
    unsigned parts; /* still to be closed */
    void (*closed)(void *context);
    void *closed_context;
};

static void pump(struct sources *sources);

/* --- servers -------------------------------------------------------------------------------- */

static int add_source(struct sources *sources, const struct sources_options *options,
                      enum question_provider provider, const char *target,
                      const struct metrics_sources *settings, struct error *err)
{
    const struct metrics_server_settings *const servers[QUESTION_PROVIDER_COUNT] = {
        [QUESTION_PROMETHEUS] = &settings->prometheus.server,
        [QUESTION_OBSERVER] = &settings->observer.server,
        [QUESTION_WEBHOOK] = &settings->webhook.server,
    };
    if (servers[provider]->url.text == NULL)
        return 0;
    const struct source_options source = {
        .provider = provider,
        .target = target,
        .server = servers[provider],
        .prometheus = &settings->prometheus,
        .signature = provider == QUESTION_WEBHOOK ? &settings->webhook.signature : NULL,
        .platform = options->platform,
        .find_secret = options->find_secret,
        .clock = options->clock,
        .seed = options->seed + sources->count,
    };
    const int result = source_init(sources->loop, &source, &sources->list[sources->count], err);
    if (result == 0)
        sources->count++;
    return result;
}

static int add_all(struct sources *sources, const struct sources_options *options,
                   const char *target, const struct metrics_sources *settings, struct error *err)
{
    int result = add_source(sources, options, QUESTION_PROMETHEUS, target, settings, err);
    if (result == 0)
        result = add_source(sources, options, QUESTION_OBSERVER, target, settings, err);
    if (result == 0)
        result = add_source(sources, options, QUESTION_WEBHOOK, target, settings, err);
    return result;
}

static bool same_target(const char *a, const char *b)
{
    return a == NULL || b == NULL ? a == b : strcmp(a, b) == 0;
}

/* The target's own source of that kind, else the one for all. */
static struct source *find_source(struct sources *sources, enum question_provider provider,
                                  const char *target)
{
    struct source *found = NULL;
    for (size_t i = 0; i < sources->count; i++) {
        struct source *source = &sources->list[i];
        if (source->provider == provider &&
            (same_target(source->target, target) || (source->target == NULL && found == NULL)))
            found = source;
    }
    return found;
}

static void ignore_close(void *context)
{
    (void)context;
}

int sources_new(uv_loop_t *loop, const struct sources_options *options,
                const struct sources_hooks *hooks, struct sources **ret_sources, struct error *err)
{
    const struct metrics_settings *settings = options->settings;
    struct sources *sources = calloc(1, sizeof(*sources));
    if (sources == NULL)
        return error_no_memory(err);
    sources->list =
        calloc((settings->target_count + 1) * QUESTION_PROVIDER_COUNT, sizeof(*sources->list));
    if (sources->list == NULL) {
        free(sources);
        return error_no_memory(err);
    }
    sources->loop = loop;
    sources->hooks = *hooks;
    sources->clock = options->clock == NULL ? clock_now : options->clock;
    CHECK(uv_timer_init(loop, &sources->timer) == 0);
    sources->timer.data = sources;
    int result = add_all(sources, options, NULL, &settings->sources, err);
    for (size_t i = 0; result == 0 && i < settings->target_count; i++)
        result = add_all(sources, options, settings->targets[i].name.text,
                         &settings->targets[i].sources, err);
    if (result < 0) {
        (void)error_context(err, "metrics");
        sources_close(sources, ignore_close, NULL);
        return result;
    }
    *ret_sources = sources;
    return 0;
}

/* --- tasks ---------------------------------------------------------------------------------- */

static int64_t now_ms(const struct sources *sources)
{
    return sources->clock().mono.ms;
}

static void task_free(struct task *task)
{
    struct sources *sources = task->sources;
    struct task **place = &sources->first;
    while (*place != task)
        place = &(*place)->next;
    *place = task->next;
    if (task->state == TASK_WAITING)
        sources->counters.waiting--;
    else if (task->state == TASK_RUNNING)
        sources->counters.running--;
    inquiry_free(task->inquiry);
    json_decref(task->query);
    json_decref(task->answer);
    free(task);
}

static void end_task(struct task *task, const json_t *answer, const struct error *err)
{
    struct sources *sources = task->sources;
    if (task->state == TASK_RUNNING)
        sources->counters.running--;
    else if (task->state == TASK_WAITING)
        sources->counters.waiting--;
    task->state = TASK_ENDED;
    task->answer = answer == NULL ? NULL : json_incref(json_unconst(answer));
    if (err != NULL)
        task->error = *err;
    if (err != NULL && task->source != NULL)
        (void)error_context(&task->error, "%s", question_provider_name(task->source->provider));
}

static void on_ended(void *context, const json_t *answer, const struct error *err)
{
    struct task *task = context;
    end_task(task, answer, err);
    pump(task->sources);
}

static void start_task(struct task *task)
{
    struct sources *sources = task->sources;
    struct error err = {.kind = ERROR_NONE};
    bool done = false;
    sources->counters.waiting--;
    sources->counters.running++;
    task->state = TASK_RUNNING;
    task->deadline_ms = now_ms(sources) + ROUNDS * task->source->timeout.ms + GRACE_MS;
    task->inquiry = inquiry_new(task->source, task->query, on_ended, task);
    if (task->inquiry == NULL)
        (void)error_no_memory(&err);
    else if (inquiry_start(task->inquiry, &done, &err) == 0 && done)
        end_task(task, inquiry_answer(task->inquiry), NULL);
    if (err.kind != ERROR_NONE)
        end_task(task, NULL, &err);
}

static void expire(struct task *task)
{
    struct error err;
    (void)error_set(&err, ERROR_TIMEOUT, ERR_HTTP, "no answer within %lld s",
                    (long long)((ROUNDS * task->source->timeout.ms + GRACE_MS) / 1000));
    task->inquiry = inquiry_free(task->inquiry);
    end_task(task, NULL, &err);
}

/* Tells one end. False: there is none. */
static bool tell_one(struct sources *sources)
{
    struct task *task = sources->first;
    while (task != NULL && task->state != TASK_ENDED)
        task = task->next;
    if (task == NULL)
        return false;
    const uint64_t id = task->id;
    OWNED_JSON *answer = TAKE(task->answer);
    const struct error err = task->error;
    task_free(task);
    if (answer != NULL)
        sources->counters.answered++;
    else
        sources->counters.failed++;
    sources->hooks.answered(sources->hooks.context, id, answer, answer == NULL ? &err : NULL);
    return true;
}

static void on_timer(uv_timer_t *timer)
{
    struct sources *sources = timer->data;
    const int64_t now = now_ms(sources);
    for (struct task *task = sources->first; task != NULL; task = task->next) {
        if (task->state == TASK_RUNNING && task->deadline_ms <= now)
            expire(task);
    }
    while (sources->closed == NULL && tell_one(sources))
        continue;
    if (sources->closed == NULL)
        pump(sources);
}

/* Starts what may start, and sets the timer for the next end or deadline. */
static void pump(struct sources *sources)
{
    int64_t wake = INT64_MAX;
    const int64_t now = now_ms(sources);
    for (struct task *task = sources->first; task != NULL; task = task->next) {
        /* NOLINTNEXTLINE(clang-analyzer-unix.Malloc): what is freed is out of the list */
        if (task->state == TASK_WAITING && sources->counters.running < SOURCES_RUNNING_LIMIT)
            start_task(task);
        if (task->state == TASK_ENDED)
            wake = now;
        else if (task->state == TASK_RUNNING && task->deadline_ms < wake)
            wake = task->deadline_ms;
    }
    uv_update_time(sources->loop);
    if (wake == INT64_MAX)
        CHECK(uv_timer_stop(&sources->timer) == 0);
    else
        CHECK(uv_timer_start(&sources->timer, on_timer, wake > now ? (uint64_t)(wake - now) : 0,
                             0) == 0);
}

/* --- questions ------------------------------------------------------------------------------ */

static int find_for(struct sources *sources, const json_t *query, struct source **ret_source,
                    struct error *err)
{
    struct question question;
    const int result = question_read(query, &question, err);
    if (result < 0)
        return result;
    *ret_source = find_source(sources, question.provider, question.target);
    if (*ret_source == NULL)
        return error_set(err, ERROR_INVALID, ERR_INVALID,
                         "celld knows no %s%s%s: give its address in celld.yaml (metrics)",
                         question_provider_name(question.provider),
                         question.target == NULL ? "" : " for ",
                         question.target == NULL ? "" : question.target);
    return sources->counters.waiting < SOURCES_WAITING_LIMIT
               ? 0
               : error_set(err, ERROR_LIMIT, ERR_LIMIT, "%d questions about metrics wait already",
                           SOURCES_WAITING_LIMIT);
}

int sources_ask(struct sources *sources, uint64_t id, const json_t *query, struct error *err)
{
    struct error failure = {.kind = ERROR_NONE};
    struct task *task = calloc(1, sizeof(*task));
    if (task == NULL)
        return error_no_memory(err);
    *task = (struct task){.sources = sources,
                          .id = id,
                          .state = TASK_WAITING,
                          .query = json_incref(json_unconst(query))};
    struct task **place = &sources->first;
    while (*place != NULL)
        place = &(*place)->next;
    *place = task;
    sources->counters.waiting++;
    sources->counters.asked++;
    if (find_for(sources, query, &task->source, &failure) < 0)
        end_task(task, NULL, &failure);
    pump(sources);
    return 0;
}

void sources_cancel(struct sources *sources, uint64_t id)
{
    struct task *task = sources->first;
    while (task != NULL && task->id != id)
        task = task->next;
    if (task == NULL)
        return;
    task_free(task);
    pump(sources);
}

struct sources_counters sources_counters(const struct sources *sources)
{
    return sources->counters;
}

/* --- the end -------------------------------------------------------------------------------- */

static void part_closed(void *context)
{
    struct sources *sources = context;
    if (--sources->parts > 0)
        return;
    void (*closed)(void *) = sources->closed;
    void *closed_context = sources->closed_context;
    free(sources->list);
    free(sources);
    closed(closed_context);
}

static void on_timer_closed(uv_handle_t *handle)
{
    part_closed(handle->data);
}

void sources_close(struct sources *sources, void (*closed)(void *context), void *context)
{
    sources->closed = closed;
    sources->closed_context = context;
    while (sources->first != NULL)
        task_free(sources->first);
    sources->parts = 1 + (unsigned)sources->count;
    for (size_t i = 0; i < sources->count; i++)
        source_close(&sources->list[i], part_closed, sources);
    uv_close((uv_handle_t *)&sources->timer, on_timer_closed);
}
