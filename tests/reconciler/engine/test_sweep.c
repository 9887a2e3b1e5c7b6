/* Memory that runs out at each allocation of a step in turn: the step says so whichever it is, and
 * the engine that is built again from the journal comes to the same end. */
#include "config/base/json.h"
#include "reconciler/compile/compile.h"
#include "tests/reconciler/engine/building.h"
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
    bool each;     /* none of its allocations is left out */
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
    const uint64_t stride = sweep->each ? 1 : 1 + sweep->spared / (sweep->from > 0 ? 300 : 40);
    sweep->spared += failed == 0 ? 0 : stride;
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

/* --- what is built, and judged by a workflow ----------------------------------------------------
 */

static const char gated[] =
    PLATFORM_HEAD "  environments:\n"
                  "    - {name: development}\n"
                  "    - {name: testing, gates: [{name: tests, workflow: {name: check}}]}\n"
                  "  phases: [{name: all, cells: [shop]}]\n";

static const struct sweep built[] = {
    {.kind = EVENT_REVISION, .from = 1},
    {.kind = EVENT_REVISION, .from = 2},
    {.kind = EVENT_TICK, .from = 1},
    {.kind = EVENT_LISTED, .each = true, .from = 1},
    {.kind = EVENT_ANSWER, .method = "GET", .path = "/schema", .from = 1},
    {.kind = EVENT_ANSWER, .method = "POST", .path = "/workflowruns", .from = 1},
    {.kind = EVENT_ANSWER, .method = "GET", .path = "/workflowruns/", .from = 1},
    {.kind = EVENT_ANSWER, .method = "GET", .path = "/projects/acme-shop", .from = 1},
    {.kind = EVENT_ANSWER, .from = 1},
};

static const struct source_tree third = {"shop", "shop-api",
                                         "3333333333333333333333333333333333333333"};

static void build(struct world *world, struct sweep *sweep, int revision,
                  const struct source_tree *tree, const char *image)
{
    sweep->revision = revision;
    world->trees = tree;
    world->tree_count = 1;
    repository_commit(world, revision, gated, "shop", building_cell, NULL, NULL);
    (void)building_until(world, CONDITION_CONVERGED, image, MINUTES(10));
}

Test(sweep, every_allocation_of_a_build_and_of_its_gate_may_fail)
{
    for (size_t i = 0; i < sizeof built / sizeof *built; i++) {
        struct sweep sweep = built[i];
        struct world_options options;
        world_options_default(&options);
        options.step = step;
        options.watch = watch;
        options.context = &sweep;
        struct world *world = world_new(&options);
        building_add_workflow(world, NULL);
        expect_created(world, "/api/v1/clusterworkflows",
                       "{\"metadata\":{\"name\":\"check\"},\"spec\":{\"runTemplate\":{}}}");
        build(world, &sweep, 1, &building_first, "registry.example/shop:1");
        build(world, &sweep, 2, &building_second, "registry.example/shop:2");
        sweep.over = true;
        cr_expect_gt(sweep.failures, 0, "%zu", i);
        /* A death between the name of a run and the run costs an attempt, so that these two may be
         * held by now: the next content begins anew. */
        build(world, &sweep, 3, &third, "registry.example/shop:3");
        expect_condition(world, CONDITION_CONVERGED);
        expect_runs(world, "shop-api-a", "testing", "registry.example/shop:3");
        expect_no_dangers(world);
        expect_silence(world);
        world_free(world);
    }
}

/* --- what runs and is found without a journal ---------------------------------------------------
 */

/* The steps that have read all bindings: one of them takes what runs for the stable release. */
struct finding {
    uint64_t ids[8]; /* of bindings that are being read; 0 = none */
    uint64_t spared, failures, calm;
    bool lost, over;
};

static void watch_bindings(void *context, const struct effect *effect)
{
    struct finding *finding = context;
    if (effect->kind != EFFECT_REQUEST || strcmp(effect->as.request.method, "GET") != 0 ||
        strstr(effect->as.request.path, "/releasebindings/") == NULL)
        return;
    for (size_t i = 0; i < 8; i++) {
        if (finding->ids[i] == 0) {
            finding->ids[i] = effect->as.request.id;
            return;
        }
    }
}

