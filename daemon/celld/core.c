#include "daemon/celld/core.h"

#include "config/base/check.h"
#include "config/base/json.h"
#include "config/base/owned.h"
#include "daemon/celld/credentials.h"
#include "daemon/celld/executor.h"
#include "daemon/celld/repository.h"
#include "daemon/celld/settings_file.h"
#include "daemon/http/client.h"
#include "daemon/log/log.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

struct core {
    uv_loop_t *loop;
    struct core_hooks hooks;
    const struct settings *settings;
    struct engine *engine;
    struct executor *executor;
    struct credentials *credentials;
    struct client *client;
    struct repository *repository;
    struct sources *sources; /* of metrics */
    struct notices *notices;
    uv_timer_t wake;
    uv_timer_t failure; /* tells of a failure outside of any call */
    struct error error;
    bool failed;
    struct plan_question *questions; /* waiting for another revision to be read */
    unsigned parts;                  /* still to be stopped */
    void (*stopped)(void *context);
    void *stopped_context;
};

struct plan_question {
    struct plan_question *next;
    struct core *core;
    uint64_t id;
};

static void tell_failure(uv_timer_t *timer)
{
    struct core *core = timer->data;
    core->hooks.failed(core->hooks.context, &core->error);
}

static void fail(struct core *core, const struct error *err)
{
    if (core->failed)
        return;
    core->failed = true;
    core->error = *err;
    CHECK(uv_timer_start(&core->failure, tell_failure, 0, 0) == 0);
}

static void step(void *context, const struct engine_event *event)
{
    struct core *core = context;
    struct effect_list effects;
    if (core->failed)
        return;
    effect_list_init(&effects);
    const int result = engine_step(core->engine, event, &effects);
    executor_run(core->executor, &effects);
    effect_list_fini(&effects);
    if (result < 0) {
        struct error err;
        (void)error_no_memory(&err);
        fail(core, &err);
    }
    core->hooks.stepped(core->hooks.context);
}

static void on_repository_event(void *context, struct engine_event *event)
{
    step(context, event);
}

static void on_storage_failed(void *context, const struct error *err)
{
    fail(context, err);
}

/* --- effects that are ours ------------------------------------------------------------------ */

static void on_wake(uv_timer_t *timer)
{
    const struct engine_event tick = {.kind = EVENT_TICK, .now = executor_now()};
    step(timer->data, &tick);
}

static void set_wake(struct core *core, struct mono_time at)
{
    const int64_t now = executor_now().mono.ms;
    uv_update_time(core->loop);
    if (at.ms == INT64_MAX)
        CHECK(uv_timer_stop(&core->wake) == 0);
    else
        CHECK(uv_timer_start(&core->wake, on_wake, at.ms > now ? (uint64_t)(at.ms - now) : 0, 0) ==
              0);
}

static enum log_level log_level_of(enum publish_level level)
{
    switch (level) {
    case PUBLISH_INFO:
        return LOG_LEVEL_INFO;
    case PUBLISH_NOTICE:
        return LOG_LEVEL_NOTICE;
    case PUBLISH_WARNING:
        return LOG_LEVEL_WARNING;
    case PUBLISH_ERROR:
        return LOG_LEVEL_ERROR;
    }
    CHECK_UNREACHABLE();
}

static void publish(struct core *core, const struct effect *effect)
{
    const struct log_subject subject = {
        .cell = effect->as.publish.cell,
        .component = effect->as.publish.component,
        .target = effect->as.publish.target,
        .revision = effect->as.publish.revision,
        .rollout = effect->as.publish.rollout,
        .event = effect->as.publish.type,
    };
    log_write(log_level_of(effect->as.publish.level), &subject, "%s", effect->as.publish.message);
    const json_t *sequence = json_at(effect->as.publish.data, "sequence", NULL);
    if (!json_is_integer(sequence))
        return; /* not kept: for the log only */
    const uint64_t number = (uint64_t)json_integer_value(sequence);
    struct packed *event = engine_event(core->engine, number);
    if (event != NULL)
        core->hooks.published(core->hooks.context, number, event);
}

static void on_metrics(void *context, uint64_t id, const json_t *answer, const struct error *err)
{
    struct engine_event event = {.kind = EVENT_METRICS, .now = executor_now()};
    event.as.metrics.id = id;
    event.as.metrics.answer = answer;
    event.as.metrics.error = err;
    if (err != NULL)
        log_write(LOG_LEVEL_DEBUG, NULL, "metrics: %s", err->detail);
    step(context, &event);
}

