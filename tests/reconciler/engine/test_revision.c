/* What a new revision changes, and what it leaves as it is. */
#include "config/base/json.h"
#include "tests/reconciler/engine/expect.h"

#include <criterion/criterion.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

TestSuite(revision, .timeout = 600);

static const char nonsense[] = "raw:apiVersion: celld.dev/v1\nkind: [";
static const char other_nonsense[] = "raw:apiVersion: celld.dev/v1\nkind: Cell\nspec: 5\n";

#define PLATFORM_OF(cells)                                                                         \
    PLATFORM_HEAD "  environments: [{name: development}]\n"                                        \
                  "  phases: [{name: all, cells: [" cells "]}]\n"

/* --- the repository itself ----------------------------------------------------------------------
 */

static bool repository_ok(const struct world *world, char ret_reason[static 64])
{
    json_t *status = engine_status(world->engine, world_now(world));
    const json_t *repository = json_object_get(status, "repository");
    const bool ok = json_is_true(json_object_get(repository, "ok"));
    snprintf(ret_reason, 64, "%s", json_text_or(json_object_get(repository, "reason"), ""));
    json_decref(status);
    return ok;
}

/* The same commit again is no news, but that it can be read again is. */
Test(revision, a_repository_that_fails_and_is_mended_is_told_once_each)
{
    struct world *world = repository_world();
    char reason[64];
    repository_commit(world, 1, platform_small, "shop", "registry.example/shop:1", NULL, NULL);
    expect_condition(world, CONDITION_CONVERGED);
    world_repository_failed(world, "Unreachable");
    world_repository_failed(world, "Unreachable");
    cr_expect_eq(world_times_published(world, "repository-failed"), 1);
    world_repository_failed(world, "RefMissing");
    cr_expect_eq(world_times_published(world, "repository-failed"), 2);
    cr_expect(!repository_ok(world, reason));
    cr_expect_str_eq(reason, "RefMissing");
    uint64_t version = engine_version(world->engine), writes = world->writes;
    world_seen_again(world);
    cr_expect_gt(engine_version(world->engine), version);
    version = engine_version(world->engine);
    world_seen_again(world);
    cr_expect_eq(engine_version(world->engine), version);
    cr_expect(repository_ok(world, reason));
    cr_expect_str_eq(reason, "");
    cr_expect_eq(world_times_published(world, "repository-mended"), 1);
    cr_expect_eq(world_times_published(world, "revision"), 1);
    world_run(world, MINUTES(2));
    cr_expect_eq(world->writes, writes);
    world_free(world);
}

static json_t *node_since(const struct world *world)
{
    json_t *status = engine_cell_status(world->engine, "shop", world_now(world));
    json_t *since = json_incref(
        json_object_get(json_array_get(json_object_get(status, "targets"), 0), "since"));
    json_decref(status);
    return since;
}

/* How long a node has been as it is does not depend on how often something else is pushed. */
Test(revision, of_other_things_leaves_since_when_a_node_converged)
{
    struct world *world = repository_world();
    repository_commit(world, 1, platform_small, "shop", "registry.example/shop:1", NULL, NULL);
    expect_condition(world, CONDITION_CONVERGED);
    world_run(world, MINUTES(3));
    json_t *before = node_since(world);
    cr_assert(json_is_string(before));
    repository_commit(world, 2, platform_small, "shop", "registry.example/shop:1", NULL, NULL);
    world_run(world, MINUTES(3));
    json_t *after = node_since(world);
    cr_expect(json_equal(before, after));
    json_decref(before);
    json_decref(after);
    world_free(world);
}

