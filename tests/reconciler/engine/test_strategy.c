/* Strategies on a live component, and changes between them: the routes never lead nowhere. */
#include "config/base/json.h"
#include "tests/reconciler/engine/traffic.h"

#include <criterion/criterion.h>

#include <stdlib.h>
#include <string.h>

TestSuite(strategy, .timeout = 600);

/* --- an outage ----------------------------------------------------------------------------------
 */

static int ready(const struct world *world, const char *component)
{
    return platform_running(world->platform, "acme", component, "development").ready;
}

/* Some backend takes traffic, and all that do have pods. */
static bool rule_serves(const struct world *world, const json_t *rule)
{
    const json_t *backends = json_object_get(rule, "backendRefs");
    json_int_t total = 0;
    for (size_t i = 0; i < json_array_size(backends); i++) {
        const json_t *backend = json_array_get(backends, i);
        const json_int_t weight = json_integer_value(json_object_get(backend, "weight"));
        total += weight;
        if (weight > 0 && ready(world, json_text_or(json_object_get(backend, "name"), "")) == 0)
            return false;
    }
    return total > 0;
}

static size_t count_routes(const struct world *world, const char *kind, bool *ret_serve)
{
    json_t *routes = platform_live_all(world->platform, kind);
    const size_t count = json_array_size(routes);
    for (size_t i = 0; i < count; i++) {
        const json_t *rules = json_at(json_array_get(routes, i), "spec", "rules", NULL);
        for (size_t k = 0; k < json_array_size(rules); k++)
            *ret_serve = rule_serves(world, json_array_get(rules, k)) && *ret_serve;
    }
    json_decref(routes);
    return count;
}

/* The Service that other components call leads to a slot with pods. */
static bool service_serves(const struct world *world)
{
    json_t *services = platform_live_all(world->platform, "Service");
    bool serves = false;
    for (size_t i = 0; i < json_array_size(services); i++) {
        const json_t *service = json_array_get(services, i);
        const char *slot = json_text_or(
            json_object_get(json_at(service, "spec", "selector", NULL), "celld.dev/slot"), "");
        char component[32];
        snprintf(component, sizeof component, "shop-api-%s", slot);
        if (strcmp(json_text_or(json_at(service, "metadata", "name", NULL), ""), "shop-api") == 0)
            serves = slot[0] != '\0' && ready(world, component) > 0;
    }
    json_decref(services);
    return serves;
}

/* At every moment until it has converged. */
static void converge_serving(struct world *world, size_t http, size_t grpc)
{
    const int64_t until = world->now_ms + MINUTES(30);
    const int64_t soonest = world->now_ms + 1000;
    while (world_step(world, until)) {
        bool serve = true;
        cr_assert_eq(count_routes(world, "HTTPRoute", &serve), http, "a route is gone");
        cr_assert_eq(count_routes(world, "GRPCRoute", &serve), grpc, "a route is gone");
        cr_assert(serve, "a route leads nowhere");
        cr_assert(service_serves(world), "the Service leads nowhere");
        if (world->request_count == 0 && world->now_ms > soonest &&
            engine_condition(world->engine) != CONDITION_WORKING)
            break;
    }
    cr_expect_eq(engine_condition(world->engine), CONDITION_CONVERGED);
}

/* --- changes of strategy ------------------------------------------------------------------------
 */

#define ROLLING "  rollout: {strategy: rolling, bake: 10s}\n"
#define CANARY                                                                                     \
    "  rollout: {strategy: canary, bake: 10s, steps: [{weight: 10, soak: 10s}, {weight: 50, "      \
    "soak: 10s}]}\n"
#define BLUE_GREEN "  rollout: {strategy: blue-green, bake: 10s}\n"

static void commit(struct world *world, int revision, const char *extra)
{
    char image[64];
    snprintf(image, sizeof image, "registry.example/shop:%d", revision);
    repository_commit(world, revision, platform_small, "shop", image, extra, NULL);
}

