#include "daemon/celld/daemon.h"

#include "config/base/check.h"
#include "config/base/json.h"
#include "config/base/owned.h"
#include "config/base/text.h"
#include "daemon/celld/backend.h"
#include "daemon/celld/core.h"
#include "daemon/celld/executor.h"
#include "daemon/celld/gauges.h"
#include "daemon/celld/reload.h"
#include "daemon/celld/service.h"
#include "daemon/celld/settings_file.h"
#include "daemon/file/file.h"
#include "daemon/log/log.h"
#include "daemon/socket/socket.h"

#include <errno.h>
#include <malloc.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <sysexits.h>
#include <unistd.h>

#define STATE_DIRECTORY "/var/lib/celld"
#define EXIT_HELD 3
#define REOPEN_MS 5000
#define DESCRIPTION_MS 500

enum daemon_state { DAEMON_OPENING, DAEMON_RUNNING, DAEMON_READ_ONLY, DAEMON_STOPPING };
enum { SIGNAL_COUNT = 3 };

struct daemon {
    uv_loop_t loop;
    enum daemon_state state;
    const struct options *options;
    struct settings *settings;
    struct settings *next_settings;     /* of a reload: they wait for the core to stop */
    struct settings *previous_settings; /* of a reload: kept until the new core runs */
    const char *state_directory;
    char machine[64];
    struct journal *journal;
    struct core *core;
    bool core_stopping;
    bool has_run;  /* a core was built since the start of the process */
    bool adopting; /* the rows may be old or incomplete until the world was looked at once */
    struct socket_server *sockets;
    struct backend_hooks backend_hooks;
    struct service *service;
    struct metrics *metrics;
    uv_signal_t signals[SIGNAL_COUNT];
    uv_timer_t reopen;
    uv_timer_t description; /* of the state, for the service manager; not with every step */
    uint64_t described;     /* engine_version() then */
    uint64_t progressed;    /* engine_progress() then: a look is over, be it without news */
    uint64_t reload_id;     /* the command that waits for the verdict; 0 = none */
    uint64_t steps, steps_at_pulse;
    char reason[640]; /* why there is no core, or why it may not write */
    int exit_status;
    unsigned parts;
};

static void open_journal(struct daemon *daemon);
static void stop(struct daemon *daemon, int exit_status);

/* --- the core ------------------------------------------------------------------------------- */

static void reply(struct daemon *daemon, uint64_t id, bool ok, const char *message)
{
    if (daemon->sockets != NULL && id != 0)
        socket_reply(daemon->sockets, id, ok, json_pack("{s:s}", "message", message));
}

static void describe(struct daemon *daemon)
{
    OWNED_TEXT line;
    CHECK(uv_timer_stop(&daemon->description) == 0);
    text_init(&line, 256);
    if (daemon->core == NULL || daemon->state == DAEMON_READ_ONLY)
        text_add(&line, daemon->reason);
    else
        gauges_status_line(core_engine(daemon->core), &line);
    if (daemon->core != NULL) {
        daemon->described = engine_version(core_engine(daemon->core));
        daemon->progressed = engine_progress(core_engine(daemon->core));
    }
    service_status(daemon->service, text_get(&line));
}

static void on_description(uv_timer_t *timer)
{
    struct daemon *daemon = timer->data;
    describe(daemon);
    /* Whole lists and compiled resources were here a moment ago: their memory goes back. */
    if (daemon->core == NULL || engine_condition(core_engine(daemon->core)) != CONDITION_CONVERGED)
        return;
    if (daemon->sockets != NULL)
        socket_rest(daemon->sockets);
    (void)malloc_trim(0);
}

/* With --once: leaves when nothing more will move. */
static void maybe_leave(struct daemon *daemon)
{
    if (!daemon->options->once || daemon->state != DAEMON_RUNNING || !core_is_idle(daemon->core))
        return;
    const enum engine_condition condition = engine_condition(core_engine(daemon->core));
    OWNED_TEXT line;
    text_init(&line, 4096);
    if (condition == CONDITION_CONVERGED) {
        gauges_status_line(core_engine(daemon->core), &line);
        (void)printf("celld: %s\n", text_get(&line));
        stop(daemon, EXIT_SUCCESS);
    } else if (condition == CONDITION_HELD) {
        gauges_holds(core_engine(daemon->core), &line);
        (void)fprintf(stderr, "celld: held:\n%s", text_get(&line));
        stop(daemon, EXIT_HELD);
    }
}

