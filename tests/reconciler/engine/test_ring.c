/* Components that connect to each other: none of them can wait for all others. */
#include "config/base/json.h"
#include "tests/reconciler/engine/building.h"
#include "tests/reconciler/engine/expect.h"

#include <criterion/criterion.h>

#include <stdlib.h>
#include <string.h>

TestSuite(ring, .timeout = 120);

#define ONE_PHASE                                                                                  \
    PLATFORM_HEAD "  environments: [{name: development}]\n"                                        \
                  "  phases:\n"                                                                    \
                  "    - {name: only, cells: [amber, birch, cedar]}\n"
#define TWO_PHASES                                                                                 \
    PLATFORM_HEAD "  environments: [{name: development}]\n"                                        \
                  "  phases:\n"                                                                    \
                  "    - {name: first, cells: [amber]}\n"                                          \
                  "    - {name: second, cells: [birch, cedar]}\n"

/* Connections of all components of a cell to these cells; "" = none. */
static char *extra(const char *depends, const char *to, const char *rollout)
{
    char *text = NULL;
    char connections[512] = "", variables[512] = "";
    for (const char *at = to; *at != '\0'; at += strcspn(at, " ")) {
        at += strspn(at, " ");
        const int length = (int)strcspn(at, " ");
        const size_t used = strlen(connections), told = strlen(variables);
        snprintf(connections + used, sizeof connections - used,
                 "    - {name: to-%.*s, target: acme-%.*s, protocol: http, port: 8080}\n", length,
                 at, length, at);
        snprintf(variables + told, sizeof variables - told,
                 "    - {name: TO_%.*s, value: \"${CHOREO_CONNECTION_to-%.*s}\"}\n", length, at,
                 length, at);
    }
    cr_assert_geq(asprintf(&text, "%s%s%s%s%s%s", depends, rollout,
                           connections[0] == '\0' ? "" : "  connections:\n", connections,
                           variables[0] == '\0' ? "" : "  env:\n", variables),
                  0);
    return text;
}

struct ring {
    const char *what, *platform;
    const char *depends[3], *to[3]; /* of amber, birch, cedar */
    const char *rollout;
};

static const char canary[] =
    "  rollout: {strategy: canary, steps: [{weight: 50, soak: 10s}], bake: 10s}\n";

static const struct ring rings[] = {
    {"both ways", ONE_PHASE, {"", "", ""}, {"birch", "amber", ""}, ""},
    {"all three", ONE_PHASE, {"", "", ""}, {"birch", "cedar", "amber"}, ""},
    {"each to each", ONE_PHASE, {"", "", ""}, {"birch cedar", "amber cedar", "amber birch"}, ""},
    {"a pair and one more", ONE_PHASE, {"", "", ""}, {"birch", "amber", "birch"}, ""},
    {"to itself", ONE_PHASE, {"", "", ""}, {"amber", "", ""}, ""},
    {"with an order", ONE_PHASE, {"  dependsOn: [birch]\n", "", ""}, {"birch", "amber", ""}, ""},
    {"against the order", ONE_PHASE, {"  dependsOn: [birch]\n", "", ""}, {"", "amber", ""}, ""},
    {"against a longer order",
     ONE_PHASE,
     {"  dependsOn: [birch]\n", "  dependsOn: [cedar]\n", ""},
     {"", "", "amber"},
     ""},
    {"an order and a connection in a circle",
     ONE_PHASE,
     {"  dependsOn: [birch]\n", "", ""},
     {"", "cedar", "amber"},
     ""},
    {"to a later phase", TWO_PHASES, {"", "", ""}, {"birch", "", ""}, ""},
    {"phases and both ways", TWO_PHASES, {"", "", ""}, {"birch", "amber cedar", "birch"}, ""},
    {"canaries", ONE_PHASE, {"", "", ""}, {"birch", "cedar", "amber"}, canary},
};

static void commit(struct world *world, const struct ring *ring, int revision, const char *image)
{
    char *texts[3];
    for (size_t i = 0; i < 3; i++)
        texts[i] = extra(ring->depends[i], ring->to[i], ring->rollout);
    repository_commit(world, revision, ring->platform, "amber", image, texts[0], "birch", image,
                      texts[1], "cedar", image, texts[2], NULL);
    for (size_t i = 0; i < 3; i++)
        free(texts[i]);
}