static void expect_slot(const struct world *world, char slot, int revision)
{
    char component[32], image[64];
    snprintf(component, sizeof component, "shop-api-%c", slot);
    snprintf(image, sizeof image, "registry.example/shop:%d", revision);
    expect_runs(world, component, "development", image);
    component[9] = slot == 'a' ? 'b' : 'a';
    cr_expect(!platform_running(world->platform, "acme", component, "development").deployed,
              "%s is still there", component);
}

Test(strategy, changes_on_a_live_component_without_an_outage)
{
    static const struct {
        const char *extra;
        char slot; /* that it ends on */
    } rows[] = {
        {ROLLING, 'a'}, {CANARY, 'b'},  {BLUE_GREEN, 'a'}, {ROLLING, 'a'},
        {CANARY, 'b'},  {ROLLING, 'b'}, {CANARY, 'a'},     {BLUE_GREEN, 'b'},
    };
    struct world *world = repository_world();
    commit(world, 1, rows[0].extra);
    expect_condition(world, CONDITION_CONVERGED);
    for (int i = 1; i < (int)(sizeof rows / sizeof *rows); i++) {
        commit(world, i + 1, rows[i].extra);
        converge_serving(world, 1, 0);
        expect_slot(world, rows[i].slot, i + 1);
    }
    /* The same content by another strategy moves nothing. */
    repository_commit(world, 20, platform_small, "shop", "registry.example/shop:8", ROLLING, NULL);
    const uint64_t writes = world->writes;
    converge_serving(world, 1, 0);
    cr_expect_leq(world->writes - writes, 4);
    expect_slot(world, 'b', 8);
    /* The release before is remembered across all of it. */
    bool ok = false;
    world_command(world, "rollback",
                  json_pack("{s:s, s:s}", "cell", "shop", "target", "development"), &ok);
    cr_expect(ok);
    const int64_t until = world->now_ms + MINUTES(5);
    while (world_step(world, until)) {
        bool serve = true;
        count_routes(world, "HTTPRoute", &serve);
        cr_assert(serve && service_serves(world), "an outage on the way back");
    }
    expect_slot(world, 'a', 7);
    expect_no_dangers(world);
    world_free(world);
}

Test(strategy, the_first_canary_goes_straight_to_all_traffic_and_says_so)
{
    static const char *const extras[] = {CANARY, BLUE_GREEN};
    for (size_t i = 0; i < 2; i++) {
        struct world *world = repository_world();
        commit(world, 1, extras[i]);
        expect_condition(world, CONDITION_CONVERGED);
        expect_slot(world, 'a', 1);
        bool said = false;
        for (size_t k = 0; k < json_array_size(world->published); k++)
            said = said ||
                   strstr(json_text_or(
                              json_object_get(json_array_get(world->published, k), "message"), ""),
                          "there is no stable release yet") != NULL;
        cr_expect(said);
        expect_no_dangers(world);
        expect_silence(world);
        world_free(world);
    }
}

/* --- a journal that is lost ---------------------------------------------------------------------
 */

Test(strategy, what_runs_is_not_rolled_out_again_when_the_journal_is_lost)
{
    static const struct {
        const char *extra;
        char slot; /* of the second release */
    } rows[] = {{ROLLING, 'a'}, {CANARY, 'b'}, {BLUE_GREEN, 'b'}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct world *world = repository_world();
        for (int revision = 1; revision <= 2; revision++) {
            commit(world, revision, rows[i].extra);
            expect_condition(world, CONDITION_CONVERGED);
        }
        world_run(world, MINUTES(1));
        const uint64_t writes = world->writes;
        world_lose_journal(world);
        converge_serving(world, 1, 0);
        cr_expect_eq(world->writes, writes, "%s", rows[i].extra);
        expect_slot(world, rows[i].slot, 2);
        cr_expect(world_published(world, "rollout-found", "shop"));
        /* What ran is what the next one can go back to. */
        repository_commit(world, 3, platform_small, "shop", "registry.example/broken:3",
                          rows[i].extra, NULL);
        expect_condition(world, CONDITION_HELD);
        bool serve = true;
        cr_expect_eq(count_routes(world, "HTTPRoute", &serve), 1);
        cr_expect(serve && service_serves(world), "%s", rows[i].extra);
        expect_slot(world, rows[i].slot, 2);
        expect_no_dangers(world);
        world_free(world);
    }
}

