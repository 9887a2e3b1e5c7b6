/* Plans: what would be done, against what stands; the same when asked twice. */
#include "config/base/json.h"
#include "tests/reconciler/engine/expect.h"
#include "tests/reconciler/engine/meddle.h"

#include <criterion/criterion.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

TestSuite(preview, .timeout = 600);

static json_t *plan_of(const struct world *world, struct manifest_set *set)
{
    json_t *plan = engine_plan(world->engine, set, world_now(world));
    cr_assert_not_null(plan);
    return plan;
}

static void expect_no_changes(const struct world *world, const char *what)
{
    json_t *plan = plan_of(world, NULL);
    char *text = json_dumps(plan, JSON_INDENT(1));
    cr_expect_eq(json_integer_value(json_object_get(plan, "changes")), 0, "%s: %.3000s", what,
                 text);
    cr_expect_eq(json_array_size(json_object_get(plan, "nodes")), 0, "%s", what);
    cr_expect(json_is_true(json_object_get(plan, "complete")), "%s", what);
    free(text);
    json_decref(plan);
}

/* What stands as git wants it is in no plan, on whichever slot. */
Test(preview, of_what_has_converged_is_empty)
{
    static const char *const strategies[] = {"", "  rollout: {strategy: blue-green, bake: 10s}\n",
                                             "  rollout: {strategy: canary, bake: 10s, steps: "
                                             "[{weight: 50, soak: 10s}]}\n",
                                             "  scaling: {min: 1, max: 3, cpu: 80}\n"
                                             "  rollout: {strategy: blue-green, bake: 10s}\n"};
    for (size_t i = 0; i < sizeof strategies / sizeof *strategies; i++) {
        struct world *world = repository_world();
        for (int revision = 1; revision <= 3; revision++) {
            char image[64];
            snprintf(image, sizeof image, "registry.example/shop:%d", revision);
            repository_commit(world, revision, platform_small, "shop", image, strategies[i], NULL);
            world_run(world, 1000);
            expect_condition(world, CONDITION_CONVERGED);
            world_run(world, MINUTES(2));
            expect_no_changes(world, strategies[i]);
        }
        world_free(world);
    }
}

/* --- plans of a revision that is not the present one -------------------------------------------
 */

static struct manifest_set *set_of(const char *platform, const char *cell)
{
    const struct manifest_file files[] = {
        {MANIFEST_FILE_PLATFORM, "platform.yaml", platform, strlen(platform), "1"},
        {MANIFEST_FILE_CELL, "cells/shop/cell.yaml", cell, cell == NULL ? 0 : strlen(cell), "2"}};
    struct manifest_set *set = NULL;
    cr_assert_eq(manifest_load(files, cell == NULL ? 1 : 2, &manifest_limits_default, NULL, NULL,
                               &set, NULL),
                 0);
    return set;
}

/* The line about an object, borrowed; NULL = there is none. */
static const json_t *line_about(const json_t *plan, const char *kind, const char *name)
{
    const json_t *nodes = json_object_get(plan, "nodes");
    for (size_t i = 0; i < json_array_size(nodes); i++) {
        const json_t *lines = json_object_get(json_array_get(nodes, i), "objects");
        for (size_t k = 0; k < json_array_size(lines); k++) {
            const json_t *line = json_array_get(lines, k);
            if (strcmp(json_text_or(json_object_get(line, "kind"), ""), kind) == 0 &&
                strcmp(json_text_or(json_object_get(line, "name"), ""), name) == 0)
                return line;
        }
    }
    return NULL;
}

static const char *action_about(const json_t *plan, const char *kind, const char *name)
{
    return json_text_or(json_object_get(line_about(plan, kind, name), "action"), "nothing");
}

static size_t actions(const json_t *plan, const char *action)
{
    size_t count = 0;
    const json_t *nodes = json_object_get(plan, "nodes");
    for (size_t i = 0; i < json_array_size(nodes); i++) {
        const json_t *lines = json_object_get(json_array_get(nodes, i), "objects");
        for (size_t k = 0; k < json_array_size(lines); k++)
            count += strcmp(json_text_or(json_object_get(json_array_get(lines, k), "action"), ""),
                            action) == 0;
    }
    return count;
}

