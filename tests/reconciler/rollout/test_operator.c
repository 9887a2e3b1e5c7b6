/* What people may say to a rollout, and what clocks may do to it. */
#include "tests/reconciler/rollout/world.h"

#include <criterion/criterion.h>

#include <string.h>

Test(operator, pause_resume_promote_and_promote_full)
{
    struct world world;
    world_canary(&world);
    world_until_first_step(&world);
    world_run(&world, 20000, 1000);
    world_command(&world, COMMAND_PAUSE);
    cr_expect(world.result.command_done);
    world_run(&world, 1000000, 1000);
    cr_expect_eq(world.rollout.state, ROLLOUT_PAUSED);
    cr_expect_eq(world.route.weight[1], 5);
    world_command(&world, COMMAND_RESUME);
    world_run(&world, 60000, 1000);
    cr_expect_eq(world.rollout.weight, 5, "the pause is no soak");
    world_command(&world, COMMAND_PROMOTE);
    world_run(&world, 10000, 1000);
    cr_expect_eq(world.rollout.weight, 20);
    world_command(&world, COMMAND_PROMOTE_FULL);
    world_until(&world, ROLLOUT_BAKE, 20000);
    world_command(&world, COMMAND_PROMOTE);
    world_run(&world, 20000, 1000);
    cr_expect_str_eq(world.rollout.stable.deployment_digest, "bbbbbbbbbbbb");
    world_fini(&world);
}

/* A canary at its first step, with a judge. */
static void start_judged(struct world *world)
{
    world_start(world, true, STRATEGY_CANARY, false);
    world_with_stable(world);
    world->plan.analysis = true;
    world_want(world, 1);
    world_until(world, ROLLOUT_STEP, 60000);
    while (!world->rollout.verified)
        world_run(world, 1000, 1000);
}

static void promote_to(struct world *world, int weight)
{
    world_command(world, COMMAND_PROMOTE);
    cr_expect(world->result.command_done, "%s", world->result.command);
    world_run(world, 5000, 1000);
    cr_expect_eq(world->rollout.weight, weight, "%d %%: %s", world->rollout.weight, world->log);
}

Test(operator, promote_goes_on_step_by_step_where_metrics_are_away)
{
    static const enum judge_verdict verdicts[] = {VERDICT_PROVIDER_ERROR, VERDICT_NO_DATA};
    for (size_t i = 0; i < 2; i++) {
        struct world world;
        start_judged(&world);
        world.view.verdict = verdicts[i];
        world_run(&world, 60000, 1000);
        promote_to(&world, 20);
        world_run(&world, 60000, 1000);
        cr_expect_eq(world.rollout.weight, 20, "one step, not all");
        promote_to(&world, 50);
        promote_to(&world, 100);
        cr_expect(world.rollout.unproven);
        world_fini(&world);
    }
}

/* The word is about this step: what comes after needs its proof as before. */
Test(operator, promote_at_one_step_leaves_the_last_one_to_its_policy)
{
    struct world world;
    start_judged(&world);
    world.plan.insufficient = INSUFFICIENT_HOLD;
    promote_to(&world, 20);
    cr_expect(!world.rollout.unproven);
    world_run(&world, 2000000, 1000);
    cr_expect_eq(world.rollout.state, ROLLOUT_PAUSED);
    cr_expect_eq(world.rollout.hold, HOLD_INSUFFICIENT);
    cr_expect_eq(world.rollout.weight, 50);
    promote_to(&world, 100);
    cr_expect(world.rollout.unproven);
    world_fini(&world);
}

Test(operator, steps_without_analysis_leave_nothing_unproven)
{
    static const enum rollout_command commands[] = {COMMAND_PROMOTE, COMMAND_PROMOTE_FULL};
    for (size_t i = 0; i < 4; i++) {
        struct world world;
        start_judged(&world);
        for (size_t k = 0; i < 2 && k < world.rollout.stage_count; k++)
            world.rollout.room->stages[k].analysis = false;
        while (world.rollout.state == ROLLOUT_STEP) {
            world_command(&world, commands[i % 2]);
            world_run(&world, 20000, 1000);
        }
        cr_expect_eq(world.rollout.state, ROLLOUT_BAKE);
        cr_expect_eq(world.rollout.unproven, i >= 2);
        world_fini(&world);
    }
}

