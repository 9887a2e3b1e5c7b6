#include "tests/reconciler/engine/building.h"

#include "config/base/json.h"
#include "tests/reconciler/engine/expect.h"

#include <criterion/criterion.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const struct source_tree building_first = {"shop", "shop-api", BUILDING_TREE_1};
const struct source_tree building_second = {"shop", "shop-api", BUILDING_TREE_2};

const char building_cell[] = "raw:apiVersion: celld.dev/v1\n"
                             "kind: Cell\n"
                             "metadata: {name: shop}\n"
                             "spec:\n"
                             "  components:\n"
                             "    - name: shop-api\n"
                             "      type: service\n"
                             "      source: src/shop\n"
                             "      build: {workflow: {name: image}}\n"
                             "      endpoints:\n"
                             "        - {name: http, type: http, port: 8080, basePath: /shop}\n";

static const char usual[] =
    "{\"type\":\"object\",\"required\":[\"repository\"],\"properties\":{\"repository\":{"
    "\"type\":\"object\",\"required\":[\"url\",\"revision\"],\"properties\":{\"url\":{"
    "\"type\":\"string\"},\"appPath\":{\"type\":\"string\",\"default\":\".\"},"
    "\"revision\":{\"type\":\"object\",\"required\":[\"commit\"],\"properties\":{"
    "\"branch\":{\"type\":\"string\",\"default\":\"\"},\"commit\":{\"type\":\"string\"}}}}}}}";

void building_add_workflow(struct world *world, const char *schema)
{
    char body[2048];
    snprintf(body, sizeof body,
             "{\"metadata\":{\"name\":\"image\"},\"spec\":{\"workflowPlaneRef\":{\"kind\":"
             "\"ClusterWorkflowPlane\",\"name\":\"default\"},\"parameters\":{\"openAPIV3Schema\":"
             "%s},\"runTemplate\":{\"apiVersion\":\"argoproj.io/v1alpha1\",\"kind\":\"Workflow\","
             "\"metadata\":{\"name\":\"${metadata.workflowRunName}\",\"namespace\":"
             "\"${metadata.namespace}\"},\"spec\":{}}}}",
             schema == NULL ? usual : schema);
    expect_created(world, "/api/v1/clusterworkflows", body);
}

struct world *building_world(void)
{
    struct world *world = repository_world();
    building_add_workflow(world, NULL);
    return world;
}

void building_commit(struct world *world, int revision, const struct source_tree *tree)
{
    world->trees = tree;
    world->tree_count = tree == NULL ? 0 : 1;
    repository_commit(world, revision, platform_small, "shop", building_cell, NULL, NULL);
}

void building_commit_cell(struct world *world, int revision, const char *cell)
{
    repository_commit(world, revision, platform_small, "shop", cell, NULL, NULL);
}

size_t building_runs(const struct world *world)
{
    json_t *runs = platform_objects(world->platform, "workflowruns");
    const size_t count = json_array_size(runs);
    json_decref(runs);
    return count;
}

size_t building_posts(const struct world *world)
{
    return world_asked(world, "POST", "/workflowruns");
}

static bool stands(const struct world *world, const char *run)
{
    json_t *object = platform_object(world->platform, "workflowruns", "acme", run);
    const bool stands = object != NULL;
    json_decref(object);
    return stands;
}

void building_await(struct world *world, const char *run)
{
    for (int i = 0; i < 600 && !stands(world, run); i++)
        world_run(world, 1000);
    cr_assert(stands(world, run), "%s", run);
}

void building_announce(struct world *world, const char *run, const char *image)
{
    json_t *workload = json_pack("{s:{s:{s:s}}}", "spec", "container", "image", image);
    char *text = json_dumps(workload, JSON_COMPACT);
    json_t *patch = json_pack("{s:{s:s}}", "annotations", "openchoreo.dev/workload", text);
    expect_changed(world, "workflowruns", "acme", run, patch);
    json_decref(workload);
    free(text);
}

static void announce_all(struct world *world, const char *image)
{
    json_t *runs = platform_objects(world->platform, "workflowruns");
    for (size_t i = 0; i < json_array_size(runs); i++)
        building_announce(world, json_text_or(json_object_get(json_array_get(runs, i), "name"), ""),
                          image);
    json_decref(runs);
}

bool building_until(struct world *world, enum engine_condition condition, const char *image,
                    int64_t limit_ms)
{
    const int64_t until = world->now_ms + limit_ms;
    while (world->now_ms < until) {
        world_run(world, 2000);
        announce_all(world, image);
        if (engine_condition(world->engine) == condition && world->request_count == 0)
            return true;
    }
    return false;
}

struct world *building_built(void)
{
    struct world *world = building_world();
    building_commit(world, 1, &building_first);
    cr_assert(building_until(world, CONDITION_CONVERGED, "registry.example/shop:1", MINUTES(20)));
    return world;
}