static json_t *plan_of_texts(const struct world *world, const char *platform, const char *cell)
{
    struct manifest_set *set = set_of(platform, cell);
    json_t *plan = plan_of(world, set);
    manifest_set_unref(set);
    return plan;
}

static struct world *converged_on_b(void)
{
    struct world *world = repository_world();
    for (int revision = 1; revision <= 2; revision++) {
        char image[64];
        snprintf(image, sizeof image, "registry.example/shop:%d", revision);
        repository_commit(world, revision, platform_small, "shop", image,
                          "  rollout: {strategy: blue-green, bake: 10s}\n", NULL);
        world_run(world, 1000);
        expect_condition(world, CONDITION_CONVERGED);
    }
    world_run(world, MINUTES(2));
    return world;
}

/* The next release goes to the slot that is free, or stays where it is, as the strategy says. */
Test(preview, of_a_new_release_names_the_slot_it_goes_to)
{
    static const struct {
        const char *extra, *slot, *other;
    } rows[] = {
        {"  rollout: {strategy: blue-green, bake: 10s}\n", "shop-api-a-development",
         "shop-api-b-development"},
        {"  rollout: {strategy: rolling, bake: 10s}\n", "shop-api-b-development",
         "shop-api-a-development"},
    };
    struct world *world = converged_on_b();
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        char *cell = cell_text("shop", "registry.example/shop:3", rows[i].extra);
        json_t *plan = plan_of_texts(world, platform_small, cell);
        cr_expect_str_eq(action_about(plan, "ReleaseBinding", rows[i].slot), "update", "%s",
                         rows[i].extra);
        cr_expect_str_eq(action_about(plan, "ReleaseBinding", rows[i].other), "nothing", "%s",
                         rows[i].extra);
        cr_expect_eq(actions(plan, "delete"), 0, "%s", rows[i].extra);
        cr_expect(json_is_null(json_object_get(plan, "revision")));
        const json_t *node = json_array_get(json_object_get(plan, "nodes"),
                                            json_array_size(json_object_get(plan, "nodes")) - 1);
        cr_expect_str_eq(json_text_or(json_object_get(node, "action"), ""), "deploy");
        const json_t *component = json_array_get(json_object_get(node, "components"), 0);
        cr_expect_str_neq(json_text_or(json_object_get(component, "from"), ""), "");
        json_decref(plan);
        free(cell);
    }
    world_free(world);
}

/* While the new release is on its way, the plan says where it goes. */
Test(preview, of_a_release_on_its_way_stays_with_its_slot)
{
    struct world *world = converged_on_b();
    repository_commit(world, 3, platform_small, "shop", "registry.example/broken:3",
                      "  rollout: {strategy: blue-green, bake: 10s}\n", NULL);
    world_run(world, 30000);
    cr_assert_str_eq(world_node_state(world, "shop", "development"), "rolling");
    json_t *plan = plan_of(world, NULL);
    cr_expect_str_eq(action_about(plan, "ReleaseBinding", "shop-api-b-development"), "nothing");
    cr_expect_str_eq(action_about(plan, "ReleaseBinding", "shop-api-development"), "update");
    cr_expect_eq(actions(plan, "delete"), 0);
    json_decref(plan);
    world_free(world);
}

/* What is not named any more goes, but for what celld never deletes. */
Test(preview, of_a_removal_says_what_goes_and_what_is_left_to_people)
{
    static const char other_place[] = PLATFORM_HEAD "  environments: [{name: testing}]\n"
                                                    "  phases: [{name: first, cells: [shop]}]\n";
    static const char nobody[] = PLATFORM_HEAD "  environments: [{name: development}]\n"
                                               "  phases: [{name: first, cells: []}]\n";
    struct world *world = converged_on_b();
    json_t *plan = plan_of_texts(world, nobody, NULL);
    cr_expect_str_eq(action_about(plan, "Project", "acme-shop"), "delete");
    cr_expect_str_eq(action_about(plan, "ReleaseBinding", "shop-api-b-development"), "delete");
    json_decref(plan);
    char *cell = cell_text("shop", "registry.example/shop:2", NULL);
    plan = plan_of_texts(world, other_place, cell);
    cr_expect_str_eq(action_about(plan, "Environment", "development"), "keep");
    cr_expect_str_eq(action_about(plan, "Environment", "testing"), "create");
    cr_expect_str_eq(action_about(plan, "ReleaseBinding", "shop-api-b-development"), "keep");
    cr_expect_eq(actions(plan, "delete"), 0);
    json_decref(plan);
    free(cell);
    world_free(world);
}

