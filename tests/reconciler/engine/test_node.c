/* Cells on targets: what the plan is told of each, through changes of platform, quarantine and
 * refusals. */
#include "config/base/json.h"
#include "tests/reconciler/engine/expect.h"

#include <criterion/criterion.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

TestSuite(node, .timeout = 600);

/* The member of a target in the cell's status; owned. */
static json_t *told(const struct world *world, const char *cell, const char *target,
                    const char *member)
{
    json_t *status = engine_cell_status(world->engine, cell, world_now(world));
    const json_t *targets = json_object_get(status, "targets");
    json_t *found = NULL;
    for (size_t i = 0; i < json_array_size(targets); i++) {
        const json_t *one = json_array_get(targets, i);
        if (strcmp(json_text_or(json_object_get(one, "target"), ""), target) == 0)
            found = json_incref(json_object_get(one, member));
    }
    json_decref(status);
    return found;
}

#define ENVIRONMENTS(list)                                                                         \
    PLATFORM_HEAD "  environments: [" list "]\n  phases: [{name: first, cells: [shop]}]\n"

/* An environment comes before the others, or goes: those that stay keep what is known of them. */
Test(node, keeps_what_is_known_when_environments_come_and_go)
{
    static const char *const platforms[] = {
        ENVIRONMENTS("{name: testing}, {name: production}"),
        ENVIRONMENTS("{name: development}, {name: testing}, {name: production}"),
        ENVIRONMENTS("{name: testing}, {name: production}")};
    struct world *world = repository_world();
    json_t *since = NULL;
    for (int i = 0; i < 3; i++) {
        repository_commit(world, i + 1, platforms[i], "shop", "registry.example/shop:1", NULL,
                          NULL);
        world_run(world, 1000);
        world_run_until(world, CONDITION_CONVERGED, MINUTES(5));
        cr_expect_str_eq(world_node_state(world, "shop", "production"), "converged");
        json_t *now = told(world, "shop", "production", "since");
        cr_expect(since == NULL || json_equal(since, now), "platform %d", i);
        json_decref(since);
        since = now;
        cr_expect_str_eq(world_node_state(world, "shop", "development"), i == 1 ? "converged" : "");
    }
    json_decref(since);
    expect_runs(world, "shop-api-a", "development", "registry.example/shop:1");
    expect_no_dangers(world);
    world_free(world);
}

/* Git names content again that failed here: it is not even begun. */
Test(node, content_that_failed_is_not_begun_when_git_names_it_again)
{
    static const char quick[] = "  rollout: {progressDeadline: 30s, attempts: 1}\n";
    struct world *world = repository_world();
    repository_commit(world, 1, platform_small, "shop", "registry.example/shop:1", NULL, NULL);
    expect_condition(world, CONDITION_CONVERGED);
    repository_commit(world, 2, platform_small, "shop", "registry.example/broken:2", quick, NULL);
    world_run(world, MINUTES(3));
    world_run_until(world, CONDITION_HELD, MINUTES(20));
    repository_commit(world, 3, platform_small, "shop", "registry.example/shop:1", NULL, NULL);
    world_run(world, 1000);
    expect_condition(world, CONDITION_CONVERGED);
    world_kill(world);
    expect_condition(world, CONDITION_CONVERGED);
    const uint64_t writes = world->writes;
    repository_commit(world, 4, platform_small, "shop", "registry.example/broken:2", quick, NULL);
    world_run(world, MINUTES(3));
    cr_expect_eq(engine_condition(world->engine), CONDITION_HELD);
    cr_expect_str_eq(world_node_state(world, "shop", "development"), "rolled-back");
    cr_expect_eq(world->writes, writes);
    expect_runs(world, "shop-api-a", "development", "registry.example/shop:1");
    bool ok = false;
    world_command(world, "quarantine-clear", json_pack("{s:s}", "cell", "shop"), &ok);
    cr_expect(ok);
    world_run(world, 20000);
    cr_expect_str_eq(world_node_state(world, "shop", "development"), "rolling");
    world_free(world);
}

#define CELL(name, components)                                                                     \
    "raw:apiVersion: celld.dev/v1\nkind: Cell\nmetadata: {name: " name "}\nspec:\n"                \
    "  components:\n" components
#define API(image, endpoint)                                                                       \
    "    - {name: api, type: service, image: \"x/" image "\", endpoints: [{name: " endpoint        \
    ", type: http, port: 8080, basePath: /v1, visibility: [namespace]}]}\n"
