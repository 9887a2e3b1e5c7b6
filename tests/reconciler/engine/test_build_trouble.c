/* Builds whose requests come to odd ends: what is live stays, people are told why, and no tree is
 * built twice at a time. */
#include "config/base/json.h"
#include "tests/reconciler/engine/building.h"
#include "tests/reconciler/engine/expect.h"
#include "tests/reconciler/engine/meddle.h"

#include <criterion/criterion.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

TestSuite(build_trouble, .timeout = 600);

#define RUNS "/workflowruns"
#define RUN_OF "/workflowruns/"

static const struct {
    const char *what;
    struct meddling items[3];
    const char *schema; /* NULL = the usual one */
    enum engine_condition condition;
    const char *event, *why; /* NULL = not looked at */
} cases[] = {
    {"nothing odd", {{.method = NULL}}, NULL, CONDITION_CONVERGED, "build-succeeded", NULL},
    {"the schema is not there",
     {{"GET", "/schema", 0, MEDDLE_ALWAYS, ANSWER_RECEIVED, 404, "{}", false}},
     NULL,
     CONDITION_HELD,
     NULL,
     "shop-api cannot be built: there is no ClusterWorkflow image"},
    {"the schema cannot be read for a while",
     {{"GET", "/schema", 0, 3, ANSWER_RECEIVED, 500, "{}", false}},
     NULL,
     CONDITION_CONVERGED,
     "build-succeeded",
     NULL},
    {"nobody answers about the schema for a while",
     {{"GET", "/schema", 0, 2, ANSWER_NOT_SENT, 0, NULL, false}},
     NULL,
     CONDITION_CONVERGED,
     "build-succeeded",
     NULL},
    {"the schema wants what nobody gives",
     {{.method = NULL}},
     "{\"type\":\"object\",\"required\":[\"colour\"]}",
     CONDITION_HELD,
     "build-failed",
     "workflow image would not get what it needs: parameters lacks colour"},
    {"the run is refused",
     {{"POST", RUNS, 0, 1, ANSWER_RECEIVED, 422, "{}", false}},
     NULL,
     CONDITION_HELD,
     "build-failed",
     "was refused (422): meddled with"},
    {"the run is refused as malformed",
     {{"POST", RUNS, 0, 1, ANSWER_RECEIVED, 400, "{}", false}},
     NULL,
     CONDITION_HELD,
     "build-failed",
     "was refused (400)"},
    {"there is no place for the run",
     {{"POST", RUNS, 0, 1, ANSWER_RECEIVED, 404, "{}", false}},
     NULL,
     CONDITION_HELD,
     "build-failed",
     "was refused (404)"},
    {"the server is not well when it gets the run",
     {{"POST", RUNS, 0, 2, ANSWER_RECEIVED, 503, "{}", true}},
     NULL,
     CONDITION_CONVERGED,
     "build-succeeded",
     NULL},
    {"the answer to its POST is lost",
     {{"POST", RUNS, 0, 1, ANSWER_UNKNOWN, 0, NULL, false}},
     NULL,
     CONDITION_CONVERGED,
     "build-succeeded",
     NULL},
    {"its POST gets lost",
     {{"POST", RUNS, 0, 1, ANSWER_UNKNOWN, 0, NULL, true}},
     NULL,
     CONDITION_CONVERGED,
     "build-succeeded",
     NULL},
    {"the answer to its POST says nothing",
     {{"POST", RUNS, 0, 1, ANSWER_RECEIVED, 201, NULL, false}},
     NULL,
     CONDITION_CONVERGED,
     "build-succeeded",
     NULL},
    {"the answer to its POST is no object",
     {{"POST", RUNS, 0, 1, ANSWER_RECEIVED, 201, "[]", false}},
     NULL,
     CONDITION_CONVERGED,
     "build-succeeded",
     NULL},
    {"the run reads as nothing",
     {{"GET", RUN_OF, 1, 2, ANSWER_RECEIVED, 200, NULL, false}},
     NULL,
     CONDITION_CONVERGED,
     "build-succeeded",
     NULL},
    {"the run cannot be read for a while",
     {{"GET", RUN_OF, 1, 2, ANSWER_RECEIVED, 503, "{}", false}},
     NULL,
     CONDITION_CONVERGED,
     "build-succeeded",
     NULL},
    {"nobody answers about the run for a while",
     {{"GET", RUN_OF, 0, 2, ANSWER_NOT_SENT, 0, NULL, false}},
     NULL,
     CONDITION_CONVERGED,
     "build-succeeded",
     NULL},
    {"the run reads as no object",
     {{"GET", RUN_OF, 1, 2, ANSWER_RECEIVED, 200, "[]", false}},
     NULL,
     CONDITION_CONVERGED,
     "build-succeeded",
     NULL},
    {"the run is gone, three times",
     {{"GET", RUN_OF, 0, MEDDLE_ALWAYS, ANSWER_RECEIVED, 404, "{}", false}},
     NULL,
     CONDITION_HELD,
     "build-unknown",
     "is gone: its outcome is unknown"},
    {"what stands there was made from something else, three times",
     {{"GET", RUN_OF, 0, MEDDLE_ALWAYS, ANSWER_RECEIVED, 200, "{\"metadata\":{\"uid\":\"u\"}}",
       false}},
     NULL,
     CONDITION_HELD,
     "build-unknown",
     "stands and was made from something else"},
};

