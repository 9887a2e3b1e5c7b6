/* Memory that runs out at each allocation of a step in turn: the step says so whichever it is, and
 * the engine that is built again from the journal comes to the same end. */
#include "reconciler/compile/compile.h"
#include "tests/reconciler/engine/expect.h"
#include "tests/reconciler/scarcity.h"

#include <criterion/criterion.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

TestSuite(sweep, .timeout = 600);

/* Which steps: those that take the answer to such a request (method NULL = any event of `kind`). */
struct sweep {
    enum engine_event_kind kind;
    const char *method, *path;
    unsigned skip; /* so many of them are spared first */
    int from;      /* the revision with which it begins */
    int revision;  /* the present one */
    uint64_t id;   /* of the last such request */
    uint64_t spared, failures, calm;
    bool over;
};

static void watch(void *context, const struct effect *effect)
{
    struct sweep *sweep = context;
    const bool list = effect->kind == EFFECT_LIST;
    if (sweep->method == NULL || (!list && effect->kind != EFFECT_REQUEST))
        return;
    const char *method = list ? "LIST" : effect->as.request.method;
    const char *path = list ? effect->as.list.path : effect->as.request.path;
    if (strcmp(method, sweep->method) == 0 && strstr(path, sweep->path) != NULL)
        sweep->id = list ? effect->as.list.id : effect->as.request.id;
}

static bool is_picked(struct sweep *sweep, const struct engine_event *event)
{
    if (sweep->over || event->kind != sweep->kind || sweep->revision < sweep->from)
        return false;
    const uint64_t id = event->kind == EVENT_ANSWER   ? event->as.answer.id
                        : event->kind == EVENT_LISTED ? event->as.listed.id
                                                      : 0;
    if (sweep->method != NULL && (id != sweep->id || id == 0))
        return false;
    sweep->id = 0;
    if (sweep->skip == 0)
        return true;
    sweep->skip--;
    return false;
}

static int step(void *context, struct engine *engine, const struct engine_event *event,
                struct effect_list *effects)
{
    struct sweep *sweep = context;
    if (!is_picked(sweep, event))
        return engine_step(engine, event, effects);
    scarcity_begin(sweep->spared, false);
    const int status = engine_step(engine, event, effects);
    const uint64_t failed = scarcity_end();
    /* What turns out not to be needed may be missed. */
    cr_assert(status == 0 || (status == -ENOMEM && failed > 0), "after %u",
              (unsigned)sweep->spared);
    /* Some of these steps do little: it is over when none does so much any more. */
    sweep->calm = failed == 0 ? sweep->calm + 1 : 0;
    sweep->over = sweep->calm == 12;
    sweep->failures += failed > 0;
    sweep->spared += failed == 0 ? 0 : 1 + sweep->spared / (sweep->from > 0 ? 300 : 40);
    return status;
}

#define PLATFORM_OF(cells)                                                                         \
    PLATFORM_HEAD "  prune: {budget: \"90%\", minimum: 100}\n"                                     \
                  "  environments: [{name: development}]\n"                                        \
                  "  phases: [{name: all, cells: [" cells "]}]\n"

static const char secret[] = "      configurations:\n"
                             "        - name: database\n"
                             "          type: secret\n"
                             "          mount_type: env variable\n"
                             "          env_variables: {DB: \"${DB_PASSWORD}\"}\n";

static const struct compile_credential credential = {
    "db-password", "1111111111111111111111111111111111111111111111111111111111111111"};

static const struct sweep sweeps[] = {
    {.kind = EVENT_ANSWER, .method = "GET", .path = "/projects/acme-shop"},
    {.kind = EVENT_ANSWER, .method = "POST", .path = "/projects"},
    {.kind = EVENT_ANSWER, .method = "GET", .path = "/workloads/shop-api-a"},
    {.kind = EVENT_ANSWER, .method = "PUT", .path = "/workloads/shop-api-a"},
    {.kind = EVENT_ANSWER, .method = "GET", .path = "/secretreferences/"},
    {.kind = EVENT_LISTED, .method = "LIST", .path = "?component="},
    {.kind = EVENT_LISTED, .method = "LIST", .path = "/releasebindings"},
    {.kind = EVENT_ANSWER,
     .method = "GET",
     .path = "/releasebindings/billing-api-development",
     .skip = 6},
    {.kind = EVENT_LISTED, .method = "LIST", .path = "/releasebindings", .from = 3},
    {.kind = EVENT_REVISION, .skip = 0},
    {.kind = EVENT_REVISION, .skip = 1},
    {.kind = EVENT_REVISION, .skip = 2},
};

static void bring_about(struct sweep *sweep, size_t number)
{
    struct world_options options;
    world_options_default(&options);
    options.engine.credentials = &credential;
    options.engine.credential_count = 1;
    options.platform.secret_management = true;
    options.secret = "a value";
    options.step = step;
    options.watch = watch;
    options.context = sweep;
    struct world *world = world_new(&options);
    repository_commit(world, 1, PLATFORM_OF("billing, shop"), "billing",
                      "registry.example/billing:1", NULL, "shop", "registry.example/shop:1", secret,
                      NULL);
    world_run(world, MINUTES(4));
    sweep->revision = 2;
    repository_commit(world, 2, PLATFORM_OF("billing, shop"), "billing",
                      "registry.example/billing:1", NULL, "shop", "registry.example/shop:2", secret,
                      NULL);
    world_run(world, MINUTES(4));
    sweep->revision = 3;
    repository_commit(world, 3, PLATFORM_OF("shop"), "shop", "registry.example/shop:2", secret,
                      NULL);
    world_run(world, MINUTES(8));
    sweep->over = true;
    cr_expect_gt(sweep->failures, 0, "%zu", number);
    expect_condition(world, CONDITION_CONVERGED);
    expect_runs(world, "shop-api-a", "development", "registry.example/shop:2");
    json_t *project = platform_object(world->platform, "projects", "acme", "acme-billing");
    cr_expect_null(project, "%zu", number);
    json_decref(project);
    expect_no_dangers(world);
    expect_silence(world);
    world_free(world);
}

Test(sweep, every_allocation_of_a_step_may_fail)
{
    for (size_t i = 0; i < sizeof sweeps / sizeof *sweeps; i++) {
        struct sweep sweep = sweeps[i];
        bring_about(&sweep, i);
    }
}