/* Steps of the world at which it is lost: before the release, on its steps, in the bake, after. */
Test(strategy, a_rollout_begins_anew_from_the_old_release_when_the_journal_is_lost)
{
    static const char *const extras[] = {ROLLING, CANARY, BLUE_GREEN};
    for (size_t i = 0; i < 24; i++) {
        struct world *world = repository_world();
        commit(world, 1, extras[i / 8]);
        expect_condition(world, CONDITION_CONVERGED);
        commit(world, 2, extras[i / 8]);
        world_run(world, 500 + (int64_t)(i % 8) * 5000);
        world_lose_journal(world);
        converge_serving(world, 1, 0);
        const char slot =
            platform_running(world->platform, "acme", "shop-api-a", "development").deployed ? 'a'
                                                                                            : 'b';
        expect_slot(world, slot, 2);
        expect_no_dangers(world);
        expect_silence(world);
        world_free(world);
    }
}

/* --- kinds of endpoints -------------------------------------------------------------------------
 */

static char *mixed_cell(int revision, const char *rollout)
{
    char *text = NULL;
    cr_assert_gt(
        asprintf(&text,
                 "raw:apiVersion: celld.dev/v1\nkind: Cell\nmetadata: {name: shop}\n"
                 "spec:\n  components:\n    - name: shop-api\n      type: service\n"
                 "      image: registry.example/shop:%d\n      endpoints:\n"
                 "        - {name: http, type: http, port: 8080, visibility: [external]}\n"
                 "        - {name: live, type: websocket, port: 8081, visibility: [external, "
                 "internal]}\n"
                 "        - {name: graph, type: graphql, port: 8082, visibility: [internal]}\n"
                 "        - {name: rpc, type: grpc, port: 9000, visibility: [external]}\n"
                 "        - {name: raw, type: tcp, port: 9100, visibility: [namespace]}\n"
                 "%s",
                 revision, rollout),
        0);
    return text;
}

static void commit_mixed(struct world *world, int revision, const char *rollout)
{
    char *text = mixed_cell(revision, rollout);
    repository_commit(world, revision, platform_small, "shop", text, NULL, NULL);
    free(text);
}

/* The weights of slot b in all routes; -1 = they differ. */
static json_int_t weight_of_b(const struct world *world, size_t *ret_rules)
{
    static const char *const kinds[] = {"HTTPRoute", "GRPCRoute"};
    json_int_t found = -2;
    *ret_rules = 0;
    for (size_t k = 0; k < 2; k++) {
        json_t *routes = platform_live_all(world->platform, kinds[k]);
        for (size_t i = 0; i < json_array_size(routes); i++) {
            const json_t *rules = json_at(json_array_get(routes, i), "spec", "rules", NULL);
            const json_t *last = json_array_get(rules, json_array_size(rules) - 1);
            const json_t *b = json_array_get(json_object_get(last, "backendRefs"), 1);
            const json_int_t weight = json_integer_value(json_object_get(b, "weight"));
            found = found == -2 || found == weight ? weight : -1;
            *ret_rules += json_array_size(rules);
        }
        json_decref(routes);
    }
    return found;
}

Test(strategy, every_kind_of_route_follows_a_canary)
{
    struct world *world = repository_world();
    commit_mixed(world, 1, CANARY);
    expect_condition(world, CONDITION_CONVERGED);
    commit_mixed(world, 2, CANARY);
    bool ten = false, fifty = false;
    size_t rules = 0;
    for (int i = 0; i < 600 && !fifty; i++) {
        world_run(world, 200);
        const json_int_t weight = weight_of_b(world, &rules);
        ten = ten || weight == 10;
        fifty = ten && weight == 50;
    }
    cr_expect(ten && fifty);
    cr_expect_eq(rules, 5);
    converge_serving(world, 4, 1);
    expect_slot(world, 'b', 2);
    expect_no_dangers(world);
    world_free(world);
}

/* --- matches ------------------------------------------------------------------------------------
 */