Test(build_trouble, runs_that_come_to_odd_ends)
{
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct meddler meddler;
        struct world *world = meddle_world(&meddler, cases[i].items);
        building_add_workflow(world, cases[i].schema);
        building_commit(world, 1, &building_first);
        const bool reached =
            building_until(world, cases[i].condition, "registry.example/shop:1", MINUTES(300));
        cr_expect(reached, "%s: condition %d", cases[i].what, (int)engine_condition(world->engine));
        world_run(world, MINUTES(1));
        if (cases[i].event != NULL)
            cr_expect(world_published(world, cases[i].event, "shop"), "%s: %s", cases[i].what,
                      cases[i].event);
        cr_expect_eq(meddler.replaced > 0, cases[i].items[0].method != NULL, "%s", cases[i].what);
        if (cases[i].why != NULL)
            expect_why(world, "shop", "development", cases[i].why);
        if (cases[i].condition == CONDITION_CONVERGED)
            cr_expect_eq(building_runs(world), 1, "%s", cases[i].what);
        expect_no_dangers(world);
        expect_silence(world);
        world_free(world);
    }
}

Test(build_trouble, a_run_that_does_not_end_is_removed_and_tried_again)
{
    static const struct meddling removal[][3] = {
        {{"DELETE", RUN_OF, 0, 1, ANSWER_RECEIVED, 500, "{}", true},
         {"DELETE", RUN_OF, 0, 1, ANSWER_NOT_SENT, 0, NULL, true}},
        {{"DELETE", RUN_OF, 0, 3, ANSWER_RECEIVED, 404, "{}", false}},
    };
    for (size_t i = 0; i < sizeof removal / sizeof *removal; i++) {
        struct meddler meddler;
        struct world *world = meddle_world(&meddler, removal[i]);
        platform_workflow_pace(world->platform, "*", MINUTES(1000), 0);
        building_add_workflow(world, NULL);
        building_commit(world, 1, &building_first);
        world_run(world, MINUTES(55));
        cr_expect_eq(building_runs(world), 1, "%zu", i);
        expect_why(world, "shop", "development", "is being built: run " BUILDING_RUN_1);
        cr_expect(world_run_until(world, CONDITION_HELD, MINUTES(200)), "%zu", i);
        expect_why(world, "shop", "development",
                   "run " BUILDING_RUN_1 "-3 did not end in time and was removed: its outcome is "
                   "unknown");
        expect_silence(world);
        cr_expect_eq(building_runs(world), 0, "%zu", i);
        world_free(world);
    }
}

/* What the last step of the workflow left as the run's result. */
Test(build_trouble, a_run_without_a_good_image_has_failed)
{
    char longest[1200];
    memset(longest, 'x', sizeof longest - 1);
    longest[sizeof longest - 1] = '\0';
    const char *const images[] = {
        "", "two words", "new\nline", "delete\x7f", "registry.example/\xc3\xa9", longest};
    for (size_t i = 0; i < sizeof images / sizeof *images; i++) {
        struct world *world = repository_world();
        building_add_workflow(world, NULL);
        building_commit(world, 1, &building_first);
        cr_expect(building_until(world, CONDITION_HELD, images[i], MINUTES(30)), "%zu", i);
        expect_why(world, "shop", "development", "succeeded and names no image");
        cr_expect_eq(building_runs(world), 1);
        expect_silence(world);
        world_free(world);
    }
}

Test(build_trouble, a_run_that_says_nothing_of_an_image_has_failed)
{
    struct world *world = repository_world();
    building_add_workflow(world, NULL);
    building_commit(world, 1, &building_first);
    expect_condition(world, CONDITION_HELD);
    expect_why(world, "shop", "development", "succeeded and names no image");
    world_free(world);
}

