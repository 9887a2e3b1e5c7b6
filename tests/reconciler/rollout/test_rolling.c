/* Rolling rollouts in virtual time: what states they go through, some with a restart between any
 * two rounds. */
#include "tests/reconciler/rollout/world.h"

#include <criterion/criterion.h>

#include <string.h>

Test(rolling, first_release_of_a_routed_component)
{
    for (int restarts = 0; restarts < 2; restarts++) {
        struct world world;
        world_start(&world, true, STRATEGY_ROLLING, restarts);
        world_want(&world, 0);
        world_until(&world, ROLLOUT_IDLE, 200000);
        world_until(&world, ROLLOUT_IDLE, 1000);
        cr_expect_str_eq(world.log, "prepare deploy route bake idle");
        cr_expect_eq(world.rollout.stable_slot, 'a');
        cr_expect_eq(world.route.weight[0], 100);
        cr_expect(!world.slot[1].exists);
        world_fini(&world);
    }
}

Test(rolling, next_release_takes_the_slot_in_place)
{
    for (int restarts = 0; restarts < 2; restarts++) {
        struct world world;
        world_start(&world, true, STRATEGY_ROLLING, restarts);
        world_with_stable(&world);
        world_want(&world, 1);
        world_run(&world, 200000, 1000);
        cr_expect_str_eq(world.log, "prepare deploy bake idle");
        cr_expect_str_eq(world.rollout.stable.deployment_digest, "bbbbbbbbbbbb");
        cr_expect_eq(world.rollout.stable_slot, 'a');
        cr_expect_eq(world.rollout.last_outcome, OUTCOME_PROMOTED);
        cr_expect(!world.slot[1].exists);
        world_fini(&world);
    }
}

Test(rolling, single_component)
{
    struct world world;
    world_start(&world, false, STRATEGY_ROLLING, false);
    world_with_stable(&world);
    world_want(&world, 1);
    world_run(&world, 200000, 1000);
    cr_expect_str_eq(world.log, "prepare deploy bake idle");
    cr_expect_eq(world.rollout.stable_slot, 0);
    cr_expect(!world.route.exists);
    world_fini(&world);
}

Test(rolling, failure_is_rolled_back_to_the_recorded_content_and_kept_away)
{
    static const bool routed[] = {true, false};
    for (size_t i = 0; i < 2; i++) {
        struct world world;
        world_start(&world, routed[i], STRATEGY_ROLLING, i == 0);
        world_with_stable(&world);
        world.behaviour[1] = FAILS;
        world_want(&world, 1);
        world_run(&world, 200000, 1000);
        cr_expect_str_eq(world.log, "prepare deploy quarantine rollback held");
        cr_expect_eq(world.rollout.hold, HOLD_QUARANTINED);
        cr_expect_eq(world.rollout.last_outcome, OUTCOME_ROLLED_BACK);
        cr_expect_str_eq(world.slot[0].content, "aaaaaaaaaaaa");
        cr_expect(strstr(world.rollout.room->reason, "back-off") != NULL, "%s",
                  world.rollout.room->reason);
        /* the same content under another commit changes nothing; the fix goes through */
        (void)strcpy(world.contents[1].revision, "another");
        world_clear(&world);
        world_run(&world, 600000, 1000);
        cr_expect_str_eq(world.log, "");
        world_want(&world, 2);
        world_run(&world, 200000, 1000);
        cr_expect_str_eq(world.log, "prepare deploy bake idle");
        world_fini(&world);
    }
}

Test(rolling, one_look_is_no_failure)
{
    struct world world;
    world_start(&world, true, STRATEGY_ROLLING, false);
    world_with_stable(&world);
    world_want(&world, 1);
    world_until(&world, ROLLOUT_DEPLOY, 60000);
    world_run(&world, 3000, 1000);
    world.behaviour[1] = FAILS;
    world_run(&world, 1000, 1000);
    cr_expect_eq(world.rollout.failure_looks, 1);
    world.behaviour[1] = BEHAVES;
    world_run(&world, 100000, 1000);
    cr_expect_str_eq(world.log, "prepare deploy bake idle");
    world_fini(&world);
}

Test(rolling, deadline_runs_from_the_last_progress_and_condemns)
{
    for (int restarts = 0; restarts < 2; restarts++) {
        struct world world;
        world_start(&world, true, STRATEGY_ROLLING, restarts);
        world_with_stable(&world);
        world.behaviour[1] = NEVER_READY;
        world_want(&world, 1);
        world_run(&world, 590000, 1000);
        cr_expect_eq(world.rollout.state, ROLLOUT_DEPLOY);
        world_run(&world, 60000, 1000);
        cr_expect_str_eq(world.log, "prepare deploy quarantine rollback held");
        world_fini(&world);
    }
}

