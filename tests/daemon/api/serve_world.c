/* Serves what a real engine says in a simulated world, at one moment of its life:
 * serve_world MOMENT COMMAND [WORD…]; the sockets' paths are added to the words. Moments: "start",
 * "rolling", "held" (at a gate), "failed" (a release was rolled back, a cell is broken), "done". */
#include "config/base/check.h"
#include "config/base/json.h"
#include "tests/daemon/api/serve.h"
#include "tests/reconciler/engine/repository.h"
#include "tests/simulation/world.h"

#include <errno.h>
#include <string.h>

#define MINUTE INT64_C(60000)

struct served {
    struct world *world;
    struct canned canned;
};

static const struct engine *engine_of(void *context)
{
    const struct served *served = context;
    return served->world->engine;
}

static struct instant now_of(void *context)
{
    const struct served *served = context;
    return world_now(served->world);
}

static const char *absent(void *context)
{
    (void)context;
    return NULL;
}

static json_t *status(void *context)
{
    return engine_status(engine_of(context), now_of(context));
}

static json_t *quarantine(void *context)
{
    return engine_quarantine(engine_of(context));
}

static json_t *diff(void *context, const char *cell)
{
    return engine_diff(engine_of(context), cell);
}

static json_t *render(void *context, const char *cell, const char *target)
{
    return engine_render(engine_of(context), cell, target);
}

static json_t *rollouts(void *context, const char *cell, const char *component, const char *target,
                        bool active)
{
    const struct engine_rollouts_of of = {cell, component, target, active};
    return engine_rollouts(engine_of(context), &of, now_of(context));
}

static json_t *rollout(void *context, const char *cell, const char *component, const char *target,
                       double requests_per_second)
{
    return engine_rollout(engine_of(context), cell, component, target, requests_per_second,
                          now_of(context));
}

static int cell_status(void *context, const char *cell, json_t **ret_status)
{
    *ret_status = engine_cell_status(engine_of(context), cell, now_of(context));
    return *ret_status == NULL ? -ENOENT : 0;
}

static int why(void *context, const char *cell, const char *target, struct text *out)
{
    return engine_why(engine_of(context), cell, target, now_of(context), out);
}

static uint64_t version(void *context)
{
    return engine_version(engine_of(context));
}

static bool ready(void *context, struct text *reason)
{
    text_add(reason, "starting");
    return engine_condition(engine_of(context)) != CONDITION_STARTING;
}

static int plan(void *context, uint64_t id, const char *ref, struct error *err)
{
    struct served *served = context;
    if (ref != NULL)
        return error_set(err, ERROR_NOT_FOUND, -ENOENT, "there is no revision \"%s\"", ref);
    socket_reply(served->canned.server, id, true,
                 engine_plan(engine_of(context), NULL, now_of(context)));
    return 0;
}

static int command(void *context, uint64_t id, const char *verb, const json_t *arguments,
                   const char *operator_name, struct error *err)
{
    struct served *served = context;
    bool ok = false;
    (void)operator_name;
    (void)err;
    const json_t *body = world_command(served->world, verb, json_deep_copy(arguments), &ok);
    socket_reply(served->canned.server, id, ok, json_deep_copy(body));
    return 0;
}

static const char broken[] = "raw:apiVersion: celld.dev/v1\nkind: Cell\nmetadata: {name: shop}\n"
                             "spec: {component: []}\n";

static void live_until(struct world *world, const char *moment)
{
    repository_commit(world, 1, platform_large, "billing", "registry.example/billing:1", NULL,
                      "shop", "registry.example/shop:1", NULL, NULL);
    if (strcmp(moment, "start") == 0)
        return;
    if (strcmp(moment, "rolling") == 0) {
        for (int i = 0;
             i < 10000 && strcmp(world_node_state(world, "billing", "development"), "rolling") != 0;
             i++)
            (void)world_step(world, world->now_ms + MINUTE);
        return;
    }
    CHECK(world_run_until(world, CONDITION_HELD, 60 * MINUTE));
    if (strcmp(moment, "held") == 0)
        return;
    (void)world_command(world, "approve", json_pack("{s:b}", "all", 1), NULL);
    world_run(world, 60 * MINUTE);
    (void)world_command(world, "approve", json_pack("{s:b}", "all", 1), NULL);
    CHECK(world_run_until(world, CONDITION_CONVERGED, 120 * MINUTE));
    if (strcmp(moment, "done") == 0)
        return;
    CHECK(strcmp(moment, "failed") == 0);
    repository_commit(world, 2, platform_large, "billing", "registry.example/broken:2", NULL,
                      "shop", broken, NULL, NULL);
    world_run(world, 60 * MINUTE);
}

int main(int count, char **words)
{
    static struct served served;
    CHECK(count >= 3);
    served.world = repository_world();
    live_until(served.world, words[1]);
    const struct socket_backend backend = {.context = &served,
                                           .absent = absent,
                                           .status = status,
                                           .quarantine = quarantine,
                                           .diff = diff,
                                           .render = render,
                                           .rollouts = rollouts,
                                           .rollout = rollout,
                                           .cell = cell_status,
                                           .why = why,
                                           .version = version,
                                           .ready = ready,
                                           .plan = plan,
                                           .command = command};
    OWNED_JSON *history = engine_history(served.world->engine);
    canned_init(&served.canned);
    served.canned.backend = &backend;
    served.canned.events = json_object_get(history, "events");
    const int result = serve(&served.canned, count - 2, words + 2);
    world_free(served.world);
    return result;
}
