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

/* The status of an engine that has learned nothing, and why. */
static json_t *nothing_known(const char *why)
{
    struct engine *engine = engine_new(&engine_options_default);
    if (engine == NULL)
        return NULL;
    json_t *status = engine_status(engine, executor_now());
    (void)engine_free(engine);
    (void)json_object_set_new(status, "instance", json_null());
    (void)json_object_set_new(status, "message", json_string(why));
    (void)json_object_set_new(json_object_get(status, "repository"), "ok", json_false());
    return status;
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
