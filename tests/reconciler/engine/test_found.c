/* The journal is lost while something runs, and what runs is not as celld left it: which release is
 * taken for the stable one, and which is nobody's. */
#include "config/base/digest.h"
#include "config/base/json.h"
#include "reconciler/engine/unit.h"
#include "reconciler/resource/object.h"
#include "tests/reconciler/engine/expect.h"

#include <criterion/criterion.h>

#include <stdio.h>
#include <string.h>

TestSuite(found, .timeout = 600);

#define CANARY                                                                                     \
    "  rollout: {strategy: canary, bake: 10s, steps: [{weight: 10, soak: 10m}, {weight: 50, "      \
    "soak: 10s}]}\n"

static void commit(struct world *world, int revision, const char *extra)
{
    char image[64];
    snprintf(image, sizeof image, "registry.example/shop:%d", revision);
    repository_commit(world, revision, platform_small, "shop", image, extra, NULL);
}

static void tamper(struct world *world, const char *name, json_t *patch)
{
    expect_changed(world, "releasebindings", "acme", name, patch);
}

/* What was said of the release that was found; "" = nothing. Borrowed from the world. */
static const char *said(const struct world *world)
{
    const char *message = "";
    size_t i;
    const json_t *event;
    json_array_foreach(world->published, i, event)
    {
        if (strcmp(json_text_or(json_object_get(event, "type"), ""), "rollout-found") == 0)
            message = json_text_or(json_object_get(event, "message"), "");
    }
    return message;
}

/* The digest at the end of the release's name that a slot is bound to. */
static void digest_of_slot(const struct world *world, char slot, char ret_digest[static 64])
{
    char binding[64];
    snprintf(binding, sizeof binding, "shop-api-%c-development", slot);
    const char *name = repository_release(world, binding);
    cr_assert_gt(strlen(name), DIGEST_SHORT);
    snprintf(ret_digest, 64, "%s", name + strlen(name) - DIGEST_SHORT);
}

static void weigh(struct world *world, const char *active, int a, int b)
{
    json_t *route =
        platform_object(world->platform, "releasebindings", "acme", "shop-api-development");
    json_t *configs =
        json_object_get(json_object_get(route, "spec"), "componentTypeEnvironmentConfigs");
    json_t *backends = json_object_get(configs, "backends");
    cr_assert_eq(json_array_size(backends), 2);
    size_t i;
    json_t *backend;
    json_array_foreach(backends, i, backend)
    {
        const bool first =
            strcmp(json_text_or(json_object_get(backend, "name"), ""), "shop-api-a") == 0;
        json_object_set_new(backend, "weight", json_integer(first ? a : b));
    }
    tamper(world, "shop-api-development",
           json_pack("{s:{s:{s:s, s:O}}}", "spec", "componentTypeEnvironmentConfigs", "activeSlot",
                     active, "backends", backends));
    json_decref(route);
}

/* The first release runs in slot a, the second in slot b on the first step of its canary. */
static struct world *on_the_first_step(void)
{
    struct world *world = repository_world();
    commit(world, 1, CANARY);
    expect_condition(world, CONDITION_CONVERGED);
    commit(world, 2, CANARY);
    world_run(world, MINUTES(2));
    expect_runs(world, "shop-api-a", "development", "registry.example/shop:1");
    expect_runs(world, "shop-api-b", "development", "registry.example/shop:2");
    return world;
}

