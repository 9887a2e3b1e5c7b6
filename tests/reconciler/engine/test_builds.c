/* Builds and what happens around them: several of them, manifests that change or break meanwhile,
 * cells that are left alone, rows that nobody wants any more. */
#include "config/base/json.h"
#include "tests/reconciler/engine/building.h"
#include "tests/reconciler/engine/expect.h"
#include "tests/reconciler/engine/meddle.h"

#include <criterion/criterion.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

TestSuite(builds, .timeout = 600);

#define ALWAYS 1000000

static struct world *new_world(void)
{
    struct world *world = repository_world();
    building_add_workflow(world, NULL);
    return world;
}

static struct world *built(void)
{
    struct world *world = new_world();
    building_commit(world, 1, &building_first);
    cr_assert(building_until(world, CONDITION_CONVERGED, "registry.example/shop:1", MINUTES(20)));
    return world;
}

static size_t posts(const struct world *world)
{
    return world_asked(world, "POST", "/workflowruns");
}

static const json_t *row_of(const struct world *world, const char *key)
{
    for (size_t i = 0; i < world->row_count; i++) {
        if (strcmp(world->rows[i].key, key) == 0)
            return world->rows[i].value;
    }
    return NULL;
}

#define HEAD                                                                                       \
    "raw:apiVersion: celld.dev/v1\nkind: Cell\nmetadata: {name: shop}\nspec:\n  components:\n"
#define WORKER(name_, more_) "    - {name: " name_ ", type: worker, " more_ "}\n"
#define BUILT(source_) "source: " source_ ", build: {workflow: {name: image}}"
#define IMAGE(image_) "image: registry.example/" image_

static void commit_cell(struct world *world, int revision, const char *cell)
{
    repository_commit(world, revision, platform_small, "shop", cell, NULL, NULL);
}

/* --- several ------------------------------------------------------------------------------------
 */

#define LONG_NAME "a-component-with-quite-a-long-name-of-its"

Test(builds, each_component_is_built_from_its_own_tree)
{
    static const char cell[] = HEAD WORKER("b", BUILT("src/b")) WORKER("c", BUILT("src/c"))
        WORKER("d", BUILT("src/d")) WORKER("e", BUILT("src/e")) WORKER("f", BUILT("src/f"))
            WORKER("g", BUILT("src/g")) WORKER("h", BUILT("src/h")) WORKER("i", BUILT("src/i"))
                WORKER("j", "build: {workflow: {name: image}}") WORKER(LONG_NAME, BUILT("src/a"))
                    WORKER("other", IMAGE("other:1"));
    static const struct source_tree trees[] = {
        {"billing", "b", "9999999999999999999999999999999999999999"},
        {"shop", "b", "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"},
        {"shop", "c", "cccccccccccccccccccccccccccccccccccccccc"},
        {"shop", "d", "dddddddddddddddddddddddddddddddddddddddd"},
        {"shop", "e", "eeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeee"},
        {"shop", "f", "ffffffffffffffffffffffffffffffffffffffff"},
        {"shop", "g", "0000000000000000000000000000000000000000"},
        {"shop", "h", "1111111111111111111111111111111111111111"},
        {"shop", "i", "2222222222222222222222222222222222222222"},
        {"shop", "j", "3333333333333333333333333333333333333333"},
        {"shop", LONG_NAME, "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"},
    };
    struct world *world = new_world();
    platform_workflow_pace(world->platform, "*d*", 20000, 0);
    world->trees = trees;
    world->tree_count = sizeof trees / sizeof *trees;
    commit_cell(world, 1, cell);
    cr_expect(building_until(world, CONDITION_CONVERGED, "registry.example/all:1", MINUTES(30)));
    cr_expect_eq(building_runs(world), 10);
    expect_runs(world, LONG_NAME, "development", "registry.example/all:1");
    expect_runs(world, "other", "development", "registry.example/other:1");
    json_t *run = platform_object(world->platform, "workflowruns", "acme", "j-build-333333333333");
    cr_expect_str_eq(
        json_text_or(json_at(run, "spec", "workflow", "parameters", "repository", "appPath", NULL),
                     ""),
        "cells/shop/j", "beside its manifest");
    json_decref(run);
    expect_silence(world);
    world_free(world);
}