Test(operator, what_is_above_the_guard_goes_on_by_promote_alone)
{
    struct world world;
    start_judged(&world);
    world.view.verdict = VERDICT_GUARD;
    world_run(&world, 5000, 1000);
    cr_expect_eq(world.rollout.hold, HOLD_GUARD);
    world_command(&world, COMMAND_RESUME);
    cr_expect(!world.result.command_done);
    cr_expect(strstr(world.result.command, "`promote` goes on") != NULL, "%s",
              world.result.command);
    cr_expect_eq(world.rollout.state, ROLLOUT_PAUSED);
    world_command(&world, COMMAND_PROMOTE);
    world_run(&world, 10000, 1000);
    cr_expect_eq(world.rollout.weight, 20);
    cr_expect_eq(world.rollout.hold, HOLD_GUARD, "the next step is looked at anew");
    world.view.verdict = VERDICT_INSUFFICIENT;
    world_command(&world, COMMAND_RESUME);
    cr_expect(world.result.command_done);
    cr_expect_eq(world.rollout.state, ROLLOUT_STEP);
    world_fini(&world);
}

Test(operator, abort_sticks_until_retry)
{
    struct world world;
    world_start(&world, true, STRATEGY_CANARY, true);
    world_with_stable(&world);
    world_command(&world, COMMAND_ABORT);
    cr_expect(!world.result.command_done, "nothing is under way");
    cr_expect(!world.result.changed);
    world_until_first_step(&world);
    world_command(&world, COMMAND_ABORT);
    world_run(&world, 1000000, 1000);
    cr_expect_str_eq(world.log, "prepare deploy step:5 rollback held");
    world_want(&world, 0);
    world_run(&world, 10000, 1000);
    world_want(&world, 1);
    world_run(&world, 10000, 1000);
    cr_expect_eq(world.rollout.state, ROLLOUT_HELD);
    world_command(&world, COMMAND_RETRY);
    world_until(&world, ROLLOUT_DEPLOY, 60000);
    cr_expect_str_eq(world.rollout.held_digest, "");
    world_run(&world, 2000000, 1000);
    cr_expect_str_eq(world.rollout.stable.deployment_digest, "bbbbbbbbbbbb");
    world_fini(&world);
}

Test(operator, rollback_leads_to_the_content_before)
{
    static const enum strategy strategies[] = {STRATEGY_ROLLING, STRATEGY_CANARY};
    for (size_t i = 0; i < 2; i++) {
        struct world world;
        world_start(&world, true, strategies[i], false);
        world_with_stable(&world);
        world_command(&world, COMMAND_ROLLBACK);
        cr_expect(!world.result.command_done, "there is none");
        world_want(&world, 1);
        world_run(&world, 2000000, 1000);
        cr_assert_str_eq(world.rollout.stable.deployment_digest, "bbbbbbbbbbbb");
        world_clear(&world);
        /* the engine holds the content in the operator's name */
        (void)strcpy(world.quarantined[world.quarantine_count++], "bbbbbbbbbbbb");
        world_command(&world, COMMAND_ROLLBACK);
        cr_expect(world.result.command_done);
        world_run(&world, 200000, 1000);
        cr_expect_str_eq(world.rollout.stable.deployment_digest, "aaaaaaaaaaaa");
        cr_expect_eq(world.rollout.state, ROLLOUT_HELD);
        cr_expect_eq(world.rollout.hold, HOLD_QUARANTINED);
        cr_expect(!world.rollout.has_previous,
                  "what was left by a person is nothing to go back to");
        world.quarantine_count = 0;
        world_run(&world, 2000000, 1000);
        cr_expect_str_eq(world.rollout.stable.deployment_digest, "bbbbbbbbbbbb",
                         "git decides again");
        world_fini(&world);
    }
}

