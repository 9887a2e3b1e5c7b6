/* What a gate remembers: for which content it was asked, by whom it was opened, and what a restart
 * or a change of mind in between means for its run. */
#include "config/base/json.h"
#include "tests/reconciler/engine/building.h"
#include "tests/reconciler/engine/expect.h"

#include <criterion/criterion.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

TestSuite(gate_records, .timeout = 600);

#define FIRST_GATED(gates_)                                                                        \
    PLATFORM_HEAD "  environments:\n"                                                              \
                  "    - {name: development, gates: [" gates_ "]}\n"                               \
                  "  phases: [{name: all, cells: [shop]}]\n"

static const char by_workflow[] = FIRST_GATED("{name: tests, workflow: {name: check}}");

static int64_t slow_runs(void *context, const struct world_request *request)
{
    const char *slow = context;
    return strcmp(request->method, "GET") == 0 && strstr(request->path, slow) != NULL ? 30000 : 0;
}

/* A world in which reads of this path take a minute. */
static struct world *slow_world(char *path)
{
    struct world_options options;
    world_options_default(&options);
    options.delay = slow_runs;
    options.context = path;
    struct world *world = world_new(&options);
    expect_created(world, "/api/v1/clusterworkflows",
                   "{\"metadata\":{\"name\":\"check\"},\"spec\":{\"runTemplate\":{},\"parameters\":"
                   "{\"openAPIV3Schema\":{\"type\":\"object\",\"properties\":{\"revision\":"
                   "{\"type\":\"string\"}}}}}}");
    return world;
}

static void commit(struct world *world, int revision, const char *platform, const char *image)
{
    repository_commit(world, revision, platform, "shop", image, NULL, NULL);
}

static size_t run_count(const struct world *world)
{
    return building_runs(world);
}

/* The good end of the run of the content before says nothing of the content that git wants now. */
Test(gate_records, the_answer_about_an_older_content_opens_nothing)
{
    char path[] = "/workflowruns/";
    struct world *world = slow_world(path);
    commit(world, 1, by_workflow, "registry.example/shop:1");
    while (!world_published(world, "gate-started", "shop"))
        cr_assert(world_step(world, MINUTES(20)));
    world_run(world, 20000); /* the run has ended well, and is being read */
    platform_workflow_rule(world->platform, "*", "Failed");
    commit(world, 2, by_workflow, "registry.example/shop:2");
    world_run(world, MINUTES(10));
    cr_expect(!world_published(world, "gate-passed", "shop"));
    cr_expect(world_published(world, "gate-failed", "shop"));
    cr_expect(!platform_running(world->platform, "acme", "shop-api-a", "development").deployed);
    expect_silence(world);
    world_free(world);
}

/* The name and the attempt are durable, the run was never posted: it is begun again. */
Test(gate_records, a_death_between_name_and_run_costs_an_attempt)
{
    char path[] = "/nowhere";
    struct world *world = slow_world(path);
    commit(world, 1, by_workflow, "registry.example/shop:1");
    while (!world_published(world, "gate-started", "shop"))
        cr_assert(world_step(world, MINUTES(20)));
    const uint64_t post = world->writes;
    world_free(world);
    world = slow_world(path);
    world->crash = WORLD_CRASH_UNSENT;
    world->crash_at = post;
    commit(world, 1, by_workflow, "registry.example/shop:1");
    expect_condition(world, CONDITION_CONVERGED);
    cr_expect_eq(world->kills, 1);
    cr_expect_eq(run_count(world), 1);
    json_t *runs = platform_objects(world->platform, "workflowruns");
    const char *name = json_text_or(json_object_get(json_array_get(runs, 0), "name"), "");
    cr_expect_str_eq(name + strlen(name) - 2, "-2");
    json_decref(runs);
    world_free(world);
}

/* --- approval -----------------------------------------------------------------------------------
 */

static const char two_gates[] =
    PLATFORM_HEAD "  environments:\n"
                  "    - {name: development}\n"
                  "    - {name: testing, gates: [{name: ready, manual: {}}]}\n"
                  "    - {name: production, gates: [{name: board, manual: {}}, "
                  "{name: ready, manual: {}}]}\n"
                  "  phases: [{name: all, cells: [shop, billing]}]\n";