/* What cannot be compiled is not thereby gone. */
Test(preview, of_what_cannot_be_compiled_removes_nothing)
{
    static const struct {
        const char *cell, *part;
    } rows[] = {
        {"apiVersion: celld.dev/v1\nkind: [", "shop keeps its last good state"},
        {"apiVersion: celld.dev/v1\nkind: Cell\nmetadata: {name: shop}\nspec:\n  components:\n"
         "    - name: shop-api\n      type: service\n      endpoints: [{name: http, type: http, "
         "port: 8080}]\n      build: {workflow: {name: docker}}\n",
         "shop-api: "},
    };
    struct world *world = converged_on_b();
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        json_t *plan = plan_of_texts(world, platform_small, rows[i].cell);
        const char *message = json_text_or(json_object_get(plan, "message"), "");
        cr_expect_not_null(strstr(message, rows[i].part), "%zu: \"%s\" lacks \"%s\"", i, message,
                           rows[i].part);
        cr_expect_eq(actions(plan, "delete"), 0, "%zu", i);
        json_decref(plan);
    }
    world_free(world);
}

/* --- odd moments ------------------------------------------------------------------------------ */

/* Before anything was looked at, the plan says so, and still names the slot in use. */
Test(preview, right_after_a_restart_knows_the_slot)
{
    struct world *world = converged_on_b();
    world_kill(world);
    json_t *plan = plan_of(world, NULL);
    const char *message = json_text_or(json_object_get(plan, "message"), "");
    cr_expect_str_eq(message, "the live state is not known completely");
    cr_expect(json_is_false(json_object_get(plan, "complete")));
    cr_expect_str_eq(action_about(plan, "ReleaseBinding", "shop-api-b-development"), "create");
    cr_expect_str_eq(action_about(plan, "ReleaseBinding", "shop-api-a-development"), "nothing");
    cr_expect_eq(actions(plan, "delete"), 0);
    json_decref(plan);
    world_free(world);
}

/* Another revision while a release is on its way goes by what is stable. */
Test(preview, of_another_release_while_one_is_on_its_way)
{
    struct world *world = converged_on_b();
    repository_commit(world, 3, platform_small, "shop", "registry.example/broken:3",
                      "  rollout: {strategy: blue-green, bake: 10s}\n", NULL);
    world_run(world, 30000);
    char *cell = cell_text("shop", "registry.example/shop:4",
                           "  rollout: {strategy: blue-green, bake: 10s}\n");
    json_t *plan = plan_of_texts(world, platform_small, cell);
    cr_expect_str_eq(action_about(plan, "ReleaseBinding", "shop-api-a-development"), "update");
    cr_expect_eq(actions(plan, "delete"), 0);
    json_decref(plan);
    free(cell);
    world_free(world);
}

