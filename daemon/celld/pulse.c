#include "daemon/celld/pulse.h"

#include "config/base/check.h"
#include "config/base/text.h"
#include "daemon/celld/gauges.h"
#include "daemon/celld/state.h"
#include "daemon/log/log.h"

#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>

#define EXIT_HELD 3
#define DESCRIPTION_MS 500

void pulse_describe(struct daemon *daemon)
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
    pulse_describe(daemon);
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
        daemon_stop(daemon, EXIT_SUCCESS);
    } else if (condition == CONDITION_HELD) {
        gauges_holds(core_engine(daemon->core), &line);
        (void)fprintf(stderr, "celld: held:\n%s", text_get(&line));
        daemon_stop(daemon, EXIT_HELD);
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

void pulse_stepped(void *context)
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

/* The loop turned, or we would not be here; and the engine stepped since the last pulse, or there
 * is no engine because the journal cannot be written. */
bool pulse_is_alive(void *context)
{
    struct daemon *daemon = context;
    const bool moved = daemon->steps != daemon->steps_at_pulse;
    daemon->steps_at_pulse = daemon->steps;
    return moved || daemon->state != DAEMON_RUNNING;
}

void pulse_start(struct daemon *daemon)
{
    CHECK(uv_timer_init(&daemon->loop, &daemon->description) == 0);
    daemon->description.data = daemon;
}
