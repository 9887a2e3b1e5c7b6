/* What no table of states meets: odd beginnings, assertions, and memory that runs out. */
#include "tests/reconciler/rollout/scene.h"
#include "tests/reconciler/scarcity.h"

#include <criterion/criterion.h>

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

/* A first release that was begun without endpoints, of a component that has some now. */
Test(corners, a_first_release_of_the_other_kind_is_refused)
{
    struct scene *scene = scene_at("deploy, first");
    scene->rollout.next_slot = 0;
    struct rollout_result result;
    rollout_advance(&scene->rollout, &scene->view, &result);
    cr_expect_eq(scene->rollout.hold, HOLD_REFUSED);
    cr_expect_eq(scene->rollout.state, ROLLOUT_DEPLOY);
    cr_expect_eq(result.wants.slot[0].content, CONTENT_UNTOUCHED);
    cr_expect_eq(result.wants.route.content, CONTENT_UNTOUCHED);
    cr_assert_eq(result.note_count, 1);
    cr_expect_eq(result.notes[0].kind, NOTE_HELD);
    /* told once */
    rollout_advance(&scene->rollout, &scene->view, &result);
    cr_expect(!result.changed);
    cr_expect_eq(result.note_count, 0);
    /* another refusal before it does not swallow this one */
    (void)snprintf(scene->rollout.room->reason, sizeof(scene->rollout.room->reason), "another");
    rollout_advance(&scene->rollout, &scene->view, &result);
    cr_expect(result.changed);
    cr_expect_eq(result.note_count, 1);
    scene_free(scene);
}

/* The last step is over, and the judge has no proof (yet, or any more). */
static struct scene *lacking_proof(void)
{
    struct scene *scene = scene_at("last step, soaking");
    scene->rollout.soaked_ms = LONG_MS;
    scene->view.judged_ms = LONG_MS;
    scene->plan.analysis = true;
    scene->view.share = SHARE_CONFIRMED;
    for (size_t i = 0; i < 2; i++)
        scene->view.slot[i].gate.verdict = GATE_SETTLED;
    scene->view.route.gate.verdict = GATE_SETTLED;
    scene->view.route.gate.weights_verified = true;
    return scene;
}

static const struct {
    const char *what;
    bool unproven, skip_soak;
    enum judge_verdict verdict;
    enum rollout_state state;
    size_t step;
    bool marked;
} proofs[] = {
    {"nothing but silence", false, false, VERDICT_CONTINUE, ROLLOUT_PAUSED, 1, false},
    {"it went on without proof before", true, false, VERDICT_CONTINUE, ROLLOUT_STEP, 2, true},
    {"promoted while it was proven", false, true, VERDICT_CONTINUE, ROLLOUT_STEP, 2, true},
    {"proven", false, false, VERDICT_PASS, ROLLOUT_STEP, 2, false},
};

Test(corners, without_proof_a_release_stays_marked)
{
    for (size_t i = 0; i < sizeof(proofs) / sizeof(proofs[0]); i++) {
        struct scene *scene = lacking_proof();
        scene->rollout.unproven = proofs[i].unproven;
        scene->rollout.skip_soak = proofs[i].skip_soak;
        scene->view.verdict = proofs[i].verdict;
        struct rollout_result result;
        rollout_advance(&scene->rollout, &scene->view, &result);
        cr_expect_eq(scene->rollout.state, proofs[i].state, "%s", proofs[i].what);
        cr_expect_eq(scene->rollout.step, proofs[i].step, "%s", proofs[i].what);
        cr_expect_eq(scene->rollout.unproven, proofs[i].marked, "%s", proofs[i].what);
        scene_free(scene);
    }
}

