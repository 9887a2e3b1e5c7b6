/* Somebody else changes what celld made: put right, told, or left alone, as the policy says. */
#include "config/base/json.h"
#include "reconciler/resource/object.h"
#include "tests/reconciler/engine/expect.h"

#include <criterion/criterion.h>

#include <stdlib.h>
#include <string.h>

TestSuite(drift, .timeout = 600);

static struct world *converged(const char *extra)
{
    struct world *world = repository_world();
    repository_commit(world, 1, platform_small, "shop", "registry.example/shop:1", extra, NULL);
    expect_condition(world, CONDITION_CONVERGED);
    return world;
}

static json_t *live(const struct world *world, const char *collection, const char *name)
{
    return platform_object(world->platform, collection, "acme", name);
}

Test(drift, an_edited_binding_is_put_right_and_foreign_fields_stay)
{
    struct world *world = converged(NULL);
    const char *name = "shop-api-a-development";
    char release[128];
    snprintf(release, sizeof release, "%s", repository_release(world, name));
    expect_changed(world, "releasebindings", "acme", name,
                   json_pack("{s:{s:s, s:{s:{s:s}}}, s:{s:s}}", "spec", "releaseName", "other",
                             "traitEnvironmentConfigs", "theirs", "key", "kept", "labels", "team",
                             "shop"));
    world_run(world, 40000);
    cr_expect_str_eq(repository_release(world, name), release);
    json_t *object = live(world, "releasebindings", name);
    cr_expect_str_eq(json_text_or(json_at(object, "metadata", "labels", "team", NULL), ""), "shop");
    json_decref(object);
    cr_expect(world_published(world, "drift-found", "shop"));
    expect_condition(world, CONDITION_CONVERGED);
    expect_silence(world);
    cr_expect_eq(platform_danger(world->platform).foreign_erased, 0);
    world_free(world);
}

Test(drift, a_removed_label_and_a_deleted_component_come_back)
{
    struct world *world = converged(NULL);
    expect_changed(world, "projects", "acme", "acme-shop",
                   json_pack("{s:{s:n}}", "labels", LABEL_MANAGED_BY));
    world_run(world, 40000);
    json_t *project = live(world, "projects", "acme-shop");
    cr_expect_str_eq(
        json_text_or(json_at(project, "metadata", "labels", LABEL_MANAGED_BY, NULL), ""),
        LABEL_MANAGED_BY_CELLD);
    json_decref(project);
    struct platform_response response;
    const struct platform_request request = {
        .method = "DELETE", .path = "/api/v1/namespaces/acme/components/shop-api-a"};
    platform_handle(world->platform, &request, world_platform_now(world), &response);
    platform_response_fini(&response);
    world_run(world, MINUTES(3));
    expect_condition(world, CONDITION_CONVERGED);
    expect_runs(world, "shop-api-a", "development", "registry.example/shop:1");
    expect_silence(world);
    world_free(world);
}

/* Looks are rare: the next release comes before or after the edit is put right, and rolls out. */
Test(drift, a_release_rolls_out_whatever_was_edited_before_it)
{
    static const struct {
        const char *what, *binding, *patch;
    } rows[] = {
        {"replicas", "shop-api-a-development",
         "{\"spec\": {\"componentTypeEnvironmentConfigs\": {\"replicas\": 5}}}"},
        {"another release", "shop-api-a-development", "{\"spec\": {\"releaseName\": \"other\"}}"},
        {"undeployed", "shop-api-a-development", "{\"spec\": {\"state\": \"Undeploy\"}}"},
        {"the route's backends", "shop-api-development",
         "{\"spec\": {\"componentTypeEnvironmentConfigs\": {\"backends\": "
         "[{\"name\": \"shop-api-a\", \"weight\": 1}]}}}"},
    };
    for (size_t i = 0; i < 2 * sizeof rows / sizeof *rows; i++) {
        const bool corrected = i % 2 == 1;
        struct world_options options;
        world_options_default(&options);
        options.engine.list_interval = (struct duration){MINUTES(60)};
        struct world *world = world_new(&options);
        repository_commit(world, 1, platform_small, "shop", "registry.example/shop:1", NULL, NULL);
        expect_condition(world, CONDITION_CONVERGED);
        world_run(world, MINUTES(5));
        expect_changed(world, "releasebindings", "acme", rows[i / 2].binding,
                       json_loads(rows[i / 2].patch, 0, NULL));
        world_run(world, corrected ? MINUTES(70) : 1000);
        cr_expect_eq(world_published(world, "drift-found", "shop"), corrected, "%s",
                     rows[i / 2].what);
        repository_commit(world, 2, platform_small, "shop", "registry.example/shop:2", NULL, NULL);
        expect_condition(world, CONDITION_CONVERGED);
        expect_runs(world, "shop-api-a", "development", "registry.example/shop:2");
        cr_expect(!world_published(world, "rollout-held", "shop"), "%s", rows[i / 2].what);
        expect_no_dangers(world);
        world_run(world, MINUTES(70)); /* the route's turn comes with the next look */
        expect_silence(world);
        world_free(world);
    }
}