static const char *state_of(const struct world *world, const char *cell, const char *environment,
                            const char *name)
{
    static char state[32];
    state[0] = '\0';
    json_t *gates = engine_gates(world->engine);
    const json_t *all = json_object_get(gates, "gates");
    for (size_t i = 0; i < json_array_size(all); i++) {
        const json_t *gate = json_array_get(all, i);
        if (strcmp(json_text_or(json_object_get(gate, "cell"), ""), cell) == 0 &&
            strcmp(json_text_or(json_object_get(gate, "environment"), ""), environment) == 0 &&
            strcmp(json_text_or(json_object_get(gate, "name"), ""), name) == 0)
            snprintf(state, sizeof state, "%s", json_text_or(json_object_get(gate, "state"), ""));
    }
    json_decref(gates);
    return state;
}

static bool approve(struct world *world, const char *arguments)
{
    bool ok = false;
    world_command(world, "approve", json_loads(arguments, 0, NULL), &ok);
    return ok;
}

Test(gate_records, approval_is_for_what_was_named)
{
    struct world *world = repository_world();
    repository_commit(world, 1, two_gates, "shop", "registry.example/shop:1", NULL, "billing",
                      "registry.example/billing:1", NULL, NULL);
    expect_condition(world, CONDITION_HELD);
    cr_expect(!approve(world, "{\"cell\": \"shop\", \"environment\": \"production\"}"));
    cr_expect(!approve(world, "{\"cell\": \"shop\", \"gate\": \"board\"}"));
    cr_expect(!approve(world, "{\"all\": false}"));
    cr_expect_str_eq(state_of(world, "shop", "testing", "ready"), "closed");
    cr_expect(approve(world, "{\"cell\": \"shop\", \"environment\": \"testing\"}"));
    cr_expect_str_eq(state_of(world, "shop", "testing", "ready"), "passed");
    cr_expect_str_eq(state_of(world, "billing", "testing", "ready"), "closed");
    world_run(world, MINUTES(5));
    expect_runs(world, "shop-api-a", "testing", "registry.example/shop:1");
    cr_expect(!platform_running(world->platform, "acme", "billing-api-a", "testing").deployed);
    /* Both gates before production, one after the other. */
    cr_expect(approve(world, "{\"cell\": \"shop\", \"gate\": \"board\"}"));
    world_run(world, MINUTES(1));
    cr_expect_str_eq(state_of(world, "shop", "production", "board"), "passed");
    cr_expect_str_eq(state_of(world, "shop", "production", "ready"), "closed");
    cr_expect(approve(world, "{\"all\": true}"));
    cr_expect_str_eq(state_of(world, "shop", "production", "ready"), "passed");
    cr_expect_str_eq(state_of(world, "billing", "testing", "ready"), "passed");
    world_run(world, MINUTES(5));
    expect_runs(world, "shop-api-a", "production", "registry.example/shop:1");
    world_free(world);
}

/* Nobody is asked about content that is not known yet. */
Test(gate_records, what_is_not_built_yet_asks_for_no_approval)
{
    struct world *world = repository_world();
    building_add_workflow(world, NULL);
    platform_workflow_pace(world->platform, "*", MINUTES(3), 0);
    world->trees = &building_first;
    world->tree_count = 1;
    repository_commit(world, 1, FIRST_GATED("{name: ready, manual: {}}"), "shop", building_cell,
                      NULL, NULL);
    world_run(world, MINUTES(2));
    cr_expect(!world_published(world, "approval-needed", "shop"));
    cr_expect(!approve(world, "{\"all\": true}"));
    building_announce(world, BUILDING_RUN_1, "registry.example/shop:1");
    world_run(world, MINUTES(5));
    cr_expect(world_published(world, "approval-needed", "shop"));
    cr_expect(approve(world, "{\"all\": true}"));
    expect_condition(world, CONDITION_CONVERGED);
    expect_runs(world, "shop-api-a", "development", "registry.example/shop:1");
    world_free(world);
}

Test(gate_records, a_window_that_never_shuts_wakes_nobody)
{
    struct world *world = repository_world();
    commit(world, 1,
           FIRST_GATED("{name: always, window: {days: [mon, tue, wed, thu, fri, sat, sun], from: "
                       "\"00:00\", to: \"24:00\", zone: UTC}}"),
           "registry.example/shop:1");
    expect_condition(world, CONDITION_CONVERGED);
    expect_runs(world, "shop-api-a", "development", "registry.example/shop:1");
    expect_silence(world);
    world_free(world);
}