Test(ring, converges_from_nothing)
{
    for (size_t i = 0; i < sizeof rings / sizeof *rings; i++) {
        struct world *world = repository_world();
        commit(world, &rings[i], 1, "registry.example/one:1");
        expect_condition(world, CONDITION_CONVERGED);
        cr_expect(!world_published(world, "rollback-started", NULL), "%s", rings[i].what);
        expect_no_dangers(world);
        expect_silence(world);
        commit(world, &rings[i], 2, "registry.example/one:2");
        world_run(world, 1000);
        expect_condition(world, CONDITION_CONVERGED);
        expect_runs(world, rings[i].rollout == canary ? "amber-api-b" : "amber-api-a",
                    "development", "registry.example/one:2");
        expect_no_dangers(world);
        world_free(world);
    }
}

static size_t first_write(const struct world *world, const char *binding)
{
    for (size_t i = 0; i < platform_log_count(world->platform); i++) {
        const struct platform_logged *entry = platform_log_at(world->platform, i);
        if (strcmp(entry->method, "GET") != 0 && entry->body != NULL &&
            strstr(entry->path, "releasebindings") != NULL && strstr(entry->body, binding) != NULL)
            return i;
    }
    return SIZE_MAX;
}

/* Pods come in the order that the manifests say, addresses before that. */
Test(ring, keeps_the_order_of_cells_and_phases)
{
    static const char *const first[] = {
        [5] = "birch", [6] = "birch", [7] = "cedar", [9] = "amber", [10] = "amber"};
    for (size_t i = 0; i < sizeof first / sizeof *first; i++) {
        if (first[i] == NULL)
            continue;
        struct world *world = repository_world();
        commit(world, &rings[i], 1, "registry.example/one:1");
        expect_condition(world, CONDITION_CONVERGED);
        const char *last = strcmp(first[i], "amber") == 0 ? "birch" : "amber";
        char slots[2][64], route[64];
        snprintf(slots[0], sizeof slots[0], "\"%s-api-a-development\"", first[i]);
        snprintf(slots[1], sizeof slots[1], "\"%s-api-a-development\"", last);
        snprintf(route, sizeof route, "\"%s-api-development\"", last);
        cr_expect_lt(first_write(world, slots[0]), first_write(world, slots[1]), "%s",
                     rings[i].what);
        cr_expect_lt(first_write(world, route), first_write(world, slots[0]), "%s", rings[i].what);
        world_free(world);
    }
}

/* Two components of one cell. */
Test(ring, within_a_cell)
{
    static const char text[] =
        "raw:apiVersion: celld.dev/v1\nkind: Cell\nmetadata: {name: shop}\nspec:\n"
        "  components:\n"
        "    - name: front\n      type: service\n      image: registry.example/front:1\n"
        "      endpoints: [{name: http, type: http, port: 8080, visibility: [external]}]\n"
        "      connections: [{name: ledger, target: acme-shop, protocol: grpc, port: 9000}]\n"
        "      env: [{name: LEDGER, value: \"${CHOREO_CONNECTION_ledger}\"}]\n"
        "    - name: ledger\n      type: service\n      image: registry.example/ledger:1\n"
        "      endpoints: [{name: rpc, type: grpc, port: 9000, visibility: [project]}]\n"
        "      connections: [{name: front, target: acme-shop, protocol: http, port: 8080}]\n"
        "      env: [{name: FRONT, value: \"${CHOREO_CONNECTION_front}\"}]\n";
    struct world *world = repository_world();
    repository_commit(world, 1, platform_small, "shop", text, NULL, NULL);
    expect_condition(world, CONDITION_CONVERGED);
    expect_runs(world, "front-a", "development", "registry.example/front:1");
    expect_no_dangers(world);
    world_free(world);
}

static const char both[] =
    "  connections: [{name: other, target: acme-%s, protocol: http, port: 8080}]\n"
    "  env: [{name: OTHER, value: \"${CHOREO_CONNECTION_other}\"}]\n";

