#include "daemon/celld/backend.h"

#include "daemon/celld/executor.h"

#include <errno.h>

static const struct engine *engine_of(const struct backend_hooks *hooks)
{
    const struct core *core = hooks->core(hooks->context);
    return core == NULL ? NULL : core_engine(core);
}

/* An answer for the time in which there is no core. */
static json_t *nothing(const struct backend_hooks *hooks)
{
    return json_pack("{s:s, s:s}", "condition", "starting", "message",
                     hooks->missing(hooks->context));
}

static json_t *status(void *context)
{
    const struct engine *engine = engine_of(context);
    return engine == NULL ? nothing(context) : engine_status(engine, executor_now());
}

static json_t *quarantine(void *context)
{
    const struct engine *engine = engine_of(context);
    return engine == NULL ? nothing(context) : engine_quarantine(engine);
}

static json_t *diff(void *context, const char *cell)
{
    const struct engine *engine = engine_of(context);
    return engine == NULL ? nothing(context) : engine_diff(engine, cell);
}

static json_t *render(void *context, const char *cell, const char *target)
{
    const struct engine *engine = engine_of(context);
    return engine == NULL ? nothing(context) : engine_render(engine, cell, target);
}

static json_t *rollouts(void *context, const char *cell_name, const char *component,
                        const char *target, bool active)
{
    const struct engine *engine = engine_of(context);
    const struct engine_rollouts_of of = {cell_name, component, target, active};
    if (engine == NULL)
        return cell_name == NULL ? json_array() : json_null();
    return engine_rollouts(engine, &of, executor_now());
}

static json_t *rollout(void *context, const char *cell_name, const char *component,
                       const char *target, double requests_per_second)
{
    const struct engine *engine = engine_of(context);
    return engine == NULL ? NULL
                          : engine_rollout(engine, cell_name, component, target,
                                           requests_per_second, executor_now());
}

static int cell(void *context, const char *name, json_t **ret_status)
{
    const struct engine *engine = engine_of(context);
    if (engine == NULL)
        return -ENOENT;
    json_t *found = engine_cell_status(engine, name, executor_now());
    if (found == NULL)
        return -ENOENT;
    *ret_status = found;
    return 0;
}

static int why(void *context, const char *cell_name, const char *target, struct text *out)
{
    const struct engine *engine = engine_of(context);
    return engine == NULL ? -ENOENT : engine_why(engine, cell_name, target, executor_now(), out);
}

static uint64_t version(void *context)
{
    const struct engine *engine = engine_of(context);
    return engine == NULL ? 0 : engine_version(engine);
}

static bool ready(void *context, struct text *reason)
{
    const struct backend_hooks *hooks = context;
    const struct engine *engine = engine_of(context);
    if (engine == NULL)
        text_add(reason, hooks->missing(hooks->context));
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
