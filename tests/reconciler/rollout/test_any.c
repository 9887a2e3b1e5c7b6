/* Views that nobody thought of: a state that holds together comes of any. */
#include "tests/reconciler/rollout/scene.h"

#include <criterion/criterion.h>

#include <stdio.h>

static uint64_t random_state = 88172645463325252u;

static size_t draw(size_t below)
{
    random_state ^= random_state << 13;
    random_state ^= random_state >> 7;
    random_state ^= random_state << 17;
    return (size_t)(random_state >> 20) % below;
}

static bool coin(void)
{
    return draw(2) == 0;
}

static void any_binding(struct binding_view *view)
{
    view->known = draw(6) != 0;
    view->exists = draw(6) != 0;
    view->terminating = draw(8) == 0;
    view->matches = draw(4) != 0;
    view->has_release = draw(4) != 0;
    view->autoscaler_acts = coin();
    view->look = draw(4);
    view->gate.verdict = (enum gate_verdict)draw(GATE_VERDICT_COUNT);
    view->gate.progress = (int64_t)draw(3);
    view->gate.replicas_wanted = (int)draw(3);
    view->gate.replicas_available = (int)draw(3);
    view->gate.weights_verified = coin();
    (void)snprintf(view->gate.text, sizeof(view->gate.text), "%s", coin() ? "" : "pods wait");
}

static void any_plan(struct rollout_plan *plan)
{
    static const struct rollout_step steps[] = {
        {.weight = {.value = -5, .set = true}},
        {.weight = {.value = 500, .set = true}, .soak = {.value = {60000}, .set = true}},
        {.pause = {.value = true, .set = true}, .analysis = {.value = false, .set = true}},
        {.weight = {.value = 50, .set = true}, .analysis = {.value = true, .set = true}},
    };
    plan->strategy = (enum strategy)draw(STRATEGY_COUNT);
    plan->steps = steps;
    plan->step_count = draw(5);
    plan->rollback_forbidden = draw(6) == 0;
    plan->analysis = coin();
    plan->scaled = coin();
    plan->insufficient = (enum insufficient_policy)draw(3);
    plan->attempts = (int)draw(20);
}

static void any_view(struct scene *scene)
{
    struct rollout_view *view = &scene->view;
    for (size_t i = 0; i < 2; i++)
        any_binding(&view->slot[i]);
    any_binding(&view->route);
    any_plan(&scene->plan);
    view->wanted = draw(8) == 0 ? NULL
                   : draw(3)    ? &scene->next
                   : coin()     ? &scene->stable
                                : &scene->newer;
    view->may_start = coin();
    view->quarantined = draw(6) == 0;
    view->correct_drift = coin();
    view->stable_healthy = draw(3) != 0;
    view->cancel = draw(10) == 0;
    view->cancel_reason = coin() ? "elsewhere" : NULL;
    view->refusal = draw(10) == 0 ? "no" : NULL;
    view->command = draw(3) == 0 ? (enum rollout_command)draw(ROLLOUT_COMMAND_COUNT) : COMMAND_NONE;
    view->verdict = (enum judge_verdict)draw(JUDGE_VERDICT_COUNT);
    view->evidence = coin() ? "numbers" : NULL;
    view->blindness = coin() ? "nobody answers" : NULL;
    view->share = (enum share_check)draw(4);
    view->judged_ms = coin() ? LONG_MS : 0;
}

static void any_past(struct rollout *rollout)
{
    rollout->waited_ms = coin() ? LONG_MS : (int64_t)draw(100000);
    rollout->fault_ms = coin() ? LONG_MS : 0;
    rollout->sick_ms = coin() ? LONG_MS : 0;
    rollout->soaked_ms = coin() ? LONG_MS : 0;
    rollout->skip_soak = draw(4) == 0;
    rollout->unproven = draw(4) == 0;
    rollout->fast = rollout->has_next && draw(4) == 0;
    rollout->returning = rollout->has_next && draw(8) == 0;
    rollout->soaking = coin();
    rollout->route_touched = rollout->has_next && rollout->routed && coin();
    rollout->scaled[0] = rollout->routed && coin();
    rollout->attempts_used = (unsigned)draw(12);
    rollout->settle_due = coin();
    rollout->drifted = coin();
    rollout->warming = rollout->state == ROLLOUT_ROLLBACK && coin();
    for (size_t i = 0; i < rollout->stage_count; i++) {
        rollout->room->stages[i].pause = draw(4) == 0;
        rollout->room->stages[i].analysis = draw(3) != 0;
    }
    if (draw(4) == 0 && rollout->step < rollout->stage_count &&
        rollout_effective(rollout) == ROLLOUT_STEP)
        rollout->weight = rollout->room->stages[rollout->step].weight = 0;
    if (draw(4) == 0)
        rollout->counted_at.mono.ms = rollout->soaked_at.mono.ms = 2 * NOW_MONO;
    if (draw(4) == 0)
        rollout->state_since.ms = 2 * NOW_WALL;
    if (draw(4) == 0 && rollout->state == ROLLOUT_IDLE) {
        rollout->hold = (enum rollout_hold)draw(ROLLOUT_HOLD_COUNT);
        (void)snprintf(rollout->held_digest, sizeof(rollout->held_digest), "next");
    }
    if (draw(4) == 0)
        rollout->room->reason[0] = '\0';
}

Test(states, any_view_leaves_a_state_that_holds_together)
{
    for (int round = 0; round < 400; round++) {
        for (size_t i = 0; i < scene_stand_count; i++) {
            struct scene *scene = scene_new(&scene_stands[i]);
            any_view(scene);
            any_past(&scene->rollout);
            struct rollout_room room = *scene->rollout.room;
            struct rollout before = scene->rollout;
            before.room = &room;
            struct rollout_result result;
            rollout_advance(&scene->rollout, &scene->view, &result);
            scene_check_wants(&result.wants, scene_stands[i].name, "any view");
            scene_check_explained(scene);
            scene_check_announced(scene, &before, &result);
            if (round % 20 == 0)
                scene_check_row(scene);
            scene_free(scene);
        }
    }
}

/* At rest a rollout has no room of its own, unless there is something in it to tell. */
Test(states, a_rollout_keeps_its_room_while_something_is_in_it)
{
    enum { NOTHING, STAGES, REASON, EVIDENCE, CASES };
    for (int i = 0; i < CASES; i++) {
        struct rollout rollout;
        rollout_init(&rollout, "cart", "cartservice", "testing", true);
        const struct rollout_room *none = rollout.room;
        cr_assert_eq(rollout_open(&rollout), 0);
        const struct rollout_room *own = rollout.room;
        rollout.stage_count = i == STAGES ? 1 : 0;
        rollout.room->reason[0] = i == REASON ? 'r' : '\0';
        rollout.room->evidence[0] = i == EVIDENCE ? 'e' : '\0';
        rollout_close(&rollout);
        cr_expect_eq(rollout.room, i == NOTHING ? none : own, "%d", i);
        rollout_fini(&rollout);
    }
}
