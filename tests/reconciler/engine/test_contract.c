/* Endpoints that others are connected to are not taken away from under them. */
#include "config/base/json.h"
#include "tests/reconciler/engine/expect.h"

#include <criterion/criterion.h>

#include <stdlib.h>
#include <string.h>

TestSuite(contract, .timeout = 120);

static const char platform[] = PLATFORM_HEAD "  environments: [{name: development}]\n"
                                             "  phases:\n"
                                             "    - {name: first, cells: [billing]}\n"
                                             "    - {name: second, cells: [shop]}\n";

#define HTTP "        - {name: http, type: http, port: 8080, visibility: [namespace, external]}\n"
#define RPC "        - {name: rpc, type: grpc, port: 9000, visibility: [namespace]}\n"
#define CONNECTED                                                                                  \
    "      connections: [{name: ledger, target: acme-billing, protocol: grpc, port: 9000}]\n"      \
    "      env: [{name: LEDGER, value: \"${CHOREO_CONNECTION_ledger}\"}]\n"

static char *billing(const char *image, const char *endpoints)
{
    char *text = NULL;
    cr_assert_gt(asprintf(&text,
                          "raw:apiVersion: celld.dev/v1\nkind: Cell\nmetadata: {name: billing}\n"
                          "spec:\n  components:\n    - name: billing-api\n      type: service\n"
                          "      image: registry.example/%s\n      endpoints:\n%s",
                          image, endpoints),
                 0);
    return text;
}

static char *shop(const char *image, const char *connections)
{
    char *text = NULL;
    cr_assert_gt(asprintf(&text,
                          "raw:apiVersion: celld.dev/v1\nkind: Cell\nmetadata: {name: shop}\n"
                          "spec:\n  components:\n    - name: shop-api\n      type: service\n"
                          "      image: registry.example/%s\n      endpoints:\n" HTTP "%s",
                          image, connections),
                 0);
    return text;
}

static void commit(struct world *world, int revision, char *first, char *second)
{
    repository_commit(world, revision, platform, "billing", first, NULL, "shop", second, NULL,
                      NULL);
    free(first);
    free(second);
    world_run(world, 1000);
}

static struct world *connected(void)
{
    struct world *world = repository_world();
    commit(world, 1, billing("billing:1", HTTP RPC), shop("shop:1", CONNECTED));
    expect_condition(world, CONDITION_CONVERGED);
    return world;
}

