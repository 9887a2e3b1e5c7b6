/* Each danger that the control plane's contract names, and celld clear of it. */
#include "config/base/json.h"
#include "tests/reconciler/engine/expect.h"

#include <criterion/criterion.h>

#include <stdlib.h>
#include <string.h>

TestSuite(danger, .timeout = 120);

Test(danger, a_second_binding_of_a_component_is_never_made)
{
    struct world *world = repository_world();
    repository_commit(world, 1, platform_small, "shop", "registry.example/shop:1", NULL, NULL);
    expect_condition(world, CONDITION_CONVERGED);
    /* Somebody puts another binding in the place of ours. */
    world_handle(world, "DELETE", "/api/v1/namespaces/acme/releasebindings/shop-api-a-development",
                 NULL);
    platform_advance(world->platform, world_platform_now(world) + 20000);
    world->now_ms += 20000;
    cr_assert_eq(
        world_handle(world, "POST", "/api/v1/namespaces/acme/releasebindings",
                     json_pack("{s:{s:s}, s:{s:{s:s, s:s}, s:s}}", "metadata", "name", "theirs",
                               "spec", "owner", "projectName", "acme-shop", "componentName",
                               "shop-api-a", "environment", "development")),
        201);
    world_run(world, MINUTES(3));
    json_t *ours =
        platform_object(world->platform, "releasebindings", "acme", "shop-api-a-development");
    cr_expect_null(ours);
    cr_expect_eq(platform_danger(world->platform).duplicate_binding, 0);
    expect_why(world, "shop", NULL, "theirs");
    cr_expect_eq(engine_condition(world->engine), CONDITION_HELD);
    world_free(world);
}

Test(danger, an_existing_duplicate_is_left_alone)
{
    struct world *world = repository_world();
    const char *both = PLATFORM_HEAD "  prune: {budget: \"90%\", minimum: 100}\n"
                                     "  environments: [{name: development}]\n"
                                     "  phases: [{name: all, cells: [billing, shop]}]\n";
    const char *one = PLATFORM_HEAD "  prune: {budget: \"90%\", minimum: 100}\n"
                                    "  environments: [{name: development}]\n"
                                    "  phases: [{name: all, cells: [billing]}]\n";
    repository_commit(world, 1, both, "billing", "registry.example/billing:1", NULL, "shop",
                      "registry.example/shop:1", NULL, NULL);
    expect_condition(world, CONDITION_CONVERGED);
    cr_assert_eq(
        world_handle(world, "POST", "/api/v1/namespaces/acme/releasebindings",
                     json_pack("{s:{s:s}, s:{s:{s:s, s:s}, s:s}}", "metadata", "name", "theirs",
                               "spec", "owner", "projectName", "acme-shop", "componentName",
                               "shop-api-a", "environment", "development")),
        201);
    world_run(world, MINUTES(1));
    repository_commit(world, 2, one, "billing", "registry.example/billing:1", NULL, NULL);
    world_run(world, MINUTES(5));
    cr_expect_eq(platform_danger(world->platform).livelock_entered, 0);
    cr_expect_eq(platform_danger(world->platform).namespace_destroyed, 0);
    json_t *project = platform_object(world->platform, "projects", "acme", "acme-shop");
    cr_expect_not_null(project);
    json_decref(project);
    world_free(world);
}