Test(revision, that_rewrites_history_is_told_as_a_warning)
{
    struct world *world = repository_world();
    repository_commit(world, 1, platform_small, "shop", "registry.example/shop:1", NULL, NULL);
    expect_condition(world, CONDITION_CONVERGED);
    world->rewritten = true;
    repository_commit(world, 2, platform_small, "shop", "registry.example/shop:1", NULL, NULL);
    const json_t *last = NULL;
    for (size_t i = 0; i < json_array_size(world->published); i++) {
        const json_t *event = json_array_get(world->published, i);
        if (strcmp(json_text_or(json_object_get(event, "type"), ""), "revision") == 0)
            last = event;
    }
    const char *message = json_text_or(json_object_get(last, "message"), "");
    cr_expect_not_null(strstr(message, "history was rewritten"), "%s", message);
    json_t *status = engine_status(world->engine, world_now(world));
    cr_expect(json_is_true(json_at(status, "revision", "rewritten", NULL)));
    json_decref(status);
    world_free(world);
}

/* --- cells that cannot be used ------------------------------------------------------------------
 */

Test(revision, says_once_what_is_wrong_with_a_cell_until_it_is_something_else)
{
    struct world *world = repository_world();
    repository_commit(world, 1, platform_small, "shop", "registry.example/shop:1", NULL, NULL);
    expect_condition(world, CONDITION_CONVERGED);
    repository_commit(world, 2, platform_small, "shop", nonsense, NULL, NULL);
    world_run(world, 1000);
    repository_commit(world, 3, platform_small, "shop", nonsense, NULL, NULL);
    world_run(world, 1000);
    cr_expect_eq(world_times_published(world, "cell-broken"), 1);
    repository_commit(world, 4, platform_small, "shop", other_nonsense, NULL, NULL);
    world_run(world, 1000);
    cr_expect_eq(world_times_published(world, "cell-broken"), 2);
    cr_expect_eq(world_times_published(world, "cell-mended"), 0);
    repository_commit(world, 5, platform_small, "shop", "registry.example/shop:1", NULL, NULL);
    expect_condition(world, CONDITION_CONVERGED);
    cr_expect_eq(world_times_published(world, "cell-mended"), 1);
    expect_runs(world, "shop-api-a", "development", "registry.example/shop:1");
    expect_silence(world);
    world_free(world);
}

/* A manifest that cannot be parsed bears its directory's name: the cell that lived there is not
 * gone, whatever it was called; nor one that was read by nobody since the start. */
Test(revision, a_broken_manifest_in_its_place_keeps_a_cell_of_another_name)
{
    static const bool restarts[] = {false, true};
    for (size_t i = 0; i < 2; i++) {
        struct world *world = repository_world();
        char *text = cell_text("shop", "registry.example/shop:1", NULL), *raw = NULL;
        cr_assert_gt(asprintf(&raw, "raw:%s", text), 0);
        repository_commit(world, 1, PLATFORM_OF("shop"), "store", raw, NULL, NULL);
        expect_condition(world, CONDITION_CONVERGED);
        if (restarts[i]) {
            world->good = manifest_set_unref(world->good);
            world->set = manifest_set_unref(world->set);
            world_kill(world);
        }
        repository_commit(world, 2, PLATFORM_OF("store"), "store", nonsense, NULL, NULL);
        world_run(world, MINUTES(3));
        cr_expect_eq(world_times_published(world, "cell-removed"), 0);
        expect_runs(world, "shop-api-a", "development", "registry.example/shop:1");
        /* Broken in another place, it keeps nobody. */
        repository_commit(world, 3, PLATFORM_OF("shop, shelf"), "shop", "registry.example/shop:1",
                          NULL, "shelf", nonsense, NULL, NULL);
        world_run(world, MINUTES(1));
        repository_commit(world, 4, PLATFORM_OF("shelf"), "shelf", nonsense, NULL, NULL);
        world_run(world, MINUTES(1));
        cr_expect_eq(world_times_published(world, "cell-removed"), 1);
        free(text);
        free(raw);
        world_free(world);
    }
}