Test(builds, a_retry_is_for_those_that_failed)
{
    static const char cell[] =
        HEAD WORKER("b", BUILT("src/b")) WORKER("c", BUILT("src/c")) WORKER("d", BUILT("src/d"));
    static const struct source_tree trees[] = {
        {"shop", "b", "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"},
        {"shop", "c", "cccccccccccccccccccccccccccccccccccccccc"},
        {"shop", "d", "dddddddddddddddddddddddddddddddddddddddd"},
        {"billing", "b", "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"},
    };
    static const char platform[] = PLATFORM_HEAD "  environments: [{name: development}]\n"
                                                 "  phases: [{name: a, cells: [shop, billing]}]\n";
    static const char billing[] =
        "raw:apiVersion: celld.dev/v1\nkind: Cell\nmetadata: {name: billing}\nspec:\n"
        "  components:\n" WORKER("bill", BUILT("src/bill"));
    struct world *world = new_world();
    platform_workflow_rule(world->platform, "b-build-bbbbbbbbbbbb", "Failed");
    platform_workflow_rule(world->platform, "c-build-cccccccccccc", "Failed");
    world->trees = trees;
    world->tree_count = sizeof trees / sizeof *trees;
    repository_commit(world, 1, platform, "shop", cell, NULL, "billing", billing, NULL, NULL);
    cr_expect(building_until(world, CONDITION_HELD, "registry.example/all:1", MINUTES(30)));
    world_run(world, MINUTES(2));
    cr_expect_eq(building_runs(world), 3);
    bool ok = false;
    const json_t *reply = world_command(
        world, "rollout",
        json_pack("{s:s, s:s, s:s}", "action", "retry", "cell", "shop", "component", "c"), &ok);
    cr_expect(ok);
    cr_expect_str_eq(json_text_or(json_object_get(reply, "message"), ""), "1 build is tried again");
    building_until(world, CONDITION_HELD, "registry.example/all:1", MINUTES(2));
    expect_why(world, "shop", "development", "b cannot be built");
    cr_expect_eq(building_runs(world), 4);
    world_command(world, "rollout", json_pack("{s:s, s:s}", "action", "retry", "cell", "shop"),
                  &ok);
    cr_expect(ok);
    expect_why(world, "shop", "development", "b waits for its build");
    building_until(world, CONDITION_CONVERGED, "registry.example/all:2", MINUTES(5));
    cr_expect_eq(building_runs(world), 5);
    expect_runs(world, "b", "development", "registry.example/all:2");
    world_free(world);
}

Test(builds, two_that_failed_are_tried_again_together)
{
    static const char cell[] = HEAD WORKER("b", BUILT("src/b")) WORKER("c", BUILT("src/c"));
    static const struct source_tree trees[] = {
        {"shop", "b", "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"},
        {"shop", "c", "cccccccccccccccccccccccccccccccccccccccc"},
    };
    struct world *world = new_world();
    platform_workflow_rule(world->platform, "*", "Failed");
    world->trees = trees;
    world->tree_count = sizeof trees / sizeof *trees;
    commit_cell(world, 1, cell);
    expect_condition(world, CONDITION_HELD);
    world_run(world, MINUTES(1));
    bool ok = false;
    const json_t *reply = world_command(
        world, "rollout", json_pack("{s:s, s:s}", "action", "retry", "cell", "shop"), &ok);
    cr_expect_str_eq(json_text_or(json_object_get(reply, "message"), ""),
                     "2 builds are tried again");
    world_run(world, MINUTES(2));
    cr_expect_eq(building_runs(world), 4);
    world_free(world);
}

/* --- git changes its mind -----------------------------------------------------------------------
 */