#define WORKER(image) "    - {name: worker, type: worker, image: \"x/" image "\"}\n"
#define READER                                                                                     \
    CELL("reader",                                                                                 \
         "    - name: reader\n      type: worker\n      image: x/reader:1\n"                       \
         "      connections: [{name: b, target: acme-shop, protocol: http, path: /v1}]\n"          \
         "      env: [{name: B, value: \"${CHOREO_CONNECTION_b}\"}]\n")

/* One component is refused, for it would take an endpoint away; its neighbour goes on. */
Test(node, a_refused_component_does_not_hold_its_neighbours_back)
{
    static const char platform[] =
        PLATFORM_HEAD "  environments: [{name: development}]\n"
                      "  phases: [{name: first, cells: [shop]}, {name: second, cells: [reader]}]\n";
    struct world *world = repository_world();
    repository_commit(world, 1, platform, "shop",
                      CELL("shop", API("api:1", "old") WORKER("worker:1")), NULL, "reader", READER,
                      NULL, NULL);
    expect_condition(world, CONDITION_CONVERGED);
    repository_commit(world, 2, platform, "shop",
                      CELL("shop", API("api:2", "new") WORKER("worker:2")), NULL, "reader", READER,
                      NULL, NULL);
    world_run(world, MINUTES(4));
    expect_runs(world, "api-a", "development", "x/api:1");
    expect_runs(world, "worker", "development", "x/worker:2");
    expect_why(world, "shop", "development", "connects to endpoint old");
    cr_expect_str_eq(world_node_state(world, "shop", "development"), "rolled-back");
    repository_commit(world, 3, platform, "shop",
                      CELL("shop", API("api:3", "old") WORKER("worker:2")), NULL, "reader", READER,
                      NULL, NULL);
    world_run(world, 1000);
    expect_condition(world, CONDITION_CONVERGED);
    expect_runs(world, "api-a", "development", "x/api:3");
    expect_no_dangers(world);
    world_free(world);
}

/* An endpoint of a rolling component gets another name: it goes to the second slot, and on. */
Test(node, a_renamed_endpoint_of_a_rolling_component_rolls_out)
{
    static const char platform[] = ENVIRONMENTS("{name: development}");
    static const char *const names[] = {CELL("shop", API("api:1", "one")),
                                        CELL("shop", API("api:2", "two")),
                                        CELL("shop", API("api:3", "three"))};
    struct world *world = repository_world();
    for (int i = 0; i < 3; i++) {
        char image[16], slot[16];
        repository_commit(world, i + 1, platform, "shop", names[i], NULL, NULL);
        world_run(world, 1000);
        cr_expect(world_run_until(world, CONDITION_CONVERGED, MINUTES(4)), "revision %d", i + 1);
        snprintf(image, sizeof image, "x/api:%d", i + 1);
        snprintf(slot, sizeof slot, "api-%c", i == 1 ? 'b' : 'a');
        expect_runs(world, slot, "development", image);
    }
    expect_no_dangers(world);
    expect_silence(world);
    world_free(world);
}

/* What waits for an endpoint of a refused neighbour is not called failed: it is still to come. */
Test(node, what_waits_for_a_refused_neighbour_is_still_to_come)
{
    static const char platform[] =
        PLATFORM_HEAD "  environments: [{name: development}]\n"
                      "  phases: [{name: first, cells: [shop]}, {name: second, cells: [reader]}]\n";
    static const char waiting[] = CELL(
        "shop",
        API("api:2",
            "new") "    - name: worker\n      type: worker\n      image: x/worker:2\n"
                   "      connections: [{name: b, target: acme-shop, protocol: http, path: /v1}]\n"
                   "      env: [{name: B, value: \"${CHOREO_CONNECTION_b}\"}]\n");
    struct world *world = repository_world();
    repository_commit(world, 1, platform, "shop",
                      CELL("shop", API("api:1", "old") WORKER("worker:1")), NULL, "reader", READER,
                      NULL, NULL);
    expect_condition(world, CONDITION_CONVERGED);
    repository_commit(world, 2, platform, "shop", waiting, NULL, "reader", READER, NULL, NULL);
    world_run(world, MINUTES(4));
    expect_runs(world, "api-a", "development", "x/api:1");
    expect_runs(world, "worker", "development", "x/worker:1");
    cr_expect_str_eq(world_node_state(world, "shop", "development"), "forward");
    expect_why(world, "shop", "development", "connects to endpoint old");
    expect_no_dangers(world);
    world_free(world);
}