/* amber and birch connect to each other. */
static void commit_pair(struct world *world, int revision, const char *platform, const char *amber,
                        const char *birch)
{
    char texts[2][256];
    snprintf(texts[0], sizeof texts[0], both, "birch");
    snprintf(texts[1], sizeof texts[1], both, "amber");
    repository_commit(world, revision, platform, "amber", amber, texts[0], "birch", birch, texts[1],
                      NULL);
}

#define PAIR "  phases: [{name: only, cells: [amber, birch]}]\n"

static const char platform_pair[] = PLATFORM_HEAD "  environments: [{name: development}]\n" PAIR;

/* Wherever it dies, it goes on to the same end. */
Test(ring, converges_though_it_is_killed)
{
    uint64_t writes = 0;
    for (int64_t at = 0; at < 6000; at += 150) {
        struct world *world = repository_world();
        commit_pair(world, 1, platform_pair, "registry.example/one:1", "registry.example/one:1");
        world_run(world, at);
        world_kill(world);
        expect_condition(world, CONDITION_CONVERGED);
        expect_runs(world, "amber-api-a", "development", "registry.example/one:1");
        expect_runs(world, "birch-api-a", "development", "registry.example/one:1");
        cr_expect(!world_published(world, "rollback-started", NULL));
        expect_no_dangers(world);
        writes = world->writes;
        world_free(world);
    }
    cr_expect_gt(writes, 0u);
}

/* The journal is lost while only addresses stand: they are no releases. */
Test(ring, converges_though_the_journal_is_lost)
{
    for (int64_t at = 0; at < 6000; at += 500) {
        struct world *world = repository_world();
        commit_pair(world, 1, platform_pair, "registry.example/one:1", "registry.example/one:1");
        world_run(world, at);
        world_lose_journal(world);
        expect_condition(world, CONDITION_CONVERGED);
        expect_runs(world, "amber-api-a", "development", "registry.example/one:1");
        expect_runs(world, "birch-api-a", "development", "registry.example/one:1");
        expect_no_dangers(world);
        world_free(world);
    }
}

/* A gate that is closed for one of them holds up both, and nothing is written of either. */
Test(ring, waits_for_the_gates_of_all)
{
    static const char gated[] =
        PLATFORM_HEAD "  environments:\n    - {name: development}\n"
                      "    - {name: testing, gates: [{name: approval, manual: {}}]}\n" PAIR;
    struct world *world = repository_world();
    commit_pair(world, 1, gated, "registry.example/one:1", "registry.example/one:1");
    expect_condition(world, CONDITION_HELD);
    expect_runs(world, "amber-api-a", "development", "registry.example/one:1");
    bool done = false;
    world_command(
        world, "approve",
        json_pack("{s:s, s:s, s:s}", "cell", "amber", "environment", "testing", "gate", "approval"),
        &done);
    cr_assert(done);
    world_run(world, MINUTES(1));
    expect_condition(world, CONDITION_HELD);
    expect_why(world, "amber", "testing",
               "amber-api waits for birch-api of birch, which it connects to and which waits for "
               "it in turn, and may not begin yet");
    cr_expect_eq(first_write(world, "\"birch-api-testing\""), SIZE_MAX);
    world_command(
        world, "approve",
        json_pack("{s:s, s:s, s:s}", "cell", "birch", "environment", "testing", "gate", "approval"),
        &done);
    cr_assert(done);
    expect_condition(world, CONDITION_CONVERGED);
    expect_runs(world, "amber-api-a", "testing", "registry.example/one:1");
    expect_no_dangers(world);
    world_free(world);
}

