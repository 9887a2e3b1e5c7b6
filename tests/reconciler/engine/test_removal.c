/* What a removal takes, in which order, and what it leaves: guests, runs, secrets in use, and all
 * of which nobody can tell whose it is. */
#include "tests/reconciler/engine/leaving.h"

#include <criterion/criterion.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

TestSuite(removal, .timeout = 600);

/* --- order --------------------------------------------------------------------------------------
 */

#define THREE_PHASES                                                                               \
    PLATFORM_HEAD "  prune: {budget: \"90%\", minimum: 100}\n"                                     \
                  "  environments: [{name: development}]\n"                                        \
                  "  phases: [{name: first, cells: [billing]}, {name: second, cells: [stock]}, "   \
                  "{name: third, cells: [shop]}]\n"

static size_t first_delete(const struct world *world, const char *part, size_t *ret_last)
{
    size_t first = SIZE_MAX;
    for (size_t i = 0; i < platform_log_count(world->platform); i++) {
        const struct platform_logged *entry = platform_log_at(world->platform, i);
        if (strcmp(entry->method, "DELETE") != 0 || strstr(entry->path, part) == NULL)
            continue;
        first = first == SIZE_MAX ? i : first;
        *ret_last = i;
    }
    return first;
}

/* What came up last goes first. */
Test(removal, goes_through_the_phases_backwards)
{
    struct world *world = repository_world();
    repository_commit(world, 1, THREE_PHASES, "billing", "registry.example/billing:1", NULL,
                      "stock", "registry.example/stock:1", NULL, "shop", "registry.example/shop:1",
                      NULL, NULL);
    expect_condition(world, CONDITION_CONVERGED);
    leaving_commit_one(world, 2, leaving_generous_one);
    world_run(world, MINUTES(12));
    size_t last_of_stock = 0, last_of_billing = 0;
    const size_t stock = first_delete(world, "stock", &last_of_stock);
    const size_t billing = first_delete(world, "billing", &last_of_billing);
    cr_expect(stock < billing && last_of_stock < billing && billing != SIZE_MAX);
    cr_expect(!world_stands(world, "projects", "acme-billing"));
    cr_expect(!world_stands(world, "projects", "acme-stock"));
    expect_condition(world, CONDITION_CONVERGED);
    expect_no_dangers(world);
    world_free(world);
}

/* --- other names and other people -------------------------------------------------------------
 */

/* A manifest that says `suspend` speaks for itself as long as it is there, restart or not. */
Test(removal, a_cell_that_suspended_itself_goes_with_its_manifest)
{
    struct world *world = leaving_world();
    repository_commit(world, 2, leaving_both, "billing", "registry.example/billing:1",
                      "  suspend: true\n  drift: freeze\n", "shop", "registry.example/shop:1", NULL,
                      NULL);
    world_run(world, MINUTES(2));
    leaving_commit_one(world, 3, leaving_generous_one);
    world_run(world, MINUTES(6));
    cr_expect(!world_stands(world, "projects", "acme-billing"));
    world_free(world);
}

static const char two_components[] = "raw:apiVersion: celld.dev/v1\n"
                                     "kind: Cell\n"
                                     "metadata: {name: shop}\n"
                                     "spec:\n"
                                     "  components:\n"
                                     "    - {name: work, type: worker, image: \"x/work:1\"}\n"
                                     "    - {name: work-late, type: worker, image: \"x/late:1\"}\n";
static const char one_component[] = "raw:apiVersion: celld.dev/v1\n"
                                    "kind: Cell\n"
                                    "metadata: {name: shop}\n"
                                    "spec:\n"
                                    "  components:\n"
                                    "    - {name: work-late, type: worker, image: \"x/late:1\"}\n";

/* A component's rollout is forgotten with it, also when another one's name begins with its own. */
Test(removal, a_component_is_forgotten_whatever_its_neighbours_are_called)
{
    struct world *world = repository_world();
    repository_commit(world, 1, leaving_generous_one, "shop", two_components, NULL, NULL);
    expect_condition(world, CONDITION_CONVERGED);
    cr_assert(world_has_row(world, "rollout/shop/work/development"));
    repository_commit(world, 2, leaving_generous_one, "shop", one_component, NULL, NULL);
    world_run(world, MINUTES(5));
    cr_expect(!world_stands(world, "releasebindings", "work-development"));
    cr_expect(!world_has_row(world, "rollout/shop/work/development"));
    cr_expect(world_has_row(world, "rollout/shop/work-late/development"));
    expect_runs(world, "work-late", "development", "x/late:1");
    expect_silence(world);
    world_free(world);
}