/* This is the answer to the last of them. */
static bool is_last(struct finding *finding, const struct engine_event *event)
{
    bool is_one = false, others = false;
    if (event->kind == EVENT_START)
        memset(finding->ids, 0, sizeof finding->ids);
    for (size_t i = 0; event->kind == EVENT_ANSWER && i < 8; i++) {
        const bool same = finding->ids[i] == event->as.answer.id;
        is_one = is_one || same;
        if (same)
            finding->ids[i] = 0;
        others = others || finding->ids[i] != 0;
    }
    return is_one && !others;
}

static int find_step(void *context, struct engine *engine, const struct engine_event *event,
                     struct effect_list *effects)
{
    struct finding *finding = context;
    if (!is_last(finding, event) || !finding->lost || finding->over)
        return engine_step(engine, event, effects);
    scarcity_begin(finding->spared, false);
    const int status = engine_step(engine, event, effects);
    const uint64_t failed = scarcity_end();
    cr_assert(status == 0 || (status == -ENOMEM && failed > 0), "after %u",
              (unsigned)finding->spared);
    finding->failures += failed > 0;
    finding->spared += failed > 0;
    finding->calm = failed == 0 ? finding->calm + 1 : 0;
    finding->over = finding->calm == 12;
    return status;
}

/* While nothing is on its way, of which nobody would know any more. */
static void lose(struct world *world)
{
    for (int i = 0; i < 1000 && world->request_count > 0; i++)
        world_run(world, 10);
    world_lose_journal(world);
    world_run(world, 30000);
}

#define WORKER(tag)                                                                                \
    "raw:apiVersion: celld.dev/v1\nkind: Cell\nmetadata: {name: shop}\nspec:\n  components:\n"     \
    "    - {name: shop-api-a, type: worker, image: \"registry.example/shop:" tag "\"}\n"

Test(sweep, every_allocation_of_the_step_that_finds_a_release_may_fail)
{
    static const char canary[] =
        "  rollout: {strategy: canary, bake: 10s, steps: [{weight: 10, soak: 10m}]}\n";
    /* Git wants what runs (`second` NULL), or it wants another. */
    static const struct {
        const char *name, *first, *second;
        bool soon; /* the other is not on its way yet */
    } cells[] = {
        {"the same", "registry.example/shop:1", NULL, false},
        {"another", "registry.example/shop:1", "registry.example/shop:2", false},
        {"the same without a route", WORKER("1"), NULL, false},
        {"another without a route", WORKER("1"), WORKER("2"), true},
    };
    for (size_t i = 0; i < sizeof cells / sizeof *cells; i++) {
        struct finding finding = {0};
        struct world_options options;
        world_options_default(&options);
        options.step = find_step;
        options.watch = watch_bindings;
        options.context = &finding;
        struct world *world = world_new(&options);
        repository_commit(world, 1, platform_small, "shop", cells[i].first, canary, NULL);
        expect_condition(world, CONDITION_CONVERGED);
        if (cells[i].second != NULL) {
            repository_commit(world, 2, platform_small, "shop", cells[i].second, canary, NULL);
            world_run(world, cells[i].soon ? 0 : MINUTES(2));
        }
        finding.lost = true;
        for (int k = 0; k < 100 && !finding.over; k++)
            lose(world);
        cr_expect_gt(finding.failures, 20, "%s", cells[i].name);
        finding.over = true;
        cr_expect(world_published(world, "rollout-found", "shop"), "%s", cells[i].name);
        expect_condition(world, CONDITION_CONVERGED);
        expect_silence(world);
        const bool first =
            platform_running(world->platform, "acme", "shop-api-a", "development").deployed;
        expect_runs(world, first ? "shop-api-a" : "shop-api-b", "development",
                    cells[i].second == NULL ? "registry.example/shop:1"
                                            : "registry.example/shop:2");
        expect_no_dangers(world);
        world_free(world);
    }
}