Test(found, the_slot_that_is_named_or_else_the_one_with_more_of_the_traffic_is_stable)
{
    static const struct {
        const char *active;
        int a, b;
        char undeployed; /* 0 = none */
        char stable;     /* 0 = none is found */
    } rows[] = {
        {"a", 10, 90, 0, 'a'},   {"b", 90, 10, 0, 'b'},   {"", 90, 10, 0, 'a'},
        {"c", 10, 90, 0, 'b'},   {"", 0, 0, 0, 0},        {"", 0, 100, 0, 'b'},
        {"a", 90, 10, 'a', 'b'}, {"b", 90, 10, 'b', 'a'}, {"a", 100, 0, 'a', 0},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct world *world = on_the_first_step();
        char digest[64], binding[64], expected[128] = "";
        if (rows[i].stable != 0) {
            digest_of_slot(world, rows[i].stable, digest);
            snprintf(expected, sizeof expected, "release %s runs here already", digest);
        }
        weigh(world, rows[i].active, rows[i].a, rows[i].b);
        if (rows[i].undeployed != 0) {
            snprintf(binding, sizeof binding, "shop-api-%c-development", rows[i].undeployed);
            tamper(world, binding, json_pack("{s:{s:s}}", "spec", "state", "Undeploy"));
        }
        world_lose_journal(world);
        expect_condition(world, CONDITION_CONVERGED);
        expect_silence(world);
        const char *message = said(world);
        cr_expect_eq(strncmp(message, expected, strlen(expected)), 0, "%zu: %s", i, message);
        cr_expect_eq(message[0] == '\0', rows[i].stable == 0, "%zu: %s", i, message);
        /* It says whether git wants another than the one that was found. */
        if (rows[i].stable != 0)
            cr_expect_eq(strstr(message, "git wants another") != NULL, rows[i].stable == 'a',
                         "%zu: %s", i, message);
        const bool a =
            platform_running(world->platform, "acme", "shop-api-a", "development").deployed;
        expect_runs(world, a ? "shop-api-a" : "shop-api-b", "development",
                    "registry.example/shop:2");
        world_free(world);
    }
}

Test(found, a_release_that_somebody_else_named_goes_by_the_digest_of_its_name)
{
    static const struct {
        const char *name, *digest; /* NULL = of the name */
    } rows[] = {
        {"theirs", NULL},                        /* shorter than a digest */
        {"abcdef012345", NULL},                  /* no more than one */
        {"shop-api-axabcdef012345", NULL},       /* none at its end */
        {"shop-api-a-theirsabcdef", NULL},       /* another word there */
        {"theirs-abcdef012345", "abcdef012345"}, /* as celld would */
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct world *world = repository_world();
        commit(world, 1, CANARY);
        expect_condition(world, CONDITION_CONVERGED);
        tamper(world, "shop-api-a-development",
               json_pack("{s:{s:s}}", "spec", "releaseName", rows[i].name));
        world_lose_journal(world);
        expect_condition(world, CONDITION_CONVERGED);
        const struct digest digest = digest_bytes(rows[i].name, strlen(rows[i].name));
        char expected[128];
        snprintf(expected, sizeof expected, "release %.*s runs here already", DIGEST_SHORT,
                 rows[i].digest != NULL ? rows[i].digest : digest.text);
        cr_expect_eq(strncmp(said(world), expected, strlen(expected)), 0, "%s: %s", rows[i].name,
                     said(world));
        cr_expect_not_null(strstr(said(world), "git wants another"), "%s", rows[i].name);
        expect_silence(world);
        world_free(world);
    }
}

/* A binding that deploys nothing is nobody's stable release. */
Test(found, what_is_undeployed_or_names_no_release_is_not_taken)
{
    for (int i = 0; i < 2; i++) {
        struct world *world = repository_world();
        commit(world, 1, CANARY);
        expect_condition(world, CONDITION_CONVERGED);
        tamper(world, "shop-api-development",
               i == 0 ? json_pack("{s:{s:s}}", "spec", "state", "Undeploy")
                      : json_pack("{s:{s:s}}", "spec", "releaseName", ""));
        world_lose_journal(world);
        expect_condition(world, CONDITION_CONVERGED);
        cr_expect_str_eq(said(world), "", "%d", i);
        expect_runs(world, "shop-api-a", "development", "registry.example/shop:1");
        expect_silence(world);
        world_free(world);
    }
}

Test(found, what_is_not_celld_s_is_taken_only_when_the_cell_adopts)
{
    for (int adopt = 0; adopt < 2; adopt++) {
        struct world *world = repository_world();
        const char *extra = adopt == 1 ? "  adopt: true\n" CANARY : CANARY;
        commit(world, 1, extra);
        expect_condition(world, CONDITION_CONVERGED);
        tamper(world, "shop-api-development", json_pack("{s:{s:n}}", "labels", LABEL_MANAGED_BY));
        world_lose_journal(world);
        world_run(world, MINUTES(10));
        cr_expect_eq(said(world)[0] != '\0', adopt == 1, "%s", said(world));
        cr_expect_eq(engine_condition(world->engine) == CONDITION_CONVERGED, adopt == 1);
        expect_runs(world, "shop-api-a", "development", "registry.example/shop:1");
        expect_no_dangers(world);
        world_free(world);
    }
}

