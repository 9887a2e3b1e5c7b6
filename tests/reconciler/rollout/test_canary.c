/* The way of a canary rollout in virtual time, some with a restart between any two rounds. */
#include "tests/reconciler/rollout/world.h"

#include <criterion/criterion.h>

#include <string.h>

Test(canary, goes_up_step_by_step_and_takes_the_other_slot)
{
    for (int restarts = 0; restarts < 2; restarts++) {
        struct world world;
        world_start(&world, true, STRATEGY_CANARY, restarts);
        world_with_stable(&world);
        world_want(&world, 1);
        const int64_t began = world.view.now.wall.ms;
        world_until(&world, ROLLOUT_BAKE, 3600000);
        /* 12 min of soak, not shortened by restarts */
        cr_expect_geq(world.view.now.wall.ms - began, 720000);
        cr_expect_leq(world.view.now.wall.ms - began, 800000);
        world_run(&world, 200000, 1000);
        cr_expect_str_eq(world.log, WORLD_CANARY_GOOD, "%s", world.log);
        cr_expect_eq(world.rollout.stable_slot, 'b');
        cr_expect_str_eq(world.slot[0].content, "");
        cr_expect_eq(world.route.weight[1], 100);
        cr_expect(!world.route.list[0]);
        world_clear(&world);
        world_want(&world, 2);
        world_run(&world, 2000000, 1000);
        cr_expect_str_eq(world.log, WORLD_CANARY_GOOD, "%s", world.log);
        cr_expect_eq(world.rollout.stable_slot, 'a');
        world_fini(&world);
    }
}

Test(canary, first_release_goes_straight_to_all_traffic)
{
    struct world world;
    world_start(&world, true, STRATEGY_CANARY, false);
    world_want(&world, 0);
    world_round(&world);
    cr_assert_eq(world.result.note_count, 1);
    cr_expect(strstr(world.result.notes[0].text, "no stable release yet") != NULL);
    world_run(&world, 200000, 1000);
    cr_expect_str_eq(world.log, "prepare deploy route bake idle");
    world_fini(&world);
}

Test(canary, strategy_changes_on_a_live_component_without_moving_anything)
{
    struct world world;
    world_start(&world, true, STRATEGY_ROLLING, false);
    world_with_stable(&world);
    world.plan.strategy = STRATEGY_CANARY;
    world.plan.step_count = 3;
    world_run(&world, 60000, 1000);
    cr_expect_str_eq(world.log, "");
    world_want(&world, 1);
    world_run(&world, 2000000, 1000);
    cr_expect_str_eq(world.log, WORLD_CANARY_GOOD);
    /* back to rolling: in place, on the slot that is the stable one now */
    world.plan.strategy = STRATEGY_ROLLING;
    world_clear(&world);
    world_want(&world, 2);
    world_run(&world, 300000, 1000);
    cr_expect_str_eq(world.log, "prepare deploy bake idle");
    cr_expect_eq(world.rollout.stable_slot, 'b');
    cr_expect(world.rollout.has_previous);
    world_fini(&world);
}

Test(canary, testers_reach_the_new_slot_at_any_weight)
{
    static const struct header_match matches[] = {
        {.kind = MATCH_HEADER, .name = {.text = "x-canary"}, .value = {.text = "always"}}};
    static const struct rollout_step steps[] = {
        {.weight = {.value = 0, .set = true},
         .pause = {.value = true, .set = true},
         .matches = matches,
         .match_count = 1},
    };
    struct world world;
    world_canary(&world);
    world.plan.steps = steps;
    world.plan.step_count = 1;
    world_want(&world, 1);
    world_until(&world, ROLLOUT_PAUSED, 60000);
    world_round(&world);
    cr_expect_eq(world.result.wants.route.matches, matches);
    cr_expect_eq(world.result.wants.route.match_count, 1);
    cr_expect(world.result.wants.route.list[1] && world.result.wants.route.weight[1] == 0);
    world_fini(&world);
}

Test(canary, a_new_slot_that_vanishes_loses_its_traffic_first)
{
    struct world world;
    world_canary(&world);
    world_until_first_step(&world);
    world_run(&world, 200000, 1000);
    cr_assert_eq(world.rollout.weight, 20);
    world.slot[1] = (struct sim_binding){0};
    world_round(&world);
    cr_expect_eq(world.result.wants.route.weight[1], 0);
    world_run(&world, 2000000, 1000);
    cr_expect_str_eq(world.log,
                     "prepare deploy step:5:20 deploy step:5:20:50:100 bake cleanup "
                     "idle",
                     "%s", world.log);
    world_fini(&world);
}

Test(canary, newer_content_starts_from_step_0_against_the_same_stable)
{
    struct world world;
    world_start(&world, true, STRATEGY_CANARY, true);
    world_with_stable(&world);
    world_until_first_step(&world);
    world_run(&world, 200000, 1000);
    world_want(&world, 2);
    world_run(&world, 2000000, 1000);
    cr_expect_str_eq(world.log, "prepare deploy step:5:20 rollback idle " WORLD_CANARY_GOOD, "%s",
                     world.log);
    cr_expect_str_eq(world.rollout.previous.deployment_digest, "aaaaaaaaaaaa");
    world_fini(&world);
}

Test(canary, known_good_content_takes_the_fast_track)
{
    struct world world;
    world_canary(&world);
    world_want(&world, 1);
    world_run(&world, 2000000, 1000);
    world_clear(&world);
    world_want(&world, 0);
    world_run(&world, 100000, 1000);
    cr_expect_str_eq(world.log, "prepare deploy step:100 bake cleanup idle");
    cr_expect_eq(world.rollout.bake_ms, 15000);
    world_fini(&world);
}

Test(canary, what_was_good_too_long_ago_is_proven_again)
{
    struct world world;
    world_canary(&world);
    world_want(&world, 1);
    world_run(&world, 2000000, 1000);
    world.view.now.wall.ms += INT64_C(8) * 86400000;
    world.view.now.mono.ms += INT64_C(8) * 86400000;
    world_clear(&world);
    world_want(&world, 0);
    world_run(&world, 2000000, 1000);
    cr_expect_str_eq(world.log, WORLD_CANARY_GOOD, "%s", world.log);
    world_fini(&world);
}

Test(canary, changed_ports_flip_instead_of_splitting)
{
    struct world world;
    world_start(&world, true, STRATEGY_CANARY, true);
    world_endpoints(&world, 0, "{\"http\":{\"type\":\"HTTP\",\"port\":80}}");
    world_endpoints(&world, 1, "{\"http\":{\"type\":\"HTTP\",\"port\":81}}");
    world_with_stable(&world);
    world_want(&world, 1);
    world_run(&world, 300000, 1000);
    cr_expect_str_eq(world.log, "prepare deploy route bake cleanup idle");
    world_fini(&world);
}