#define TESTERS                                                                                    \
    "  rollout:\n"                                                                                 \
    "    strategy: canary\n"                                                                       \
    "    steps:\n"                                                                                 \
    "      - {weight: 0, pause: true, match: {headers: [{name: x-canary, value: always}], "        \
    "cookies: [{name: tester, value: \"a.b\"}]}}\n"                                                \
    "      - {weight: 50, soak: 10s}\n"

static json_t *front_rule(const struct world *world, const char *kind)
{
    json_t *routes = platform_live_all(world->platform, kind);
    const json_t *rules = json_at(json_array_get(routes, 0), "spec", "rules", NULL);
    json_t *rule =
        json_array_size(rules) == 2 ? json_incref(json_array_get(rules, 0)) : json_object();
    json_decref(routes);
    return rule;
}

static void expect_front(const struct world *world, const char *kind)
{
    json_t *rule = front_rule(world, kind);
    const json_t *matches = json_object_get(rule, "matches");
    cr_expect_eq(json_array_size(matches), 2, "%s", kind);
    const json_t *header =
        json_array_get(json_object_get(json_array_get(matches, 0), "headers"), 0);
    const json_t *cookie =
        json_array_get(json_object_get(json_array_get(matches, 1), "headers"), 0);
    cr_expect_str_eq(json_text_or(json_object_get(header, "name"), ""), "x-canary");
    cr_expect_str_eq(json_text_or(json_object_get(header, "type"), ""), "Exact");
    cr_expect_str_eq(json_text_or(json_object_get(cookie, "name"), ""), "Cookie");
    cr_expect_str_eq(json_text_or(json_object_get(cookie, "value"), ""),
                     "^(.*; *)?tester=a\\.b(;.*)?$");
    const json_t *backends = json_object_get(rule, "backendRefs");
    cr_expect_eq(json_array_size(backends), 1);
    cr_expect_str_eq(json_text_or(json_object_get(json_array_get(backends, 0), "name"), ""),
                     "shop-api-b");
    json_decref(rule);
}

Test(strategy, testers_reach_the_new_release_before_it_has_any_weight)
{
    static const bool steps_come_first[] = {true, false};
    for (size_t i = 0; i < 2; i++) {
        struct world *world = repository_world();
        commit_mixed(world, 1, CANARY);
        expect_condition(world, CONDITION_CONVERGED);
        char route[128];
        snprintf(route, sizeof route, "%s", repository_release(world, "shop-api-development"));
        if (steps_come_first[i]) {
            commit_mixed(world, 1, TESTERS);
            converge_serving(world, 4, 1);
            cr_expect_str_neq(repository_release(world, "shop-api-development"), route);
        }
        commit_mixed(world, 2, TESTERS);
        world_run(world, MINUTES(2));
        expect_front(world, "HTTPRoute");
        expect_front(world, "GRPCRoute");
        size_t rules = 0;
        cr_expect_eq(weight_of_b(world, &rules), 0);
        cr_expect_eq(rules, 10);
        expect_why(world, "shop", "development", "paused");
        /* Somebody takes the matches off the binding: they come back. */
        json_t *patch =
            json_pack("{s:{s:{s:[]}}}", "spec", "componentTypeEnvironmentConfigs", "matches");
        expect_changed(world, "releasebindings", "acme", "shop-api-development", patch);
        world_run(world, MINUTES(2));
        expect_front(world, "HTTPRoute");
        world_kill(world);
        world_run(world, MINUTES(2));
        expect_front(world, "HTTPRoute");
        bool ok = false;
        world_command(world, "rollout-promote",
                      json_pack("{s:s, s:s}", "cell", "shop", "target", "development"), &ok);
        cr_expect(ok);
        converge_serving(world, 4, 1);
        expect_slot(world, 'b', 2);
        (void)weight_of_b(world, &rules);
        cr_expect_eq(rules, 5);
        expect_no_dangers(world);
        expect_silence(world);
        world_free(world);
    }
}

/* --- autoscaling --------------------------------------------------------------------------------
 */

#define SCALED "  scaling: {min: 3, max: 6, cpu: 70}\n"