/* Nobody sends requests to what the route does not list, whatever runs there. */
Test(found, a_slot_that_the_route_does_not_list_bears_no_traffic)
{
    struct world *world = on_the_first_step();
    char digest[64], expected[128];
    digest_of_slot(world, 'b', digest);
    snprintf(expected, sizeof expected, "release %s runs here already", digest);
    tamper(world, "shop-api-development",
           json_pack("{s:{s:{s:s, s:[{s:s, s:i}]}}}", "spec", "componentTypeEnvironmentConfigs",
                     "activeSlot", "", "backends", "name", "shop-api-b", "weight", 1));
    world_lose_journal(world);
    expect_condition(world, CONDITION_CONVERGED);
    cr_expect_eq(strncmp(said(world), expected, strlen(expected)), 0, "%s", said(world));
    expect_silence(world);
    world_free(world);
}

/* A slot that was handed over to the route's autoscaler stays so: a number of replicas would take
 * away what has been added since. */
Test(found, a_slot_is_scaled_by_whom_it_says)
{
    static const char scaled[] = "  scaling: {min: 3, max: 6, cpu: 70}\n" CANARY;
    for (int by_route = 0; by_route < 2; by_route++) {
        struct world *world = repository_world();
        commit(world, 1, scaled);
        expect_condition(world, CONDITION_CONVERGED);
        tamper(world, "shop-api-a-development",
               by_route == 1
                   ? json_pack("{s:{s:{s:b, s:n}}}", "spec", "componentTypeEnvironmentConfigs",
                               "scaledByRoute", 1, "replicas")
                   : json_pack("{s:{s:{s:b}}}", "spec", "componentTypeEnvironmentConfigs",
                               "scaledByRoute", 0));
        world_lose_journal(world);
        expect_condition(world, CONDITION_CONVERGED);
        cr_expect_neq(said(world)[0], '\0');
        const struct track *track =
            unit_track_find(world->engine, "shop", "shop-api", "development");
        cr_expect_eq(track->rollout.scaled[0], by_route == 1);
        json_t *live =
            platform_object(world->platform, "releasebindings", "acme", "shop-api-a-development");
        const json_t *configs = json_at(live, "spec", "componentTypeEnvironmentConfigs", NULL);
        cr_expect_eq(json_is_true(json_object_get(configs, "scaledByRoute")), by_route == 1);
        cr_expect_eq(json_object_get(configs, "replicas") == NULL, by_route == 1);
        json_decref(live);
        expect_silence(world);
        world_free(world);
    }
}

/* The journal has lost what a slot was made of. What git still wants is made anew; what only the
 * journal could know stays as it is until a newer release takes over. */
Test(found, a_slot_that_nobody_can_make_again_is_left_as_it_is)
{
    static const char paused[] =
        "  rollout: {strategy: canary, bake: 10s, steps: [{weight: 10, pause: true}]}\n";
    for (int newer = 0; newer < 2; newer++) {
        struct world *world = repository_world();
        commit(world, 1, paused);
        expect_condition(world, CONDITION_CONVERGED);
        if (newer == 1) {
            commit(world, 2, paused);
            world_run(world, MINUTES(2));
        }
        unsigned lost = 0;
        for (size_t i = 0; i < world->row_count; i++) {
            if (strcmp(world->rows[i].key, "rollout/shop/shop-api/development") == 0)
                lost += json_object_set_new(json_object_get(world->rows[i].value, "stable"),
                                            "slot_a", json_null()) == 0;
        }
        cr_assert_eq(lost, 1);
        world_kill(world);
        world_run(world, MINUTES(1));
        tamper(
            world, "shop-api-a-development",
            json_pack("{s:{s:{s:i}}}", "spec", "componentTypeEnvironmentConfigs", "replicas", 3));
        world_run(world, MINUTES(8));
        cr_expect_eq(platform_running(world->platform, "acme", "shop-api-a", "development").wanted,
                     newer == 1 ? 3 : 1);
        expect_runs(world, "shop-api-a", "development", "registry.example/shop:1");
        if (newer == 1) {
            bool ok = false;
            world_command(world, "rollout",
                          json_pack("{s:s, s:s, s:s, s:s}", "action", "resume", "cell", "shop",
                                    "component", "shop-api", "target", "development"),
                          &ok);
            cr_expect(ok);
            expect_condition(world, CONDITION_CONVERGED);
            expect_runs(world, "shop-api-b", "development", "registry.example/shop:2");
        }
        expect_no_dangers(world);
        world_free(world);
    }
}
