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
    {"visibility: slot, then route",
     "{\"http\":{\"type\":\"HTTP\",\"port\":80,\"visibility\":[\"external\"]}}",
     "{\"http\":{\"type\":\"HTTP\",\"port\":80,\"visibility\":[]}}",
     "prepare deploy route bake idle", 'a'},
};

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
            world_run(&world, 300000, 1000);
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
        world_run(&world, 100000, 1000);
        cr_expect_eq(world.rollout.state, ROLLOUT_HELD, "%s", world.log);
        cr_expect_str_eq(world.slot[0].content, "aaaaaaaaaaaa");
        cr_expect_str_eq(world.route.content, "aaaaaaaaaaaa");
        cr_expect_eq(world.route.weight[0], 100);
        cr_expect(!world.slot[1].exists || world.slot[1].content[0] == '\0');
        world_fini(&world);
    }
}