Test(rolling, time_without_looks_is_no_reason_to_give_up)
{
    struct world world;
    world_start(&world, true, STRATEGY_ROLLING, false);
    world_with_stable(&world);
    world.behaviour[1] = NEVER_READY;
    world_want(&world, 1);
    world_run(&world, 60000, 1000);
    /* the machine slept, or the daemon was down */
    world.view.now.mono.ms += 7200000;
    world.view.now.wall.ms += 7200000;
    world_run(&world, 300000, 1000);
    cr_expect_eq(world.rollout.state, ROLLOUT_DEPLOY);
    world.behaviour[1] = BEHAVES;
    world_run(&world, 200000, 1000);
    cr_expect_str_eq(world.log, "prepare deploy bake idle");
    world_fini(&world);
}

Test(rolling, first_release_that_fails_is_withdrawn)
{
    static const enum behaviour bad[] = {FAILS, NEVER_READY};
    for (size_t i = 0; i < 2; i++) {
        struct world world;
        world_start(&world, true, STRATEGY_CANARY, i == 1);
        world.behaviour[0] = bad[i];
        world_want(&world, 0);
        world_run(&world, 700000, 1000);
        cr_expect_str_eq(world.log, "prepare deploy quarantine withdraw held");
        cr_expect_eq(world.rollout.last_outcome, OUTCOME_WITHDRAWN);
        cr_expect_str_eq(world.slot[0].content, "");
        cr_expect(!world.rollout.has_stable);
        world_want(&world, 1);
        world_clear(&world);
        world_run(&world, 200000, 1000);
        cr_expect_str_eq(world.log, "prepare deploy route bake idle");
        world_fini(&world);
    }
}

