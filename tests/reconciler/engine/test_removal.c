/* Removal that something comes in between: a person, doubt, the same cell again, other people. */
#include "config/base/json.h"
#include "reconciler/resource/object.h"
#include "tests/reconciler/engine/expect.h"
#include "tests/reconciler/engine/meddle.h"

#include <criterion/criterion.h>

#include <stdlib.h>
#include <string.h>

TestSuite(removal, .timeout = 120);

#define PLATFORM_OF(cells, prune)                                                                  \
    PLATFORM_HEAD prune "  environments: [{name: development}]\n"                                  \
                        "  phases: [{name: all, cells: [" cells "]}]\n"

static const char both[] = PLATFORM_OF("billing, shop", "");
static const char one[] = PLATFORM_OF("shop", "");
static const char generous[] = PLATFORM_OF("shop", "  prune: {budget: \"90%\", minimum: 50}\n");
static const char generous_both[] =
    PLATFORM_OF("billing, shop", "  prune: {budget: \"90%\", minimum: 50}\n");

static void commit_both(struct world *world, int revision, const char *platform)
{
    repository_commit(world, revision, platform, "billing", "registry.example/billing:1", NULL,
                      "shop", "registry.example/shop:1", NULL, NULL);
}

static void commit_one(struct world *world, int revision, const char *platform)
{
    repository_commit(world, revision, platform, "shop", "registry.example/shop:1", NULL, NULL);
}

static struct world *converged(void)
{
    struct world *world = repository_world();
    commit_both(world, 1, both);
    expect_condition(world, CONDITION_CONVERGED);
    return world;
}

static void run_until_deletes(struct world *world, size_t count)
{
    const int64_t until = world->now_ms + MINUTES(10);
    while (world_deletes(world) < count && world_step(world, until)) {
    }
    cr_assert_geq(world_deletes(world), count);
}

static char *held_hash(const struct world *world)
{
    json_t *status = engine_status(world->engine, world_now(world));
    const json_t *holds = json_object_get(status, "holds");
    char *hash = NULL;
    for (size_t i = 0; i < json_array_size(holds) && hash == NULL; i++) {
        const json_t *hold = json_array_get(holds, i);
        if (strcmp(json_text_or(json_object_get(hold, "kind"), ""), "prune") == 0)
            hash = strdup(json_text_or(json_object_get(hold, "name"), ""));
    }
    json_decref(status);
    return hash;
}

static void approve_removal(struct world *world)
{
    char *hash = held_hash(world);
    bool ok = false;
    cr_assert_not_null(hash);
    world_command(world, "approve", json_pack("{s:s}", "prune", hash), &ok);
    cr_assert(ok);
    free(hash);
}

/* --- a person ---------------------------------------------------------------------------------
 */

Test(removal, suspending_the_cell_stops_it_on_the_way)
{
    static const bool all[] = {false, true};
    for (size_t i = 0; i < 2; i++) {
        struct world *world = converged();
        commit_one(world, 2, generous);
        run_until_deletes(world, 1);
        json_t *status = engine_status(world->engine, world_now(world));
        cr_expect_eq(json_array_size(json_object_get(status, "holds")), 0);
        json_decref(status);
        bool ok = false;
        world_command(world, "suspend",
                      all[i] ? json_object() : json_pack("{s:s}", "cell", "billing"), &ok);
        cr_assert(ok);
        const size_t before = world_deletes(world);
        world_run(world, MINUTES(5));
        cr_expect_eq(world_deletes(world), before, "%zu more", world_deletes(world) - before);
        cr_expect(world_stands(world, "components", "billing-api"));
        world_command(world, "resume",
                      all[i] ? json_object() : json_pack("{s:s}", "cell", "billing"), &ok);
        cr_assert(ok);
        world_run(world, MINUTES(6));
        cr_expect(!world_stands(world, "projects", "acme-billing"));
        expect_condition(world, CONDITION_CONVERGED);
        expect_no_dangers(world);
        world_free(world);
    }
}