/* A component of somebody else lives in the project, though it is deployed nowhere. */
Test(removal, a_project_with_a_guest_stays_and_is_told)
{
    struct world *world = leaving_world();
    expect_created(world, "/api/v1/namespaces/acme/components",
                   "{\"metadata\": {\"name\": \"guest\"}, \"spec\": {\"owner\": {\"projectName\": "
                   "\"acme-billing\"}, \"componentType\": {\"kind\": \"ClusterComponentType\", "
                   "\"name\": \"deployment/cell-worker\"}}}");
    leaving_commit_one(world, 2, leaving_generous_one);
    world_run(world, MINUTES(8));
    cr_expect(world_stands(world, "projects", "acme-billing"));
    cr_expect(world_stands(world, "components", "guest"));
    cr_expect(!world_stands(world, "components", "billing-api"));
    json_t *status = engine_status(world->engine, world_now(world));
    char *holds = json_dumps(json_object_get(status, "holds"), JSON_COMPACT);
    cr_expect_not_null(strstr(holds, "Project acme-billing is not in git any more and would take "
                                     "along what others have in it"),
                       "%s", holds);
    free(holds);
    json_decref(status);
    struct platform_response response;
    const struct platform_request leave = {.method = "DELETE",
                                           .path = "/api/v1/namespaces/acme/components/guest"};
    platform_handle(world->platform, &leave, world_platform_now(world), &response);
    platform_response_fini(&response);
    world_run(world, MINUTES(3));
    cr_expect(!world_stands(world, "projects", "acme-billing"));
    expect_condition(world, CONDITION_CONVERGED);
    world_free(world);
}

/* --- what else stands in a repository -----------------------------------------------------------
 */

#define NATIVE(kind, name, spec)                                                                   \
    "apiVersion: openchoreo.dev/v1alpha1\nkind: " kind "\nmetadata: {name: " name "}\nspec: " spec \
    "\n"

/* Native manifests go like all else; a run is history and stays. */
Test(removal, of_native_manifests_leaves_runs_alone)
{
    char *cell = cell_text("shop", "registry.example/shop:1", NULL);
    const struct world_file files[] = {
        {"platform.yaml", leaving_generous_one},
        {"cells/shop/cell.yaml", cell},
        {"native/trait.yaml", NATIVE("ClusterTrait", "quiet", "{parameters: {}}")},
        {"native/run.yaml",
         NATIVE("WorkflowRun", "once", "{workflow: {kind: ClusterWorkflow, name: docker}}")}};
    struct world *world = repository_world();
    expect_created(world, "/api/v1/clusterworkflows",
                   "{\"metadata\":{\"name\":\"docker\"},\"spec\":{\"runTemplate\":{}}}");
    repository_commit_files(world, 1, files, 4);
    world_run(world, MINUTES(3));
    json_t *trait = platform_object(world->platform, "clustertraits", NULL, "quiet");
    cr_assert_not_null(trait);
    json_decref(trait);
    cr_assert(world_stands(world, "workflowruns", "once"));
    repository_commit_files(world, 2, files, 2);
    world_run(world, MINUTES(4));
    cr_expect_null(platform_object(world->platform, "clustertraits", NULL, "quiet"));
    cr_expect(world_stands(world, "workflowruns", "once"));
    json_t *plan = engine_plan(world->engine, NULL, world_now(world));
    cr_expect_eq(json_integer_value(json_object_get(plan, "changes")), 0);
    json_decref(plan);
    free(cell);
    world_free(world);
}

/* A cell that cannot be compiled is not known to want less: nothing of it goes. */
Test(removal, nothing_of_a_cell_that_cannot_be_compiled)
{
    char *cell = cell_text("shop", "registry.example/shop:1", NULL);
    char *fewer = strdup("apiVersion: celld.dev/v1\nkind: Cell\nmetadata: {name: shop}\nspec:\n"
                         "  components: [{name: other, type: worker, image: \"x:1\"}]\n");
    const struct world_file good[] = {{"platform.yaml", leaving_generous_one},
                                      {"cells/shop/cell.yaml", cell}};
    const struct world_file bad[] = {{"platform.yaml", leaving_generous_one},
                                     {"cells/shop/cell.yaml", fewer},
                                     {"cells/shop/strange.yaml", NATIVE("Strange", "x", "{}")}};
    struct world *world = repository_world();
    repository_commit_files(world, 1, good, 2);
    expect_condition(world, CONDITION_CONVERGED);
    repository_commit_files(world, 2, bad, 3);
    world_run(world, MINUTES(5));
    cr_expect_eq(world_deletes(world), 0);
    cr_expect(world_published(world, "cell-refused", "shop"));
    expect_why(world, "shop", NULL, "is no kind that the control plane serves");
    expect_runs(world, "shop-api-a", "development", "registry.example/shop:1");
    json_t *plan = engine_plan(world->engine, NULL, world_now(world));
    char *text = json_dumps(plan, JSON_COMPACT);
    cr_expect_null(strstr(text, "\"delete\""), "%s", text);
    free(text);
    json_decref(plan);
    /* From the very start as well: it waits, and says why. */
    world_kill(world);
    world_run(world, MINUTES(2));
    cr_expect_eq(world_deletes(world), 0);
    world_free(world);
    world = repository_world();
    repository_commit_files(world, 1, bad, 3);
    world_run(world, MINUTES(2));
    expect_why(world, "shop", NULL, "is no kind that the control plane serves");
    cr_expect_eq(engine_condition(world->engine), CONDITION_HELD);
    world_free(world);
    free(cell);
    free(fewer);
}

