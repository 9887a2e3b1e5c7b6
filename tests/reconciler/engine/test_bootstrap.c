/* What must stand before a cell can: the platform's objects, data planes, projects and their
 * bindings; also when somebody takes them away or changes them meanwhile. */
#include "config/base/json.h"
#include "tests/reconciler/engine/expect.h"
#include "tests/reconciler/engine/meddle.h"

#include <criterion/criterion.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

TestSuite(bootstrap, .timeout = 600);

static struct world *converged(void)
{
    struct world *world = repository_world();
    repository_commit(world, 1, platform_small, "shop", "registry.example/shop:1", NULL, NULL);
    expect_condition(world, CONDITION_CONVERGED);
    return world;
}

static void take_away(struct world *world, const char *path)
{
    struct platform_response response;
    const struct platform_request request = {.method = "DELETE", .path = path};
    platform_handle(world->platform, &request, world_platform_now(world), &response);
    cr_expect(response.status / 100 == 2, "%d", response.status);
    platform_response_fini(&response);
}

static bool stands(const struct world *world, const char *collection, const char *name)
{
    json_t *object = platform_object(world->platform, collection, "acme", name);
    const bool there =
        object != NULL && json_at(object, "metadata", "deletionTimestamp", NULL) == NULL;
    json_decref(object);
    return there;
}

/* --- data planes --------------------------------------------------------------------------------
 */

#define ON_PLANE(plane_, more_)                                                                    \
    "apiVersion: celld.dev/v1\nkind: Platform\nmetadata: {name: acme}\nspec:\n"                    \
    "  namespace: acme\n  projectPrefix: acme-\n" more_                                            \
    "  regions: [{name: us, dataPlane: {" plane_ "}}]\n"                                           \
    "  environments: [{name: development}]\n"                                                      \
    "  phases: [{name: all, cells: [shop]}]\n"

Test(bootstrap, an_environment_waits_for_its_data_plane)
{
    static const struct {
        const char *platform, *path, *why;
    } rows[] = {
        {ON_PLANE("kind: DataPlane, name: here", ""), "/api/v1/namespaces/acme/dataplanes",
         "Environment development is not there yet: it needs DataPlane here, which celld does not "
         "make"},
        {ON_PLANE("kind: ClusterDataPlane, name: here", ""), "/api/v1/clusterdataplanes",
         "Environment development is not there yet: it needs ClusterDataPlane here, which celld "
         "does not make"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct world *world = repository_world();
        repository_commit(world, 1, rows[i].platform, "shop", "registry.example/shop:1", NULL,
                          NULL);
        world_run(world, MINUTES(2));
        expect_why(world, "shop", "development", rows[i].why);
        cr_expect(!stands(world, "environments", "development"));
        expect_silence(world);
        expect_created(world, rows[i].path, "{\"metadata\":{\"name\":\"here\"},\"spec\":{}}");
        world_run(world, MINUTES(2));
        cr_expect(stands(world, "environments", "development"));
        world_free(world);
    }
}

static int64_t slow_environments(void *context, const struct world_request *request)
{
    (void)context;
    return strcmp(request->method, "POST") == 0 && strstr(request->path, "/environments") != NULL
               ? 30000
               : 0;
}

Test(bootstrap, an_environment_that_is_being_made_is_said)
{
    struct world_options options;
    world_options_default(&options);
    options.delay = slow_environments;
    struct world *world = world_new(&options);
    repository_commit(world, 1, platform_small, "shop", "registry.example/shop:1", NULL, NULL);
    world_run(world, 20000);
    char *why = world_why(world, "shop", "development");
    cr_expect_not_null(strstr(why, "Environment development is not there yet"), "%s", why);
    cr_expect_null(strstr(why, "it needs"), "%s", why);
    free(why);
    expect_condition(world, CONDITION_CONVERGED);
    world_free(world);
}

/* An environment that the platform's native manifests bring is as it stands: nobody deploys to it.
 */
Test(bootstrap, a_native_environment_waits_for_nothing)
{
    struct world *world = repository_world();
    char *cell = cell_text("shop", "registry.example/shop:1", NULL), hash[41];
    const struct world_file files[] = {{"platform.yaml", platform_small},
                                       {"cells/shop/cell.yaml", cell},
                                       {"native/sandbox.yaml",
                                        "apiVersion: openchoreo.dev/v1alpha1\nkind: Environment\n"
                                        "metadata: {name: sandbox}\nspec: {dataPlaneRef: {kind: "
                                        "ClusterDataPlane, name: us}}\n"}};
    snprintf(hash, sizeof hash, "%040x", 1u);
    world_commit(world, hash, files, 3);
    free(cell);
    expect_condition(world, CONDITION_CONVERGED);
    cr_expect(stands(world, "environments", "sandbox"));
    cr_expect(stands(world, "environments", "development"));
    world_free(world);
}

/* What is not there is said with the server's words, of the data plane as of the rest. */
Test(bootstrap, what_the_platform_waits_for_is_said)
{
    static const struct {
        struct meddling item;
        const char *why;
    } rows[] = {
        {{"GET", "/clusterdataplanes/us", 0, 1000, ANSWER_RECEIVED, 403, NULL, false},
         "Environment development is not there yet: ClusterDataPlane us cannot be read: meddled"},
        {{"POST", "/namespaces", 0, 1000, ANSWER_RECEIVED, 403, NULL, true},
         "Namespace acme is not there yet: POST of Namespace acme was refused (403): meddled"},
        {{"GET", "/environments/sandbox", 0, 1000, ANSWER_RECEIVED, 403, NULL, false},
         "Environment sandbox is not there yet: Environment sandbox cannot be read: meddled"},
    };
    static const struct world_file native = {
        "native/sandbox.yaml", "apiVersion: openchoreo.dev/v1alpha1\nkind: Environment\n"
                               "metadata: {name: sandbox}\nspec: {dataPlaneRef: {kind: "
                               "ClusterDataPlane, name: us}}\n"};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        const struct meddling items[] = {rows[i].item, {.method = NULL}};
        struct meddler meddler;
        struct world *world = meddle_world(&meddler, items);
        char *cell = cell_text("shop", "registry.example/shop:1", NULL), hash[41];
        const struct world_file files[] = {
            {"platform.yaml", platform_small}, {"cells/shop/cell.yaml", cell}, native};
        for (unsigned k = 1; k <= (i == 2 ? 2 : 1); k++) {
            snprintf(hash, sizeof hash, "%040x", k);
            world_commit(world, hash, files, k + 1);
            world_run(world, MINUTES(3));
        }
        free(cell);
        world_run(world, MINUTES(2));
        json_t *status = engine_status(world->engine, world_now(world));
        const char *message =
            json_text_or(json_at(status, "platform", "message", NULL), "nothing is said");
        cr_expect_not_null(strstr(message, rows[i].why), "%zu: %s", i, message);
        json_decref(status);
        meddler.items[0].times = 0;
        expect_condition(world, CONDITION_CONVERGED);
        world_free(world);
    }
}

