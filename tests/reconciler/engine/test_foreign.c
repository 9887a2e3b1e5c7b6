/* A control plane that others were at before: what is theirs stays theirs, and celld says so. */
#include "config/base/json.h"
#include "reconciler/resource/object.h"
#include "tests/reconciler/engine/expect.h"
#include "tests/reconciler/engine/meddle.h"

#include <criterion/criterion.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

TestSuite(foreign, .timeout = 600);

#define IN_ACME "/api/v1/namespaces/acme/"

static void commit(struct world *world)
{
    repository_commit(world, 1, platform_small, "shop", "registry.example/shop:1", NULL, NULL);
}

static void expect_untouched(const struct world *world, const char *collection, const char *space,
                             const char *name)
{
    json_t *object = platform_object(world->platform, collection, space, name);
    cr_assert_not_null(object, "%s", name);
    cr_expect_null(json_at(object, "metadata", "labels", "app.kubernetes.io/managed-by", NULL),
                   "%s", name);
    json_decref(object);
}

Test(foreign, a_namespace_and_an_environment_as_declared_are_used_as_they_stand)
{
    struct world *world = repository_world();
    expect_created(world, "/api/v1/namespaces",
                   "{\"metadata\":{\"name\":\"acme\",\"annotations\":"
                   "{\"openchoreo.dev/display-name\":\"Theirs\"}}}");
    expect_created(world, IN_ACME "environments",
                   "{\"metadata\":{\"name\":\"development\"},\"spec\":{\"dataPlaneRef\":"
                   "{\"kind\":\"ClusterDataPlane\",\"name\":\"us\"}}}");
    commit(world);
    expect_condition(world, CONDITION_CONVERGED);
    expect_untouched(world, "namespaces", NULL, "acme");
    expect_untouched(world, "environments", "acme", "development");
    expect_silence(world);
    world_free(world);
}