Test(builds, what_is_not_built_any_more_leaves_no_row)
{
    static const char *const others[] = {
        "registry.example/shop:9", HEAD WORKER("front", IMAGE("front:1")),
        NULL, /* the cell is gone */
    };
    static const char platform[] = PLATFORM_HEAD "  prune: {budget: \"90%\", minimum: 100}\n"
                                                 "  environments: [{name: development}]\n"
                                                 "  phases: [{name: a, cells: [billing]}]\n";
    for (size_t i = 0; i < sizeof others / sizeof *others; i++) {
        struct world *world = built();
        cr_assert_not_null(row_of(world, "build/shop/shop-api"));
        if (others[i] == NULL)
            repository_commit(world, 2, platform, "billing", "registry.example/b:1", NULL, NULL);
        else
            repository_commit(world, 2, platform_small, "shop", others[i], NULL, NULL);
        world_run(world, MINUTES(5));
        cr_expect_null(row_of(world, "build/shop/shop-api"), "%zu", i);
        cr_expect_eq(posts(world), 1);
        expect_silence(world);
        world_free(world);
    }
}

Test(builds, what_never_began_is_forgotten_without_a_trace)
{
    struct world *world = new_world();
    building_commit(world, 1, NULL);
    world_run(world, MINUTES(1));
    cr_expect_null(row_of(world, "build/shop/shop-api"));
    commit_cell(world, 2, HEAD WORKER("shop-api", IMAGE("shop:9")));
    expect_condition(world, CONDITION_CONVERGED);
    expect_runs(world, "shop-api", "development", "registry.example/shop:9");
    cr_expect_eq(building_runs(world), 0);
    world_free(world);
}

/* A revision that is not all known takes nothing back; what it says of the component counts. */
Test(builds, parts_that_cannot_be_read_keep_the_row)
{
    static const struct manifest_problem problem = {"cells/billing", "this is a symbolic link"};
    struct meddler meddler;
    const struct meddling items[] = {
        {"GET", "/workflowruns/", 1, ALWAYS, ANSWER_NOT_SENT, 0, NULL, false}, {.method = NULL}};
    struct world *world = meddle_world(&meddler, items);
    building_add_workflow(world, NULL);
    building_commit(world, 1, &building_first);
    building_await(world, BUILDING_RUN_1);
    world->good = manifest_set_unref(world->good);
    world->set = manifest_set_unref(world->set);
    world->problems = &problem;
    world->problem_count = 1;
    commit_cell(world, 2, HEAD WORKER("shop-api", IMAGE("shop:9")));
    meddler.items[0].times = 0;
    world_run(world, MINUTES(3));
    cr_expect_not_null(row_of(world, "build/shop/shop-api"));
    expect_runs(world, "shop-api", "development", "registry.example/shop:9");
    world->problem_count = 0;
    commit_cell(world, 3, HEAD WORKER("shop-api", IMAGE("shop:9")));
    world_run(world, MINUTES(1));
    cr_expect_null(row_of(world, "build/shop/shop-api"));
    cr_expect_eq(posts(world), 1);
    world_free(world);
}

Test(builds, a_cell_that_cannot_be_read_keeps_the_tree_that_was_wanted)
{
    struct world *world = built();
    world->trees = &building_second;
    commit_cell(world, 2, "raw:kind: Cell\nnonsense: true\nmetadata: {name: shop}\n");
    world_run(world, MINUTES(3));
    cr_expect_eq(building_runs(world), 1);
    cr_expect_not_null(row_of(world, "build/shop/shop-api"));
    expect_runs(world, "shop-api-a", "development", "registry.example/shop:1");
    building_commit(world, 3, &building_second);
    cr_expect(building_until(world, CONDITION_CONVERGED, "registry.example/shop:2", MINUTES(9)));
    cr_expect_eq(building_runs(world), 2);
    world_free(world);
}

static void add_row(struct world *world, const char *key, json_t *value)
{
    world->rows = reallocarray(world->rows, world->row_count + 1, sizeof *world->rows);
    cr_assert_not_null(world->rows);
    world->row_capacity = world->row_count + 1;
    world->rows[world->row_count++] =
        (struct world_row){.sequence = ++world->sequence, .key = strdup(key), .value = value};
}