/* Blue-green under a judge: the bake is all the proof there is. */
static const struct {
    const char *what;
    bool unproven, skip_soak;
    enum judge_verdict verdict;
    enum insufficient_policy policy;
    enum rollout_state state;
    bool marked;
} bakes[] = {
    {"proven", false, false, VERDICT_PASS, INSUFFICIENT_HOLD, ROLLOUT_CLEANUP, false},
    {"silence", false, false, VERDICT_CONTINUE, INSUFFICIENT_HOLD, ROLLOUT_PAUSED, false},
    {"silence is enough", false, false, VERDICT_CONTINUE, INSUFFICIENT_PROMOTE, ROLLOUT_CLEANUP,
     true},
    {"silence is too little", false, false, VERDICT_CONTINUE, INSUFFICIENT_ROLLBACK,
     ROLLOUT_ROLLBACK, false},
    {"a person's word", false, true, VERDICT_CONTINUE, INSUFFICIENT_HOLD, ROLLOUT_CLEANUP, true},
    {"unproven before", true, false, VERDICT_CONTINUE, INSUFFICIENT_HOLD, ROLLOUT_CLEANUP, true},
    {"unproven before, proven now", true, false, VERDICT_PASS, INSUFFICIENT_HOLD, ROLLOUT_CLEANUP,
     false},
};

Test(corners, a_bake_is_proof_or_says_that_there_is_none)
{
    for (size_t i = 0; i < sizeof(bakes) / sizeof(bakes[0]); i++) {
        struct scene *scene = scene_at("bake, two slots");
        struct rollout *rollout = &scene->rollout;
        rollout->stage_count = rollout->step = 0;
        rollout->strategy = scene->plan.strategy = STRATEGY_BLUE_GREEN;
        rollout->unproven = bakes[i].unproven;
        rollout->skip_soak = bakes[i].skip_soak;
        rollout->soaked_ms = scene->view.judged_ms = LONG_MS;
        scene->plan.analysis = true;
        scene->plan.insufficient = bakes[i].policy;
        scene->view.verdict = bakes[i].verdict;
        for (size_t s = 0; s < 2; s++)
            scene->view.slot[s].gate.verdict = GATE_SETTLED;
        scene->view.route.gate.verdict = GATE_SETTLED;
        scene->view.route.gate.weights_verified = true;
        struct rollout_result result;
        rollout_advance(rollout, &scene->view, &result);
        cr_expect_eq(rollout->state, bakes[i].state, "%s: %s", bakes[i].what,
                     rollout_state_name(rollout->state));
        if (rollout->state == ROLLOUT_CLEANUP)
            cr_expect_eq(rollout->stable.unproven, bakes[i].marked, "%s", bakes[i].what);
        scene_free(scene);
    }
}

/* Taken back with its cell or phase: only to what there is. */
Test(corners, there_is_nothing_to_undo_without_a_previous_release)
{
    for (int previous = 0; previous < 2; previous++) {
        struct scene *scene = scene_at("idle");
        scene->view.undo = true;
        scene->view.wanted = &scene->stable;
        scene->rollout.has_previous = previous == 1;
        struct rollout_result result;
        rollout_advance(&scene->rollout, &scene->view, &result);
        cr_expect_eq(scene->rollout.state, previous == 1 ? ROLLOUT_PREPARE : ROLLOUT_IDLE);
        scene_free(scene);
    }
}

Test(corners, a_step_beyond_the_last_is_found)
{
    struct scene *scene = scene_at("step, soaking");
    scene->rollout.step = 3;
    cr_expect_str_eq(check_find(&scene->rollout), "the step");
    scene->rollout.step = 0;
    scene->rollout.stage_count = ROLLOUT_STEPS_LIMIT + 1;
    cr_expect_str_eq(check_find(&scene->rollout), "the step");
    scene->rollout.stage_count = 2;
    cr_expect_null(check_find(&scene->rollout));
    scene_free(scene);
}

Test(corners, a_pause_of_a_pause_stops_the_daemon, .signal = SIGABRT)
{
    struct scene *scene = scene_at("paused in a step");
    scene->rollout.from = ROLLOUT_PAUSED;
    struct rollout_wants wants;
    rollout_wants(&scene->rollout, &scene->view, &wants);
}

