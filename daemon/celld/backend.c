#include "daemon/celld/backend.h"

#include "config/base/check.h"
#include "daemon/celld/executor.h"

#include <errno.h>

static const struct engine *engine_of(const struct backend_hooks *hooks)
{
    const struct core *core = hooks->core(hooks->context);
    return core == NULL ? NULL : core_engine(core);
}

static const char *absent(void *context)
{
    const struct backend_hooks *hooks = context;
    return engine_of(hooks) != NULL ? NULL : hooks->missing(hooks->context);
}

/* The engine that answers what is not asked while it is absent. */
static const struct engine *present(void *context)
{
    const struct engine *engine = engine_of(context);
    CHECK(engine != NULL);
    return engine;
}

/* engine_status() of no engine: the same keys, and why nothing is known. */
static json_t *nothing_known(const char *why)
{
    char now[WALL_TIME_TEXT_SIZE];
    wall_time_format(executor_now().wall, now);
    json_t *counts =
        json_pack("{s:i, s:i, s:i, s:i, s:i, s:i, s:i, s:i}", "cells", 0, "nodes", 0, "converged",
                  0, "working", 0, "waiting", 0, "held", 0, "objects", 0, "drifted", 0);
    json_t *revision = json_pack("{s:n, s:n, s:n, s:b, s:n}", "commit", "subject", "since",
                                 "rewritten", 0, "converged");
    json_t *repository = json_pack("{s:b, s:n, s:n, s:n}", "ok", 0, "reason", "message", "since");
    json_t *platform = json_pack("{s:n, s:n, s:b, s:n, s:n}", "name", "namespace", "ready", 0,
                                 "broken", "message");
    json_t *control = json_pack("{s:b, s:n, s:n}", "known", 0, "looked", "message");
    json_t *requests =
        json_pack("{s:i, s:i, s:i, s:i}", "in_flight", 0, "queued", 0, "reads", 0, "writes", 0);
    return json_pack("{s:n, s:s, s:s, s:s, s:i, s:o, s:o, s:o, s:o, s:b, s:[], s:[], s:o, s:o, "
                     "s:[], s:[]}",
                     "instance", "condition", "starting", "message", why, "time", now, "version", 0,
                     "revision", revision, "repository", repository, "platform", platform,
                     "control_plane", control, "suspended", 0, "targets", "phases", "counts",
                     counts, "requests", requests, "holds", "cells");
}

static json_t *status(void *context)
{
    const struct engine *engine = engine_of(context);
    return engine == NULL ? nothing_known(absent(context)) : engine_status(engine, executor_now());
}

static json_t *quarantine(void *context)
{
    return engine_quarantine(present(context));
}

static json_t *diff(void *context, const char *cell)
{
    return engine_diff(present(context), cell);
}

static json_t *render(void *context, const char *cell, const char *target)
{
    return engine_render(present(context), cell, target);
}

static json_t *rollouts(void *context, const char *cell_name, const char *component,
                        const char *target, bool active)
{
    const struct engine_rollouts_of of = {cell_name, component, target, active};
    return engine_rollouts(present(context), &of, executor_now());
}

static json_t *rollout(void *context, const char *cell_name, const char *component,
                       const char *target, double requests_per_second)
{
    return engine_rollout(present(context), cell_name, component, target, requests_per_second,
                          executor_now());
}

static int cell(void *context, const char *name, json_t **ret_status)
{
    *ret_status = engine_cell_status(present(context), name, executor_now());
    return *ret_status == NULL ? -ENOENT : 0;
}

static int why(void *context, const char *cell_name, const char *target, struct text *out)
{
    return engine_why(present(context), cell_name, target, executor_now(), out);
}

static uint64_t version(void *context)
{
    const struct engine *engine = engine_of(context);
    return engine == NULL ? 0 : engine_version(engine);
}

static bool ready(void *context, struct text *reason)
{
    const struct engine *engine = engine_of(context);
    if (engine == NULL)
        text_add(reason, absent(context));
    else if (engine_condition(engine) == CONDITION_STARTING)
        text_add(reason, "the repository and the control plane have not been read yet");
    else
        return true;
    return false;
}

static int plan(void *context, uint64_t id, const char *ref, struct error *err)
{
    const struct backend_hooks *hooks = context;
    return hooks->plan(hooks->context, id, ref, err);
}

static int command(void *context, uint64_t id, const char *verb, const json_t *arguments,
                   const char *operator_name, struct error *err)
{
    const struct backend_hooks *hooks = context;
    return hooks->command(hooks->context, id, verb, arguments, operator_name, err);
}

struct socket_backend backend_make(const struct backend_hooks *hooks)
{
    return (struct socket_backend){
        .context = (void *)(uintptr_t)hooks,
        .absent = absent,
        .status = status,
        .quarantine = quarantine,
        .diff = diff,
        .render = render,
        .rollouts = rollouts,
        .rollout = rollout,
        .cell = cell,
        .why = why,
        .version = version,
        .ready = ready,
        .plan = plan,
        .command = command,
    };
}
