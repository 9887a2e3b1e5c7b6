/* What a canary has to prove before its next step, and what it does when nobody can tell. */
#include "tests/reconciler/rollout/world.h"

#include <criterion/criterion.h>

#include <string.h>

Test(canary_proof, judged_bad_goes_back_with_evidence)
{
    for (int restarts = 0; restarts < 2; restarts++) {
        struct world world;
        world_start(&world, true, STRATEGY_CANARY, restarts);
        world_with_stable(&world);
        world.plan.analysis = true;
        world_until_first_step(&world);
        world_run(&world, 200000, 1000);
        world.view.verdict = VERDICT_ROLLBACK;
        world.view.evidence = "12 of 80 against 3 of 900";
        world_run(&world, 100000, 1000);
        cr_expect_str_eq(world.log, "prepare deploy step:5:20 quarantine rollback held");
        cr_expect_str_eq(world.rollout.room->evidence, "12 of 80 against 3 of 900");
        cr_expect_eq(world.most_weight, 20);
        cr_expect_eq(world.route.weight[0], 100);
        cr_expect_str_eq(world.slot[1].content, "");
        world_fini(&world);
    }
}

Test(canary_proof, promotion_needs_proof)
{
    static const struct {
        enum insufficient_policy policy;
        const char *log;
    } cases[] = {
        {INSUFFICIENT_HOLD, "prepare deploy step:5:20:50 paused"},
        {INSUFFICIENT_PROMOTE, WORLD_CANARY_GOOD},
        {INSUFFICIENT_ROLLBACK, "prepare deploy step:5:20:50 rollback held"},
    };
    for (size_t i = 0; i < 3; i++) {
        struct world world;
        world_canary(&world);
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

Test(canary_proof, a_weight_that_was_not_counted_is_waited_for_without_coming_and_going)
{
    struct world world;
    world_canary(&world);
    world.plan.analysis = true;
    world.view.verdict = VERDICT_PASS;
    world.view.share = SHARE_TOO_FEW;
    world_want(&world, 1);
    world_run(&world, 1000000, 1000);
    cr_expect_str_eq(world.log, "prepare deploy step:5 paused", "%s", world.log);
    world.view.share = SHARE_CONFIRMED;
    world_run(&world, 2000000, 1000);
    cr_expect_str_eq(world.log, "prepare deploy step:5 paused step:20:50:100 bake cleanup idle",
                     "%s", world.log);
    world_fini(&world);
}

Test(canary_proof, steps_that_are_not_judged_need_no_proof)
{
    static const struct rollout_step steps[] = {
        /* testers only: nobody else gets there, so there is nothing to judge */
        {.weight = {.value = 0, .set = true}, .soak = {.value = {10000}, .set = true}},
        {.weight = {.value = 30, .set = true},
         .soak = {.value = {10000}, .set = true},
         .analysis = {.value = false, .set = true}},
    };
    struct world world;
    world_canary(&world);
    world.plan.analysis = true;
    world.plan.steps = steps;
    world.plan.step_count = 2;
    world.view.share = SHARE_TOO_FEW;
    world_want(&world, 1);
    world_run(&world, 300000, 1000);
    cr_expect_str_eq(world.log, "prepare deploy step:0:30:100 bake cleanup idle", "%s", world.log);
    cr_expect(!world.rollout.unproven);
    world_fini(&world);
}

Test(canary_proof, missing_metrics_hold_the_weight_and_condemn_nothing)
{
    static const enum judge_verdict missing[] = {VERDICT_NO_DATA, VERDICT_PROVIDER_ERROR};
    for (size_t i = 0; i < 2; i++) {
        struct world world;
        world_canary(&world);
        world.plan.analysis = true;
        world.plan.attempts = 1;
        world_until_first_step(&world);
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

Test(canary_proof, a_retry_does_not_wait_for_a_clock_that_was_set_back)
{
    for (int set_back = 0; set_back < 2; set_back++) {
        struct world world;
        world_canary(&world);
        world.plan.analysis = true;
        world.plan.attempts = 2;
        world_until_first_step(&world);
        world.view.verdict = VERDICT_PROVIDER_ERROR;
        world_until(&world, ROLLOUT_HELD, 900000);
        world.view.verdict = VERDICT_CONTINUE;
        world_run(&world, 30000, 1000);
        cr_expect_eq(world.rollout.state, ROLLOUT_HELD, "its time has not come");
        world.view.now.wall.ms -= set_back * INT64_C(36000000);
        world_run(&world, 1000, 1000);
        cr_expect_eq(world.rollout.state == ROLLOUT_HELD, set_back == 0);
        world_run(&world, 60000, 1000);
        cr_expect_eq(world.rollout.state, ROLLOUT_STEP);
        world_fini(&world);
    }
}

static void check_explained(const struct world *world, const char *expected)
{
    struct text text;
    text_init(&text, 500);
    rollout_explain(&world->rollout, &world->view, &text);
    cr_expect_not_null(strstr(text_get(&text), expected), "%s, not %s", text_get(&text), expected);
    cr_expect(strstr(expected, "not counted") != NULL ||
                  strstr(text_get(&text), "not counted") == NULL,
              "%s", text_get(&text));
    text_fini(&text);
}

Test(canary_proof, a_bake_without_metrics_says_so)
{
    static const struct {
        enum judge_verdict verdict;
        bool analysis;
        const char *expected, *given_up;
    } rows[] = {
        {VERDICT_CONTINUE, false, " left", " left"},
        {VERDICT_PROVIDER_ERROR, false, " left", " left"},
        {VERDICT_CONTINUE, true, " left", " left"},
        {VERDICT_PROVIDER_ERROR, true, " left (not counted now: the metrics cannot be read; it ",
         " left (unjudged: the metrics cannot be read)"},
        {VERDICT_NO_DATA, true, " (not counted now: the metrics show no requests of it; it bakes ",
         " left (unjudged: the metrics show no requests of it)"},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct world world;
        world_canary(&world);
        world_want(&world, 1);
        world_until(&world, ROLLOUT_BAKE, 3600000);
        world.plan.analysis = rows[i].analysis;
        world.view.verdict = rows[i].verdict;
        world_round(&world);
        check_explained(&world, rows[i].expected);
        world.rollout.fault_ms = world.plan.progress_deadline.ms;
        check_explained(&world, rows[i].given_up);
        world_fini(&world);
    }
}

Test(canary_proof, a_bake_that_was_not_judged_is_told_with_the_release)
{
    static const char *const expected[] = {"release rbbbbbbbbbbb is stable",
                                           "release rbbbbbbbbbbb is stable; its bake was not "
                                           "judged: the metrics show no requests of it"};
    for (size_t i = 0; i < 2; i++) {
        struct world world;
        world_canary(&world);
        world.plan.analysis = true;
        world.view.verdict = VERDICT_PASS;
        world_want(&world, 1);
        world_until(&world, ROLLOUT_BAKE, 3600000);
        world.view.verdict = i == 0 ? VERDICT_PASS : VERDICT_NO_DATA;
        world_until(&world, ROLLOUT_CLEANUP, 7200000);
        const struct rollout_note *note = &world.result.notes[0];
        cr_expect_eq(note->kind, NOTE_BAKED);
        cr_expect_str_eq(note->text, expected[i]);
        world_fini(&world);
    }
}

/* The time that is left stands still then: nobody should wait for it to go by. */
Test(canary_proof, a_soak_that_does_not_count_says_why_and_what_comes_of_it)
{
    enum trouble { NONE, METRICS, NO_DATA, SHARE, ROUTE, UNREAD, SLOT };
    static const struct {
        enum trouble trouble;
        bool forbidden;
        const char *expected;
    } rows[] = {
        {NONE, false, "soaks at 5 %, 2m left"},
        {METRICS, false, " (not counted now: the metrics cannot be read; it goes back in "},
        {METRICS, true, " (not counted now: the metrics cannot be read; it is held in "},
        {NO_DATA, false, " (not counted now: the metrics show no requests of it; it goes back in "},
        {SHARE, false, " (not counted now: the traffic does not follow the weight; it goes "},
        {ROUTE, false, " (not counted now: the traffic does not follow the weight; it goes "},
        {UNREAD, false, " (not counted now: the route cannot be read; it goes back in "},
        {SLOT, false, " left (its state cannot be read)"},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct world world;
        world_canary(&world);
        world.plan.analysis = true;
        world.plan.rollback_forbidden = rows[i].forbidden;
        world_until_first_step(&world);
        while (!world.rollout.verified)
            world_run(&world, 1000, 1000);
        const enum trouble trouble = rows[i].trouble;
        world.view.verdict = trouble == METRICS   ? VERDICT_PROVIDER_ERROR
                             : trouble == NO_DATA ? VERDICT_NO_DATA
                                                  : VERDICT_CONTINUE;
        world.view.share = trouble == SHARE ? SHARE_OFF : SHARE_CONFIRMED;
        world.view.route.matches = trouble != ROUTE;
        world.view.route.known = trouble != UNREAD;
        world.view.slot[1].known = trouble != SLOT;
        check_explained(&world, rows[i].expected);
        world_fini(&world);
    }
}

Test(canary_proof, soak_counts_only_what_was_judged)
{
    struct world world;
    world_canary(&world);
    world.plan.analysis = true;
    world_until_first_step(&world);
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

Test(canary_proof, an_interval_that_began_badly_is_no_soak)
{
    struct world world;
    world_canary(&world);
    world_until_first_step(&world);
    while (!world.rollout.verified)
        world_run(&world, 1000, 1000);
    world_run(&world, 10000, 1000);
    world.behaviour[1] = NEVER_READY;
    world_run(&world, 50000, 50000);
    world.behaviour[1] = BEHAVES;
    world_run(&world, 80000, 1000);
    cr_expect_eq(world.rollout.weight, 5);
    world_run(&world, 40000, 1000);
    cr_expect_eq(world.rollout.weight, 20);
    world_fini(&world);
}

Test(canary_proof, time_that_the_judge_has_not_seen_is_no_soak)
{
    struct world world;
    world_canary(&world);
    world.plan.analysis = true;
    world_until_first_step(&world);
    for (int i = 0; i < 300; i++) {
        world_run(&world, 1000, 1000);
        world.view.judged_ms = 60000;
    }
    cr_expect_eq(world.rollout.weight, 5);
    world_run(&world, 121000, 1000);
    cr_expect_eq(world.rollout.weight, 20);
    world_fini(&world);
}

Test(canary_proof, traffic_that_does_not_follow_is_no_fault_of_the_release)
{
    struct world world;
    world_canary(&world);
    world.plan.attempts = 1;
    world_until_first_step(&world);
    world.view.share = SHARE_OFF;
    world_run(&world, 590000, 1000);
    cr_expect_eq(world.rollout.weight, 5);
    world_run(&world, 100000, 1000);
    cr_expect_str_eq(world.log, "prepare deploy step:5 rollback held");
    cr_expect_eq(world.rollout.hold, HOLD_WEIGHT);
    world_fini(&world);
}

Test(canary_proof, a_sick_stable_release_does_not_hold_up_its_cure)
{
    struct world world;
    world_canary(&world);
    world.plan.analysis = true;
    world_until_first_step(&world);
    world_run(&world, 20000, 1000);
    world.view.stable_healthy = false;
    world_run(&world, 50000, 1000);
    cr_expect_eq(world.rollout.weight, 5);
    world_run(&world, 30000, 1000);
    cr_expect_eq(world.rollout.weight, 100);
    cr_expect(world.rollout.unproven);
    world_fini(&world);
}

/* What the judge counted was counted while the stable release was well. */
Test(canary_proof, a_release_that_was_judged_bad_is_no_cure_of_a_sick_one)
{
    struct world world;
    world_canary(&world);
    world.plan.analysis = true;
    world_until_first_step(&world);
    world_run(&world, 20000, 1000);
    world.view.stable_healthy = false;
    world.view.verdict = VERDICT_ROLLBACK;
    world_run(&world, 900000, 1000);
    cr_expect_eq(world.rollout.state, ROLLOUT_HELD);
    cr_expect_eq(world.rollout.hold, HOLD_STABLE_SICK);
    cr_expect_eq(world.route.weight[1], 5);
    cr_expect_eq(world.quarantine_count, 0);
    world.view.stable_healthy = true;
    world_run(&world, 100000, 1000);
    cr_expect_eq(world.route.weight[1], 0);
    cr_expect_eq(world.rollout.hold, HOLD_QUARANTINED);
    cr_expect_eq(world.quarantine_count, 1);
    world_fini(&world);
}

static bool was_told(const struct world *world, enum rollout_note_kind kind)
{
    for (size_t i = 0; i < world->result.note_count; i++) {
        if (world->result.notes[i].kind == kind)
            return true;
    }
    return false;
}

Test(canary_proof, one_above_the_absolute_limit_is_no_cure_either_and_somebody_is_called)
{
    struct world world;
    world_canary(&world);
    world.plan.analysis = true;
    world_until_first_step(&world);
    world_run(&world, 20000, 1000);
    world.view.stable_healthy = false;
    world.view.verdict = VERDICT_GUARD;
    world_until(&world, ROLLOUT_PAUSED, 10000);
    cr_expect(was_told(&world, NOTE_ALARM));
    world_run(&world, 900000, 1000);
    cr_expect_eq(world.rollout.state, ROLLOUT_PAUSED);
    cr_expect_eq(world.route.weight[1], 5);
    world_fini(&world);
}

Test(canary_proof, both_bad_does_not_churn)
{
    struct world world;
    world_canary(&world);
    world_until_first_step(&world);
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