/* After a restart the last good content comes with the broken revision, and drift is repaired. */
Test(revision, after_a_restart_a_broken_cell_keeps_its_last_good_state)
{
    struct world *world = repository_world();
    repository_commit(world, 1, platform_small, "shop", "registry.example/shop:1", NULL, NULL);
    expect_condition(world, CONDITION_CONVERGED);
    repository_commit(world, 2, platform_small, "shop", nonsense, NULL, NULL);
    world_run(world, MINUTES(1));
    world_kill(world);
    world_run(world, MINUTES(1));
    json_t *patch = json_pack("{s:{s:s}}", "spec", "releaseName", "other");
    expect_changed(world, "releasebindings", "acme", "shop-api-a-development", patch);
    world_run(world, MINUTES(3));
    cr_expect_str_neq(repository_release(world, "shop-api-a-development"), "other");
    expect_runs(world, "shop-api-a", "development", "registry.example/shop:1");
    expect_why(world, "shop", NULL, "keeps its last good state");
    world_free(world);
}

/* --- the platform -------------------------------------------------------------------------------
 */

Test(revision, without_a_platform_from_the_start_waits_for_one)
{
    struct world *world = repository_world();
    repository_commit(world, 1, "apiVersion: celld.dev/v1\nkind: Platform\nspec: {", "shop",
                      "registry.example/shop:1", NULL, NULL);
    world_run(world, MINUTES(1));
    cr_expect_eq(engine_condition(world->engine), CONDITION_HELD);
    cr_expect_eq(world->writes, 0);
    cr_expect(world_published(world, "platform-broken", NULL));
    json_t *status = engine_status(world->engine, world_now(world));
    cr_expect_not_null(
        strstr(json_text_or(json_at(status, "platform", "broken", NULL), ""), "platform.yaml"));
    json_decref(status);
    repository_commit(world, 2, platform_small, "shop", "registry.example/shop:1", NULL, NULL);
    expect_condition(world, CONDITION_CONVERGED);
    world_free(world);
}

/* No platform file at all, also after a restart, when the last good one comes with the set. */
Test(revision, that_lost_its_platform_file_keeps_the_last_good_one)
{
    struct world *world = repository_world();
    repository_commit(world, 1, platform_small, "shop", "registry.example/shop:1", NULL, NULL);
    expect_condition(world, CONDITION_CONVERGED);
    char *text = cell_text("shop", "registry.example/shop:1", NULL);
    const struct world_file files[] = {{"cells/shop/cell.yaml", text}};
    for (int i = 0; i < 2; i++) {
        world_commit(world, "00000000000000000000000000000000000000aa", files, 1);
        world_run(world, MINUTES(2));
        cr_expect_eq(engine_condition(world->engine), CONDITION_HELD);
        expect_runs(world, "shop-api-a", "development", "registry.example/shop:1");
        cr_expect(world_published(world, "platform-broken", NULL));
        world_kill(world);
    }
    free(text);
    repository_commit(world, 2, platform_small, "shop", "registry.example/shop:1", NULL, NULL);
    expect_condition(world, CONDITION_CONVERGED);
    expect_silence(world);
    world_free(world);
}

/* --- readers of what changed --------------------------------------------------------------------
 */

#define CONNECTION "connections: [{name: b, target: acme-billing, protocol: http, path: /v1}]"
#define VARIABLE "env: [{name: B, value: \"${CHOREO_CONNECTION_b}\"}]"
#define COMPONENT                                                                                  \
    "    - name: shop-api\n"                                                                       \
    "      type: service\n"                                                                        \
    "      image: x/shop:1\n"                                                                      \
    "      endpoints: [{name: http, type: http, port: 8080}]\n"
#define SHOP(component, cell)                                                                      \
    "raw:apiVersion: celld.dev/v1\nkind: Cell\nmetadata: {name: shop}\nspec:\n"                    \
    "  dependsOn: [billing]\n  components:\n" COMPONENT component cell
#define BILLING(endpoints)                                                                         \
    "raw:apiVersion: celld.dev/v1\nkind: Cell\nmetadata: {name: billing}\nspec:\n"                 \
    "  components:\n"                                                                              \
    "    - name: billing-api\n"                                                                    \
    "      type: service\n"                                                                        \
    "      image: x/billing:1\n"                                                                   \
    "      endpoints: [" endpoints "]\n"