Test(bootstrap, a_suspended_platform_is_not_written)
{
    struct world *world = repository_world();
    bool ok = false;
    world_command(world, "suspend", json_object(), &ok);
    cr_expect(ok);
    repository_commit(world, 1, platform_small, "shop", "registry.example/shop:1", NULL, NULL);
    world_run(world, MINUTES(2));
    cr_expect_eq(world->writes, 0);
    expect_why(world, "shop", "development", "is suspended");
    world_command(world, "resume", json_object(), &ok);
    expect_condition(world, CONDITION_CONVERGED);
    world_free(world);
}

/* What somebody changed on the platform is put right or told, as its policy says; either way the
 * cells go on. */
Test(bootstrap, drift_of_the_platform_follows_its_policy)
{
    for (int i = 0; i < 2; i++) {
        char platform[1024];
        snprintf(platform, sizeof platform, ON_PLANE("name: us", "  drift: %s\n"),
                 i == 0 ? "correct" : "report");
        struct world *world = repository_world();
        repository_commit(world, 1, platform, "shop", "registry.example/shop:1", NULL, NULL);
        expect_condition(world, CONDITION_CONVERGED);
        json_t *before =
            platform_object(world->platform, "deploymentpipelines", "acme", "acme-pipeline");
        json_t *patch = json_pack("{s:{s:s}}", "labels", "app.kubernetes.io/managed-by", "bob");
        expect_changed(world, "environments", "acme", "development", patch);
        json_decref(before);
        world_run(world, MINUTES(2));
        repository_commit(world, 2, platform, "shop", "registry.example/shop:2", NULL, NULL);
        world_run(world, MINUTES(3));
        expect_runs(world, "shop-api-a", "development", "registry.example/shop:2");
        json_t *live = platform_object(world->platform, "environments", "acme", "development");
        cr_expect_str_eq(
            json_text_or(json_at(live, "metadata", "labels", "app.kubernetes.io/managed-by", NULL),
                         ""),
            i == 0 ? "celld" : "bob");
        json_decref(live);
        expect_silence(world);
        world_free(world);
    }
}

