/* Endpoints that change: slot and route in an order that serves all, there and back. */
#include "tests/reconciler/rollout/world.h"

#include <criterion/criterion.h>

#include <string.h>

static const struct {
    const char *what, *from, *to, *log;
    char slot;
} endpoint_changes[] = {
    {"added: slot, then route", "{\"http\":{\"type\":\"HTTP\",\"port\":80}}",
     "{\"http\":{\"type\":\"HTTP\",\"port\":80},\"rpc\":{\"type\":\"gRPC\",\"port\":81}}",
     "prepare deploy route bake idle", 'a'},
    {"removed: route, then slot",
     "{\"http\":{\"type\":\"HTTP\",\"port\":80},\"rpc\":{\"type\":\"gRPC\",\"port\":81}}",
     "{\"http\":{\"type\":\"HTTP\",\"port\":80}}", "prepare narrow deploy route bake idle", 'a'},
    {"port: a new slot and a flip", "{\"http\":{\"type\":\"HTTP\",\"port\":80}}",
     "{\"http\":{\"type\":\"HTTP\",\"port\":81}}", "prepare deploy route bake cleanup idle", 'b'},
    {"one added, one removed: a flip", "{\"http\":{\"type\":\"HTTP\",\"port\":80}}",
     "{\"rpc\":{\"type\":\"gRPC\",\"port\":81}}", "prepare deploy route bake cleanup idle", 'b'},
    {"base path: a new slot and a flip",
     "{\"http\":{\"type\":\"HTTP\",\"port\":80,\"basePath\":\"/v1\"}}",
     "{\"http\":{\"type\":\"HTTP\",\"port\":80,\"basePath\":\"/v2\"}}",
     "prepare deploy route bake cleanup idle", 'b'},
    {"base path dropped: a new slot and a flip",
     "{\"http\":{\"type\":\"HTTP\",\"port\":80,\"basePath\":\"/v1\"}}",
     "{\"http\":{\"type\":\"HTTP\",\"port\":80}}", "prepare deploy route bake cleanup idle", 'b'},
    {"visibility: slot, then route",
     "{\"http\":{\"type\":\"HTTP\",\"port\":80,\"visibility\":[\"external\"]}}",
     "{\"http\":{\"type\":\"HTTP\",\"port\":80,\"visibility\":[]}}",
     "prepare deploy route bake idle", 'a'},
};

static json_t *endpoints_of(const struct world *world, const char *digest)
{
    for (size_t i = 0; i < 4; i++) {
        if (strcmp(world->contents[i].deployment_digest, digest) == 0)
            return packed_open(world->contents[i].endpoints);
    }
    return NULL;
}

static bool unsettled(const struct world *world, const struct sim_binding *binding)
{
    return world->view.now.mono.ms < binding->ready_at && binding->before[0] != '\0';
}

/* In place, a route must never offer what the slot behind it does not serve: while one of the two
 * is changing, it may still be as it was before. */
static void check_served(const struct world *world)
{
    const struct sim_binding *route = &world->route, *slot = &world->slot[0];
    if (!route->exists || route->weight[0] != 100)
        return;
    const char *offers[] = {route->content, unsettled(world, route) ? route->before : ""};
    const char *serves[] = {slot->content, unsettled(world, slot) ? slot->before : ""};
    for (size_t o = 0; o < 2; o++) {
        for (size_t s = 0; s < 2; s++) {
            json_t *served = endpoints_of(world, serves[s]);
            const char *name;
            json_t *endpoint;
            json_t *offered = endpoints_of(world, offers[o]);
            json_object_foreach(offered, name, endpoint)
            {
                cr_assert(served == NULL || json_object_get(served, name) != NULL,
                          "%s is offered by the route and not served: %s", name, world->log);
            }
            json_decref(offered);
            json_decref(served);
        }
    }
}

static void run_served(struct world *world, int64_t ms, bool in_place)
{
    for (int64_t at = 0; at < ms; at += 1000) {
        world_run(world, 1000, 1000);
        if (in_place)
            check_served(world);
    }
}

Test(rolling, endpoints_change_in_an_order_that_serves_all)
{
    for (size_t i = 0; i < sizeof(endpoint_changes) / sizeof(endpoint_changes[0]); i++) {
        for (int restarts = 0; restarts < 2; restarts++) {
            struct world world;
            world_start(&world, true, STRATEGY_ROLLING, restarts);
            world_endpoints(&world, 0, endpoint_changes[i].from);
            world_endpoints(&world, 1, endpoint_changes[i].to);
            world_with_stable(&world);
            world_want(&world, 1);
            run_served(&world, 300000, endpoint_changes[i].slot == 'a');
            cr_expect_str_eq(world.log, endpoint_changes[i].log, "%s: %s", endpoint_changes[i].what,
                             world.log);
            cr_expect_eq(world.rollout.stable_slot, endpoint_changes[i].slot);
            cr_expect_str_eq(world.route.content, "bbbbbbbbbbbb");
            world_fini(&world);
        }
    }
}

Test(rolling, endpoints_are_put_back_the_other_way_round)
{
    for (size_t i = 0; i < sizeof(endpoint_changes) / sizeof(endpoint_changes[0]); i++) {
        struct world world;
        world_start(&world, true, STRATEGY_ROLLING, i % 2 == 0);
        world_endpoints(&world, 0, endpoint_changes[i].from);
        world_endpoints(&world, 1, endpoint_changes[i].to);
        world_with_stable(&world);
        world_want(&world, 1);
        world_until(&world, ROLLOUT_BAKE, 100000);
        world.behaviour[1] = FAILS;
        run_served(&world, 100000, endpoint_changes[i].slot == 'a');
        cr_expect_eq(world.rollout.state, ROLLOUT_HELD, "%s", world.log);
        cr_expect_str_eq(world.slot[0].content, "aaaaaaaaaaaa");
        cr_expect_str_eq(world.route.content, "aaaaaaaaaaaa");
        cr_expect_eq(world.route.weight[0], 100);
        cr_expect(!world.slot[1].exists || world.slot[1].content[0] == '\0');
        world_fini(&world);
    }
}