static void on_adopted(void *context, int result, const struct error *err)
{
    struct daemon *daemon = context;
    if (result == 0)
        log_write(LOG_LEVEL_NOTICE, NULL,
                  "everything was looked at once: the journal is trusted again");
    else
        log_write(LOG_LEVEL_WARNING, NULL, "the journal stays in doubt: %s", err->detail);
    daemon->adopting = result < 0;
}

/* The engine acts only on what it has read completely; after that the rows say what was so. */
static void maybe_adopt(struct daemon *daemon)
{
    if (!daemon->adopting || engine_condition(core_engine(daemon->core)) == CONDITION_STARTING)
        return;
    daemon->adopting = journal_adopted(daemon->journal, on_adopted, daemon, NULL) < 0;
}

static void on_step(void *context)
{
    struct daemon *daemon = context;
    daemon->steps++;
    if (daemon->core == NULL)
        return;
    const struct engine *engine = core_engine(daemon->core);
    if ((engine_version(engine) != daemon->described ||
         engine_progress(engine) != daemon->progressed) &&
        uv_is_active((uv_handle_t *)&daemon->description) == 0)
        CHECK(uv_timer_start(&daemon->description, on_description, DESCRIPTION_MS, 0) == 0);
    maybe_adopt(daemon);
    maybe_leave(daemon);
}

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
    (void)snprintf(daemon->reason, sizeof(daemon->reason),
                   "read-only: the journal cannot be written (%s); trying again every %d s",
                   err->detail, REOPEN_MS / 1000);
    log_write(LOG_LEVEL_ERROR, NULL, "%s", daemon->reason);
    describe(daemon);
    open_journal(daemon);
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
    reply(daemon, daemon->reload_id, false, why);
    daemon->reload_id = 0;
    service_ready(daemon->service);
}

/* Settings that are sound but cannot be used (a credential is missing): those before come back. */
static void refuse_core(struct daemon *daemon, const struct error *err)
{
    if (daemon->previous_settings == NULL) {
        log_write(LOG_LEVEL_ERROR, NULL, "%s", err->detail);
        stop(daemon, EX_CONFIG);
        return;
    }
    (void)settings_free(daemon->settings);
    daemon->settings = TAKE(daemon->previous_settings);
    OWNED_TEXT why;
    text_init(&why, 4096);
    text_format(&why, "%s; the old settings stay", err->detail);
    refuse_reload(daemon, text_get(&why));
    open_journal(daemon);
}