/* After a restart nothing is known of who lived where until a revision says it. */
Test(builds, rows_of_unknown_cells_wait_for_a_revision_that_is_all_known)
{
    static const struct manifest_problem problem = {"", "the tree cannot be read"};
    struct world *world = built();
    add_row(world, "build/ghost/api", json_pack("{s:s, s:s}", "tree", "t", "state", "failed"));
    world->good = manifest_set_unref(world->good);
    world->set = manifest_set_unref(world->set);
    world_kill(world);
    const struct world_file none[] = {{"README.md", ""}};
    char commit[41];
    snprintf(commit, sizeof commit, "%040x", 2u);
    world_commit(world, commit, none, 0); /* not even a platform */
    world_run(world, MINUTES(1));
    cr_expect_not_null(row_of(world, "build/ghost/api"));
    world->problems = &problem;
    world->problem_count = 1;
    repository_commit(world, 3, platform_small, "billing", "registry.example/b:1", NULL, NULL);
    world_run(world, MINUTES(1));
    cr_expect_not_null(row_of(world, "build/ghost/api"));
    cr_expect_not_null(row_of(world, "build/shop/shop-api"));
    world->problem_count = 0;
    building_commit(world, 4, &building_first);
    expect_condition(world, CONDITION_CONVERGED);
    cr_expect_null(row_of(world, "build/ghost/api"));
    cr_expect_not_null(row_of(world, "build/shop/shop-api"));
    cr_expect_eq(building_runs(world), 1);
    world_free(world);
}

Test(builds, a_new_tree_goes_before_an_older_run)
{
    struct world *world = new_world();
    platform_workflow_pace(world->platform, "*", MINUTES(3), 0);
    building_commit(world, 1, &building_first);
    building_await(world, BUILDING_RUN_1);
    building_commit(world, 2, &building_second);
    cr_expect_eq(engine_condition(world->engine), CONDITION_WORKING);
    building_await(world, BUILDING_RUN_2);
    world_run(world, 30000);
    expect_why(world, "shop", "development", "is being built: run " BUILDING_RUN_2);
    building_announce(world, BUILDING_RUN_1, "registry.example/shop:1");
    building_announce(world, BUILDING_RUN_2, "registry.example/shop:2");
    expect_condition(world, CONDITION_CONVERGED);
    expect_runs(world, "shop-api-a", "development", "registry.example/shop:2");
    cr_expect_eq(building_runs(world), 2);
    world_free(world);
}

Test(builds, a_failed_tree_says_nothing_of_the_next)
{
    struct world *world = new_world();
    platform_workflow_rule(world->platform, BUILDING_RUN_1, "Failed");
    building_commit(world, 1, &building_first);
    expect_condition(world, CONDITION_HELD);
    world_run(world, MINUTES(1));
    building_commit(world, 2, &building_second);
    cr_expect(building_until(world, CONDITION_CONVERGED, "registry.example/shop:2", MINUTES(9)));
    expect_runs(world, "shop-api-a", "development", "registry.example/shop:2");
    world_free(world);
}

Test(builds, a_source_that_vanishes_leaves_the_image)
{
    struct world *world = built();
    building_commit(world, 2, NULL);
    world_run(world, MINUTES(2));
    expect_runs(world, "shop-api-a", "development", "registry.example/shop:1");
    char *why = world_why(world, "shop", "development");
    cr_expect_null(strstr(why, "cannot be built"), "%s", why);
    free(why);
    expect_silence(world);
    world_free(world);
}

/* An image that turns out bad is the rollout's matter, not the build's. */
Test(builds, a_bad_image_is_explained_by_its_rollout)
{
    struct world *world = built();
    building_commit(world, 2, &building_second);
    cr_expect(building_until(world, CONDITION_HELD, "registry.example/broken:2", MINUTES(60)));
    expect_runs(world, "shop-api-a", "development", "registry.example/shop:1");
    char *why = world_why(world, "shop", "development");
    cr_expect_null(strstr(why, "build"), "%s", why);
    free(why);
    cr_expect_eq(building_runs(world), 2);
    world_free(world);
}

/* --- cells that are left alone ------------------------------------------------------------------
 */

static int64_t slow_schema(void *context, const struct world_request *request)
{
    (void)context;
    return strstr(request->path, "/schema") != NULL ? 20000 : 0;
}

