/* When no run is begun: the cell is left alone or refused, the Component that carries the runs is
 * not there, or nobody knows yet what is. */
#include "config/base/json.h"
#include "tests/reconciler/engine/building.h"
#include "tests/reconciler/engine/expect.h"
#include "tests/reconciler/engine/meddle.h"

#include <criterion/criterion.h>

#include <stdio.h>
#include <string.h>

TestSuite(build_withheld, .timeout = 600);

/* --- cells that are left alone ------------------------------------------------------------------
 */

static int64_t slow_schema(void *context, const struct world_request *request)
{
    (void)context;
    return strstr(request->path, "/schema") != NULL ? 20000 : 0;
}

/* The schema is on its way when the cell is suspended: no run follows. */
Test(build_withheld, a_suspended_cell_begins_no_run)
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
    cr_expect_eq(building_posts(world), 0);
    world_command(world, "resume", json_pack("{s:s}", "cell", "shop"), &ok);
    cr_expect(building_until(world, CONDITION_CONVERGED, "registry.example/shop:1", MINUTES(9)));
    cr_expect_eq(building_posts(world), 1);
    world_free(world);
}

static void tamper(struct world *world, const char *collection, const char *name, const char *patch)
{
    expect_changed(world, collection, "acme", name, json_loads(patch, 0, NULL));
}