static void build_core(struct daemon *daemon, const struct journal_opening *opening)
{
    const struct core_hooks hooks = {.context = daemon,
                                     .stepped = on_step,
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
    reply(daemon, daemon->reload_id, true, "the new settings are in force");
    daemon->reload_id = 0;
    service_ready(daemon->service);
    describe(daemon);
}

/* --- the journal ---------------------------------------------------------------------------- */

static void on_reopen(uv_timer_t *timer)
{
    open_journal(timer->data);
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
        stop(daemon, EX_TEMPFAIL);
    } else if (err->kind == ERROR_UNAVAILABLE && !daemon->options->once) {
        daemon->state = DAEMON_READ_ONLY;
        (void)snprintf(daemon->reason, sizeof(daemon->reason), "read-only: %s", err->detail);
        service_ready(daemon->service);
        describe(daemon);
        CHECK(uv_timer_start(&daemon->reopen, on_reopen, REOPEN_MS, 0) == 0);
    } else {
        stop(daemon, EX_CONFIG);
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
        stop(daemon, daemon->exit_status);
    else
        open_journal(daemon);
}

static void stop_core(struct daemon *daemon)
{
    struct core *core = TAKE(daemon->core);
    daemon->core_stopping = true;
    core_stop(core, on_core_stopped, daemon);
}

/* Opens it, anew if it is open: with a core there is a new one afterwards. */
static void open_journal(struct daemon *daemon)
{
    if (daemon->core != NULL)
        stop_core(daemon);
    else if (!daemon->core_stopping)
        journal_open(daemon->journal, on_opened, daemon);
}

/* --- reload --------------------------------------------------------------------------------- */

static void reload(struct daemon *daemon, uint64_t id)
{
    OWNED_TEXT why;
    text_init(&why, 4096);
    if (daemon->reload_id != 0 || daemon->next_settings != NULL ||
        daemon->state == DAEMON_STOPPING) {
        reply(daemon, id, false, "celld is reloading or stopping already");
        return;
    }
    daemon->reload_id = id;
    service_reloading(daemon->service);
    if (reload_read(daemon->options->config_path, daemon->settings, &daemon->next_settings, &why) <
        0) {
        refuse_reload(daemon, text_get(&why));
        return;
    }
    open_journal(daemon);
}

/* --- what the sockets want ------------------------------------------------------------------ */

static const struct core *core_of(void *context)
{
    const struct daemon *daemon = context;
    return daemon->core;
}

static const char *missing(void *context)
{
    const struct daemon *daemon = context;
    return daemon->reason;
}

static int plan(void *context, uint64_t id, const char *ref, struct error *err)
{
    struct daemon *daemon = context;
    if (daemon->core == NULL)
        return error_set(err, ERROR_UNAVAILABLE, -EAGAIN, "%s", daemon->reason);
    return core_plan(daemon->core, id, ref, err);
}

static int command(void *context, uint64_t id, const char *verb, const json_t *arguments,
                   const char *operator_name, struct error *err)
{
    struct daemon *daemon = context;
    if (strcmp(verb, "reload") == 0) {
        reload(daemon, id);
        return 0;
    }
    if (daemon->core == NULL || daemon->state != DAEMON_RUNNING)
        return error_set(err, ERROR_UNAVAILABLE, -EAGAIN, "%s", daemon->reason);
    core_command(daemon->core, id, verb, arguments, operator_name);
    return 0;
}

/* --- start and stop ------------------------------------------------------------------------- */

/* The loop turned, or we would not be here; and the engine stepped since the last pulse, or there
 * is no engine because the journal cannot be written. */
static bool is_alive(void *context)
{
    struct daemon *daemon = context;
    const bool moved = daemon->steps != daemon->steps_at_pulse;
    daemon->steps_at_pulse = daemon->steps;
    return moved || daemon->state != DAEMON_RUNNING;
}

static void on_signal(uv_signal_t *handle, int number)
{
    struct daemon *daemon = handle->data;
    if (number == SIGHUP)
        reload(daemon, 0);
    else
        stop(daemon, EXIT_SUCCESS);
}

static void part_gone(struct daemon *daemon)
{
    CHECK(daemon->parts > 0);
    daemon->parts--;
}

static void on_part_stopped(void *context)
{
    part_gone(context);
}

static void on_handle_closed(uv_handle_t *handle)
{
    part_gone(handle->data);
}

static void on_sockets_stopped(void *context)
{
    struct daemon *daemon = context;
    daemon->sockets = NULL;
    if (daemon->core != NULL)
        stop_core(daemon);
    else if (!daemon->core_stopping)
        stop(daemon, daemon->exit_status);
}

/* Sockets first, so that nobody asks; then the core; then the journal, which is written out. */
static void stop(struct daemon *daemon, int exit_status)
{
    if (daemon->state != DAEMON_STOPPING) {
        daemon->state = DAEMON_STOPPING;
        daemon->exit_status = exit_status;
        service_stopping(daemon->service);
        if (daemon->sockets != NULL) {
            socket_stop(daemon->sockets, on_sockets_stopped, daemon);
            return;
        }
    }
    if (daemon->sockets != NULL || daemon->core_stopping || daemon->parts > 0)
        return;
    if (daemon->core != NULL) {
        stop_core(daemon);
        return;
    }
    daemon->parts = 3u + SIGNAL_COUNT + (daemon->journal != NULL);
    for (size_t i = 0; i < SIGNAL_COUNT; i++)
        uv_close((uv_handle_t *)&daemon->signals[i], on_handle_closed);
    uv_close((uv_handle_t *)&daemon->reopen, on_handle_closed);
    uv_close((uv_handle_t *)&daemon->description, on_handle_closed);
    service_stop(daemon->service, on_part_stopped, daemon);
    if (daemon->journal != NULL)
        journal_stop(daemon->journal, on_part_stopped, daemon);
}

static void read_machine_id(char *ret_id, size_t size)
{
    const struct file_terms terms = {.limit = size - 1};
    OWNED(owned_free) char *bytes = NULL;
    size_t length = 0;
    ret_id[0] = '\0';
    if (file_read("/etc/machine-id", &terms, &bytes, &length, NULL) == 0)
        (void)snprintf(ret_id, size, "%.*s", (int)strcspn(bytes, "\n"), bytes);
}

static int start_sockets(struct daemon *daemon, struct error *err)
{
    const struct settings *settings = daemon->settings;
    daemon->backend_hooks = (struct backend_hooks){
        .context = daemon, .core = core_of, .missing = missing, .plan = plan, .command = command};
    const struct socket_backend backend = backend_make(&daemon->backend_hooks);
    struct socket_options options = socket_options_default;
    options.status = (struct socket_place){.path = settings->status_socket.path.text,
                                           .group = settings->status_socket.group.text,
                                           .mode = (unsigned)settings->status_socket.mode.value,
                                           .fd = service_socket("status")};
    options.admin = (struct socket_place){.path = settings->admin_socket.path.text,
                                          .group = settings->admin_socket.group.text,
                                          .mode = (unsigned)settings->admin_socket.mode.value,
                                          .fd = service_socket("admin")};
    options.backend = &backend;
    options.scrape = settings->metrics_listen.text;
    options.metrics = daemon->metrics;
    options.events_kept = (size_t)settings->journal.keep_events.value;
    return socket_start(&options, &daemon->loop, &daemon->sockets, err);
}

static int start_journal(struct daemon *daemon, struct error *err)
{
    struct journal_options options = journal_options_default;
    const char *state = getenv("STATE_DIRECTORY");
    daemon->state_directory = daemon->settings->state_directory.text != NULL
                                  ? daemon->settings->state_directory.text
                              : state != NULL ? state
                                              : STATE_DIRECTORY;
    if (mkdir(daemon->state_directory, 0700) < 0 && errno != EEXIST)
        return error_set(err, ERROR_INVALID, -errno, "the state directory %s cannot be made: %s",
                         daemon->state_directory, strerror(errno));
    read_machine_id(daemon->machine, sizeof(daemon->machine));
    options.directory = daemon->state_directory;
    options.machine = daemon->machine;
    return journal_start(&options, &daemon->loop, &daemon->journal, err);
}

static void start_handles(struct daemon *daemon)
{
    static const int numbers[SIGNAL_COUNT] = {SIGTERM, SIGINT, SIGHUP};
    for (size_t i = 0; i < SIGNAL_COUNT; i++) {
        CHECK(uv_signal_init(&daemon->loop, &daemon->signals[i]) == 0);
        daemon->signals[i].data = daemon;
        CHECK(uv_signal_start(&daemon->signals[i], on_signal, numbers[i]) == 0);
    }
    CHECK(uv_timer_init(&daemon->loop, &daemon->reopen) == 0 &&
          uv_timer_init(&daemon->loop, &daemon->description) == 0);
    daemon->reopen.data = daemon;
    daemon->description.data = daemon;
}

static void start(struct daemon *daemon)
{
    struct error err = {0};
    start_handles(daemon);
    if (start_journal(daemon, &err) < 0 || start_sockets(daemon, &err) < 0) {
        log_write(LOG_LEVEL_ERROR, NULL, "%s", err.detail);
        stop(daemon, EX_CONFIG);
        return;
    }
    open_journal(daemon);
}

static void collect(void *context)
{
    struct daemon *daemon = context;
    struct gauges_facts facts = {.writable = daemon->state == DAEMON_RUNNING,
                                 .steps = daemon->steps};
    if (daemon->journal != NULL)
        facts.journal = journal_counters(daemon->journal);
    if (daemon->core != NULL) {
        facts.engine = core_engine(daemon->core);
        facts.fetches = core_fetches(daemon->core);
        facts.questions = core_questions(daemon->core);
        facts.notices = core_notices(daemon->core);
    }
    gauges_write(daemon->metrics, &facts);
}

int daemon_run(const struct options *options, struct settings *settings)
{
    struct daemon *daemon = calloc(1, sizeof(*daemon));
    if (daemon == NULL)
        return EX_OSERR;
    daemon->options = options;
    daemon->settings = settings;
    (void)snprintf(daemon->reason, sizeof(daemon->reason), "starting: reading the journal");
    CHECK(uv_loop_init(&daemon->loop) == 0);
    daemon->service = service_start(&daemon->loop, is_alive, daemon);
    daemon->metrics = metrics_new(4096);
    CHECK(daemon->service != NULL && daemon->metrics != NULL);
    metrics_on_collect(daemon->metrics, collect, daemon);
    start(daemon);
    CHECK(uv_run(&daemon->loop, UV_RUN_DEFAULT) == 0);
    CHECK(uv_loop_close(&daemon->loop) == 0);
    const int status = daemon->exit_status;
    (void)metrics_free(daemon->metrics);
    (void)settings_free(daemon->next_settings);
    (void)settings_free(daemon->previous_settings);
    (void)settings_free(daemon->settings);
    free(daemon);
    return status;
}