/* The schema is on its way when the cell is suspended: no run follows. */
Test(builds, a_suspended_cell_begins_no_run)
{
    struct world_options options;
    world_options_default(&options);
    options.delay = slow_schema;
    struct world *world = world_new(&options);
    building_add_workflow(world, NULL);
    building_commit(world, 1, &building_first);
    world_run(world, 15000);
    expect_why(world, "shop", "development", "shop-api waits for its build");
    cr_expect_eq(engine_condition(world->engine), CONDITION_WORKING);
    bool ok = false;
    world_command(world, "suspend", json_pack("{s:s}", "cell", "shop"), &ok);
    cr_expect(ok);
    world_run(world, MINUTES(5));
    cr_expect_eq(posts(world), 0);
    world_command(world, "resume", json_pack("{s:s}", "cell", "shop"), &ok);
    cr_expect(building_until(world, CONDITION_CONVERGED, "registry.example/shop:1", MINUTES(9)));
    cr_expect_eq(posts(world), 1);
    world_free(world);
}

static void tamper(struct world *world, const char *collection, const char *name, const char *patch)
{
    json_t *value = json_loads(patch, 0, NULL);
    cr_assert(platform_tamper(world->platform, collection, "acme", name, value,
                              world_platform_now(world)));
    json_decref(value);
}

Test(builds, a_frozen_cell_begins_no_run)
{
    static const char frozen[] = PLATFORM_HEAD "  drift: freeze\n"
                                               "  environments: [{name: development}]\n"
                                               "  phases: [{name: first, cells: [shop]}]\n";
    struct world *world = built();
    repository_commit(world, 2, frozen, "shop", building_cell, NULL, NULL);
    expect_condition(world, CONDITION_CONVERGED);
    char release[128], back[256];
    snprintf(release, sizeof release, "%s", repository_release(world, "shop-api-a-development"));
    tamper(world, "releasebindings", "shop-api-a-development",
           "{\"spec\":{\"releaseName\":\"x\"}}");
    world_run(world, MINUTES(2));
    cr_expect(world_published(world, "drift-found", "shop"));
    world->trees = &building_second;
    repository_commit(world, 3, frozen, "shop", building_cell, NULL, NULL);
    world_run(world, MINUTES(5));
    cr_expect_eq(building_runs(world), 1);
    bool ok = true;
    const json_t *reply = world_command(
        world, "rollback", json_pack("{s:s, s:s}", "cell", "shop", "target", "development"), &ok);
    cr_expect(!ok);
    cr_expect_str_eq(json_text_or(json_object_get(reply, "message"), "no answer"),
                     "somebody changed the objects of shop, and its drift policy is freeze");
    snprintf(back, sizeof back, "{\"spec\":{\"releaseName\":\"%s\"}}", release);
    tamper(world, "releasebindings", "shop-api-a-development", back);
    cr_expect(building_until(world, CONDITION_CONVERGED, "registry.example/shop:2", MINUTES(9)));
    world_free(world);
}

/* --- the Component that carries the runs --------------------------------------------------------
 */

static void remove_carrier(struct world *world)
{
    struct platform_response response;
    const struct platform_request request = {
        .method = "DELETE", .path = "/api/v1/namespaces/acme/components/shop-api-build"};
    platform_handle(world->platform, &request, world_platform_now(world), &response);
    platform_response_fini(&response);
}

static bool has_carrier(const struct world *world)
{
    json_t *object = platform_object(world->platform, "components", "acme", "shop-api-build");
    const bool stands = object != NULL;
    json_decref(object);
    return stands;
}

Test(builds, a_carrier_that_somebody_removed_follows_the_drift_policy)
{
    for (int i = 0; i < 2; i++) {
        const bool report = i == 1;
        char platform[1024];
        snprintf(platform, sizeof platform,
                 PLATFORM_HEAD "  drift: %s\n  environments: [{name: development}]\n"
                               "  phases: [{name: first, cells: [shop]}]\n",
                 report ? "report" : "correct");
        struct world *world = built();
        repository_commit(world, 2, platform, "shop", building_cell, NULL, NULL);
        expect_condition(world, CONDITION_CONVERGED);
        remove_carrier(world);
        world_run(world, MINUTES(3));
        cr_expect_eq(has_carrier(world), !report);
        cr_expect(world_published(world, "drift-found", "shop"));
        world->trees = &building_second;
        repository_commit(world, 3, platform, "shop", building_cell, NULL, NULL);
        world_run(world, MINUTES(2));
        cr_expect_eq(posts(world), report ? 1 : 2);
        if (report)
            expect_why(world, "shop", "development", "shop-api waits for its build");
        world_free(world);
    }
}