/* --- projects -----------------------------------------------------------------------------------
 */

Test(bootstrap, a_project_that_somebody_removes_comes_back_with_all_of_it)
{
    struct world *world = converged();
    take_away(world, "/api/v1/namespaces/acme/projects/acme-shop");
    const struct platform_request request = {.method = "GET",
                                             .path = "/api/v1/namespaces/acme/projects/acme-shop"};
    struct platform_response response;
    platform_handle(world->platform, &request, world_platform_now(world), &response);
    cr_expect_eq(response.status, 200, "its removal takes a while");
    platform_response_fini(&response);
    bool ok = false;
    world_command(world, "sync", json_object(), &ok);
    world_run(world, MINUTES(10));
    expect_condition(world, CONDITION_CONVERGED);
    cr_expect(stands(world, "projects", "acme-shop"));
    expect_runs(world, "shop-api-a", "development", "registry.example/shop:1");
    cr_expect_eq(platform_danger(world->platform).terminating_used, 0);
    world_free(world);
}

Test(bootstrap, a_project_binding_that_somebody_removes_comes_back)
{
    struct world *world = converged();
    take_away(world, "/api/v1/namespaces/acme/projectreleasebindings/acme-shop-development");
    bool ok = false;
    world_command(world, "sync", json_object(), &ok);
    world_run(world, MINUTES(10));
    expect_condition(world, CONDITION_CONVERGED);
    cr_expect(stands(world, "projectreleasebindings", "acme-shop-development"));
    cr_expect_eq(platform_danger(world->platform).terminating_used, 0);
    world_free(world);
}

#define BINDING(release_)                                                                          \
    "{\"metadata\":{\"name\":\"acme-shop-development\",\"uid\":\"u\"},\"spec\":{" release_         \
    "\"environment\":\"development\",\"owner\":{\"projectName\":\"acme-shop\"}},\"status\":"       \
    "{\"conditions\":[{\"type\":\"Ready\",\"status\":\"True\"}]}}"

/* Ready, and bound to nothing: no component is deployed through it. */
Test(bootstrap, a_project_binding_without_a_release_is_not_ready)
{
    const struct meddling items[] = {
        {"GET", "/projectreleasebindings/", 1, 1, ANSWER_RECEIVED, 200, BINDING(""), false},
        {.method = NULL}};
    struct meddler meddler;
    struct world *world = meddle_world(&meddler, items);
    repository_commit(world, 1, platform_small, "shop", "registry.example/shop:1", NULL, NULL);
    expect_condition(world, CONDITION_CONVERGED);
    cr_expect_eq(meddler.replaced, 1);
    expect_no_dangers(world);
    world_free(world);
}

/* What a cell brings besides its project follows it. */
Test(bootstrap, native_manifests_of_a_cell_follow_its_project)
{
    static const char native[] = "apiVersion: openchoreo.dev/v1alpha1\nkind: Trait\n"
                                 "metadata: {name: wheel}\nspec: {colour: red}\n";
    const struct meddling items[] = {{"POST", "/projects", 0, 3, ANSWER_RECEIVED, 503, "{}", true},
                                     {.method = NULL}};
    struct meddler meddler;
    struct world *world = meddle_world(&meddler, items);
    char *cell = cell_text("shop", "registry.example/shop:1", NULL), hash[41];
    const struct world_file files[] = {{"platform.yaml", platform_small},
                                       {"cells/shop/cell.yaml", cell},
                                       {"cells/shop/native/wheel.yaml", native}};
    snprintf(hash, sizeof hash, "%040x", 1u);
    world_commit(world, hash, files, 3);
    free(cell);
    for (int i = 0; i < 200 && !stands(world, "projects", "acme-shop"); i++) {
        cr_expect(!stands(world, "traits", "wheel"));
        world_run(world, 100);
    }
    expect_condition(world, CONDITION_CONVERGED);
    cr_expect(stands(world, "traits", "wheel"));
    /* Changed by somebody, and put right. */
    json_t *patch = json_pack("{s:{s:s}}", "spec", "colour", "blue");
    expect_changed(world, "traits", "acme", "wheel", patch);
    world_run(world, MINUTES(2));
    json_t *live = platform_object(world->platform, "traits", "acme", "wheel");
    cr_expect_str_eq(json_text_or(json_at(live, "spec", "colour", NULL), ""), "red");
    json_decref(live);
    expect_silence(world);
    world_free(world);
}