Test(build_withheld, a_frozen_cell_begins_no_run)
{
    static const char frozen[] = PLATFORM_HEAD "  drift: freeze\n"
                                               "  environments: [{name: development}]\n"
                                               "  phases: [{name: first, cells: [shop]}]\n";
    struct world *world = building_built();
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

/* The next tree comes with a manifest that cannot be compiled. */
Test(build_withheld, a_refused_cell_begins_no_run)
{
    struct world *world = building_built();
    const char *cell = building_cell + strlen("raw:");
    const struct world_file files[] = {{"platform.yaml", platform_small},
                                       {"cells/shop/cell.yaml", cell},
                                       {"cells/shop/native/wheel.yaml",
                                        "apiVersion: openchoreo.dev/v1alpha1\nkind: Gadget\n"
                                        "metadata: {name: wheel}\nspec: {}\n"}};
    world->trees = &building_second;
    repository_commit_files(world, 2, files, 3);
    world_run(world, MINUTES(5));
    cr_expect_eq(building_posts(world), 1);
    cr_expect(world_published(world, "cell-refused", "shop"));
    building_commit(world, 3, &building_second);
    cr_expect(building_until(world, CONDITION_CONVERGED, "registry.example/shop:2", MINUTES(9)));
    world_free(world);
}

static bool has_carrier(const struct world *world)
{
    json_t *object = platform_object(world->platform, "components", "acme", "shop-api-build");
    const bool stands = object != NULL;
    json_decref(object);
    return stands;
}

/* What no image could mend is said instead of waiting for one. */
Test(build_withheld, what_is_refused_with_any_image_is_said_before_it_is_built)
{
    static const char refused[] = BUILDING_HEAD BUILDING_WORKER(
        "shop-api", BUILDING_FROM("src/shop") ", scaling: {min: 1, max: 3, memory: 80}");
    struct world *world = building_world();
    world->trees = &building_first;
    world->tree_count = 1;
    building_commit_cell(world, 1, refused);
    world_run(world, MINUTES(5));
    expect_why(world, "shop", "development", "cannot scale by memory");
    cr_expect_eq(engine_condition(world->engine), CONDITION_HELD);
    cr_expect_eq(building_runs(world), 0);
    cr_expect(!has_carrier(world));
    expect_silence(world);
    /* Mended, it is built; broken again, the next tree is not. */
    building_commit_cell(world, 2,
                         BUILDING_HEAD BUILDING_WORKER("shop-api", BUILDING_FROM("src/shop")));
    cr_expect(building_until(world, CONDITION_CONVERGED, "registry.example/shop:1", MINUTES(9)));
    world->trees = &building_second;
    building_commit_cell(world, 3, refused);
    world_run(world, MINUTES(5));
    expect_why(world, "shop", "development", "cannot scale by memory");
    cr_expect_eq(engine_condition(world->engine), CONDITION_HELD);
    cr_expect_eq(building_runs(world), 1);
    expect_runs(world, "shop-api", "development", "registry.example/shop:1");
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

Test(build_withheld, a_carrier_that_somebody_removed_follows_the_drift_policy)
{
    for (int i = 0; i < 2; i++) {
        const bool report = i == 1;
        char platform[1024];
        snprintf(platform, sizeof platform,
                 PLATFORM_HEAD "  drift: %s\n  environments: [{name: development}]\n"
                               "  phases: [{name: first, cells: [shop]}]\n",
                 report ? "report" : "correct");
        struct world *world = building_built();
        repository_commit(world, 2, platform, "shop", building_cell, NULL, NULL);
        expect_condition(world, CONDITION_CONVERGED);
        remove_carrier(world);
        world_run(world, MINUTES(3));
        cr_expect_eq(has_carrier(world), !report);
        cr_expect(world_published(world, "drift-found", "shop"));
        world->trees = &building_second;
        repository_commit(world, 3, platform, "shop", building_cell, NULL, NULL);
        world_run(world, MINUTES(2));
        cr_expect_eq(building_posts(world), report ? 1 : 2);
        if (report)
            expect_why(world, "shop", "development", "shop-api waits for its build");
        world_free(world);
    }
}

Test(build_withheld, a_carrier_that_is_refused_is_said)
{
    struct meddler meddler;
    const struct meddling items[] = {
        {"POST", "/components", 0, MEDDLE_ALWAYS, ANSWER_RECEIVED, 422, "{}", true},
        {.method = NULL}};
    struct world *world = meddle_world(&meddler, items);
    building_add_workflow(world, NULL);
    building_commit(world, 1, &building_first);
    world_run(world, MINUTES(5));
    cr_expect_eq(engine_condition(world->engine), CONDITION_HELD);
    expect_why(world, "shop", "development", "was refused (422)");
    cr_expect_eq(building_posts(world), 0);
    world_free(world);
}

/* A platform whose drift is only told stands; a run of a type that somebody changed could be
 * refused for good. */
Test(build_withheld, a_changed_type_begins_no_run)
{
    static const char platform[] = PLATFORM_HEAD "  drift: report\n"
                                                 "  environments: [{name: development}]\n"
                                                 "  phases: [{name: first, cells: [shop]}]\n";
    struct world *world = building_built();
    repository_commit(world, 2, platform, "shop", building_cell, NULL, NULL);
    expect_condition(world, CONDITION_CONVERGED);
    json_t *patch = json_pack("{s:{s:s}}", "labels", "app.kubernetes.io/managed-by", "bob");
    expect_changed(world, "clustercomponenttypes", NULL, "cell-build", patch);
    world_run(world, MINUTES(2));
    world->trees = &building_second;
    repository_commit(world, 3, platform, "shop", building_cell, NULL, NULL);
    world_run(world, MINUTES(5));
    cr_expect_eq(building_posts(world), 1);
    expect_why(world, "shop", "development", "shop-api waits for its build");
    world_free(world);
}

/* --- around a restart ---------------------------------------------------------------------------
 */

/* The platform's objects are read one by one then; a run before that could be refused for good. */
Test(build_withheld, a_restart_looks_before_it_builds)
{
    struct meddler meddler;
    const struct meddling items[] = {
        {"GET", "/schema", 0, MEDDLE_ALWAYS, ANSWER_RECEIVED, 503, "{}", false},
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
Test(build_withheld, a_named_run_is_posted_once_the_platform_stands)
{
    struct world *whole = building_world();
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
    cr_expect_eq(building_posts(world), 1);
    world_free(world);
}