/* In place with more endpoints than before: the route goes back first, where it had moved. */
Test(corners, a_wider_route_goes_back_before_its_slot)
{
    static const struct {
        const char *stand;
        bool drained;
    } cases[] = {{"deploy, in place", true}, {"route, in place", false}, {"bake, in place", false}};
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct scene *scene = scene_at(cases[i].stand);
        struct rollout *rollout = &scene->rollout;
        (void)packed_unref(rollout->stable.endpoints);
        rollout->stable.endpoints = packed_take(json_pack("{s:{s:i}}", "http", "port", 80));
        cr_assert_eq(content_change(&rollout->stable, &rollout->next), CHANGE_WIDER);
        scene->view.cancel = true;
        scene->view.may_start = false;
        struct rollout_result result;
        rollout_advance(rollout, &scene->view, &result);
        cr_expect_eq(rollout->state, ROLLOUT_ROLLBACK, "%s", cases[i].stand);
        cr_expect_eq(rollout->drained, cases[i].drained, "%s", cases[i].stand);
        scene_free(scene);
    }
}

/* Contents that cannot be looked at are brought the way that is safe for every change. */
Test(corners, without_memory_every_change_is_a_flip)
{
    struct scene *scene = scene_at("deploy, in place");
    cr_assert_eq(content_change(&scene->rollout.stable, &scene->rollout.next), CHANGE_NONE);
    for (uint64_t spared = 0; spared < 2; spared++) {
        scarcity_begin(spared, false);
        const enum content_change change =
            content_change(&scene->rollout.stable, &scene->rollout.next);
        cr_expect_eq(scarcity_end(), 1);
        cr_expect_eq(change, CHANGE_FLIP, "%u", (unsigned)spared);
    }
    scene_free(scene);
}

/* Without memory, or whole: never a part of it. */
Test(corners, every_allocation_of_reading_a_row_may_fail)
{
    struct scene *scene = scene_at("step, soaking");
    scene->rollout.stable.slot = 'b';
    json_t *row = scene_row(scene);
    uint64_t failed = 1;
    for (uint64_t spared = 0; failed > 0; spared++) {
        cr_assert_lt(spared, 2000);
        struct rollout read;
        rollout_init(&read, "cart", "cartservice", "testing", true);
        struct error err = {0};
        scarcity_begin(spared, false);
        const int status = rollout_from_json(row, &read, &err);
        failed = scarcity_end();
        cr_assert(status == 0 || (status == -ENOMEM && failed > 0), "after %lu: %d",
                  (unsigned long)spared, status);
        json_t *again = status == 0 ? rollout_to_json(&read) : NULL;
        cr_expect(status != 0 || json_equal(row, again), "after %lu", (unsigned long)spared);
        json_decref(again);
        rollout_fini(&read);
    }
    json_decref(row);
    scene_free(scene);
}

Test(corners, every_allocation_of_a_row_may_fail)
{
    struct scene *scene = scene_at("step, soaking");
    (void)snprintf(scene->rollout.good[0].digest, sizeof(scene->rollout.good[0].digest), "good");
    json_t *row = NULL;
    uint64_t spared = 0;
    for (; row == NULL; spared++) {
        cr_assert_lt(spared, 2000);
        scarcity_begin(spared, false);
        row = rollout_to_json(&scene->rollout);
        const uint64_t failed = scarcity_end();
        cr_assert_eq(row == NULL, failed > 0, "after %lu", (unsigned long)spared);
    }
    cr_expect_gt(spared, 50);
    struct rollout read;
    rollout_init(&read, "cart", "cartservice", "testing", true);
    cr_expect_eq(rollout_from_json(row, &read, NULL), 0);
    cr_expect_str_eq(read.good[0].digest, "good");
    rollout_fini(&read);
    json_decref(row);
    scene_free(scene);
}
