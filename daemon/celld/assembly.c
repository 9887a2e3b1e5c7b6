#include "daemon/celld/assembly.h"

#include "config/base/check.h"
#include "config/base/json.h"
#include "config/base/owned.h"
#include "daemon/celld/performance.h"
#include "daemon/celld/settings_file.h"

#include <stdlib.h>
#include <string.h>

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
                                     .client_id = settings->identity.client_id.text,
                                     .client_secret_file = secret,
                                     .scope = settings->identity.scope.text,
                                     .issuer = settings->identity.issuer.text,
                                     .endpoint = settings->identity.token_url.text};
    }
    CHECK_UNREACHABLE();
}

/* The sources of metrics and the sinks of notices may show what celld shows to the control plane:
 * tokens of the same issuer. */
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
    const struct sources_hooks hooks = {.context = core, .answered = performance_answered};
    const int result = sources_new(core->loop, &sources, &hooks, &core->sources, err);
    return result < 0 ? result : notices_new(core->loop, &notices, &core->notices, err);
}

static int make_clients(struct core *core, const struct core_options *options, struct error *err)
{
    const struct platform_settings *settings = &options->settings->platform;
    OWNED(owned_free) char *secret = NULL;
    int result = settings_file_secret(&settings->identity.secret, "the control plane's secret",
                                      &secret, err);
    if (result < 0)
        return result;
    const struct client_options client = {
        .base_url = settings->url.text,
        .ca_file = settings->identity.ca_file.text,
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

static void on_repository_event(void *context, struct engine_event *event)
{
    core_step(context, event);
}

int assembly_make(struct core *core, struct journal *journal, const struct core_options *options,
                  struct error *err)
{
    const struct executor_hooks executor_hooks = {.context = core,
                                                  .deliver = core_step,
                                                  .perform = performance_of,
                                                  .storage_failed = core_fail};
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