Test(rolling, doubt_condemns_nothing)
{
    static const struct {
        enum behaviour behaviour;
        bool stable_healthy;
        enum rollout_hold hold;
        const char *log;
    } cases[] = {
        {UNREADABLE, true, HOLD_UNREADABLE, "prepare deploy rollback held"},
        {NEVER_READY, false, HOLD_STABLE_SICK, "prepare deploy rollback held"},
        {FAILS, false, HOLD_STABLE_SICK, "prepare deploy rollback held"},
        {IGNORED, true, HOLD_PLATFORM, "prepare held"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct world world;
        world_start(&world, true, STRATEGY_ROLLING, false);
        world_with_stable(&world);
        world.plan.attempts = 1;
        world.behaviour[1] = cases[i].behaviour;
        world.view.stable_healthy = cases[i].stable_healthy;
        world_want(&world, 1);
        world_run(&world, 900000, 1000);
        cr_expect_str_eq(world.log, cases[i].log);
        cr_expect_eq(world.rollout.hold, cases[i].hold, "%zu", i);
        cr_expect_eq(world.quarantine_count, 0);
        cr_expect_str_eq(world.slot[0].content, "aaaaaaaaaaaa");
        world_fini(&world);
    }
}

Test(rolling, automatic_attempts_are_counted)
{
    struct world world;
    world_start(&world, true, STRATEGY_ROLLING, false);
    world_with_stable(&world);
    world.behaviour[1] = UNREADABLE;
    world_want(&world, 1);
    world_until(&world, ROLLOUT_HELD, 1000000);
    world_run(&world, 50000, 1000);
    cr_expect_eq(world.rollout.attempt, 2, "not at once");
    world_run(&world, 20000, 1000);
    cr_expect_eq(world.rollout.attempt, 3, "but after a minute");
    cr_expect_str_eq(world.rollout.held_digest, "");
    world_run(&world, 6000000, 5000);
    cr_expect_str_eq(world.log, "prepare deploy rollback held prepare deploy rollback held "
                                "prepare deploy rollback held");
    cr_expect_eq(world.rollout.attempts_used, 3);
    world_clear(&world);
    world.behaviour[1] = BEHAVES;
    world_command(&world, COMMAND_RETRY);
    cr_expect(world.result.command_done);
    world_run(&world, 200000, 1000);
    cr_expect_str_eq(world.log, "idle prepare deploy bake idle");
    world_fini(&world);
}

Test(rolling, newer_content_starts_at_once_while_the_old_one_waits)
{
    struct world world;
    world_start(&world, true, STRATEGY_ROLLING, false);
    world_with_stable(&world);
    world.behaviour[1] = NEVER_READY;
    world_want(&world, 1);
    world_run(&world, 60000, 1000);
    world_want(&world, 2);
    for (int i = 0; i < 200; i++) {
        world_run(&world, 1000, 1000);
        cr_assert_str_neq(world.slot[0].content, "aaaaaaaaaaaa", "no way over the old content");
    }
    cr_expect_str_eq(world.log, "prepare deploy prepare deploy bake idle");
    cr_expect_str_eq(world.rollout.stable.deployment_digest, "cccccccccccc");
    world_fini(&world);
}

Test(rolling, looks_at_one_content_are_not_held_against_the_next)
{
    struct world world;
    world_start(&world, true, STRATEGY_ROLLING, false);
    world_with_stable(&world);
    world.behaviour[1] = world.behaviour[2] = FAILS;
    world_want(&world, 1);
    while (world.rollout.failure_looks == 0)
        world_run(&world, 1000, 1000);
    world_want(&world, 2);
    world_run(&world, 1000, 1000);
    world_until(&world, ROLLOUT_DEPLOY, 60000);
    cr_expect_eq(world.rollout.failure_looks, 0);
    world_fini(&world);
}

Test(rolling, newer_content_that_may_not_start_does_not_stop_what_runs)
{
    struct world world;
    world_start(&world, true, STRATEGY_ROLLING, false);
    world_with_stable(&world);
    world_want(&world, 1);
    world_run(&world, 4000, 1000);
    world.view.may_start = false;
    world_want(&world, 2);
    world_run(&world, 300000, 1000);
    cr_expect_str_eq(world.log, "prepare deploy bake idle");
    cr_expect_str_eq(world.rollout.stable.deployment_digest, "bbbbbbbbbbbb");
    world_fini(&world);
}

Test(rolling, git_going_back_to_the_stable_content_cancels)
{
    struct world world;
    world_start(&world, true, STRATEGY_ROLLING, true);
    world_with_stable(&world);
    world.behaviour[1] = NEVER_READY;
    world_want(&world, 1);
    world_run(&world, 60000, 1000);
    world_want(&world, 0);
    world_run(&world, 200000, 1000);
    cr_expect_str_eq(world.log, "prepare deploy rollback idle");
    cr_expect_eq(world.rollout.last_outcome, OUTCOME_SUPERSEDED);
    cr_expect_eq(world.quarantine_count, 0);
    world_fini(&world);
}

Test(rolling, what_fails_while_it_bakes_goes_back)
{
    struct world world;
    world_start(&world, true, STRATEGY_ROLLING, false);
    world_with_stable(&world);
    world_want(&world, 1);
    world_until(&world, ROLLOUT_BAKE, 60000);
    world_run(&world, 10000, 1000);
    world.behaviour[1] = FAILS;
    world_run(&world, 60000, 1000);
    cr_expect_str_eq(world.log, "prepare deploy bake quarantine rollback held");
    world_fini(&world);
}

Test(rolling, a_release_whose_rollback_is_forbidden_stands_as_it_stood)
{
    struct world world;
    world_start(&world, true, STRATEGY_ROLLING, true);
    world_with_stable(&world);
    world.plan.rollback_forbidden = true;
    world.behaviour[1] = FAILS;
    world_want(&world, 1);
    world_run(&world, 300000, 1000);
    cr_expect_eq(world.rollout.state, ROLLOUT_HELD);
    cr_expect_eq(world.rollout.hold, HOLD_FORBIDDEN);
    cr_expect_str_eq(world.slot[0].content, "bbbbbbbbbbbb");
    cr_expect(strstr(world.log, "alarm") != NULL);
    /* a person may */
    world_command(&world, COMMAND_ABORT);
    cr_expect(world.result.command_done);
    world_run(&world, 100000, 1000);
    cr_expect_eq(world.rollout.state, ROLLOUT_HELD);
    cr_expect_eq(world.rollout.hold, HOLD_ABORTED);
    cr_expect_str_eq(world.slot[0].content, "aaaaaaaaaaaa");
    world_fini(&world);
}

Test(rolling, a_way_back_that_does_not_complete_is_held_and_newer_content_starts)
{
    struct world world;
    world_start(&world, true, STRATEGY_ROLLING, false);
    world_with_stable(&world);
    world.behaviour[1] = FAILS;
    world_want(&world, 1);
    world_until(&world, ROLLOUT_ROLLBACK, 100000);
    world.behaviour[0] = NEVER_READY;
    world_run(&world, 700000, 1000);
    cr_expect_eq(world.rollout.state, ROLLOUT_HELD);
    cr_expect_eq(world.rollout.hold, HOLD_QUARANTINED);
    cr_expect(strstr(world.log, "alarm") != NULL, "%s", world.log);
    world_clear(&world);
    world_want(&world, 2);
    world_run(&world, 200000, 1000);
    cr_expect_str_eq(world.log, "prepare deploy bake idle");
    world_fini(&world);
}

Test(rolling, replicas_change_without_a_rollout)
{
    struct world world;
    world_start(&world, true, STRATEGY_ROLLING, false);
    world_with_stable(&world);
    (void)packed_unref(world.contents[0].slot_spec[0]);
    world.contents[0].slot_spec[0] =
        packed_take(json_pack("{s:s,s:i}", "releaseName", "aaaaaaaaaaaa", "replicas", 5));
    world.view.correct_drift = false;
    world_round(&world);
    cr_expect(world.result.changed && world.rollout.settle_due);
    cr_expect(!world.result.wants.report_only, "what git changed is written");
    cr_expect_str_eq(packed_text(world.rollout.stable.slot_spec[0]),
                     "{\"releaseName\":\"aaaaaaaaaaaa\",\"replicas\":5}");
    world_round(&world);
    cr_expect(!world.rollout.settle_due);
    cr_expect_str_eq(world.log, "");
    world_fini(&world);
}

Test(rolling, whatever_git_changes_beside_the_release_is_taken_over)
{
    static const char *const parts[] = {"slot a", "slot b", "route", "route digest", "nothing"};
    for (size_t part = 0; part < 5; part++) {
        struct world world;
        world_start(&world, true, STRATEGY_ROLLING, false);
        world_with_stable(&world);
        struct rollout_content *content = &world.contents[0];
        struct packed **const specs[] = {&content->slot_spec[0], &content->slot_spec[1],
                                         &content->route_spec};
        if (part < 3) {
            (void)packed_unref(*specs[part]);
            *specs[part] = part == 1 ? NULL : packed_take(json_pack("{s:i}", "replicas", 7));
        } else if (part == 3) {
            (void)strcpy(content->route_digest, "other");
        }
        world_round(&world);
        cr_expect_eq(world.rollout.settle_due, part < 4, "%s", parts[part]);
        cr_expect_eq(world.rollout.state, ROLLOUT_IDLE);
        world_fini(&world);
    }
}

Test(rolling, a_component_that_loses_or_gains_endpoints_is_left_alone)
{
    for (int routed = 0; routed < 2; routed++) {
        struct world world;
        world_start(&world, routed, STRATEGY_ROLLING, false);
        world_with_stable(&world);
        world.rollout.routed = !routed;
        world_want(&world, 1);
        world.view.command = COMMAND_ABORT;
        world_round(&world);
        cr_assert_eq(world.result.note_count, 1);
        cr_expect_eq(world.result.notes[0].kind, NOTE_HELD);
        world_run(&world, 10000, 1000);
        cr_expect(!world.result.changed);
        cr_expect_eq(world.result.wants.slot[0].content, CONTENT_UNTOUCHED);
        cr_expect_eq(world.result.wants.route.content, CONTENT_UNTOUCHED);
        struct text text;
        text_init(&text, 500);
        rollout_explain(&world.rollout, &world.view, &text);
        cr_expect(strstr(text_get(&text), "another name") != NULL, "%s", text_get(&text));
        text_fini(&text);
        world.rollout.routed = routed;
        world_run(&world, 200000, 1000);
        cr_expect_str_eq(world.rollout.stable.deployment_digest, "bbbbbbbbbbbb");
        world_fini(&world);
    }
}

Test(rolling, drift_is_told_once_and_written_only_when_it_may_be)
{
    for (int correct = 0; correct < 2; correct++) {
        struct world world;
        world_start(&world, true, STRATEGY_ROLLING, false);
        world_with_stable(&world);
        world.view.correct_drift = correct;
        (void)strcpy(world.slot[0].content, "dddddddddddd");
        world_round(&world);
        cr_assert_eq(world.result.note_count, 1);
        cr_expect_eq(world.result.notes[0].kind, NOTE_DRIFT);
        cr_expect_str_eq(world.slot[0].content, correct ? "aaaaaaaaaaaa" : "dddddddddddd");
        world_round(&world);
        cr_expect_eq(world.result.note_count, 0);
        cr_expect_eq(world.rollout.drifted, !correct);
        world_fini(&world);
    }
}