/* One of them never becomes ready: its address stays for the other, which runs. */
Test(ring, one_that_fails_leaves_its_address)
{
    struct world *world = repository_world();
    commit_pair(world, 1, platform_pair, "registry.example/one:1", "registry.example/broken:1");
    expect_condition(world, CONDITION_HELD);
    expect_runs(world, "amber-api-a", "development", "registry.example/one:1");
    json_t *route =
        platform_object(world->platform, "releasebindings", "acme", "birch-api-development");
    cr_expect_str_eq(json_text_or(json_at(route, "spec", "state", NULL), ""), "Active");
    cr_expect_eq(json_array_size(
                     json_at(route, "spec", "componentTypeEnvironmentConfigs", "backends", NULL)),
                 0u);
    json_decref(route);
    expect_silence(world);
    world_kill(world);
    world_run(world, MINUTES(2));
    expect_silence(world);
    commit_pair(world, 2, platform_pair, "registry.example/one:1", "registry.example/one:2");
    expect_condition(world, CONDITION_CONVERGED);
    expect_runs(world, "birch-api-a", "development", "registry.example/one:2");
    expect_no_dangers(world);
    world_free(world);
}

/* Two that stand begin to need of each other what neither has. */
static void commit_grown(struct world *world, int revision, bool more, bool connected)
{
    static const char form[] =
        "raw:apiVersion: celld.dev/v1\nkind: Cell\nmetadata: {name: %s}\nspec:\n"
        "  components:\n    - name: %s-api\n      type: service\n"
        "      image: registry.example/one:%d\n      endpoints:\n"
        "        - {name: http, type: http, port: 8080, visibility: [namespace]}\n%s%s%s%s";
    char *texts[2];
    for (size_t i = 0; i < 2; i++) {
        const char *own = i == 0 ? "amber" : "birch", *other = i == 0 ? "birch" : "amber";
        cr_assert_gt(asprintf(&texts[i], form, own, own, revision,
                              more ? "        - {name: rpc, type: grpc, port: 9000, visibility: "
                                     "[namespace]}\n"
                                   : "",
                              connected
                                  ? "  connections: [{name: other, protocol: grpc, port: 9000, "
                                    "target: acme-"
                                  : "",
                              connected ? other : "",
                              connected ? "}]\n  env: [{name: OTHER, value: "
                                          "\"${CHOREO_CONNECTION_other}\"}]\n"
                                        : ""),
                     0);
    }
    repository_commit(world, revision, platform_pair, "amber", texts[0], NULL, "birch", texts[1],
                      NULL, NULL);
    free(texts[0]);
    free(texts[1]);
    world_run(world, 1000);
}

Test(ring, of_new_endpoints_takes_two_commits)
{
    struct world *world = repository_world();
    commit_grown(world, 1, false, false);
    expect_condition(world, CONDITION_CONVERGED);
    commit_grown(world, 2, true, true);
    expect_condition(world, CONDITION_HELD);
    expect_why(world, "amber", "development",
               "amber-api waits for an endpoint of birch-api of birch, which it connects to and "
               "which waits for it in turn: bring the endpoint in one commit, and the connection "
               "to it in the next");
    cr_expect(!world_published(world, "rollback-started", NULL));
    expect_runs(world, "amber-api-a", "development", "registry.example/one:1");
    expect_silence(world);
    commit_grown(world, 3, true, false);
    expect_condition(world, CONDITION_CONVERGED);
    commit_grown(world, 4, true, true);
    expect_condition(world, CONDITION_CONVERGED);
    expect_runs(world, "birch-api-a", "development", "registry.example/one:4");
    expect_no_dangers(world);
    world_free(world);
}

/* A place for one only. */
Test(ring, converges_one_after_the_other)
{
    struct world_options options;
    world_options_default(&options);
    options.engine.parallel_nodes = 1;
    struct world *world = world_new(&options);
    commit_pair(world, 1, platform_pair, "registry.example/one:1", "registry.example/one:1");
    expect_condition(world, CONDITION_CONVERGED);
    expect_no_dangers(world);
    world_free(world);
}

/* Somebody else's component has the name: that is told, and who needs its address does not begin.
 */
