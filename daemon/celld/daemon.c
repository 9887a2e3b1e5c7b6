#include "daemon/celld/daemon.h"

#include "config/base/check.h"
#include "config/base/json.h"
#include "config/base/owned.h"
#include "daemon/celld/gauges.h"
#include "daemon/celld/pulse.h"
#include "daemon/celld/renewal.h"
#include "daemon/celld/state.h"
#include "daemon/file/file.h"
#include "daemon/log/log.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sysexits.h>

#define STATE_DIRECTORY "/var/lib/celld"

void daemon_reply(struct daemon *daemon, uint64_t id, bool ok, const char *message)
{
    if (daemon->sockets != NULL && id != 0)
        socket_reply(daemon->sockets, id, ok, json_pack("{s:s}", "message", message));
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
        renewal_reload(daemon, id);
        return 0;
    }
    if (daemon->core == NULL || daemon->state != DAEMON_RUNNING)
        return error_set(err, ERROR_UNAVAILABLE, -EAGAIN, "%s", daemon->reason);
    core_command(daemon->core, id, verb, arguments, operator_name);
    return 0;
}

/* --- start and stop ------------------------------------------------------------------------- */

static void on_signal(uv_signal_t *handle, int number)
{
    struct daemon *daemon = handle->data;
    if (number == SIGHUP)
        renewal_reload(daemon, 0);
    else
        daemon_stop(daemon, EXIT_SUCCESS);
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
        renewal_stop_core(daemon);
    else if (!daemon->core_stopping)
        daemon_stop(daemon, daemon->exit_status);
}

/* Sockets first, so that nobody asks; then the core; then the journal, which is written out. */
void daemon_stop(struct daemon *daemon, int exit_status)
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
        renewal_stop_core(daemon);
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
    renewal_start(daemon);
    pulse_start(daemon);
}

static void start(struct daemon *daemon)
{
    struct error err = {0};
    start_handles(daemon);
    if (start_journal(daemon, &err) < 0 || start_sockets(daemon, &err) < 0) {
        log_write(LOG_LEVEL_ERROR, NULL, "%s", err.detail);
        daemon_stop(daemon, EX_CONFIG);
        return;
    }
    renewal_begin(daemon);
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
    daemon->service = service_start(&daemon->loop, pulse_is_alive, daemon);
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