/* Cells and components that nobody has seen yet, with and without endpoints. */
Test(preview, of_new_cells_and_components_makes_them)
{
    static const char two[] = PLATFORM_HEAD "  environments: [{name: development}]\n"
                                            "  phases: [{name: first, cells: [shop]}]\n";
    static const char cell[] = "apiVersion: celld.dev/v1\nkind: Cell\nmetadata: {name: shop}\n"
                               "spec:\n  components:\n"
                               "    - {name: sweeper, type: worker, image: \"x/sweeper:1\"}\n"
                               "    - {name: shop-api, type: service, image: \"x/shop:1\", "
                               "endpoints: [{name: http, type: http, port: 8080}]}\n";
    struct world *world = repository_world();
    json_t *plan = plan_of_texts(world, two, cell);
    cr_expect_str_eq(action_about(plan, "ReleaseBinding", "sweeper-development"), "create");
    cr_expect_str_eq(action_about(plan, "ReleaseBinding", "shop-api-a-development"), "create");
    cr_expect_str_eq(action_about(plan, "Environment", "development"), "create");
    cr_expect_eq(actions(plan, "create"),
                 (size_t)json_integer_value(json_object_get(plan, "changes")));
    json_decref(plan);
    plan = plan_of_texts(world, two, "apiVersion: celld.dev/v1\nkind: [");
    cr_expect_str_eq(json_text_or(json_object_get(plan, "message"), ""),
                     "shop keeps its last good state; the live state is not known completely");
    json_decref(plan);
    world_free(world);
    world = converged_on_b();
    plan = plan_of_texts(world, two, cell);
    cr_expect_str_eq(action_about(plan, "Component", "sweeper"), "create");
    cr_expect_str_eq(action_about(plan, "Component", "shop-api-b"), "nothing");
    json_decref(plan);
    /* The cell is gone from git, and a revision would bring it back. */
    repository_commit(world, 3,
                      PLATFORM_HEAD "  prune: {budget: \"0%\", minimum: 0}\n"
                                    "  environments: [{name: development}]\n"
                                    "  phases: [{name: first, cells: [billing]}]\n",
                      "billing", "registry.example/billing:1", NULL, NULL);
    world_run(world, MINUTES(3));
    plan = plan_of_texts(world, two, cell);
    cr_expect_str_eq(action_about(plan, "Project", "acme-billing"), "delete");
    cr_expect_str_eq(action_about(plan, "Project", "acme-shop"), "nothing");
    json_decref(plan);
    world_free(world);
}

/* What somebody changed, what is about to go and what is to be taken over are each told. */
Test(preview, of_drift_adoption_and_what_is_ending)
{
    struct world *world = repository_world();
    repository_commit(world, 1, platform_small, "shop", "registry.example/shop:1",
                      "  drift: report\n", NULL);
    expect_condition(world, CONDITION_CONVERGED);
    json_t *patch = json_pack("{s:{s:s}}", "annotations", "celld.dev/branch", "changed");
    expect_changed(world, "projects", "acme", "acme-shop", patch);
    world_run(world, MINUTES(2));
    json_t *plan = plan_of(world, NULL);
    const json_t *line = line_about(plan, "Project", "acme-shop");
    cr_expect_str_eq(json_text_or(json_object_get(line, "action"), ""), "update");
    cr_expect_eq(json_array_size(json_object_get(line, "differences")), 1);
    cr_expect_not_null(strstr(json_text_or(json_object_get(line, "message"), ""), "not to be"));
    json_decref(plan);
    char *cell = cell_text("shop", "registry.example/shop:1",
                           "  drift: report\n  description: Sells things\n");
    plan = plan_of_texts(world, platform_small, cell);
    cr_expect_str_eq(action_about(plan, "Project", "acme-shop"), "update");
    json_decref(plan);
    free(cell);
    world_free(world);

    world = repository_world();
    expect_created(world, "/api/v1/namespaces",
                   "{\"metadata\": {\"name\": \"acme\", \"labels\": "
                   "{\"openchoreo.dev/control-plane\": \"true\"}}}");
    expect_created(world, "/api/v1/namespaces/acme/projects",
                   "{\"metadata\": {\"name\": \"acme-shop\"}, \"spec\": "
                   "{\"deploymentPipelineRef\": {\"name\": \"theirs\"}}}");
    bool ok = false;
    world_command(world, "suspend", json_object(), &ok);
    repository_commit(world, 1, platform_small, "shop", "registry.example/shop:1",
                      "  adopt: true\n", NULL);
    world_run(world, MINUTES(1));
    plan = plan_of(world, NULL);
    cr_expect_str_eq(action_about(plan, "Project", "acme-shop"), "adopt");
    json_decref(plan);
    /* Once it is ours, it is changed like everything else. */
    world_command(world, "resume", json_object(), &ok);
    expect_condition(world, CONDITION_CONVERGED);
    cell = cell_text("shop", "registry.example/shop:1",
                     "  adopt: true\n  description: Sells things\n");
    plan = plan_of_texts(world, platform_small, cell);
    cr_expect_str_eq(action_about(plan, "Project", "acme-shop"), "update");
    json_decref(plan);
    free(cell);
    world_free(world);
}