Test(builds, a_carrier_that_is_refused_is_said)
{
    struct meddler meddler;
    const struct meddling items[] = {
        {"POST", "/components", 0, ALWAYS, ANSWER_RECEIVED, 422, "{}", true}, {.method = NULL}};
    struct world *world = meddle_world(&meddler, items);
    building_add_workflow(world, NULL);
    building_commit(world, 1, &building_first);
    world_run(world, MINUTES(5));
    cr_expect_eq(engine_condition(world->engine), CONDITION_HELD);
    expect_why(world, "shop", "development", "was refused (422)");
    cr_expect_eq(posts(world), 0);
    world_free(world);
}

/* A platform whose drift is only told stands; a run of a type that somebody changed could be
 * refused for good. */
Test(builds, a_changed_type_begins_no_run)
{
    static const char platform[] = PLATFORM_HEAD "  drift: report\n"
                                                 "  environments: [{name: development}]\n"
                                                 "  phases: [{name: first, cells: [shop]}]\n";
    struct world *world = built();
    repository_commit(world, 2, platform, "shop", building_cell, NULL, NULL);
    expect_condition(world, CONDITION_CONVERGED);
    json_t *patch = json_pack("{s:{s:s}}", "labels", "app.kubernetes.io/managed-by", "bob");
    cr_assert(platform_tamper(world->platform, "clustercomponenttypes", NULL, "cell-build", patch,
                              world_platform_now(world)));
    json_decref(patch);
    world_run(world, MINUTES(2));
    world->trees = &building_second;
    repository_commit(world, 3, platform, "shop", building_cell, NULL, NULL);
    world_run(world, MINUTES(5));
    cr_expect_eq(posts(world), 1);
    expect_why(world, "shop", "development", "shop-api waits for its build");
    world_free(world);
}

/* What no image could mend is said instead of waiting for one. */
Test(builds, what_is_refused_with_any_image_is_said_before_it_is_built)
{
    static const char refused[] =
        HEAD WORKER("shop-api", BUILT("src/shop") ", scaling: {min: 1, max: 3, memory: 80}");
    struct world *world = new_world();
    world->trees = &building_first;
    world->tree_count = 1;
    commit_cell(world, 1, refused);
    world_run(world, MINUTES(5));
    expect_why(world, "shop", "development", "cannot scale by memory");
    cr_expect_eq(engine_condition(world->engine), CONDITION_HELD);
    cr_expect_eq(building_runs(world), 0);
    cr_expect(!has_carrier(world));
    expect_silence(world);
    /* Mended, it is built; broken again, the next tree is not. */
    commit_cell(world, 2, HEAD WORKER("shop-api", BUILT("src/shop")));
    cr_expect(building_until(world, CONDITION_CONVERGED, "registry.example/shop:1", MINUTES(9)));
    world->trees = &building_second;
    commit_cell(world, 3, refused);
    world_run(world, MINUTES(5));
    expect_why(world, "shop", "development", "cannot scale by memory");
    cr_expect_eq(engine_condition(world->engine), CONDITION_HELD);
    cr_expect_eq(building_runs(world), 1);
    expect_runs(world, "shop-api", "development", "registry.example/shop:1");
    world_free(world);
}

/* --- around a restart ---------------------------------------------------------------------------
 */