/* A secret is named by its content: the one that a release names stays as long as it may come back.
 */
Test(removal, of_a_secret_waits_until_no_release_names_it)
{
    static const char *const keys[] = {"acme/db/1", "acme/db/2", "acme/db/3"};
    static const char uses[] = "      configurations:\n"
                               "        - name: database\n"
                               "          type: secret\n"
                               "          mount_type: env variable\n"
                               "          env_variables: {DB: \"${DB_PASSWORD}\"}\n";
    char *cell = cell_text("shop", "registry.example/shop:1", uses);
    struct world *world = repository_world();
    size_t names = 0;
    for (int i = 0; i < 3; i++) {
        char native[512];
        snprintf(native, sizeof native,
                 NATIVE("SecretReference", "db-password",
                        "{template: {type: Opaque}, data: [{secretKey: db-password, remoteRef: "
                        "{key: %s, property: password}}]}"),
                 keys[i]);
        const struct world_file files[] = {{"platform.yaml", leaving_generous_one},
                                           {"cells/shop/cell.yaml", cell},
                                           {"native/db.yaml", native}};
        repository_commit_files(world, i + 1, files, 3);
        world_run(world, 1000);
        expect_condition(world, CONDITION_CONVERGED);
        world_run(world, MINUTES(3));
        json_t *secrets = platform_objects(world->platform, "secretreferences");
        names = json_array_size(secrets);
        json_decref(secrets);
        /* The declared one, the one in use, and the one before. */
        cr_expect_eq(names, i == 0 ? 2 : 3, "revision %d: %zu", i + 1, names);
    }
    expect_silence(world);
    free(cell);
    world_free(world);
}

/* --- rows that lost something -------------------------------------------------------------------
 */

static struct world_row *row_of(struct world *world, const char *part)
{
    for (size_t i = 0; i < world->row_count; i++) {
        if (strstr(world->rows[i].key, part) != NULL)
            return &world->rows[i];
    }
    cr_assert_fail("no row has %s", part);
    return NULL;
}

/* The journal alone tells where a project binding leads when its cell is gone: without that nobody
 * knows who lives there, and it stays. */
Test(removal, a_project_binding_that_leads_nobody_knows_where_stays)
{
    static const char platform[] = PLATFORM_HEAD
        "  prune: {budget: \"90%\", minimum: 50}\n"
        "  environments: [{name: development}, {name: the-longest-one-of-all-of-them}]\n"
        "  phases: [{name: all, cells: [shop]}]\n";
    static const char *const targets[] = {"", "the-longest-one-of-all-of-them"};
    for (size_t i = 0; i < sizeof targets / sizeof *targets; i++) {
        struct world *world = leaving_world();
        struct world_row *row = row_of(world, "inventory/ProjectReleaseBinding/acme/acme-billing");
        json_t *value = json_deep_copy(row->value);
        json_object_set_new(value, "target", json_string(targets[i]));
        json_decref(row->value);
        row->value = value;
        world->good = manifest_set_unref(world->good);
        world->set = manifest_set_unref(world->set);
        world_kill(world);
        leaving_commit_one(world, 2, platform);
        world_run(world, MINUTES(8));
        cr_expect(!world_stands(world, "components", "billing-api"), "%s", targets[i]);
        cr_expect(world_stands(world, "projectreleasebindings", "acme-billing-development"), "%s",
                  targets[i]);
        cr_expect(world_stands(world, "projects", "acme-billing"), "%s", targets[i]);
        expect_no_dangers(world);
        world_free(world);
    }
}

/* Releases whose names say no digest belong to no component: they are not there, and forgotten. */
Test(removal, releases_of_no_component_are_forgotten)
{
    static const char *const keys[] = {"inventory/ComponentRelease/acme/x",
                                       "inventory/ComponentRelease/acme/y"};
    struct world *world = leaving_world();
    repository_commit(world, 2, leaving_both, "billing", "registry.example/billing:1", NULL, "shop",
                      "registry.example/shop:2", NULL, NULL);
    world_run(world, 1000);
    expect_condition(world, CONDITION_CONVERGED);
    for (size_t i = 0; i < 2; i++) {
        struct world_row *row = row_of(world, "inventory/ComponentRelease/acme/shop-api-a-");
        free(row->key);
        row->key = strdup(keys[i]);
    }
    world_kill(world);
    world_run(world, MINUTES(3));
    cr_expect(!world_has_row(world, keys[0]));
    cr_expect(!world_has_row(world, keys[1]));
    expect_condition(world, CONDITION_CONVERGED);
    expect_runs(world, "shop-api-a", "development", "registry.example/shop:2");
    expect_silence(world);
    world_free(world);
}