Test(ring, an_address_that_cannot_be_made_is_told)
{
    struct world *world = repository_world();
    expect_created(world, "/api/v1/namespaces", "{\"metadata\":{\"name\":\"acme\"}}");
    expect_created(world, "/api/v1/namespaces/acme/projects",
                   "{\"metadata\":{\"name\":\"theirs\"},\"spec\":{\"deploymentPipelineRef\":"
                   "{\"name\":\"acme\"}}}");
    expect_created(world, "/api/v1/namespaces/acme/components",
                   "{\"metadata\":{\"name\":\"birch-api\"},\"spec\":{\"owner\":{\"projectName\":"
                   "\"theirs\"},\"componentType\":{\"kind\":\"ClusterComponentType\",\"name\":"
                   "\"deployment/service\"}}}");
    commit_pair(world, 1, platform_pair, "registry.example/one:1", "registry.example/one:1");
    expect_condition(world, CONDITION_HELD);
    expect_why(world, "birch", "development", "birch-api");
    expect_why(world, "amber", "development", "amber-api waits for birch-api of birch");
    cr_expect(!world_published(world, "rollout-started", "amber"));
    expect_silence(world);
    world_free(world);
}

/* What is still to be built is built first, though its phase is not there yet. */
Test(ring, waits_for_an_image)
{
    static const char *const platforms[] = {
        PLATFORM_HEAD "  environments: [{name: development}]\n"
                      "  phases: [{name: only, cells: [amber, shop]}]\n",
        PLATFORM_HEAD "  environments: [{name: development}]\n"
                      "  phases: [{name: first, cells: [amber]}, {name: second, cells: [shop]}]\n",
    };
    static const char built[] =
        "raw:apiVersion: celld.dev/v1\nkind: Cell\nmetadata: {name: shop}\nspec:\n"
        "  components:\n    - name: shop-api\n      type: service\n      source: src/shop\n"
        "      build: {workflow: {name: image}}\n      endpoints:\n"
        "        - {name: http, type: http, port: 8080, visibility: [namespace]}\n"
        "  connections: [{name: other, target: acme-amber, protocol: http, port: 8080}]\n"
        "  env: [{name: OTHER, value: \"${CHOREO_CONNECTION_other}\"}]\n";
    for (size_t i = 0; i < 2; i++) {
        struct world *world = repository_world();
        building_add_workflow(world, NULL);
        world->trees = &building_first;
        world->tree_count = 1;
        char amber[256];
        snprintf(amber, sizeof amber, both, "shop");
        repository_commit(world, 1, platforms[i], "amber", "registry.example/one:1", amber, "shop",
                          built, NULL, NULL);
        cr_assert(
            building_until(world, CONDITION_CONVERGED, "registry.example/shop:1", MINUTES(20)));
        expect_runs(world, "amber-api-a", "development", "registry.example/one:1");
        expect_runs(world, "shop-api-a", "development", "registry.example/shop:1");
        cr_expect(!world_published(world, "rollback-started", NULL));
        expect_no_dangers(world);
        world_free(world);
    }
}

/* The environment has no internal gateway, which the control plane says when it renders. */
Test(ring, an_address_that_cannot_be_rendered_is_no_work)
{
    static const char form[] =
        "raw:apiVersion: celld.dev/v1\nkind: Cell\nmetadata: {name: %s}\nspec:\n"
        "  components:\n    - name: %s-api\n      type: service\n"
        "      image: registry.example/one:1\n      endpoints:\n"
        "        - {name: http, type: http, port: 8080, visibility: [namespace, internal]}\n"
        "  connections: [{name: other, target: acme-%s, protocol: http, port: 8080}]\n"
        "  env: [{name: OTHER, value: \"${CHOREO_CONNECTION_other}\"}]\n";
    struct world *world = repository_world();
    json_t *patch = json_pack("{s:{s:{s:{s:n}}}}", "spec", "gateway", "ingress", "internal");
    expect_changed(world, "clusterdataplanes", NULL, "us", patch);
    char texts[2][1024];
    snprintf(texts[0], sizeof texts[0], form, "amber", "amber", "birch");
    snprintf(texts[1], sizeof texts[1], form, "birch", "birch", "amber");
    repository_commit(world, 1, platform_pair, "amber", texts[0], NULL, "birch", texts[1], NULL,
                      NULL);
    expect_condition(world, CONDITION_HELD);
    expect_why(world, "amber", "development", "amber-api waits for birch-api of birch");
    cr_expect(!world_published(world, "rollout-started", NULL));
    world_free(world);
}
