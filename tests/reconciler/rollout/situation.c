#include "tests/reconciler/rollout/situation.h"

static void each_slot(struct scene *scene, enum gate_verdict verdict)
{
    for (size_t i = 0; i < 2; i++)
        scene->view.slot[i].gate.verdict = verdict;
}

static void all_settled(struct scene *scene)
{
    each_slot(scene, GATE_SETTLED);
    scene->view.route.gate.verdict = GATE_SETTLED;
    scene->view.route.gate.weights_verified = true;
}

static void all_gone(struct scene *scene)
{
    each_slot(scene, GATE_UNDEPLOYED);
    scene->view.route.gate.verdict = GATE_UNDEPLOYED;
}

static void soaked(struct scene *scene)
{
    all_settled(scene);
    scene->rollout.soaked_ms = LONG_MS;
    scene->view.judged_ms = LONG_MS;
}

static void slot_failed(struct scene *scene)
{
    each_slot(scene, GATE_FAILED);
    scene->rollout.failure_looks = 1;
    scene->rollout.failure_look = 1;
}

static void one_look_failed(struct scene *scene)
{
    each_slot(scene, GATE_FAILED);
}

static void route_failed(struct scene *scene)
{
    each_slot(scene, GATE_PROGRESSING);
    scene->view.route.gate.verdict = GATE_FAILED;
    scene->rollout.failure_looks = 1;
    scene->rollout.failure_look = 1;
}

static void overdue(struct scene *scene)
{
    each_slot(scene, GATE_PROGRESSING);
    scene->view.route.gate.verdict = GATE_PROGRESSING;
    scene->rollout.waited_ms = LONG_MS;
}

static void overdue_unreadable(struct scene *scene)
{
    each_slot(scene, GATE_UNKNOWN);
    scene->view.route.gate.verdict = GATE_UNKNOWN;
    scene->rollout.waited_ms = LONG_MS;
}

static void overdue_stable_sick(struct scene *scene)
{
    overdue(scene);
    scene->view.stable_healthy = false;
}

static void failed_forbidden(struct scene *scene)
{
    slot_failed(scene);
    scene->plan.rollback_forbidden = true;
}

static void release_missing(struct scene *scene)
{
    for (size_t i = 0; i < 2; i++)
        scene->view.slot[i].has_release = false;
    scene->view.route.has_release = false;
}

static void wants_stable(struct scene *scene)
{
    scene->view.wanted = &scene->stable;
}

static void wants_newer(struct scene *scene)
{
    scene->view.wanted = &scene->newer;
}

static void wants_newer_later(struct scene *scene)
{
    scene->view.wanted = &scene->newer;
    scene->view.may_start = false;
}

static void wants_condemned(struct scene *scene)
{
    scene->view.wanted = &scene->newer;
    scene->view.quarantined = true;
}

static void quarantined(struct scene *scene)
{
    scene->view.quarantined = true;
}

static void wants_nothing(struct scene *scene)
{
    scene->view.wanted = NULL;
}

static void cancelled(struct scene *scene)
{
    scene->view.cancel = true;
    scene->view.may_start = false;
}

static void refused(struct scene *scene)
{
    scene->view.refusal = "a consumer needs an endpoint that is gone";
}

static void vanished(struct scene *scene)
{
    all_settled(scene);
    for (size_t i = 0; i < 2; i++) {
        scene->view.slot[i].exists = scene->view.slot[i].matches = false;
        scene->view.slot[i].gate.verdict = GATE_UNKNOWN;
    }
}

static void judged_bad(struct scene *scene)
{
    soaked(scene);
    scene->plan.analysis = true;
    scene->view.verdict = VERDICT_ROLLBACK;
}

static void judged_bad_beside_a_sick_one(struct scene *scene)
{
    judged_bad(scene);
    scene->view.stable_healthy = false;
    scene->rollout.sick_ms = LONG_MS;
}

static void judged_good(struct scene *scene)
{
    soaked(scene);
    scene->plan.analysis = true;
    scene->view.verdict = VERDICT_PASS;
}

static void guarded(struct scene *scene)
{
    soaked(scene);
    scene->plan.analysis = true;
    scene->view.verdict = VERDICT_GUARD;
}

static void guarded_beside_a_sick_one(struct scene *scene)
{
    guarded(scene);
    scene->view.stable_healthy = false;
    scene->rollout.sick_ms = LONG_MS;
}

static void not_proven(struct scene *scene)
{
    soaked(scene);
    scene->plan.analysis = true;
    scene->view.share = SHARE_TOO_FEW;
}

static void no_metrics(struct scene *scene)
{
    soaked(scene);
    scene->plan.analysis = true;
    scene->view.verdict = VERDICT_NO_DATA;
    scene->rollout.fault_ms = LONG_MS;
}

static void share_off(struct scene *scene)
{
    soaked(scene);
    scene->view.share = SHARE_OFF;
    scene->rollout.fault_ms = LONG_MS;
}

static void stable_sick(struct scene *scene)
{
    all_settled(scene);
    scene->view.stable_healthy = false;
    scene->rollout.sick_ms = LONG_MS;
}

