/* Whole rollouts in virtual time: what states they go through, with and without a restart between
 * any two rounds. */
#include "tests/reconciler/rollout/world.h"

#include <criterion/criterion.h>

#include <string.h>

static void start(struct world *world, bool routed, enum strategy strategy, bool restarts)
{
    world_init(world, routed, strategy);
    world->restart_each_round = restarts;
}

/* --- rolling ------------------------------------------------------------------------------ */

Test(rolling, first_release_of_a_routed_component)
{
    for (int restarts = 0; restarts < 2; restarts++) {
        struct world world;
        start(&world, true, STRATEGY_ROLLING, restarts);
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
        start(&world, true, STRATEGY_ROLLING, restarts);
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
    start(&world, false, STRATEGY_ROLLING, false);
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
        start(&world, routed[i], STRATEGY_ROLLING, i == 0);
        world_with_stable(&world);
        world.behaviour[1] = FAILS;
        world_want(&world, 1);
        world_run(&world, 200000, 1000);
        cr_expect_str_eq(world.log, "prepare deploy quarantine rollback held");
        cr_expect_eq(world.rollout.hold, HOLD_QUARANTINED);
        cr_expect_eq(world.rollout.last_outcome, OUTCOME_ROLLED_BACK);
        cr_expect_str_eq(world.slot[0].content, "aaaaaaaaaaaa");
        cr_expect(strstr(world.rollout.reason, "back-off") != NULL, "%s", world.rollout.reason);
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
    start(&world, true, STRATEGY_ROLLING, false);
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
        start(&world, true, STRATEGY_ROLLING, restarts);
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

Test(rolling, first_release_that_fails_is_withdrawn)
{
    static const enum behaviour bad[] = {FAILS, NEVER_READY};
    for (size_t i = 0; i < 2; i++) {
        struct world world;
        start(&world, true, STRATEGY_CANARY, i == 1);
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
        start(&world, true, STRATEGY_ROLLING, false);
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
    start(&world, true, STRATEGY_ROLLING, false);
    world_with_stable(&world);
    world.behaviour[1] = UNREADABLE;
    world_want(&world, 1);
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
    start(&world, true, STRATEGY_ROLLING, false);
    world_with_stable(&world);
    world.behaviour[1] = NEVER_READY;
    world_want(&world, 1);
    world_run(&world, 60000, 1000);
    world_want(&world, 2);
    world_run(&world, 200000, 1000);
    cr_expect_str_eq(world.log, "prepare deploy prepare deploy bake idle");
    cr_expect_str_eq(world.rollout.stable.deployment_digest, "cccccccccccc");
    world_fini(&world);
}

Test(rolling, newer_content_that_may_not_start_does_not_stop_what_runs)
{
    struct world world;
    start(&world, true, STRATEGY_ROLLING, false);
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
    start(&world, true, STRATEGY_ROLLING, true);
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
    start(&world, true, STRATEGY_ROLLING, false);
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
    start(&world, true, STRATEGY_ROLLING, true);
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
    start(&world, true, STRATEGY_ROLLING, false);
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
    start(&world, true, STRATEGY_ROLLING, false);
    world_with_stable(&world);
    json_decref(world.contents[0].slot_spec[0]);
    world.contents[0].slot_spec[0] =
        json_pack("{s:s,s:i}", "releaseName", "aaaaaaaaaaaa", "replicas", 5);
    world.view.correct_drift = false;
    world_round(&world);
    cr_expect(world.result.changed && world.rollout.settle_due);
    cr_expect(!world.result.wants.report_only, "what git changed is written");
    cr_expect_eq(json_integer_value(json_object_get(world.rollout.stable.slot_spec[0], "replicas")),
                 5);
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
        start(&world, true, STRATEGY_ROLLING, false);
        world_with_stable(&world);
        struct rollout_content *content = &world.contents[0];
        json_t **const specs[] = {&content->slot_spec[0], &content->slot_spec[1],
                                  &content->route_spec};
        if (part < 3) {
            json_decref(*specs[part]);
            *specs[part] = part == 1 ? NULL : json_pack("{s:i}", "replicas", 7);
        } else if (part == 3) {
            (void)strcpy(content->route_digest, "other");
        }
        world_round(&world);
        cr_expect_eq(world.rollout.settle_due, part < 4, "%s", parts[part]);
        cr_expect_eq(world.rollout.state, ROLLOUT_IDLE);
        world_fini(&world);
    }
}

Test(rolling, drift_is_told_once_and_written_only_when_it_may_be)
{
    for (int correct = 0; correct < 2; correct++) {
        struct world world;
        start(&world, true, STRATEGY_ROLLING, false);
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

/* --- endpoints ---------------------------------------------------------------------------- */

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
            start(&world, true, STRATEGY_ROLLING, restarts);
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
        start(&world, true, STRATEGY_ROLLING, i % 2 == 0);
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

/* --- blue-green and canary ---------------------------------------------------------------- */

#define CANARY_GOOD "prepare deploy step:5:20:50:100 bake cleanup idle"

Test(canary, goes_up_step_by_step_and_takes_the_other_slot)
{
    for (int restarts = 0; restarts < 2; restarts++) {
        struct world world;
        start(&world, true, STRATEGY_CANARY, restarts);
        world_with_stable(&world);
        world_want(&world, 1);
        const int64_t began = world.view.now.wall.ms;
        world_until(&world, ROLLOUT_BAKE, 3600000);
        /* 12 min of soak, not shortened by restarts */
        cr_expect_geq(world.view.now.wall.ms - began, 720000);
        cr_expect_leq(world.view.now.wall.ms - began, 800000);
        world_run(&world, 200000, 1000);
        cr_expect_str_eq(world.log, CANARY_GOOD, "%s", world.log);
        cr_expect_eq(world.rollout.stable_slot, 'b');
        cr_expect_str_eq(world.slot[0].content, "");
        cr_expect_eq(world.route.weight[1], 100);
        cr_expect(!world.route.list[0]);
        world_clear(&world);
        world_want(&world, 2);
        world_run(&world, 2000000, 1000);
        cr_expect_str_eq(world.log, CANARY_GOOD, "%s", world.log);
        cr_expect_eq(world.rollout.stable_slot, 'a');
        world_fini(&world);
    }
}

Test(canary, first_release_goes_straight_to_all_traffic)
{
    struct world world;
    start(&world, true, STRATEGY_CANARY, false);
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
    start(&world, true, STRATEGY_ROLLING, false);
    world_with_stable(&world);
    world.plan.strategy = STRATEGY_CANARY;
    world.plan.step_count = 3;
    world_run(&world, 60000, 1000);
    cr_expect_str_eq(world.log, "");
    world_want(&world, 1);
    world_run(&world, 2000000, 1000);
    cr_expect_str_eq(world.log, CANARY_GOOD);
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

Test(canary, judged_bad_goes_back_with_evidence)
{
    for (int restarts = 0; restarts < 2; restarts++) {
        struct world world;
        start(&world, true, STRATEGY_CANARY, restarts);
        world_with_stable(&world);
        world.plan.analysis = true;
        world_want(&world, 1);
        world_until(&world, ROLLOUT_STEP, 60000);
        world_run(&world, 200000, 1000);
        world.view.verdict = VERDICT_ROLLBACK;
        world.view.evidence = "12 of 80 against 3 of 900";
        world_run(&world, 100000, 1000);
        cr_expect_str_eq(world.log, "prepare deploy step:5:20 quarantine rollback held");
        cr_expect_str_eq(world.rollout.evidence, "12 of 80 against 3 of 900");
        cr_expect_eq(world.most_weight, 20);
        cr_expect_eq(world.route.weight[0], 100);
        cr_expect_str_eq(world.slot[1].content, "");
        world_fini(&world);
    }
}

Test(canary, promotion_needs_proof)
{
    static const struct {
        enum insufficient_policy policy;
        const char *log;
    } cases[] = {
        {INSUFFICIENT_HOLD, "prepare deploy step:5:20:50 paused"},
        {INSUFFICIENT_PROMOTE, CANARY_GOOD},
        {INSUFFICIENT_ROLLBACK, "prepare deploy step:5:20:50 rollback held"},
    };
    for (size_t i = 0; i < 3; i++) {
        struct world world;
        start(&world, true, STRATEGY_CANARY, false);
        world_with_stable(&world);
        world.plan.analysis = true;
        world.plan.attempts = 1;
        world.plan.insufficient = cases[i].policy;
        world_want(&world, 1);
        world_run(&world, 2000000, 1000);
        cr_expect_str_eq(world.log, cases[i].log, "%s", world.log);
        cr_expect_eq(world.quarantine_count, 0);
        cr_expect_eq(world.rollout.unproven, cases[i].policy == INSUFFICIENT_PROMOTE);
        if (cases[i].policy == INSUFFICIENT_HOLD) {
            world_command(&world, COMMAND_RESUME);
            cr_expect(!world.result.command_done, "resuming is no proof");
            world.view.verdict = VERDICT_PASS;
            world_run(&world, 200000, 1000);
            cr_expect_str_eq(world.log,
                             "prepare deploy step:5:20:50 paused step:100 bake cleanup idle", "%s",
                             world.log);
            cr_expect(!world.rollout.unproven);
        }
        world_fini(&world);
    }
}

Test(canary, missing_metrics_hold_the_weight_and_condemn_nothing)
{
    static const enum judge_verdict missing[] = {VERDICT_NO_DATA, VERDICT_PROVIDER_ERROR};
    for (size_t i = 0; i < 2; i++) {
        struct world world;
        start(&world, true, STRATEGY_CANARY, false);
        world_with_stable(&world);
        world.plan.analysis = true;
        world.plan.attempts = 1;
        world_want(&world, 1);
        world_until(&world, ROLLOUT_STEP, 60000);
        world.view.verdict = missing[i];
        world_run(&world, 500000, 1000);
        cr_expect_eq(world.rollout.weight, 5, "no step on silence");
        world_run(&world, 200000, 1000);
        cr_expect_str_eq(world.log, "prepare deploy step:5 rollback held");
        cr_expect_eq(world.rollout.hold, HOLD_NO_METRICS);
        cr_expect_eq(world.quarantine_count, 0);
        world_fini(&world);
    }
}

Test(canary, soak_counts_only_what_was_judged)
{
    struct world world;
    start(&world, true, STRATEGY_CANARY, false);
    world_with_stable(&world);
    world.plan.analysis = true;
    world_want(&world, 1);
    world_until(&world, ROLLOUT_STEP, 60000);
    world_run(&world, 60000, 1000);
    world.view.verdict = VERDICT_PROVIDER_ERROR;
    world_run(&world, 300000, 1000);
    world.view.verdict = VERDICT_CONTINUE;
    world_run(&world, 50000, 1000);
    cr_expect_eq(world.rollout.weight, 5);
    world_run(&world, 30000, 1000);
    cr_expect_eq(world.rollout.weight, 20);
    world_fini(&world);
}

Test(canary, traffic_that_does_not_follow_is_no_fault_of_the_release)
{
    struct world world;
    start(&world, true, STRATEGY_CANARY, false);
    world_with_stable(&world);
    world.plan.attempts = 1;
    world_want(&world, 1);
    world_until(&world, ROLLOUT_STEP, 60000);
    world.view.share = SHARE_OFF;
    world_run(&world, 590000, 1000);
    cr_expect_eq(world.rollout.weight, 5);
    world_run(&world, 100000, 1000);
    cr_expect_str_eq(world.log, "prepare deploy step:5 rollback held");
    cr_expect_eq(world.rollout.hold, HOLD_WEIGHT);
    world_fini(&world);
}

Test(canary, a_new_slot_that_vanishes_loses_its_traffic_first)
{
    struct world world;
    start(&world, true, STRATEGY_CANARY, false);
    world_with_stable(&world);
    world_want(&world, 1);
    world_until(&world, ROLLOUT_STEP, 60000);
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

Test(canary, a_sick_stable_release_does_not_hold_up_its_cure)
{
    struct world world;
    start(&world, true, STRATEGY_CANARY, false);
    world_with_stable(&world);
    world.plan.analysis = true;
    world_want(&world, 1);
    world_until(&world, ROLLOUT_STEP, 60000);
    world_run(&world, 20000, 1000);
    world.view.stable_healthy = false;
    world.view.verdict = VERDICT_ROLLBACK; /* a comparison with a sick one says nothing */
    world_run(&world, 50000, 1000);
    cr_expect_eq(world.rollout.weight, 5);
    world_run(&world, 30000, 1000);
    cr_expect_eq(world.rollout.weight, 100);
    cr_expect(world.rollout.unproven);
    world_fini(&world);
}

Test(canary, both_bad_does_not_churn)
{
    struct world world;
    start(&world, true, STRATEGY_CANARY, false);
    world_with_stable(&world);
    world_want(&world, 1);
    world_until(&world, ROLLOUT_STEP, 60000);
    world_run(&world, 10000, 1000);
    world.view.stable_healthy = false;
    world.behaviour[1] = FAILS;
    world_run(&world, 100000, 1000);
    cr_expect_eq(world.rollout.state, ROLLOUT_HELD);
    cr_expect_eq(world.rollout.hold, HOLD_STABLE_SICK);
    cr_expect_eq(world.route.weight[1], 5);
    cr_expect_eq(world.quarantine_count, 0);
    world_fini(&world);
}

Test(canary, newer_content_starts_from_step_0_against_the_same_stable)
{
    struct world world;
    start(&world, true, STRATEGY_CANARY, true);
    world_with_stable(&world);
    world_want(&world, 1);
    world_until(&world, ROLLOUT_STEP, 60000);
    world_run(&world, 200000, 1000);
    world_want(&world, 2);
    world_run(&world, 2000000, 1000);
    cr_expect_str_eq(world.log, "prepare deploy step:5:20 rollback idle " CANARY_GOOD, "%s",
                     world.log);
    cr_expect_str_eq(world.rollout.previous.deployment_digest, "aaaaaaaaaaaa");
    world_fini(&world);
}

Test(canary, known_good_content_takes_the_fast_track)
{
    struct world world;
    start(&world, true, STRATEGY_CANARY, false);
    world_with_stable(&world);
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
    start(&world, true, STRATEGY_CANARY, false);
    world_with_stable(&world);
    world_want(&world, 1);
    world_run(&world, 2000000, 1000);
    world.view.now.wall.ms += INT64_C(8) * 86400000;
    world.view.now.mono.ms += INT64_C(8) * 86400000;
    world_clear(&world);
    world_want(&world, 0);
    world_run(&world, 2000000, 1000);
    cr_expect_str_eq(world.log, CANARY_GOOD, "%s", world.log);
    world_fini(&world);
}

Test(canary, changed_ports_flip_instead_of_splitting)
{
    struct world world;
    start(&world, true, STRATEGY_CANARY, true);
    world_endpoints(&world, 0, endpoint_changes[2].from);
    world_endpoints(&world, 1, endpoint_changes[2].to);
    world_with_stable(&world);
    world_want(&world, 1);
    world_run(&world, 300000, 1000);
    cr_expect_str_eq(world.log, "prepare deploy route bake cleanup idle");
    world_fini(&world);
}

Test(blue_green, flips_and_keeps_the_old_slot_warm)
{
    for (int restarts = 0; restarts < 2; restarts++) {
        struct world world;
        start(&world, true, STRATEGY_BLUE_GREEN, restarts);
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

Test(blue_green, replicas_of_both_sides_do_not_fall_while_it_goes_on)
{
    struct world world;
    start(&world, true, STRATEGY_BLUE_GREEN, false);
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
        start(&world, true, STRATEGY_BLUE_GREEN, false);
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

/* --- people ------------------------------------------------------------------------------- */

Test(operator, pause_resume_promote_and_promote_full)
{
    struct world world;
    start(&world, true, STRATEGY_CANARY, false);
    world_with_stable(&world);
    world_want(&world, 1);
    world_until(&world, ROLLOUT_STEP, 60000);
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

Test(operator, abort_sticks_until_retry)
{
    struct world world;
    start(&world, true, STRATEGY_CANARY, true);
    world_with_stable(&world);
    world_command(&world, COMMAND_ABORT);
    cr_expect(!world.result.command_done, "nothing is under way");
    cr_expect(!world.result.changed);
    world_want(&world, 1);
    world_until(&world, ROLLOUT_STEP, 60000);
    world_command(&world, COMMAND_ABORT);
    world_run(&world, 1000000, 1000);
    cr_expect_str_eq(world.log, "prepare deploy step:5 rollback held");
    world_want(&world, 0);
    world_run(&world, 10000, 1000);
    world_want(&world, 1);
    world_run(&world, 10000, 1000);
    cr_expect_eq(world.rollout.state, ROLLOUT_HELD);
    world_command(&world, COMMAND_RETRY);
    world_run(&world, 2000000, 1000);
    cr_expect_str_eq(world.rollout.stable.deployment_digest, "bbbbbbbbbbbb");
    world_fini(&world);
}

Test(operator, rollback_leads_to_the_content_before)
{
    static const enum strategy strategies[] = {STRATEGY_ROLLING, STRATEGY_CANARY};
    for (size_t i = 0; i < 2; i++) {
        struct world world;
        start(&world, true, strategies[i], false);
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
    start(&world, true, STRATEGY_CANARY, true);
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
    start(&world, true, STRATEGY_CANARY, false);
    world_with_stable(&world);
    world_want(&world, 1);
    world_until(&world, ROLLOUT_STEP, 60000);
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
    start(&world, true, STRATEGY_CANARY, false);
    world_with_stable(&world);
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

/* --- time --------------------------------------------------------------------------------- */

Test(soak, a_clock_that_jumps_gives_nothing)
{
    struct world world;
    start(&world, true, STRATEGY_CANARY, false);
    world_with_stable(&world);
    world_want(&world, 1);
    world_until(&world, ROLLOUT_STEP, 60000);
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
    start(&world, true, STRATEGY_CANARY, false);
    world_with_stable(&world);
    world_want(&world, 1);
    world_until(&world, ROLLOUT_STEP, 60000);
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