/* The platform's objects are read one by one then; a run before that could be refused for good. */
Test(builds, a_restart_looks_before_it_builds)
{
    struct meddler meddler;
    const struct meddling items[] = {
        {"GET", "/schema", 0, ALWAYS, ANSWER_RECEIVED, 503, "{}", false},
        {"GET", "/namespaces/acme", 0, 0, ANSWER_NOT_SENT, 0, NULL, false},
        {.method = NULL}};
    struct world *world = meddle_world(&meddler, items);
    building_add_workflow(world, NULL);
    building_commit(world, 1, &building_first);
    world_run(world, MINUTES(2));
    world_kill(world);
    world_run(world, MINUTES(2));
    cr_expect_eq(building_runs(world), 0);
    meddler.items[0].times = 0;
    cr_expect(building_until(world, CONDITION_CONVERGED, "registry.example/shop:1", MINUTES(9)));
    cr_expect_eq(building_runs(world), 1);
    world_free(world);
}

static int64_t slow_namespace(void *context, const struct world_request *request)
{
    static const char end[] = "/namespaces/acme";
    const size_t length = strlen(request->path);
    (void)context;
    return length > sizeof end && strcmp(request->path + length - (sizeof end - 1), end) == 0
               ? 20000
               : 0;
}

/* Named, never posted, and the platform is not known to stand yet when its absence is. */
Test(builds, a_named_run_is_posted_once_the_platform_stands)
{
    struct world *whole = new_world();
    building_commit(whole, 1, &building_first);
    building_await(whole, BUILDING_RUN_1);
    const uint64_t post = whole->writes;
    world_free(whole);
    struct world_options options;
    world_options_default(&options);
    options.delay = slow_namespace;
    struct world *world = world_new(&options);
    building_add_workflow(world, NULL);
    world->crash = WORLD_CRASH_UNSENT;
    world->crash_at = post;
    building_commit(world, 1, &building_first);
    cr_expect(building_until(world, CONDITION_CONVERGED, "registry.example/shop:1", MINUTES(20)));
    cr_expect_eq(world->kills, 1);
    cr_expect_eq(posts(world), 1);
    world_free(world);
}

/* The next tree comes with a manifest that cannot be compiled. */
Test(builds, a_refused_cell_begins_no_run)
{
    struct world *world = built();
    const char *cell = building_cell + strlen("raw:");
    const struct world_file files[] = {{"platform.yaml", platform_small},
                                       {"cells/shop/cell.yaml", cell},
                                       {"cells/shop/native/wheel.yaml",
                                        "apiVersion: openchoreo.dev/v1alpha1\nkind: Gadget\n"
                                        "metadata: {name: wheel}\nspec: {}\n"}};
    char hash[41];
    snprintf(hash, sizeof hash, "%040x", 2u);
    world->trees = &building_second;
    world_commit(world, hash, files, 3);
    world_run(world, MINUTES(5));
    cr_expect_eq(posts(world), 1);
    cr_expect(world_published(world, "cell-refused", "shop"));
    building_commit(world, 3, &building_second);
    cr_expect(building_until(world, CONDITION_CONVERGED, "registry.example/shop:2", MINUTES(9)));
    world_free(world);
}

Test(builds, a_workflow_that_is_gone_holds_nobody_else)
{
    static const char platform[] = PLATFORM_HEAD "  environments: [{name: development}]\n"
                                                 "  phases:\n"
                                                 "    - {name: first, cells: [shop]}\n"
                                                 "    - {name: second, cells: [billing]}\n";
    struct meddler meddler;
    const struct meddling items[] = {{"GET", "/schema", 0, 0, ANSWER_RECEIVED, 404, "{}", false},
                                     {.method = NULL}};
    struct world *world = meddle_world(&meddler, items);
    building_add_workflow(world, NULL);
    world->trees = &building_first;
    world->tree_count = 1;
    repository_commit(world, 1, platform, "shop", building_cell, NULL, "billing",
                      "registry.example/billing:1", NULL, NULL);
    cr_assert(building_until(world, CONDITION_CONVERGED, "registry.example/shop:1", MINUTES(20)));
    meddler.items[0].times = ALWAYS;
    world->trees = &building_second;
    repository_commit(world, 2, platform, "shop", building_cell, NULL, "billing",
                      "registry.example/billing:2", NULL, NULL);
    world_run(world, MINUTES(10));
    expect_runs(world, "billing-api-a", "development", "registry.example/billing:2");
    cr_expect_eq(engine_condition(world->engine), CONDITION_HELD);
    world_free(world);
}