/* Somebody's component stands where one of ours would come later: that is shown before. */
Test(preview, of_what_stands_in_the_way_of_a_later_component)
{
    struct world *world = repository_world();
    expect_created(world, "/api/v1/namespaces",
                   "{\"metadata\": {\"name\": \"acme\", \"labels\": "
                   "{\"openchoreo.dev/control-plane\": \"true\"}}}");
    expect_created(world, "/api/v1/namespaces/acme/projects",
                   "{\"metadata\": {\"name\": \"theirs\"}, \"spec\": "
                   "{\"deploymentPipelineRef\": {\"name\": \"default\"}}}");
    expect_created(world, "/api/v1/namespaces/acme/components",
                   "{\"metadata\": {\"name\": \"shop-api-a\"}, \"spec\": {\"owner\": "
                   "{\"projectName\": \"theirs\"}, \"componentType\": {\"kind\": "
                   "\"ClusterComponentType\", \"name\": \"deployment/service\"}}}");
    bool ok = false;
    world_command(world, "suspend", json_object(), &ok);
    repository_commit(world, 1, platform_small, "shop", "registry.example/shop:1", NULL, NULL);
    world_run(world, MINUTES(1));
    json_t *diff = engine_diff(world->engine, NULL);
    const json_t *objects = json_object_get(diff, "objects");
    const char *cause = "";
    for (size_t i = 0; i < json_array_size(objects); i++) {
        const json_t *object = json_array_get(objects, i);
        if (strcmp(json_text_or(json_object_get(object, "name"), ""), "shop-api-a") == 0 &&
            strcmp(json_text_or(json_object_get(object, "kind"), ""), "Component") == 0)
            cause = json_text_or(json_object_get(object, "cause"), "");
    }
    cr_expect_str_eq(cause, "foreign");
    json_decref(diff);
    world_free(world);
}

/* A native manifest that names an environment of somebody else belongs to the cell as a whole. */
Test(preview, of_native_manifests_shows_each_once)
{
    char *cell = cell_text("shop", "registry.example/shop:1", NULL);
    const struct world_file files[] = {
        {"platform.yaml", platform_small},
        {"cells/shop/cell.yaml", cell},
        {"cells/shop/queue.yaml",
         "apiVersion: openchoreo.dev/v1alpha1\nkind: ResourceReleaseBinding\n"
         "metadata: {name: queue}\nspec: {environment: elsewhere, owner: {projectName: acme-shop, "
         "resourceName: queue}}\n"}};
    struct world *world = repository_world();
    world_commit(world, "00000000000000000000000000000000000000aa", files, 3);
    json_t *plan = plan_of(world, NULL);
    cr_expect_str_eq(action_about(plan, "ResourceReleaseBinding", "queue"), "create");
    size_t lines = 0;
    const json_t *nodes = json_object_get(plan, "nodes");
    for (size_t i = 0; i < json_array_size(nodes); i++) {
        char *text = json_dumps(json_array_get(nodes, i), JSON_COMPACT);
        lines += strstr(text, "\"queue\"") != NULL;
        free(text);
    }
    cr_expect_eq(lines, 1);
    json_decref(plan);
    free(cell);
    world_free(world);
}

/* What is being deleted still stands in the plan: it is made again. */
Test(preview, of_what_is_being_deleted_makes_it_again)
{
    struct meddler meddler;
    const struct meddling items[] = {
        {"LIST", "/projects", 1000, 1000, ANSWER_RECEIVED, 200,
         "[{\"metadata\": {\"name\": \"acme-shop\", \"uid\": \"1\", \"deletionTimestamp\": "
         "\"2026-01-01T00:00:00Z\"}, \"spec\": {}}]",
         false},
        {"GET", "/projects/acme-shop", 1000, 1000, ANSWER_RECEIVED, 503, NULL, false},
        {.method = NULL}};
    struct world *world = meddle_world(&meddler, items);
    repository_commit(world, 1, platform_small, "shop", "registry.example/shop:1", NULL, NULL);
    expect_condition(world, CONDITION_CONVERGED);
    meddler.items[0].skip = meddler.items[1].skip = 0;
    world_run(world, MINUTES(1));
    json_t *plan = plan_of(world, NULL);
    cr_expect_str_eq(action_about(plan, "Project", "acme-shop"), "update");
    json_decref(plan);
    world_free(world);
}