/* A manifest that says `suspend` speaks for itself as long as it is there, restart or not. */
Test(removal, a_cell_that_suspended_itself_goes_with_its_manifest)
{
    struct world *world = converged();
    repository_commit(world, 2, both, "billing", "registry.example/billing:1",
                      "  suspend: true\n  drift: freeze\n", "shop", "registry.example/shop:1", NULL,
                      NULL);
    world_run(world, MINUTES(2));
    commit_one(world, 3, generous);
    world_run(world, MINUTES(6));
    cr_expect(!world_stands(world, "projects", "acme-billing"));
    world_free(world);
}

/* An approval is for this removal, not for whatever bears these names later. */
Test(removal, what_came_back_and_goes_again_is_asked_for_again)
{
    struct world *world = converged();
    commit_one(world, 2, one);
    world_run(world, MINUTES(2));
    approve_removal(world);
    world_run(world, MINUTES(6));
    cr_assert(!world_stands(world, "projects", "acme-billing"));
    commit_both(world, 3, both);
    expect_condition(world, CONDITION_CONVERGED);
    world_run(world, MINUTES(1));
    const size_t before = world_deletes(world);
    commit_one(world, 4, one);
    world_run(world, MINUTES(5));
    cr_expect_eq(world_deletes(world), before);
    cr_expect(world_stands(world, "projects", "acme-billing"));
    expect_runs(world, "billing-api-a", "development", "registry.example/billing:1");
    /* Nor after a restart. */
    world_kill(world);
    world_run(world, MINUTES(5));
    cr_expect_eq(world_deletes(world), before);
    approve_removal(world);
    world_run(world, MINUTES(6));
    cr_expect(!world_stands(world, "projects", "acme-billing"));
    expect_condition(world, CONDITION_CONVERGED);
    expect_silence(world);
    world_free(world);
}

/* --- doubt ------------------------------------------------------------------------------------
 */

/* The cell is named again, but cannot be read: its last good state is wanted again. */
Test(removal, a_cell_that_comes_back_broken_gets_its_last_good_state)
{
    struct world *world = converged();
    commit_one(world, 2, generous);
    run_until_deletes(world, 1);
    repository_commit(world, 3, generous_both, "billing", "raw:apiVersion: celld.dev/v1\nkind: [",
                      NULL, "shop", "registry.example/shop:1", NULL, NULL);
    world_run(world, MINUTES(6));
    expect_runs(world, "billing-api-a", "development", "registry.example/billing:1");
    const size_t before = world_deletes(world);
    world_run(world, MINUTES(5));
    cr_expect_eq(world_deletes(world), before);
    commit_both(world, 4, generous_both);
    expect_condition(world, CONDITION_CONVERGED);
    cr_expect_eq(world_deletes(world), before);
    expect_runs(world, "billing-api-a", "development", "registry.example/billing:1");
    expect_no_dangers(world);
    expect_silence(world);
    world_free(world);
}

/* Nothing is deleted while nobody can tell what git wants, and what was known before still is. */
Test(removal, it_stands_still_while_the_platform_cannot_be_read)
{
    struct world *world = converged();
    commit_one(world, 2, generous);
    run_until_deletes(world, 1);
    repository_commit(world, 3, "apiVersion: celld.dev/v1\nkind: Platform\nspec: {", NULL);
    const size_t before = world_deletes(world);
    const uint64_t writes = world->writes;
    world_run(world, MINUTES(5));
    cr_expect_eq(world_deletes(world), before);
    cr_expect_eq(world->writes, writes);
    commit_one(world, 4, generous);
    world_run(world, MINUTES(6));
    cr_expect(!world_stands(world, "projects", "acme-billing"));
    expect_condition(world, CONDITION_CONVERGED);
    expect_no_dangers(world);
    world_free(world);
}

/* --- other names and other people -------------------------------------------------------------
 */

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
    repository_commit(world, 1, generous, "shop", two_components, NULL, NULL);
    expect_condition(world, CONDITION_CONVERGED);
    cr_assert(world_has_row(world, "rollout/shop/work/development"));
    repository_commit(world, 2, generous, "shop", one_component, NULL, NULL);
    world_run(world, MINUTES(5));
    cr_expect(!world_stands(world, "releasebindings", "work-development"));
    cr_expect(!world_has_row(world, "rollout/shop/work/development"));
    cr_expect(world_has_row(world, "rollout/shop/work-late/development"));
    expect_runs(world, "work-late", "development", "x/late:1");
    expect_silence(world);
    world_free(world);
}

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
    commit_one(world, 2, generous);
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