Test(strategy, scaled_components_never_dip)
{
    static const char *const extras[] = {SCALED ROLLING, SCALED CANARY, SCALED BLUE_GREEN,
                                         SCALED ROLLING, SCALED CANARY};
    struct world *world = repository_world();
    commit(world, 1, extras[0]);
    expect_condition(world, CONDITION_CONVERGED);
    world_run(world, MINUTES(2));
    for (int i = 1; i < 5; i++) {
        commit(world, i + 1, extras[i]);
        const int64_t until = world->now_ms + MINUTES(10);
        while (world_step(world, until)) {
            const int most = ready(world, "shop-api-a") > ready(world, "shop-api-b")
                                 ? ready(world, "shop-api-a")
                                 : ready(world, "shop-api-b");
            cr_assert_geq(most, 2, "only %d replicas in step %d", most, i);
            bool serve = true;
            count_routes(world, "HTTPRoute", &serve);
            cr_assert(serve);
        }
        cr_expect_eq(engine_condition(world->engine), CONDITION_CONVERGED);
        json_t *scalers = platform_live_all(world->platform, "HorizontalPodAutoscaler");
        cr_expect_eq(json_array_size(scalers), 1);
        json_decref(scalers);
    }
    expect_no_dangers(world);
    expect_silence(world);
    world_free(world);
}

/* More pods than git allows now carry the traffic: as many as it allows are asked for. */
Test(strategy, a_release_whose_autoscaler_may_make_fewer_replicas_goes_through)
{
    static const char *const strategies[] = {ROLLING, CANARY, BLUE_GREEN};
    for (size_t i = 0; i < sizeof strategies / sizeof *strategies; i++) {
        struct world *world = repository_world();
        commit(world, 1, "  scaling: {min: 5, max: 6, cpu: 70}\n" BLUE_GREEN);
        expect_condition(world, CONDITION_CONVERGED);
        world_run(world, MINUTES(2));
        cr_assert_eq(ready(world, "shop-api-a"), 5);
        char extra[256];
        snprintf(extra, sizeof extra, "  scaling: {min: 1, max: 3, cpu: 70}\n%s", strategies[i]);
        commit(world, 2, extra);
        expect_condition(world, CONDITION_CONVERGED);
        cr_expect_not(world_published(world, "rollback-started", "shop"), "%zu", i);
        cr_expect_not(world_published(world, "rollout-alarm", "shop"), "%zu", i);
        expect_slot(world, i == 0 ? 'a' : 'b', 2);
        expect_no_dangers(world);
        expect_silence(world);
        world_free(world);
    }
}

/* As many pods as carry the traffic now stand on the other side before any of it moves there; what
 * git wants comes once the release is the stable one. */
Test(strategy, a_release_with_fewer_replicas_takes_over_as_many_as_there_were)
{
    static const char *const strategies[] = {"canary, steps: [{weight: 50, soak: 20s}]",
                                             "blue-green"};
    for (size_t i = 0; i < sizeof strategies / sizeof *strategies; i++) {
        struct world *world = repository_world();
        char extra[256];
        for (int revision = 1; revision <= 2; revision++) {
            snprintf(extra, sizeof extra,
                     "      replicas: %d\n  rollout: {strategy: %s, bake: 1m}\n",
                     revision == 1 ? 4 : 2, strategies[i]);
            commit(world, revision, extra);
            if (revision == 1)
                expect_condition(world, CONDITION_CONVERGED);
        }
        bool moved = false;
        while (engine_condition(world->engine) != CONDITION_CONVERGED || !moved) {
            cr_assert(world_step(world, MINUTES(60)));
            if (moved || traffic_weight(world, "b", "development") <= 0)
                continue;
            moved = true;
            cr_expect_geq(ready(world, "shop-api-b"), 4, "%s: %d", strategies[i],
                          ready(world, "shop-api-b"));
        }
        world_run(world, MINUTES(3));
        cr_expect_eq(ready(world, "shop-api-b"), 2, "%s", strategies[i]);
        expect_no_dangers(world);
        expect_silence(world);
        world_free(world);
    }
}