Test(operator, a_step_may_wait_for_a_person)
{
    struct world world;
    world_start(&world, true, STRATEGY_CANARY, true);
    static const struct rollout_step steps[] = {
        {.weight = {.value = 10, .set = true}, .pause = {.value = true, .set = true}},
        {.weight = {.value = 50, .set = true}, .soak = {.value = {10000}, .set = true}},
    };
    world.plan.steps = steps;
    world.plan.step_count = 2;
    world_with_stable(&world);
    world_want(&world, 1);
    world_run(&world, 3000000, 1000);
    cr_expect_str_eq(world.log, "prepare deploy step:10 paused");
    world_command(&world, COMMAND_RESUME);
    world_run(&world, 200000, 1000);
    cr_expect_str_eq(world.log, "prepare deploy step:10 paused step:50:100 bake cleanup idle", "%s",
                     world.log);
    world_fini(&world);
}

Test(operator, cancelled_by_the_primary_region_goes_back_and_waits)
{
    struct world world;
    world_canary(&world);
    world_until_first_step(&world);
    world.view.cancel = true;
    world.view.cancel_reason = "it failed on production";
    world.view.may_start = false;
    world_run(&world, 100000, 1000);
    cr_expect_str_eq(world.log, "prepare deploy step:5 rollback held");
    cr_expect_eq(world.rollout.hold, HOLD_CANCELLED);
    cr_expect_eq(world.quarantine_count, 0);
    world.view.cancel = false;
    world.view.may_start = true;
    world_run(&world, 2000000, 1000);
    cr_expect_str_eq(world.rollout.stable.deployment_digest, "bbbbbbbbbbbb");
    world_fini(&world);
}

Test(operator, content_that_a_consumer_cannot_live_with_gets_no_traffic)
{
    struct world world;
    world_canary(&world);
    world.view.refusal = "order needs endpoint rpc";
    world_want(&world, 1);
    world_run(&world, 10000, 1000);
    cr_expect_str_eq(world.log, "held");
    cr_expect_eq(world.rollout.hold, HOLD_REFUSED);
    world.view.refusal = NULL;
    world_until(&world, ROLLOUT_DEPLOY, 10000);
    world.view.refusal = "order needs endpoint rpc";
    world_run(&world, 60000, 1000);
    cr_expect_str_eq(world.log, "held prepare deploy rollback held");
    world_fini(&world);
}

Test(soak, a_clock_that_jumps_gives_nothing)
{
    struct world world;
    world_canary(&world);
    world_until_first_step(&world);
    world_run(&world, 20000, 1000);
    world.view.now.wall.ms += 86400000;
    world_run(&world, 60000, 1000);
    cr_expect_eq(world.rollout.weight, 5);
    world.view.now.wall.ms -= 3 * INT64_C(86400000);
    world_run(&world, 20000, 1000);
    cr_expect_eq(world.rollout.weight, 5);
    world_run(&world, 60000, 1000);
    cr_expect_eq(world.rollout.weight, 20);
    world_fini(&world);
}

Test(soak, a_restart_credits_the_wall_clock)
{
    struct world world;
    world_canary(&world);
    world_until_first_step(&world);
    world_run(&world, 10000, 1000);
    /* only what was persisted survives */
    json_t *row = rollout_to_json(&world.rollout);
    world_run(&world, 50000, 1000);
    cr_assert_eq(rollout_from_json(row, &world.rollout, NULL), 0);
    json_decref(row);
    rollout_restarted(&world.rollout);
    world.view.now.mono.ms = 5;
    world.slot[0].ready_at = world.slot[1].ready_at = world.route.ready_at = 0;
    world_run(&world, 50000, 1000);
    cr_expect_eq(world.rollout.weight, 5);
    world_run(&world, 20000, 1000);
    cr_expect_eq(world.rollout.weight, 20);
    world_fini(&world);
}