/* A component of somebody else lives in the project, though it is deployed nowhere. */
Test(removal, a_project_with_a_guest_stays_and_is_told)
{
    struct world *world = converged();
    expect_created(world, "/api/v1/namespaces/acme/components",
                   "{\"metadata\": {\"name\": \"guest\"}, \"spec\": {\"owner\": {\"projectName\": "
                   "\"acme-billing\"}, \"componentType\": {\"kind\": \"ClusterComponentType\", "
                   "\"name\": \"deployment/cell-worker\"}}}");
    commit_one(world, 2, generous);
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

/* --- in between ---------------------------------------------------------------------------------
 */

/* Whatever was on its way when a person said stop: no DELETE leaves after that. */
Test(removal, no_delete_leaves_after_a_person_said_stop)
{
    for (unsigned events = 0; events < 16; events++) {
        struct world *world = converged();
        commit_one(world, 2, generous);
        run_until_deletes(world, 2);
        for (unsigned i = 0; i < events; i++)
            world_step(world, world->now_ms + MINUTES(1));
        const size_t before = world_deletes(world) + world->request_count;
        size_t flying = 0;
        for (size_t i = 0; i < world->request_count; i++)
            flying +=
                strcmp(world->requests[i]->method, "DELETE") == 0 && !world->requests[i]->arrived;
        bool ok = false;
        const size_t sent = world_deletes(world) + flying;
        world_command(world, "suspend", json_pack("{s:s}", "cell", "billing"), &ok);
        world_run(world, MINUTES(3));
        cr_expect_leq(world_deletes(world), sent, "after %u of %zu", events, before);
        world_command(world, "resume", json_pack("{s:s}", "cell", "billing"), &ok);
        world_run(world, MINUTES(6));
        cr_expect(!world_stands(world, "projects", "acme-billing"), "after %u", events);
        world_free(world);
    }
}

/* The right to look is taken away on the way: what cannot be seen is not deleted. */
Test(removal, stops_while_the_live_state_is_unknown)
{
    struct world *world = converged();
    commit_one(world, 2, generous);
    run_until_deletes(world, 1);
    platform_fault_add(world->platform, &(struct platform_fault){.kind = PLATFORM_FAULT_EMPTY_LIST,
                                                                 .method = "GET"});
    bool ok = false;
    world_command(world, "sync", json_object(), &ok);
    world_run(world, 1000);
    const size_t before = world_deletes(world);
    world_run(world, MINUTES(5));
    cr_expect_eq(world_deletes(world), before);
    platform_fault_clear(world->platform);
    world_run(world, MINUTES(8));
    cr_expect(!world_stands(world, "projects", "acme-billing"));
    expect_condition(world, CONDITION_CONVERGED);
    world_free(world);
}

/* One removal was approved and goes on; the next one has to be asked for by itself. */
Test(removal, a_second_one_waits_while_an_approved_one_goes_on)
{
    struct world *world = repository_world();
    repository_commit(world, 1, PLATFORM_OF("billing, stock, shop", ""), "billing",
                      "registry.example/billing:1", NULL, "stock", "registry.example/stock:1", NULL,
                      "shop", "registry.example/shop:1", NULL, NULL);
    expect_condition(world, CONDITION_CONVERGED);
    repository_commit(world, 2, PLATFORM_OF("stock, shop", ""), "stock", "registry.example/stock:1",
                      NULL, "shop", "registry.example/shop:1", NULL, NULL);
    world_run(world, MINUTES(2));
    approve_removal(world);
    run_until_deletes(world, 1);
    commit_one(world, 3, one);
    world_run(world, MINUTES(8));
    cr_expect(!world_stands(world, "projects", "acme-billing"));
    cr_expect(world_stands(world, "components", "stock-api"));
    bool told = false;
    for (size_t i = 0; i < json_array_size(world->published); i++)
        told = told ||
               strstr(json_text_or(json_object_get(json_array_get(world->published, i), "message"),
                                   ""),
                      "what was approved before goes on") != NULL;
    cr_expect(told);
    approve_removal(world);
    world_run(world, MINUTES(8));
    cr_expect(!world_stands(world, "projects", "acme-stock"));
    expect_condition(world, CONDITION_CONVERGED);
    world_free(world);
}

/* --- what else stands in a repository -----------------------------------------------------------
 */

static void commit_files(struct world *world, int revision, const struct world_file *files,
                         size_t count)
{
    char commit[41];
    snprintf(commit, sizeof commit, "%040x", (unsigned)revision);
    world_commit(world, commit, files, count);
}

#define NATIVE(kind, name, spec)                                                                   \
    "apiVersion: openchoreo.dev/v1alpha1\nkind: " kind "\nmetadata: {name: " name "}\nspec: " spec \
    "\n"

/* Native manifests go like all else; a run is history and stays. */
Test(removal, of_native_manifests_leaves_runs_alone)
{
    char *cell = cell_text("shop", "registry.example/shop:1", NULL);
    const struct world_file files[] = {
        {"platform.yaml", generous},
        {"cells/shop/cell.yaml", cell},
        {"native/trait.yaml", NATIVE("ClusterTrait", "quiet", "{parameters: {}}")},
        {"native/run.yaml",
         NATIVE("WorkflowRun", "once", "{workflow: {kind: ClusterWorkflow, name: docker}}")}};
    struct world *world = repository_world();
    expect_created(world, "/api/v1/clusterworkflows",
                   "{\"metadata\":{\"name\":\"docker\"},\"spec\":{\"runTemplate\":{}}}");
    commit_files(world, 1, files, 4);
    world_run(world, MINUTES(3));
    json_t *trait = platform_object(world->platform, "clustertraits", NULL, "quiet");
    cr_assert_not_null(trait);
    json_decref(trait);
    cr_assert(world_stands(world, "workflowruns", "once"));
    commit_files(world, 2, files, 2);
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
    const struct world_file good[] = {{"platform.yaml", generous}, {"cells/shop/cell.yaml", cell}};
    const struct world_file bad[] = {{"platform.yaml", generous},
                                     {"cells/shop/cell.yaml", fewer},
                                     {"cells/shop/strange.yaml", NATIVE("Strange", "x", "{}")}};
    struct world *world = repository_world();
    commit_files(world, 1, good, 2);
    expect_condition(world, CONDITION_CONVERGED);
    commit_files(world, 2, bad, 3);
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
    commit_files(world, 1, bad, 3);
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
        const struct world_file files[] = {{"platform.yaml", generous},
                                           {"cells/shop/cell.yaml", cell},
                                           {"native/db.yaml", native}};
        commit_files(world, i + 1, files, 3);
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
        struct world *world = converged();
        struct world_row *row = row_of(world, "inventory/ProjectReleaseBinding/acme/acme-billing");
        json_t *value = json_deep_copy(row->value);
        json_object_set_new(value, "target", json_string(targets[i]));
        json_decref(row->value);
        row->value = value;
        world->good = manifest_set_unref(world->good);
        world->set = manifest_set_unref(world->set);
        world_kill(world);
        commit_one(world, 2, platform);
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
    struct world *world = converged();
    repository_commit(world, 2, both, "billing", "registry.example/billing:1", NULL, "shop",
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

/* A manifest that cannot be parsed bears its directory's name; who lived there may be meant. */
Test(removal, a_cell_of_another_name_than_its_directory_comes_back_broken)
{
    char *text = cell_text("billing", "registry.example/billing:1", NULL), *raw = NULL;
    cr_assert_gt(asprintf(&raw, "raw:%s", text), 0);
    struct world *world = repository_world();
    repository_commit(world, 1, generous_both, "store", raw, NULL, "shop",
                      "registry.example/shop:1", NULL, NULL);
    expect_condition(world, CONDITION_CONVERGED);
    commit_one(world, 2, generous);
    run_until_deletes(world, 1);
    repository_commit(world, 3,
                      PLATFORM_OF("store, shop", "  prune: {budget: \"90%\", minimum: 50}\n"),
                      "store", "raw:apiVersion: celld.dev/v1\nkind: [", NULL, "shop",
                      "registry.example/shop:1", NULL, NULL);
    world_run(world, MINUTES(6));
    expect_runs(world, "billing-api-a", "development", "registry.example/billing:1");
    cr_expect_eq(platform_danger(world->platform).namespace_destroyed, 0);
    free(text);
    free(raw);
    world_free(world);
}