static void query_metrics(struct core *core, const struct effect *effect)
{
    struct error err = {0};
    if (sources_ask(core->sources, effect->as.metrics.id, effect->as.metrics.query, &err) < 0)
        on_metrics(core, effect->as.metrics.id, NULL, &err);
}

/* The event that came with it stands in history, stream and log. */
static void tell_commit_status(struct core *core, const struct effect *effect)
{
    char at[WALL_TIME_TEXT_SIZE];
    wall_time_format(executor_now().wall, at);
    notices_post(core->notices,
                 json_pack("{s:s, s:s, s:s, s:s, s:s, s:s, s:s}", "type", "commit-status", "at", at,
                           "repository", core->settings->repository.url.text, "revision",
                           effect->as.commit_status.revision, "context",
                           effect->as.commit_status.context, "state",
                           effect->as.commit_status.state, "message",
                           effect->as.commit_status.message));
}

static void perform(void *context, const struct effect *effect)
{
    struct core *core = context;
    switch (effect->kind) {
    case EFFECT_WAKE:
        set_wake(core, effect->as.wake.at);
        return;
    case EFFECT_FETCH:
        repository_sync(core->repository);
        return;
    case EFFECT_PIN:
        repository_pin(core->repository, effect->as.pin.name, effect->as.pin.commit);
        return;
    case EFFECT_PUBLISH:
        publish(core, effect);
        return;
    case EFFECT_COMMIT_STATUS:
        tell_commit_status(core, effect);
        return;
    case EFFECT_REPLY:
        core->hooks.replied(core->hooks.context, effect->as.reply.id, effect->as.reply.ok,
                            effect->as.reply.body);
        return;
    case EFFECT_QUERY_METRICS:
        query_metrics(core, effect);
        return;
    case EFFECT_CANCEL:
        sources_cancel(core->sources, effect->as.cancel.id);
        return;
    case EFFECT_PERSIST:
    case EFFECT_REQUEST:
    case EFFECT_LIST:
        break;
    }
    CHECK_UNREACHABLE();
}

/* --- start ---------------------------------------------------------------------------------- */

static struct token_source platform_token(const struct platform_settings *settings,
                                          const char *secret)
{
    switch (settings->auth) {
    case PLATFORM_AUTH_NONE:
        return (struct token_source){.kind = TOKEN_NONE};
    case PLATFORM_AUTH_TOKEN:
        return (struct token_source){.kind = TOKEN_FILE, .token_file = secret};
    case PLATFORM_AUTH_OAUTH:
        return (struct token_source){.kind = TOKEN_CLIENT_CREDENTIALS,
                                     .client_id = settings->client_id.text,
                                     .client_secret_file = secret,
                                     .scope = settings->scope.text,
                                     .issuer = settings->issuer.text,
                                     .endpoint = settings->token_url.text};
    }
    CHECK_UNREACHABLE();
}

/* The sources of metrics and the sinks of notices may show what celld shows to the control plane:
 * tokens of the same issuer.
 */
static int make_sources(struct core *core, const struct core_options *options,
                        const struct token_source *token, struct error *err)
{
    const struct settings *settings = options->settings;
    struct token_source platform = *token;
    platform.resource = settings->platform.url.text;
    const struct sources_options sources = {
        .settings = &settings->metrics,
        .platform = &platform,
        .find_secret = settings_file_secret,
        .seed = options->seed,
    };
    const struct notices_options notices = {
        .sinks = settings->notifications,
        .sink_count = settings->notification_count,
        .platform = &platform,
        .find_secret = settings_file_secret,
        .seed = options->seed,
    };
    const struct sources_hooks hooks = {.context = core, .answered = on_metrics};
    const int result = sources_new(core->loop, &sources, &hooks, &core->sources, err);
    return result < 0 ? result : notices_new(core->loop, &notices, &core->notices, err);
}

static int make_clients(struct core *core, const struct core_options *options, struct error *err)
{
    const struct platform_settings *settings = &options->settings->platform;
    OWNED(owned_free) char *secret = NULL;
    int result =
        settings_file_secret(&settings->secret, "the control plane's secret", &secret, err);
    if (result < 0)
        return result;
    const struct client_options client = {
        .base_url = settings->url.text,
        .ca_file = settings->ca_file.text,
        .connections = (unsigned)settings->concurrency.value,
        .connect_timeout = settings->connect_timeout.value,
        .total_timeout = settings->request_timeout.value,
        .token = platform_token(settings, secret),
        .seed = options->seed,
    };
    result = client_new(core->loop, &client, &core->client, err);
    return result < 0 ? error_context(err, "platform")
                      : make_sources(core, options, &client.token, err);
}