/* The run of that name was removed and made anew by somebody else. */
Test(build_trouble, another_execution_is_not_believed)
{
    struct world *world = repository_world();
    building_add_workflow(world, NULL);
    building_commit(world, 1, &building_first);
    building_await(world, BUILDING_RUN_1);
    json_t *run = platform_object(world->platform, "workflowruns", "acme", BUILDING_RUN_1);
    world_free(world);
    json_object_set_new(json_object_get(run, "metadata"), "uid", json_string("stranger"));
    char *text = json_dumps(run, JSON_COMPACT);
    json_decref(run);
    const struct meddling items[] = {{"GET", RUN_OF, 1, 1, ANSWER_RECEIVED, 200, text, false},
                                     {.method = NULL}};
    struct meddler meddler;
    world = meddle_world(&meddler, items);
    building_add_workflow(world, NULL);
    building_commit(world, 1, &building_first);
    cr_expect(building_until(world, CONDITION_CONVERGED, "registry.example/shop:1", MINUTES(60)));
    cr_expect(world_published(world, "build-unknown", "shop"));
    cr_expect_eq(building_runs(world), 2);
    world_free(world);
    free(text);
}

static size_t removals(const struct world *world)
{
    return world_asked(world, "DELETE", RUN_OF);
}

/* The hour that a run has begins when it stands. */
Test(build_trouble, a_run_that_could_not_be_begun_for_long_has_its_whole_time)
{
    struct meddler meddler;
    const struct meddling items[] = {
        {"POST", RUNS, 0, MEDDLE_ALWAYS, ANSWER_RECEIVED, 403, "{}", true}, {.method = NULL}};
    struct world *world = meddle_world(&meddler, items);
    building_add_workflow(world, NULL);
    building_commit(world, 1, &building_first);
    world_run(world, MINUTES(90));
    cr_expect_eq(building_runs(world), 0);
    cr_expect_eq(engine_condition(world->engine), CONDITION_WORKING);
    meddler.items[0].times = 0;
    cr_expect(building_until(world, CONDITION_CONVERGED, "registry.example/shop:1", MINUTES(30)));
    cr_expect_eq(removals(world), 0);
    cr_expect_eq(building_runs(world), 1);
    expect_runs(world, "shop-api-a", "development", "registry.example/shop:1");
    world_free(world);
}

/* What is built beside a component that is not: only the one that is awaited is told, and a build
 * under way holds nobody. */
Test(build_trouble, the_component_that_is_being_built_is_told)
{
    static const char both[] = "raw:apiVersion: celld.dev/v1\nkind: Cell\nmetadata: {name: shop}\n"
                               "spec:\n  components:\n"
                               "    - {name: aside, type: worker, image: r.example/aside:1}\n"
                               "    - name: shop-api\n      type: service\n"
                               "      source: src/shop\n"
                               "      build: {workflow: {name: image}}\n"
                               "      endpoints: [{name: http, type: http, port: 8080}]\n";
    struct world *world = repository_world();
    building_add_workflow(world, NULL);
    world->trees = &building_first;
    world->tree_count = 1;
    repository_commit(world, 1, platform_small, "shop", both, NULL, NULL);
    cr_assert(building_until(world, CONDITION_CONVERGED, "registry.example/built:1", MINUTES(30)));
    world->trees = &building_second;
    repository_commit(world, 2, platform_small, "shop", both, NULL, NULL);
    building_await(world, BUILDING_RUN_2);
    expect_why(world, "shop", "development", "shop-api is being built: run " BUILDING_RUN_2);
    json_t *status = engine_status(world->engine, world_now(world));
    cr_expect_eq(json_array_size(json_object_get(status, "holds")), 0);
    json_decref(status);
    /* It fails: that one is held, and what is live stays. */
    platform_workflow_rule(world->platform, "*", "Failed");
    expect_condition(world, CONDITION_HELD);
    status = engine_status(world->engine, world_now(world));
    const json_t *holds = json_object_get(status, "holds");
    cr_assert_eq(json_array_size(holds), 1);
    const json_t *hold = json_array_get(holds, 0);
    cr_expect_str_eq(json_text_or(json_object_get(hold, "kind"), ""), "build");
    cr_expect_str_eq(json_text_or(json_object_get(hold, "name"), ""), "shop-api");
    const char *message = json_text_or(json_object_get(hold, "message"), "");
    cr_expect_not_null(strstr(message, "cannot be built: run " BUILDING_RUN_2), "%s", message);
    json_decref(status);
    expect_runs(world, "shop-api-a", "development", "registry.example/built:1");
    world_free(world);
}