/* What differs is left alone and named, with what ends the wait. */
Test(foreign, what_differs_holds_the_platform_and_is_explained)
{
    static const struct {
        const char *path, *body, *what, *way;
    } rows[] = {
        {IN_ACME "environments",
         "{\"metadata\":{\"name\":\"development\"},\"spec\":{\"dataPlaneRef\":"
         "{\"kind\":\"ClusterDataPlane\",\"name\":\"eu\"}}}",
         "Environment development stands there without celld's mark and differs in "
         "/spec/dataPlaneRef/name",
         "declare it as it is"},
        {"/api/v1/clustercomponenttypes",
         "{\"metadata\":{\"name\":\"cell-slot\"},\"spec\":{\"workloadType\":\"deployment\","
         "\"resources\":[{\"id\":\"deployment\",\"template\":{\"apiVersion\":\"apps/v1\","
         "\"kind\":\"Deployment\",\"metadata\":{\"name\":\"${metadata.name}\","
         "\"namespace\":\"${metadata.namespace}\"},\"spec\":{}}}]}}",
         "ClusterComponentType cell-slot stands there without celld's mark",
         "give it the label app.kubernetes.io/managed-by=celld"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct world *world = repository_world();
        expect_created(world, "/api/v1/namespaces", "{\"metadata\":{\"name\":\"acme\"}}");
        expect_created(world, rows[i].path, rows[i].body);
        commit(world);
        expect_condition(world, CONDITION_HELD);
        expect_why(world, "shop", "development", rows[i].what);
        expect_why(world, "shop", "development", rows[i].way);
        expect_no_dangers(world);
        world_free(world);
    }
}

/* Without its label a namespace is neither shown nor can it be made. */
Test(foreign, a_namespace_that_the_control_plane_does_not_serve_is_explained)
{
    static const struct meddling items[] = {
        {.method = "POST",
         .path = "/api/v1/namespaces",
         .times = 1000,
         .outcome = ANSWER_RECEIVED,
         .status = 409,
         .lost = true},
        {.method = NULL},
    };
    struct meddler meddler;
    struct world *world = meddle_world(&meddler, items);
    commit(world);
    world_run(world, MINUTES(2));
    expect_why(world, "shop", "development", "openchoreo.dev/control-plane=true");
    cr_expect_eq(engine_condition(world->engine), CONDITION_WORKING);
    world_free(world);
}

/* Nothing is put into somebody else's project before the cell says so. */
Test(foreign, a_project_is_entered_only_when_it_is_adopted)
{
    static const char path[] = IN_ACME "projectreleasebindings";
    struct world *world = repository_world();
    expect_created(world, "/api/v1/namespaces", "{\"metadata\":{\"name\":\"acme\"}}");
    expect_created(world, IN_ACME "projects",
                   "{\"metadata\":{\"name\":\"acme-shop\"},\"spec\":"
                   "{\"deploymentPipelineRef\":{\"name\":\"acme\"}}}");
    commit(world);
    world_run(world, MINUTES(2));
    expect_why(world, "shop", "development", "say `adopt: true` in the cell");
    /* Nor when somebody has prepared the target, too. */
    expect_created(world, path,
                   "{\"metadata\":{\"name\":\"acme-shop-development\"},\"spec\":{\"owner\":"
                   "{\"projectName\":\"acme-shop\"},\"environment\":\"development\"}}");
    world_run(world, MINUTES(5));
    static const char *const collections[] = {"components", "workloads", "releasebindings"};
    for (size_t i = 0; i < sizeof collections / sizeof collections[0]; i++) {
        json_t *object = platform_object(world->platform, collections[i], "acme", "shop-api");
        cr_expect_null(object, "%s", collections[i]);
        json_decref(object);
    }
    expect_untouched(world, "projects", "acme", "acme-shop");
    repository_commit(world, 2, platform_small, "shop", "registry.example/shop:1",
                      "  adopt: true\n", NULL);
    expect_condition(world, CONDITION_CONVERGED);
    expect_runs(world, "shop-api-a", "development", "registry.example/shop:1");
    expect_silence(world);
    world_free(world);
}

/* What celld does not make is named, first by its own reading, then in the server's words. */
Test(foreign, what_the_platform_lacks_is_named)
{
    struct world_options options;
    world_options_default(&options);
    options.platform.bare = true;
    struct world *world = world_new(&options);
    commit(world);
    world_run(world, MINUTES(1));
    expect_why(world, "shop", "development", "it needs ClusterDataPlane us");
    expect_created(world, "/api/v1/clusterdataplanes",
                   "{\"metadata\":{\"name\":\"us\"},\"spec\":{\"planeID\":\"us\",\"gateway\":"
                   "{\"ingress\":{\"external\":{\"name\":\"g\",\"namespace\":\"g\",\"http\":"
                   "{\"host\":\"apps.example\",\"port\":80}}}}}}");
    world_run(world, MINUTES(3));
    expect_why(world, "shop", "development", "ClusterProjectType \"default\" not found");
    expect_created(world, "/api/v1/clusterprojecttypes",
                   "{\"metadata\":{\"name\":\"default\"},\"spec\":{\"resources\":[{\"id\":"
                   "\"namespace\",\"template\":{\"apiVersion\":\"v1\",\"kind\":\"Namespace\","
                   "\"metadata\":{\"name\":\"${metadata.namespace}\",\"labels\":"
                   "\"${metadata.labels}\"}}}]}}");
    expect_condition(world, CONDITION_CONVERGED);
    expect_silence(world);
    world_free(world);
}

/* The number of the row that says that all is suspended. */
static uint64_t suspended_at(const struct world *world)
{
    for (size_t i = 0; i < world->row_count; i++) {
        if (strcmp(world->rows[i].key, "suspend/*") == 0)
            return world->rows[i].sequence;
    }
    cr_assert_fail("nothing is suspended");
    return 0;
}

/* The first look at a control plane: everything can be asked, and nothing is written. */
Test(foreign, nothing_is_written_before_a_person_says_so)
{
    struct world_options options;
    world_options_default(&options);
    options.engine.suspended = true;
    struct world *world = world_new(&options);
    commit(world);
    world_run(world, MINUTES(3));
    cr_expect_eq(world->writes, 0);
    /* A restart with the same options says nothing new. */
    const uint64_t said = suspended_at(world);
    world_kill(world);
    world_run(world, MINUTES(1));
    cr_expect_eq(world->writes, 0);
    cr_expect_eq(suspended_at(world), said);
    json_t *plan = engine_plan(world->engine, NULL, world_now(world));
    cr_expect_gt(json_integer_value(json_object_get(plan, "changes")), 0);
    bool ok = false;
    world_command(world, "apply",
                  json_pack("{s:s}", "hash", json_text_or(json_object_get(plan, "hash"), "")), &ok);
    cr_expect(ok);
    json_decref(plan);
    expect_condition(world, CONDITION_CONVERGED);
    expect_runs(world, "shop-api-a", "development", "registry.example/shop:1");
    /* The next revision is looked at first, too; until hands are on again. */
    const uint64_t writes = world->writes;
    repository_commit(world, 2, platform_small, "shop", "registry.example/shop:2", NULL, NULL);
    world_run(world, MINUTES(3));
    cr_expect_eq(world->writes, writes);
    world_command(world, "resume", json_object(), &ok);
    cr_expect(ok);
    expect_condition(world, CONDITION_CONVERGED);
    expect_runs(world, "shop-api-a", "development", "registry.example/shop:2");
    world_free(world);
}

/* An environment is never celld's to remove, so it need not be marked as celld's own either. */
Test(foreign, an_environment_of_others_that_is_as_wanted_is_used)
{
    static const struct {
        const char *plane;
        bool used;
    } rows[] = {{"us", true}, {"eu", false}};
    for (size_t i = 0; i < 2; i++) {
        struct world *world = repository_world();
        expect_created(world, "/api/v1/namespaces",
                       "{\"metadata\": {\"name\": \"acme\", \"labels\": "
                       "{\"openchoreo.dev/control-plane\": \"true\"}}}");
        char body[256];
        snprintf(body, sizeof body,
                 "{\"metadata\": {\"name\": \"development\"}, \"spec\": {\"isProduction\": false, "
                 "\"dataPlaneRef\": {\"kind\": \"ClusterDataPlane\", \"name\": \"%s\"}}}",
                 rows[i].plane);
        expect_created(world, "/api/v1/namespaces/acme/environments", body);
        commit(world);
        if (rows[i].used) {
            expect_condition(world, CONDITION_CONVERGED);
            expect_silence(world);
        } else {
            world_run(world, MINUTES(2));
            cr_expect_eq(engine_condition(world->engine), CONDITION_HELD);
            expect_why(world, "shop", NULL, "without celld's mark and differs in /spec");
            json_t *diff = engine_diff(world->engine, NULL);
            bool foreign = false;
            for (size_t k = 0; k < json_array_size(json_object_get(diff, "objects")); k++)
                foreign =
                    foreign ||
                    strcmp(json_text_or(
                               json_object_get(json_array_get(json_object_get(diff, "objects"), k),
                                               "cause"),
                               ""),
                           "foreign") == 0;
            cr_expect(foreign);
            json_decref(diff);
        }
        json_t *environment =
            platform_object(world->platform, "environments", "acme", "development");
        cr_expect_null(json_at(environment, "metadata", "labels", LABEL_MANAGED_BY, NULL));
        json_decref(environment);
        world_free(world);
    }
}

/* What stood in the way goes: the next look shows it, and celld need not be told. */
Test(foreign, a_hold_ends_when_what_stood_in_the_way_is_gone)
{
    struct world *world = repository_world();
    expect_created(world, "/api/v1/namespaces",
                   "{\"metadata\": {\"name\": \"acme\", \"labels\": "
                   "{\"openchoreo.dev/control-plane\": \"true\"}}}");
    expect_created(world, "/api/v1/namespaces/acme/projects",
                   "{\"metadata\": {\"name\": \"acme-shop\"}, \"spec\": "
                   "{\"deploymentPipelineRef\": {\"name\": \"theirs\"}}}");
    commit(world);
    world_run(world, MINUTES(1));
    cr_expect_eq(engine_condition(world->engine), CONDITION_HELD);
    expect_why(world, "shop", NULL, "adopt");
    cr_assert_lt(world_handle(world, "DELETE", "/api/v1/namespaces/acme/projects/acme-shop", NULL),
                 300);
    world_run(world, MINUTES(2));
    cr_expect_neq(engine_condition(world->engine), CONDITION_HELD);
    expect_condition(world, CONDITION_CONVERGED);
    world_free(world);
}

/* Of the platform: what is declared may be taken over as it is, the rest by its label alone. */
Test(foreign, what_others_made_of_the_platform_says_how_it_is_taken_over)
{
    static const struct {
        const char *path, *body, *way;
    } rows[] = {
        {"/api/v1/namespaces/acme/environments",
         "{\"metadata\": {\"name\": \"development\"}, \"spec\": {\"isProduction\": true, "
         "\"dataPlaneRef\": {\"kind\": \"ClusterDataPlane\", \"name\": \"us\"}}}",
         "declare it as it is"},
        {"/api/v1/namespaces/acme/deploymentpipelines",
         "{\"metadata\": {\"name\": \"acme\"}, \"spec\": {\"promotionPaths\": "
         "[{\"sourceEnvironmentRef\": {\"name\": \"theirs\"}}]}}",
         "declare it as it is"},
        {"/api/v1/clustercomponenttypes",
         "{\"metadata\": {\"name\": \"cell-worker\"}, \"spec\": {\"workloadType\": "
         "\"deployment\", \"resources\": [{\"id\": \"deployment\", \"template\": {}}]}}",
         "or remove it"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct world *world = repository_world();
        expect_created(world, "/api/v1/namespaces",
                       "{\"metadata\": {\"name\": \"acme\", \"labels\": "
                       "{\"openchoreo.dev/control-plane\": \"true\"}}}");
        expect_created(world, rows[i].path, rows[i].body);
        commit(world);
        world_run(world, MINUTES(2));
        json_t *status = engine_status(world->engine, world_now(world));
        char *holds = json_dumps(json_object_get(status, "holds"), JSON_COMPACT);
        cr_expect_not_null(strstr(holds, "stands there without celld's mark"), "%zu: %s", i, holds);
        cr_expect_not_null(strstr(holds, rows[i].way), "%zu: %s", i, holds);
        free(holds);
        json_decref(status);
        world_free(world);
    }
}