static int make_engine(struct core *core, const struct core_options *options, struct error *err)
{
    const struct settings *settings = options->settings;
    struct engine_options engine = engine_options_default;
    engine.seed = options->seed;
    engine.suspended = options->suspended;
    engine.instance = options->instance;
    engine.repository_url = settings->repository.url.text;
    engine.branch = settings->repository.branch.text;
    engine.name_key = options->instance;
    engine.name_key_length = strlen(options->instance);
    engine.credentials = credentials_list(core->credentials, &engine.credential_count);
    engine.authorization = settings->platform.auth != PLATFORM_AUTH_NONE;
    engine.parallel_nodes = (int)settings->engine.parallel.value;
    engine.parallel_requests = (int)settings->platform.concurrency.value * 2;
    engine.list_interval = settings->platform.idle_interval.value;
    engine.poll_fastest = settings->platform.active_interval.value;
    engine.retry_first = settings->engine.retry_first.value;
    engine.retry_slowest = settings->engine.retry_longest.value;
    engine.events_kept = (size_t)settings->journal.keep_events.value;
    engine.events_age = settings->journal.keep.value;
    core->engine = engine_new(&engine);
    return core->engine == NULL ? error_no_memory(err) : 0;
}

/* The rows go through the same step as everything else; what they say of cells that were sound
 * helps to read a revision in which they are not. */
static int restore(struct core *core, const struct journal_opening *opening, struct error *err)
{
    static const char cell_rows[] = "cell/";
    for (size_t i = 0; i < opening->row_count; i++) {
        const struct journal_row *row = &opening->rows[i];
        struct engine_event event = {.kind = EVENT_RESTORE, .now = executor_now()};
        event.as.restore.key = row->key;
        event.as.restore.value = row->value;
        struct effect_list effects;
        effect_list_init(&effects);
        const int result = engine_step(core->engine, &event, &effects);
        executor_run(core->executor, &effects);
        effect_list_fini(&effects);
        if (result < 0)
            return error_no_memory(err);
        const char *commit = json_text_or(json_at(row->value, "commit", NULL), NULL);
        if (commit != NULL && strncmp(row->key, cell_rows, sizeof(cell_rows) - 1) == 0)
            repository_last_good(core->repository, commit);
    }
    return 0;
}

static int start_parts(struct core *core, struct journal *journal,
                       const struct core_options *options, struct error *err)
{
    const struct executor_hooks executor_hooks = {
        .context = core, .deliver = step, .perform = perform, .storage_failed = on_storage_failed};
    const struct repository_hooks repository_hooks = {.context = core,
                                                      .deliver = on_repository_event};
    const struct repository_options repository = {.settings = options->settings,
                                                  .state_directory = options->state_directory,
                                                  .seed = options->seed};
    int result = make_clients(core, options, err);
    if (result == 0)
        result = credentials_read(getenv("CREDENTIALS_DIRECTORY"), options->state_directory,
                                  &core->credentials, err);
    if (result == 0)
        result = make_engine(core, options, err);
    if (result < 0)
        return result;
    core->executor = executor_new(journal, core->client, core->credentials, &executor_hooks);
    if (core->executor == NULL)
        return error_no_memory(err);
    result = repository_start(core->loop, &repository, &repository_hooks, &core->repository, err);
    if (result == 0)
        result = restore(core, options->opening, err);
    return result;
}

static void ignore_stop(void *context)
{
    (void)context;
}

int core_start(uv_loop_t *loop, struct journal *journal, const struct core_options *options,
               const struct core_hooks *hooks, struct core **ret_core, struct error *err)
{
    struct core *core = calloc(1, sizeof(*core));
    if (core == NULL)
        return error_no_memory(err);
    core->loop = loop;
    core->hooks = *hooks;
    core->settings = options->settings;
    CHECK(uv_timer_init(loop, &core->wake) == 0 && uv_timer_init(loop, &core->failure) == 0);
    core->wake.data = core;
    core->failure.data = core;
    const int result = start_parts(core, journal, options, err);
    if (result < 0) {
        core_stop(core, ignore_stop, NULL);
        return result;
    }
    const struct engine_event start = {.kind = EVENT_START, .now = executor_now()};
    step(core, &start);
    *ret_core = core;
    return 0;
}

