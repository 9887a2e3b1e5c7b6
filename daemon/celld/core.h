/* The engine and what moves it: its executor, the control plane's client, the watched repository.
 *
 * A core is built from the journal's rows and can be thrown away at any moment: that is what a
 * restart, a reload and a failed write have in common. Everything happens on the loop's thread. */
#pragma once

#include "config/base/error.h"
#include "config/settings/settings.h"
#include "daemon/analysis/sources.h"
#include "daemon/celld/repository.h"
#include "daemon/journal/journal.h"
#include "daemon/metrics/metrics.h"
#include "daemon/notify/notices.h"
#include "reconciler/engine/engine.h"

#include <uv.h>

#include <stdbool.h>

struct core;
struct packed;

struct core_hooks {
    void *context;
    /* The engine's state may have changed. */
    void (*stepped)(void *context);
    /* An event for operators: as engine_history() shows them, with its sequence. */
    void (*published)(void *context, uint64_t sequence, struct packed *event);
    /* The answer to core_command(). `body` is borrowed. */
    void (*replied)(void *context, uint64_t id, bool ok, const json_t *body);
    /* A row did not become durable, or memory ran out in a step. The core does nothing any more:
     * stop it and build another. Never called from inside a call to the core. */
    void (*failed)(void *context, const struct error *err);
};

struct core_options {
    const struct settings *settings; /* borrowed; outlives the core */
    const char *state_directory;
    const char *instance;
    uint64_t seed;
    bool suspended;                        /* see engine_options */
    const struct journal_opening *opening; /* the rows; borrowed for the call */
};

/* Restores the engine, and starts to look at the repository and the control plane.
 * Returns 0 and an owned core; ERR_INVALID for settings that cannot be used, -ENOMEM. */
int core_start(uv_loop_t *loop, struct journal *journal, const struct core_options *options,
               const struct core_hooks *hooks, struct core **ret_core, struct error *err)
    __attribute__((warn_unused_result));

/* For questions; borrowed until the core is stopped. */
const struct engine *core_engine(const struct core *core);

/* For metrics: of this core. */
struct repository_counters core_fetches(const struct core *core);
struct sources_counters core_questions(const struct core *core);
struct notices_counters core_notices(const struct core *core);

/* A core without effects under way: everything that was decided is done or durable. */
bool core_is_idle(const struct core *core);

void core_command(struct core *core, uint64_t id, const char *verb, const json_t *arguments,
                  const char *operator_name);

/* A plan of another revision: answered through hooks.replied. */
int core_plan(struct core *core, uint64_t id, const char *ref, struct error *err);

/* Why the settings' control plane deserves a warning; NULL = it does not. */
const char *core_warning(const struct core *core);

/* Cancels everything; `stopped` is the last call, then the core is gone. */
void core_stop(struct core *core, void (*stopped)(void *context), void *context);