Test(danger, a_project_binding_with_foreign_bindings_stays)
{
    struct world *world = repository_world();
    const char *both = PLATFORM_HEAD "  prune: {budget: \"90%\", minimum: 100}\n"
                                     "  environments: [{name: development}]\n"
                                     "  phases: [{name: all, cells: [billing, shop]}]\n";
    const char *one = PLATFORM_HEAD "  prune: {budget: \"90%\", minimum: 100}\n"
                                    "  environments: [{name: development}]\n"
                                    "  phases: [{name: all, cells: [billing]}]\n";
    repository_commit(world, 1, both, "billing", "registry.example/billing:1", NULL, "shop",
                      "registry.example/shop:1", NULL, NULL);
    expect_condition(world, CONDITION_CONVERGED);
    /* A component of somebody else lives in the same project. */
    cr_assert_eq(
        world_handle(world, "POST", "/api/v1/namespaces/acme/components",
                     json_pack("{s:{s:s}, s:{s:{s:s}, s:{s:s, s:s}}}", "metadata", "name", "guest",
                               "spec", "owner", "projectName", "acme-shop", "componentType", "kind",
                               "ClusterComponentType", "name", "deployment/cell-worker")),
        201);
    cr_assert_eq(world_handle(world, "POST", "/api/v1/namespaces/acme/releasebindings",
                              json_pack("{s:{s:s}, s:{s:{s:s, s:s}, s:s}}", "metadata", "name",
                                        "guest", "spec", "owner", "projectName", "acme-shop",
                                        "componentName", "guest", "environment", "development")),
                 201);
    repository_commit(world, 2, one, "billing", "registry.example/billing:1", NULL, NULL);
    world_run(world, MINUTES(6));
    json_t *binding =
        platform_object(world->platform, "projectreleasebindings", "acme", "acme-shop-development");
    cr_expect_not_null(binding);
    json_decref(binding);
    json_t *status = engine_status(world->engine, world_now(world));
    char *holds = json_dumps(json_object_get(status, "holds"), 0);
    cr_expect_not_null(strstr(holds,
                              "ProjectReleaseBinding acme-shop-development is not in git any "
                              "more and would take along what others have in it"),
                       "%s", holds);
    free(holds);
    json_decref(status);
    json_t *project = platform_object(world->platform, "projects", "acme", "acme-shop");
    cr_expect_not_null(project);
    json_decref(project);
    cr_expect_eq(platform_danger(world->platform).namespace_destroyed, 0);
    world_free(world);
}

Test(danger, a_terminating_object_is_waited_for)
{
    struct world *world = repository_world();
    repository_commit(world, 1, platform_small, "shop", "registry.example/shop:1", NULL, NULL);
    expect_condition(world, CONDITION_CONVERGED);
    world_handle(world, "DELETE", "/api/v1/namespaces/acme/releasebindings/shop-api-a-development",
                 NULL);
    world_run(world, MINUTES(3));
    expect_condition(world, CONDITION_CONVERGED);
    expect_runs(world, "shop-api-a", "development", "registry.example/shop:1");
    cr_expect_eq(platform_danger(world->platform).terminating_used, 0);
    cr_expect_eq(platform_danger(world->platform).duplicate_binding, 0);
    expect_silence(world);
    world_free(world);
}

Test(danger, an_environment_on_a_missing_data_plane_is_not_made)
{
    struct world *world = repository_world();
    repository_commit(world, 1,
                      "apiVersion: celld.dev/v1\n"
                      "kind: Platform\n"
                      "metadata: {name: acme}\n"
                      "spec:\n"
                      "  namespace: acme\n"
                      "  projectPrefix: acme-\n"
                      "  regions: [{name: us, dataPlane: {kind: ClusterDataPlane, name: mars}}]\n"
                      "  environments: [{name: development}]\n"
                      "  phases: [{name: first, cells: [shop]}]\n",
                      "shop", "registry.example/shop:1", NULL, NULL);
    world_run(world, MINUTES(2));
    json_t *environment = platform_object(world->platform, "environments", "acme", "development");
    cr_expect_null(environment);
    cr_expect_eq(platform_danger(world->platform).dangling_reference, 0);
    expect_why(world, "shop", NULL, "mars");
    world_free(world);
}

Test(danger, an_object_without_our_mark_is_not_taken_unless_asked_for)
{
    struct world *world = repository_world();
    cr_assert_eq(world_handle(world, "POST", "/api/v1/namespaces",
                              json_pack("{s:{s:s, s:{s:s}}}", "metadata", "name", "acme", "labels",
                                        "openchoreo.dev/control-plane", "true")),
                 201);
    cr_assert_eq(world_handle(world, "POST", "/api/v1/namespaces/acme/projects",
                              json_pack("{s:{s:s}, s:{s:{s:s}}}", "metadata", "name", "acme-shop",
                                        "spec", "deploymentPipelineRef", "name", "theirs")),
                 201);
    repository_commit(world, 1, platform_small, "shop", "registry.example/shop:1", NULL, NULL);
    world_run(world, MINUTES(2));
    cr_expect_eq(engine_condition(world->engine), CONDITION_HELD);
    expect_why(world, "shop", NULL, "adopt");
    repository_commit(world, 2, platform_small, "shop", "registry.example/shop:1",
                      "  adopt: true\n", NULL);
    world_run(world, 1000);
    expect_condition(world, CONDITION_CONVERGED);
    expect_silence(world);
    world_free(world);
}

