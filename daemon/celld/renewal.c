#include "daemon/celld/renewal.h"

#include "config/base/check.h"
#include "config/base/json.h"
#include "config/base/owned.h"
#include "config/base/text.h"
#include "daemon/celld/executor.h"
#include "daemon/celld/pulse.h"
#include "daemon/celld/reload.h"
#include "daemon/celld/state.h"
#include "daemon/log/log.h"

#include <sys/random.h>
#include <sysexits.h>

#define REOPEN_MS 5000

static void on_published(void *context, uint64_t sequence, struct packed *event)
{
    struct daemon *daemon = context;
    if (daemon->sockets != NULL)
        socket_publish(daemon->sockets, sequence, event);
}

static void on_reply(void *context, uint64_t id, bool ok, const json_t *body)
{
    struct daemon *daemon = context;
    if (daemon->sockets != NULL)
        socket_reply(daemon->sockets, id, ok, json_deep_copy(body));
}

static void on_core_failed(void *context, const struct error *err)
{
    struct daemon *daemon = context;
    if (daemon->state == DAEMON_STOPPING)
        return;
    daemon->state = DAEMON_READ_ONLY;
    (void)text_put(daemon->reason, sizeof(daemon->reason),
                   "read-only: the journal cannot be written (%s); trying again every %d s",
                   err->detail, REOPEN_MS / 1000);
    log_write(LOG_LEVEL_ERROR, NULL, "%s", daemon->reason);
    pulse_describe(daemon);
    renewal_begin(daemon);
}

static void replay_history(struct daemon *daemon)
{
    uint64_t first, end;
    engine_events(core_engine(daemon->core), &first, &end);
    for (uint64_t sequence = first; sequence < end; sequence++) {
        struct packed *event = engine_event(core_engine(daemon->core), sequence);
        if (event != NULL)
            socket_publish(daemon->sockets, sequence, event);
    }
}

static void refuse_reload(struct daemon *daemon, const char *why)
{
    log_write(LOG_LEVEL_ERROR, NULL, "reload refused: %s", why);
    daemon_reply(daemon, daemon->reload_id, false, why);
    daemon->reload_id = 0;
    service_ready(daemon->service);
}

/* Settings that are sound but cannot be used (a credential is missing): those before come back. */
static void refuse_core(struct daemon *daemon, const struct error *err)
{
    if (daemon->previous_settings == NULL) {
        log_write(LOG_LEVEL_ERROR, NULL, "%s", err->detail);
        daemon_stop(daemon, EX_CONFIG);
        return;
    }
    (void)settings_free(daemon->settings);
    daemon->settings = TAKE(daemon->previous_settings);
    OWNED_TEXT why;
    text_init(&why, 4096);
    text_format(&why, "%s; the old settings stay", err->detail);
    refuse_reload(daemon, text_get(&why));
    renewal_begin(daemon);
}

static void build_core(struct daemon *daemon, const struct journal_opening *opening)
{
    const struct core_hooks hooks = {.context = daemon,
                                     .stepped = pulse_stepped,
                                     .published = on_published,
                                     .replied = on_reply,
                                     .failed = on_core_failed};
    struct core_options options = {
        .settings = daemon->settings,
        .state_directory = daemon->state_directory,
        .instance = opening->instance,
        .opening = opening,
        .suspended = daemon->options->suspended && !daemon->has_run,
    };
    struct error err = {0};
    if (getrandom(&options.seed, sizeof(options.seed), 0) < 0)
        options.seed = (uint64_t)executor_now().wall.ms;
    if (core_start(&daemon->loop, daemon->journal, &options, &hooks, &daemon->core, &err) < 0) {
        refuse_core(daemon, &err);
        return;
    }
    daemon->state = DAEMON_RUNNING;
    daemon->has_run = true;
    daemon->adopting = opening->adopt != JOURNAL_TRUSTED;
    daemon->previous_settings = settings_free(daemon->previous_settings);
    log_set_level(daemon->settings->log_level);
    if (core_warning(daemon->core) != NULL)
        log_write(LOG_LEVEL_WARNING, NULL, "%s", core_warning(daemon->core));
    replay_history(daemon);
    daemon_reply(daemon, daemon->reload_id, true, "the new settings are in force");
    daemon->reload_id = 0;
    service_ready(daemon->service);
    pulse_describe(daemon);
}

static void on_reopen(uv_timer_t *timer)
{
    renewal_begin(timer->data);
}

static void on_opened(void *context, int result, const struct journal_opening *opening,
                      const struct error *err)
{
    struct daemon *daemon = context;
    if (daemon->state == DAEMON_STOPPING)
        return;
    if (result == 0) {
        if (opening->kept_aside != NULL)
            log_write(LOG_LEVEL_ERROR, NULL,
                      "the journal was damaged; it is kept as %s. Nothing is deleted or promoted "
                      "before everything was looked at once",
                      opening->kept_aside);
        build_core(daemon, opening);
        return;
    }
    log_write(LOG_LEVEL_ERROR, NULL, "%s", err->detail);
    if (err->kind == ERROR_CONFLICT) {
        daemon_stop(daemon, EX_TEMPFAIL);
    } else if (err->kind == ERROR_UNAVAILABLE && !daemon->options->once) {
        daemon->state = DAEMON_READ_ONLY;
        (void)text_put(daemon->reason, sizeof(daemon->reason), "read-only: %s", err->detail);
        service_ready(daemon->service);
        pulse_describe(daemon);
        CHECK(uv_timer_start(&daemon->reopen, on_reopen, REOPEN_MS, 0) == 0);
    } else {
        daemon_stop(daemon, EX_CONFIG);
    }
}

static void on_core_stopped(void *context)
{
    struct daemon *daemon = context;
    daemon->core_stopping = false;
    if (daemon->next_settings != NULL) {
        daemon->previous_settings = daemon->settings;
        daemon->settings = TAKE(daemon->next_settings);
    }
    if (daemon->state == DAEMON_STOPPING)
        daemon_stop(daemon, daemon->exit_status);
    else
        renewal_begin(daemon);
}

void renewal_stop_core(struct daemon *daemon)
{
    struct core *core = TAKE(daemon->core);
    daemon->core_stopping = true;
    core_stop(core, on_core_stopped, daemon);
}

void renewal_begin(struct daemon *daemon)
{
    if (daemon->core != NULL)
        renewal_stop_core(daemon);
    else if (!daemon->core_stopping)
        journal_open(daemon->journal, on_opened, daemon);
}

void renewal_reload(struct daemon *daemon, uint64_t id)
{
    OWNED_TEXT why;
    text_init(&why, 4096);
    if (daemon->reload_id != 0 || daemon->next_settings != NULL ||
        daemon->state == DAEMON_STOPPING) {
        daemon_reply(daemon, id, false, "celld is reloading or stopping already");
        return;
    }
    daemon->reload_id = id;
    service_reloading(daemon->service);
    if (reload_read(daemon->options->config_path, daemon->settings, &daemon->next_settings, &why) <
        0) {
        refuse_reload(daemon, text_get(&why));
        return;
    }
    renewal_begin(daemon);
}

void renewal_start(struct daemon *daemon)
{
    CHECK(uv_timer_init(&daemon->loop, &daemon->reopen) == 0);
    daemon->reopen.data = daemon;
}