Test(drift, report_tells_and_does_not_touch)
{
    struct world *world = converged("  drift: report\n");
    const char *name = "shop-api-a-development";
    expect_changed(
        world, "releasebindings", "acme", name,
        json_pack("{s:{s:{s:i}}}", "spec", "componentTypeEnvironmentConfigs", "replicas", 3));
    const uint64_t writes = world->writes;
    world_run(world, MINUTES(3));
    cr_expect_eq(world->writes, writes);
    cr_expect(world_published(world, "drift-found", "shop"));
    json_t *diff = engine_diff(world->engine, "shop");
    const json_t *first = json_array_get(json_object_get(diff, "objects"), 0);
    cr_expect_str_eq(json_text_or(json_object_get(first, "name"), ""), name);
    cr_expect_str_eq(json_text_or(json_object_get(first, "cause"), ""), "drift");
    cr_expect(json_is_false(json_object_get(first, "corrected")));
    cr_expect_gt(json_array_size(json_object_get(first, "differences")), 0);
    json_decref(diff);
    /* A new revision goes on all the same. */
    repository_commit(world, 2, platform_small, "shop", "registry.example/shop:2",
                      "  drift: report\n", NULL);
    world_run(world, MINUTES(2));
    expect_runs(world, "shop-api-a", "development", "registry.example/shop:2");
    world_free(world);
}

Test(drift, freeze_stops_the_cell_until_the_drift_is_gone)
{
    struct world *world = converged("  drift: freeze\n");
    expect_changed(world, "projects", "acme", "acme-shop",
                   json_pack("{s:{s:s}}", "labels", LABEL_MANAGED_BY, "somebody"));
    world_run(world, MINUTES(1));
    repository_commit(world, 2, platform_small, "shop", "registry.example/shop:2",
                      "  drift: freeze\n", NULL);
    world_run(world, MINUTES(2));
    cr_assert(world_published(world, "drift-found", "shop"));
    expect_runs(world, "shop-api-a", "development", "registry.example/shop:1");
    expect_why(world, "shop", "development", "its drift policy is freeze");
    expect_changed(world, "projects", "acme", "acme-shop",
                   json_pack("{s:{s:s}}", "labels", LABEL_MANAGED_BY, LABEL_MANAGED_BY_CELLD));
    world_run(world, MINUTES(2));
    expect_condition(world, CONDITION_CONVERGED);
    expect_runs(world, "shop-api-a", "development", "registry.example/shop:2");
    world_free(world);
}

Test(drift, replicas_change_without_a_rollout)
{
    struct world *world = converged(NULL);
    char release[128];
    snprintf(release, sizeof release, "%s", repository_release(world, "shop-api-a-development"));
    repository_commit(world, 2, platform_small, "shop", "registry.example/shop:1",
                      "  replicas: 3\n", NULL);
    world_run(world, MINUTES(1));
    expect_condition(world, CONDITION_CONVERGED);
    cr_expect_str_eq(repository_release(world, "shop-api-a-development"), release);
    cr_expect_eq(platform_running(world->platform, "acme", "shop-api-a", "development").wanted, 3);
    expect_silence(world);
    world_free(world);
}