/* --- questions and commands ----------------------------------------------------------------- */

const struct engine *core_engine(const struct core *core)
{
    return core->engine;
}

struct repository_counters core_fetches(const struct core *core)
{
    return repository_counters(core->repository);
}

struct notices_counters core_notices(const struct core *core)
{
    return notices_counters(core->notices);
}

struct sources_counters core_questions(const struct core *core)
{
    return sources_counters(core->sources);
}

bool core_is_idle(const struct core *core)
{
    return executor_is_idle(core->executor);
}

void core_command(struct core *core, uint64_t id, const char *verb, const json_t *arguments,
                  const char *operator_name)
{
    struct engine_event event = {.kind = EVENT_COMMAND, .now = executor_now()};
    event.as.command.id = id;
    event.as.command.verb = verb;
    event.as.command.arguments = arguments;
    event.as.command.operator_name = operator_name;
    step(core, &event);
}

/* `commit` names what was read for the question; NULL = what is watched. */
static void reply_plan(struct core *core, uint64_t id, struct manifest_set *set,
                       const struct object_id *commit)
{
    OWNED_JSON *plan = engine_plan(core->engine, set, executor_now());
    if (plan != NULL && commit != NULL)
        (void)json_object_set_new(plan, "revision", json_string(commit->hex));
    core->hooks.replied(core->hooks.context, id, plan != NULL, plan);
}

static void drop_question(struct plan_question *question)
{
    struct plan_question **place = &question->core->questions;
    while (*place != question)
        place = &(*place)->next;
    *place = question->next;
    free(question);
}

static void on_revision_read(void *context, const struct object_id *commit,
                             struct manifest_set *set, const struct error *err)
{
    struct plan_question *question = context;
    struct core *core = question->core;
    if (set != NULL) {
        reply_plan(core, question->id, set, commit);
    } else {
        OWNED_JSON *body =
            json_pack("{s:s, s:s}", "kind", error_kind_name(err->kind), "message", err->detail);
        core->hooks.replied(core->hooks.context, question->id, false, body);
    }
    drop_question(question);
}

int core_plan(struct core *core, uint64_t id, const char *ref, struct error *err)
{
    if (ref == NULL) {
        reply_plan(core, id, NULL, NULL);
        return 0;
    }
    struct plan_question *question = calloc(1, sizeof(*question));
    if (question == NULL)
        return error_no_memory(err);
    *question = (struct plan_question){.next = core->questions, .core = core, .id = id};
    core->questions = question;
    const int result = repository_read(core->repository, ref, on_revision_read, question, err);
    if (result < 0)
        drop_question(question);
    return result;
}

const char *core_warning(const struct core *core)
{
    return client_is_plaintext(core->client)
               ? "the control plane is reached without TLS: whoever is on the way can read and "
                 "change everything"
               : NULL;
}

/* --- stop ----------------------------------------------------------------------------------- */

static void part_stopped(void *context)
{
    struct core *core = context;
    if (--core->parts > 0)
        return;
    void (*stopped)(void *context) = core->stopped;
    void *stopped_context = core->stopped_context;
    (void)engine_free(core->engine);
    (void)credentials_free(core->credentials);
    while (core->questions != NULL) {
        struct plan_question *next = core->questions->next;
        free(core->questions);
        core->questions = next;
    }
    free(core);
    stopped(stopped_context);
}

static void handle_closed(uv_handle_t *handle)
{
    part_stopped(handle->data);
}

void core_stop(struct core *core, void (*stopped)(void *context), void *context)
{
    core->failed = true;
    core->stopped = stopped;
    core->stopped_context = context;
    core->parts = 2u + (core->client != NULL) + (core->repository != NULL) +
                  (core->sources != NULL) + (core->notices != NULL);
    core->executor = executor_free(core->executor);
    uv_close((uv_handle_t *)&core->wake, handle_closed);
    uv_close((uv_handle_t *)&core->failure, handle_closed);
    if (core->repository != NULL)
        repository_stop(core->repository, part_stopped, core);
    if (core->notices != NULL)
        notices_close(core->notices, part_stopped, core);
    if (core->sources != NULL)
        sources_close(core->sources, part_stopped, core);
    if (core->client != NULL)
        client_close(core->client, part_stopped, core);
}