Test(danger, conflicts_on_put_are_tried_again_at_once)
{
    struct world_options options;
    world_options_default(&options);
    options.platform.conflict_percent = 40;
    struct world *world = world_new(&options);
    repository_commit(world, 1, platform_small, "shop", "registry.example/shop:1", NULL, NULL);
    expect_condition(world, CONDITION_CONVERGED);
    repository_commit(world, 2, platform_small, "shop", "registry.example/shop:2", NULL, NULL);
    world_run(world, 1000);
    expect_condition(world, CONDITION_CONVERGED);
    expect_runs(world, "shop-api-a", "development", "registry.example/shop:2");
    expect_no_dangers(world);
    expect_silence(world);
    world_free(world);
}

static enum world_fate unlucky(void *context, const struct world_request *request)
{
    unsigned *count = context;
    (void)request;
    switch ((*count)++ % 7) {
    case 1:
        return WORLD_ANSWER_LOST;
    case 3:
        return WORLD_NOT_SENT;
    case 5:
        return WORLD_NEVER_SEEN;
    default:
        return WORLD_ARRIVES;
    }
}

Test(danger, lost_answers_are_read_back)
{
    struct world_options options;
    world_options_default(&options);
    unsigned count = 0;
    options.fate = unlucky;
    options.context = &count;
    struct world *world = world_new(&options);
    repository_commit(world, 1, platform_small, "shop", "registry.example/shop:1", NULL, NULL);
    expect_condition(world, CONDITION_CONVERGED);
    expect_runs(world, "shop-api-a", "development", "registry.example/shop:1");
    expect_no_dangers(world);
    world_free(world);
}

Test(danger, a_stalled_control_plane_that_says_ready_is_not_believed)
{
    struct world *world = repository_world();
    repository_commit(world, 1, platform_small, "shop", "registry.example/shop:1", NULL, NULL);
    expect_condition(world, CONDITION_CONVERGED);
    platform_stall(world->platform, world_platform_now(world) + 90000);
    repository_commit(world, 2, platform_small, "shop", "registry.example/shop:2", NULL, NULL);
    world_run(world, 80000);
    cr_expect_str_eq(world_node_state(world, "shop", "development"), "rolling");
    expect_condition(world, CONDITION_CONVERGED);
    expect_runs(world, "shop-api-a", "development", "registry.example/shop:2");
    world_free(world);
}

Test(danger, a_failing_task_that_says_ready_is_told)
{
    struct world *world = repository_world();
    repository_commit(world, 1, platform_small, "shop",
                      "raw:apiVersion: celld.dev/v1\n"
                      "kind: Cell\n"
                      "metadata: {name: shop}\n"
                      "spec:\n"
                      "  components:\n"
                      "    - name: sweeper\n"
                      "      type: scheduled-task\n"
                      "      image: registry.example/sweeper:1\n"
                      "      schedule: \"*/1 * * * *\"\n",
                      NULL, NULL);
    world_run(world, MINUTES(2));
    struct platform_response response;
    const struct platform_request trigger = {
        .method = "POST",
        .path = "/api/v1alpha1/namespaces/acme/releasebindings/sweeper-development/trigger"};
    platform_handle(world->platform, &trigger, world_platform_now(world), &response);
    cr_assert_eq(response.status, 200, "%s", response.body);
    platform_response_fini(&response);
    cr_assert(platform_task_result(world->platform, "acme", "sweeper", "development", true));
    world_run(world, MINUTES(3));
    cr_expect(world_published(world, "task-failing", "shop"));
    json_t *shown = engine_cell_status(world->engine, "shop", world_now(world));
    const json_t *node = json_array_get(json_object_get(shown, "targets"), 0);
    const char *message = json_text_or(
        json_object_get(json_array_get(json_object_get(node, "components"), 0), "message"), "");
    cr_expect_not_null(strstr(message, "; its last 1 runs failed"), "%s", message);
    json_decref(shown);
    const uint64_t writes = world->writes;
    world_run(world, MINUTES(10));
    cr_expect_eq(world->writes, writes);
    world_free(world);
}
