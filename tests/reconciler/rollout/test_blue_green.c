/* Blue-green rollouts in virtual time: one flip, and the way back while the old slot is warm. */
#include "tests/reconciler/rollout/world.h"

#include <criterion/criterion.h>

#include <string.h>

Test(blue_green, flips_and_keeps_the_old_slot_warm)
{
    for (int restarts = 0; restarts < 2; restarts++) {
        struct world world;
        world_start(&world, true, STRATEGY_BLUE_GREEN, restarts);
        world_with_stable(&world);
        world_want(&world, 1);
        world_until(&world, ROLLOUT_BAKE, 100000);
        cr_expect_str_eq(world.slot[0].content, "aaaaaaaaaaaa", "warm");
        cr_expect_eq(world.route.weight[1], 100);
        cr_expect_eq(world.route.active, 'b');
        /* bad in the bake: back to the warm one */
        world.behaviour[1] = FAILS;
        world_run(&world, 100000, 1000);
        cr_expect_str_eq(world.log, "prepare deploy step:100 bake quarantine rollback held");
        cr_expect_eq(world.route.weight[0], 100);
        cr_expect_eq(world.route.active, 'a');
        world_fini(&world);
    }
}

Test(blue_green, callers_inside_follow_the_slot_that_has_all_traffic)
{
    static const enum strategy strategies[] = {STRATEGY_BLUE_GREEN, STRATEGY_CANARY};
    for (size_t i = 0; i < 2; i++) {
        struct world world;
        world_start(&world, true, strategies[i], false);
        world_with_stable(&world);
        world_until_first_step(&world);
        cr_expect_eq(world.result.wants.route.active_slot, i == 0 ? 'b' : 'a');
        cr_expect_eq(world.result.wants.route.weight[1], i == 0 ? 100 : 5);
        world_fini(&world);
    }
}

Test(blue_green, scaling_is_handed_over_only_by_a_route_that_stands)
{
    struct world world;
    world_start(&world, true, STRATEGY_BLUE_GREEN, false);
    world_with_stable(&world);
    world.plan.scaled = true;
    (void)strcpy(world.route.content, "dddddddddddd");
    world_round(&world);
    cr_expect(!world.rollout.scaled[0]);
    world_run(&world, 20000, 1000);
    cr_expect(world.rollout.scaled[0]);
    world_fini(&world);
}

Test(blue_green, replicas_of_both_sides_do_not_fall_while_it_goes_on)
{
    struct world world;
    world_start(&world, true, STRATEGY_BLUE_GREEN, false);
    world.plan.scaled = true;
    world_with_stable(&world);
    cr_assert(world.rollout.scaled[0], "handed over to the route's autoscaler");
    world_want(&world, 1);
    world_round(&world);
    cr_expect_eq(world.rollout.replicas, 2);
    world_until(&world, ROLLOUT_BAKE, 100000);
    cr_expect_eq(world.result.wants.route.scale_minimum, 2);
    cr_expect(world.result.wants.route.scale[0] && world.result.wants.route.scale[1]);
    world_run(&world, 200000, 1000);
    cr_expect_eq(world.rollout.state, ROLLOUT_IDLE);
    cr_expect(world.rollout.scaled[1] && !world.rollout.scaled[0]);
    cr_expect_eq(world.result.wants.route.scale_minimum, -1);
    /* no autoscaler any more: the slot gets its number back */
    world.plan.scaled = false;
    world_run(&world, 10000, 1000);
    cr_expect(!world.rollout.scaled[1] && !world.slot[1].scaled);
    world_fini(&world);
}

Test(blue_green, traffic_waits_a_moment_for_a_cold_stable_slot)
{
    for (int returns = 0; returns < 2; returns++) {
        struct world world;
        world_start(&world, true, STRATEGY_BLUE_GREEN, false);
        world_with_stable(&world);
        world_want(&world, 1);
        world_until(&world, ROLLOUT_BAKE, 100000);
        world.slot[0] = (struct sim_binding){0};
        world.behaviour[0] = returns ? BEHAVES : NEVER_READY;
        world.view.cancel = true;
        world.view.may_start = false;
        world_run(&world, 3000, 1000);
        cr_expect_eq(world.rollout.state, ROLLOUT_ROLLBACK);
        cr_expect(world.rollout.warming);
        cr_expect_eq(world.route.weight[1], 100, "nobody is sent to a slot without pods");
        world_run(&world, 10000, 1000);
        cr_expect_eq(world.route.weight[0], returns ? 100 : 0);
        world_run(&world, 60000, 1000);
        cr_expect_eq(world.route.weight[0], 100, "but not for ever");
        world_fini(&world);
    }
}