Test(contract, what_a_live_consumer_needs_is_refused_to_go)
{
    static const struct {
        const char *what, *endpoints, *shop, *message;
    } rows[] = {
        {"dropped", HTTP, CONNECTED,
         "shop-api of cell shop connects to endpoint rpc (gRPC) of billing-api, which this "
         "release does not have: keep it until shop-api does without"},
        {"another protocol",
         HTTP "        - {name: rpc, type: tcp, port: 9000, visibility: [namespace]}\n", CONNECTED,
         "serves by another protocol"},
        {"hidden", HTTP "        - {name: rpc, type: grpc, port: 9000, visibility: [project]}\n",
         CONNECTED, "no longer shows to other cells"},
        {"in one commit with its use", HTTP, "", "does not have"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct world *world = connected();
        commit(world, 2, billing("billing:2", rows[i].endpoints), shop("shop:2", rows[i].shop));
        expect_condition(world, CONDITION_HELD);
        expect_runs(world, "billing-api-a", "development", "registry.example/billing:1");
        cr_expect(world_published(world, "rollout-held", "billing"), "%s", rows[i].what);
        expect_why(world, "billing", "development", rows[i].message);
        expect_silence(world);
        world_kill(world);
        world_run(world, MINUTES(2));
        expect_why(world, "billing", "development", rows[i].message);
        expect_runs(world, "billing-api-a", "development", "registry.example/billing:1");
        /* First the consumer, then the provider. */
        commit(world, 3, billing("billing:2", HTTP RPC), shop("shop:2", ""));
        expect_condition(world, CONDITION_CONVERGED);
        commit(world, 4, billing("billing:2", HTTP), shop("shop:2", ""));
        expect_condition(world, CONDITION_CONVERGED);
        expect_runs(world, "billing-api-a", "development", "registry.example/billing:2");
        expect_no_dangers(world);
        world_free(world);
    }
}

Test(contract, what_nobody_needs_may_go)
{
    struct world *world = connected();
    commit(world, 2, billing("billing:2", RPC), shop("shop:1", CONNECTED));
    expect_condition(world, CONDITION_CONVERGED);
    expect_runs(world, "billing-api-a", "development", "registry.example/billing:2");
    cr_expect(!world_published(world, "rollout-held", NULL));
    expect_no_dangers(world);
    world_free(world);
}

/* Two components of one cell. */
static void commit_pair(struct world *world, int revision, const char *image, const char *endpoints,
                        const char *connections)
{
    char *text = NULL;
    cr_assert_gt(asprintf(&text,
                          "raw:apiVersion: celld.dev/v1\nkind: Cell\nmetadata: {name: shop}\n"
                          "spec:\n  components:\n"
                          "    - name: ledger\n      type: service\n"
                          "      image: registry.example/ledger:%s\n      endpoints:\n%s"
                          "    - name: front\n      type: service\n"
                          "      image: registry.example/front:%s\n      endpoints:\n" HTTP "%s",
                          image, endpoints, image, connections),
                 0);
    repository_commit(world, revision, platform_small, "shop", text, NULL, NULL);
    free(text);
    world_run(world, 1000);
}

#define BESIDE                                                                                     \
    "      connections: [{name: ledger, target: acme-shop, protocol: grpc, port: 9000}]\n"         \
    "      env: [{name: LEDGER, value: \"${CHOREO_CONNECTION_ledger}\"}]\n"

/* Position of the first write that names the release, in the control plane's log. */
static size_t first_write(const struct world *world, const char *binding, size_t from)
{
    for (size_t i = from; i < platform_log_count(world->platform); i++) {
        const struct platform_logged *entry = platform_log_at(world->platform, i);
        if (strcmp(entry->method, "PUT") == 0 && strstr(entry->path, binding) != NULL)
            return i;
    }
    return SIZE_MAX;
}

Test(contract, within_a_cell_the_consumer_goes_first)
{
    struct world *world = repository_world();
    commit_pair(world, 1, "1", HTTP RPC, BESIDE);
    expect_condition(world, CONDITION_CONVERGED);
    const size_t from = platform_log_count(world->platform);
    commit_pair(world, 2, "2", HTTP, "");
    expect_condition(world, CONDITION_CONVERGED);
    expect_runs(world, "front-a", "development", "registry.example/front:2");
    expect_runs(world, "ledger-a", "development", "registry.example/ledger:2");
    cr_expect(!world_published(world, "rollout-held", NULL));
    cr_expect_lt(first_write(world, "releasebindings/front-a-development", from),
                 first_write(world, "releasebindings/ledger-development", from));
    expect_no_dangers(world);
    expect_silence(world);
    world_free(world);
}

Test(contract, a_consumer_waits_for_the_endpoint_that_it_begins_to_use)
{
    struct world *world = repository_world();
    commit_pair(world, 1, "1", HTTP, "");
    expect_condition(world, CONDITION_CONVERGED);
    const size_t from = platform_log_count(world->platform);
    commit_pair(world, 2, "2", HTTP RPC, BESIDE);
    expect_condition(world, CONDITION_CONVERGED);
    expect_runs(world, "front-a", "development", "registry.example/front:2");
    cr_expect_lt(first_write(world, "releasebindings/ledger-development", from),
                 first_write(world, "releasebindings/front-a-development", from));
    expect_no_dangers(world);
    world_free(world);
}

/* --- neither can be first -----------------------------------------------------------------------
 */

#define NEWER "        - {name: rpc2, type: grpc, port: 9001, visibility: [namespace]}\n"
#define TO_NEWER                                                                                   \
    "      connections: [{name: ledger, target: acme-shop, protocol: grpc, port: 9001}]\n"         \
    "      env: [{name: LEDGER, value: \"${CHOREO_CONNECTION_ledger}\"}]\n"

Test(contract, a_release_that_waits_for_who_waits_for_it_is_held)
{
    struct world *world = repository_world();
    commit_pair(world, 1, "1", HTTP RPC, BESIDE);
    expect_condition(world, CONDITION_CONVERGED);
    commit_pair(world, 2, "2", HTTP NEWER, TO_NEWER);
    expect_condition(world, CONDITION_HELD);
    expect_why(world, "shop", "development",
               "front of cell shop connects to endpoint rpc (gRPC) of ledger, which this release "
               "does not have: front waits for this release in turn: keep both in one commit, drop "
               "it in the next");
    expect_runs(world, "front-a", "development", "registry.example/front:1");
    expect_runs(world, "ledger-a", "development", "registry.example/ledger:1");
    expect_silence(world);
    world_kill(world);
    world_run(world, MINUTES(2));
    cr_expect_eq(engine_condition(world->engine), CONDITION_HELD);
    commit_pair(world, 3, "3", HTTP RPC NEWER, TO_NEWER);
    expect_condition(world, CONDITION_CONVERGED);
    commit_pair(world, 4, "4", HTTP NEWER, TO_NEWER);
    expect_condition(world, CONDITION_CONVERGED);
    expect_runs(world, "ledger-a", "development", "registry.example/ledger:4");
    expect_no_dangers(world);
    world_free(world);
}

/* In two cells of one phase, which wait for each other by way of a third. */
static void commit_three(struct world *world, int revision, const char *image, const char *ledger,
                         const char *middle, bool newer)
{
    static const char beside[] =
        PLATFORM_HEAD "  environments: [{name: development}]\n"
                      "  phases: [{name: only, cells: [billing, middle, shop]}]\n";
    static const char form[] = "raw:apiVersion: celld.dev/v1\nkind: Cell\nmetadata: {name: %s}\n"
                               "spec:\n  components:\n    - name: %s-api\n      type: service\n"
                               "      image: registry.example/%s:%s\n      endpoints:\n%s%s%s";
    static const char connection[] =
        "      connections: [{name: up, target: acme-%s, protocol: grpc, port: %d}]\n"
        "      env: [{name: UP, value: \"${CHOREO_CONNECTION_up}\"}]\n";
    char *texts[3], up[2][256];
    snprintf(up[0], sizeof up[0], connection, "billing", newer ? 9001 : 9000);
    snprintf(up[1], sizeof up[1], connection, newer ? "middle" : "billing", newer ? 9001 : 9000);
    cr_assert_gt(asprintf(&texts[0], form, "billing", "billing", "billing", image, ledger, "", ""),
                 0);
    cr_assert_gt(asprintf(&texts[1], form, "middle", "middle", "middle", image, middle, up[0], ""),
                 0);
    cr_assert_gt(asprintf(&texts[2], form, "shop", "shop", "shop", image, HTTP, up[1], ""), 0);
    repository_commit(world, revision, beside, "billing", texts[0], NULL, "middle", texts[1], NULL,
                      "shop", texts[2], NULL, NULL);
    for (size_t i = 0; i < 3; i++)
        free(texts[i]);
    world_run(world, 1000);
}

Test(contract, a_longer_circle_of_waits_is_held)
{
    struct world *world = repository_world();
    commit_three(world, 1, "1", HTTP RPC, HTTP, false);
    expect_condition(world, CONDITION_CONVERGED);
    commit_three(world, 2, "2", HTTP NEWER, HTTP NEWER, true);
    expect_condition(world, CONDITION_HELD);
    expect_why(world, "billing", "development",
               "connects to endpoint rpc (gRPC) of billing-api, which this release does not have");
    expect_why(world, "shop", "development", "middle");
    expect_runs(world, "billing-api-a", "development", "registry.example/billing:1");
    expect_runs(world, "shop-api-a", "development", "registry.example/shop:1");
    expect_silence(world);
    commit_three(world, 3, "3", HTTP RPC NEWER, HTTP NEWER, true);
    expect_condition(world, CONDITION_CONVERGED);
    commit_three(world, 4, "4", HTTP NEWER, HTTP NEWER, true);
    expect_condition(world, CONDITION_CONVERGED);
    expect_runs(world, "billing-api-a", "development", "registry.example/billing:4");
    expect_no_dangers(world);
    world_free(world);
}

/* The consumer in another cell of the phase is about to do without: that is waited for. */
Test(contract, a_release_that_waits_for_another_cell_is_at_work)
{
    struct world *world = repository_world();
    commit_three(world, 1, "1", HTTP RPC, HTTP, false);
    expect_condition(world, CONDITION_CONVERGED);
    commit_three(world, 2, "2", HTTP RPC NEWER, HTTP NEWER, false);
    expect_condition(world, CONDITION_CONVERGED);
    commit_three(world, 3, "3", HTTP NEWER, HTTP NEWER, true);
    cr_expect_eq(engine_condition(world->engine), CONDITION_WORKING);
    expect_condition(world, CONDITION_CONVERGED);
    cr_expect(!world_published(world, "rollout-held", NULL));
    expect_runs(world, "billing-api-a", "development", "registry.example/billing:3");
    expect_no_dangers(world);
    world_free(world);
}