#define ENDPOINT(name, path)                                                                       \
    "{name: " name ", type: http, port: 8080, basePath: " path ", visibility: [namespace]}"

static const char two_cells[] =
    PLATFORM_HEAD "  environments: [{name: development}]\n"
                  "  phases: [{name: first, cells: [billing]}, {name: second, cells: [shop]}]\n";

/* Wherever a connection stands, its reader is compiled again when the other cell changes. */
Test(revision, of_one_cell_reaches_those_that_connect_to_it)
{
    static const struct {
        const char *where, *shop;
        bool reads;
    } rows[] = {
        {"cell", SHOP("", "  " CONNECTION "\n  " VARIABLE "\n"), true},
        {"component", SHOP("      " CONNECTION "\n      " VARIABLE "\n", ""), true},
        {"nowhere",
         SHOP("", "  connections: [{name: r, external: {url: \"https://rates.example\"}}]\n"
                  "  environments: {development: {replicas: 1, components: {shop-api: {}}}}\n"),
         false},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct world *world = repository_world();
        repository_commit(world, 1, two_cells, "billing", BILLING(ENDPOINT("old", "/v1")), NULL,
                          "shop", rows[i].shop, NULL, NULL);
        expect_condition(world, CONDITION_CONVERGED);
        repository_commit(world, 2, two_cells, "billing",
                          BILLING(ENDPOINT("old", "/v0") ", " ENDPOINT("new", "/v1")), NULL, "shop",
                          rows[i].shop, NULL, NULL);
        expect_condition(world, CONDITION_CONVERGED);
        json_t *workload = platform_object(world->platform, "workloads", "acme", "shop-api-a");
        char *text = json_dumps(json_at(workload, "spec", "dependencies", NULL), JSON_ENCODE_ANY);
        cr_expect_eq(text != NULL && strstr(text, "\"new\"") != NULL, rows[i].reads, "%s: %s",
                     rows[i].where, text);
        free(text);
        json_decref(workload);
        world_free(world);
    }
}

/* --- native manifests ---------------------------------------------------------------------------
 */

static void commit_native(struct world *world, int revision, const char *path, const char *size)
{
    char native[512];
    snprintf(native, sizeof native,
             "apiVersion: openchoreo.dev/v1alpha1\nkind: Trait\nmetadata: {name: quiet}\n"
             "spec: {parameters: {size: %s}}\n",
             size);
    repository_commit_native(world, revision, platform_small, path, size == NULL ? NULL : native);
}

static void expect_trait(const struct world *world, const char *size)
{
    json_t *trait = platform_object(world->platform, "traits", "acme", "quiet");
    cr_expect_str_eq(json_text_or(json_at(trait, "spec", "parameters", "size", NULL), ""), size);
    json_decref(trait);
}

/* Also when nothing else in the repository changes, be it the platform's or a cell's. */
Test(revision, of_a_native_manifest_alone_is_brought_about)
{
    static const char *const paths[] = {"native/trait.yaml", "cells/shop/trait.yaml"};
    for (size_t i = 0; i < 2; i++) {
        struct world *world = repository_world();
        static const char *const sizes[] = {"small", "large", "small"};
        for (int revision = 1; revision <= 3; revision++) {
            commit_native(world, revision, paths[i], sizes[revision - 1]);
            world_run(world, 1000);
            expect_condition(world, CONDITION_CONVERGED);
            expect_trait(world, sizes[revision - 1]);
        }
        commit_native(world, 4, NULL, NULL);
        world_run(world, MINUTES(3));
        json_t *trait = platform_object(world->platform, "traits", "acme", "quiet");
        cr_expect_null(trait, "%s", paths[i]);
        json_decref(trait);
        expect_silence(world);
        world_free(world);
    }
}