static void overdue_unknown(struct scene *scene)
{
    for (size_t i = 0; i < 2; i++)
        scene->view.slot[i].known = false;
    scene->view.route.known = false;
    scene->rollout.waited_ms = LONG_MS;
}

static void overdue_not_taken_up(struct scene *scene)
{
    all_settled(scene);
    for (size_t i = 0; i < 2; i++)
        scene->view.slot[i].matches = false;
    scene->view.route.matches = false;
    scene->rollout.waited_ms = LONG_MS;
}

static void overdue_stale(struct scene *scene)
{
    each_slot(scene, GATE_STALE);
    scene->view.route.gate.verdict = GATE_STALE;
    scene->rollout.waited_ms = LONG_MS;
}

static void route_unreadable(struct scene *scene)
{
    all_settled(scene);
    scene->view.route.gate.verdict = GATE_UNKNOWN;
    scene->rollout.fault_ms = scene->rollout.waited_ms = LONG_MS;
}

static void promote_judged_bad(struct scene *scene)
{
    judged_bad(scene);
    scene->view.command = COMMAND_PROMOTE;
}

static void promote_full_judged_bad(struct scene *scene)
{
    judged_bad(scene);
    scene->view.evidence = NULL;
    scene->view.command = COMMAND_PROMOTE_FULL;
}

static void promote_unproven(struct scene *scene)
{
    not_proven(scene);
    scene->view.command = COMMAND_PROMOTE;
}

static void promote_full_settled(struct scene *scene)
{
    all_settled(scene);
    scene->view.command = COMMAND_PROMOTE_FULL;
}

static void way_back_failed(struct scene *scene)
{
    slot_failed(scene);
    scene->rollout.returning = scene->rollout.has_next;
}

static void cancelled_stable_cold(struct scene *scene)
{
    all_settled(scene);
    scene->view.slot[0].gate.verdict = GATE_PROGRESSING;
    cancelled(scene);
}

static void route_stands_slots_progress(struct scene *scene)
{
    all_settled(scene);
    each_slot(scene, GATE_PROGRESSING);
}

static void nothing(struct scene *scene)
{
    (void)scene;
}

#define COMMAND(name_, value_)                                                                     \
    static void name_(struct scene *scene)                                                         \
    {                                                                                              \
        scene->view.command = (value_);                                                            \
    }
COMMAND(pause_it, COMMAND_PAUSE)
COMMAND(resume_it, COMMAND_RESUME)
COMMAND(promote_it, COMMAND_PROMOTE)
COMMAND(promote_full, COMMAND_PROMOTE_FULL)
COMMAND(abort_it, COMMAND_ABORT)
COMMAND(retry_it, COMMAND_RETRY)
COMMAND(roll_back, COMMAND_ROLLBACK)

const struct situation situation_all[] = {
    {"nothing is seen", nothing},
    {"all settled", all_settled},
    {"all gone", all_gone},
    {"soaked", soaked},
    {"one look shows a failure", one_look_failed},
    {"two looks show a failure", slot_failed},
    {"the route fails", route_failed},
    {"deadline over", overdue},
    {"deadline over, unreadable", overdue_unreadable},
    {"deadline over, stable sick", overdue_stable_sick},
    {"failed, rollback forbidden", failed_forbidden},
    {"the release is not made", release_missing},
    {"git wants the stable content", wants_stable},
    {"git wants newer content", wants_newer},
    {"newer content that may not start", wants_newer_later},
    {"git wants condemned content", wants_condemned},
    {"the content is quarantined", quarantined},
    {"git wants nothing", wants_nothing},
    {"cancelled", cancelled},
    {"refused", refused},
    {"the slots vanish", vanished},
    {"judged bad", judged_bad},
    {"judged good", judged_good},
    {"above the guard", guarded},
    {"not proven", not_proven},
    {"no metrics for long", no_metrics},
    {"the share is off for long", share_off},
    {"stable sick for long", stable_sick},
    {"pause", pause_it},
    {"resume", resume_it},
    {"promote", promote_it},
    {"promote --full", promote_full},
    {"abort", abort_it},
    {"retry", retry_it},
    {"rollback", roll_back},
    {"deadline over, not known", overdue_unknown},
    {"deadline over, not taken up", overdue_not_taken_up},
    {"deadline over, stale", overdue_stale},
    {"the route unreadable for long", route_unreadable},
    {"promote, judged bad", promote_judged_bad},
    {"promote --full, judged bad", promote_full_judged_bad},
    {"promote, not proven", promote_unproven},
    {"promote --full, settled", promote_full_settled},
    {"the way back fails", way_back_failed},
    {"cancelled, stable cold", cancelled_stable_cold},
    {"the route stands, the slots progress", route_stands_slots_progress},
    {"judged bad, stable sick for long", judged_bad_beside_a_sick_one},
    {"above the guard, stable sick for long", guarded_beside_a_sick_one},
};
_Static_assert(sizeof(situation_all) / sizeof(situation_all[0]) == SITUATION_COUNT, "counted");
