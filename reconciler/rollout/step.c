#include "config/base/check.h"
#include "config/base/text.h"
#include "reconciler/rollout/machine.h"

#include <inttypes.h>

struct rollout_stage step_current(const struct rollout *rollout)
{
    if (rollout->step < rollout->stage_count)
        return rollout->room->stages[rollout->step];
    return (struct rollout_stage){.weight = 100};
}

void step_enter(struct advance *advance, size_t step)
{
    struct rollout *rollout = advance->rollout;
    CHECK(step <= rollout->stage_count);
    if (rollout->state != ROLLOUT_STEP)
        machine_move(advance, ROLLOUT_STEP);
    rollout->step = step;
    rollout->weight = step_current(rollout).weight;
    rollout->verified = false;
    rollout->skip_soak = false;
    rollout->fault_ms = 0;
    credit_restart_wait(advance);
    credit_restart_soak(advance);
    advance->result->changed = true;
    advance->moved = true;
}

static bool judged(const struct rollout *rollout, const struct rollout_view *view,
                   const struct rollout_stage *stage)
{
    return view->plan->analysis && stage->analysis && !rollout->fast;
}

/* There are requests for the judge to count. */
static bool counted(const struct rollout *rollout, const struct rollout_view *view,
                    const struct rollout_stage *stage)
{
    return judged(rollout, view, stage) && stage->weight > 0;
}

/* The weight stands: the route says so, and the requests do not say otherwise. */
static bool weight_stands(const struct rollout_view *view)
{
    return binding_is_verified(&view->route) && view->share != SHARE_OFF;
}

/* NULL = they are there, or not needed. */
static const char *metrics_lack(const struct rollout *rollout, const struct rollout_view *view,
                                const struct rollout_stage *stage)
{
    return counted(rollout, view, stage) ? credit_blindness(view) : NULL;
}

const char *step_fault(const struct rollout *rollout, const struct rollout_view *view)
{
    const struct rollout_stage stage = step_current(rollout);
    if (weight_stands(view))
        return metrics_lack(rollout, view, &stage);
    return binding_is_unseen(&view->route) ? "the route cannot be read"
                                           : "the traffic does not follow the weight";
}

/* Failures of what carries the release, not of the release: they hold the weight, and end the
 * attempt without condemning anything when they last. True when the state was left. */
static bool check_faults(struct advance *advance, const struct rollout_stage *stage)
{
    struct rollout *rollout = advance->rollout;
    const bool stands = weight_stands(advance->view);
    const char *lack = metrics_lack(rollout, advance->view, stage);
    const int64_t limit = advance->view->plan->progress_deadline.ms;
    if (stands && lack == NULL)
        rollout->fault_ms = 0;
    if (rollout->fault_ms < limit)
        return false;
    if (!stands && binding_is_unseen(&advance->view->route))
        backward_begin(advance,
                       (struct way_back){.hold = HOLD_UNREADABLE, .outcome = OUTCOME_ABORTED},
                       "the route could not be read until the progress deadline");
    else if (!stands)
        backward_begin(advance, (struct way_back){.hold = HOLD_WEIGHT, .outcome = OUTCOME_ABORTED},
                       "the traffic did not follow the weight of %d %%%s", stage->weight,
                       advance->view->share == SHARE_OFF ? " (requests were counted)" : "");
    else
        backward_begin(
            advance, (struct way_back){.hold = HOLD_NO_METRICS, .outcome = OUTCOME_ABORTED},
            "the judge had nothing to go by at a weight of %d %%: %s", stage->weight, lack);
    return true;
}

/* Condemned or doubted at this look? True when the state was left. */
static bool check_health(struct advance *advance, const struct rollout_stage *stage)
{
    const struct rollout *rollout = advance->rollout;
    const struct rollout_view *view = advance->view;
    const struct binding_view *slot = &view->slot[slot_index(rollout->next_slot)];
    if (slot->matches && failure_is_confirmed(advance, slot)) {
        failure_blame(advance, slot, "failed");
        return true;
    }
    /* Nothing is counted while the stable release is sick: what the judge says is of before, so
     * that the new release is none that cures. */
    if (!view->plan->analysis || rollout->fast)
        return false;
    if (view->verdict == VERDICT_ROLLBACK) {
        failure_condemn(advance, "was judged bad", view->evidence != NULL ? view->evidence : "");
        return true;
    }
    /* A person who ended the step has seen it. */
    if (view->verdict == VERDICT_GUARD && judged(rollout, view, stage) && !rollout->skip_soak) {
        forward_pause(
            advance, HOLD_GUARD,
            view->stable_healthy
                ? "more errors than the absolute limit allows, and the stable release has them too"
                : "more errors than the absolute limit allows, and the stable release is not "
                  "healthy");
        return true;
    }
    return false;
}

/* The new slot is there, but lost its readiness: weights do not rise, and not for ever. */
static bool check_ready(struct advance *advance, const struct binding_view *slot)
{
    if (binding_is_settled(slot)) {
        credit_restart_wait(advance);
        return true;
    }
    if (!failure_is_overdue(advance))
        return false;
    if (binding_is_unseen(slot))
        backward_begin(advance,
                       (struct way_back){.hold = HOLD_UNREADABLE, .outcome = OUTCOME_ABORTED},
                       "the data plane could not be read until the progress deadline");
    else
        failure_blame(advance, slot, "was not ready any more");
    return false;
}

static void next_step(struct advance *advance)
{
    struct rollout *rollout = advance->rollout;
    if (rollout->step < rollout->stage_count) {
        step_enter(advance, rollout->step + 1);
        return;
    }
    if (content_change(&rollout->stable, &rollout->next) == CHANGE_NONE) {
        forward_promoted(advance);
        return;
    }
    forward_enter_route(advance);
}

static bool any_analysis(const struct rollout *rollout)
{
    for (size_t i = 0; i < rollout->stage_count; i++) {
        if (rollout->room->stages[i].analysis && rollout->room->stages[i].weight > 0)
            return true;
    }
    return false;
}

bool step_lacks_proof(const struct rollout *rollout, const struct rollout_view *view)
{
    return view->plan->analysis && any_analysis(rollout) && view->verdict != VERDICT_PASS;
}

/* The soak is over and nothing speaks against the release: is that enough to go on? */
static void soaked(struct advance *advance, const struct rollout_stage *stage)
{
    struct rollout *rollout = advance->rollout;
    const struct rollout_view *view = advance->view;
    if (stage->pause) {
        char why[64];
        (void)text_put(why, sizeof(why), "step %zu of %zu waits for a person", rollout->step + 1,
                       rollout->stage_count);
        forward_pause(advance, HOLD_NONE, why);
        return;
    }
    const bool lacking =
        rollout->step + 1 == rollout->stage_count && step_lacks_proof(rollout, view);
    const bool uncounted = counted(rollout, view, stage) && view->share == SHARE_TOO_FEW;
    if ((!lacking && !uncounted) || rollout->unproven || rollout->skip_soak) {
        rollout->unproven = rollout->unproven || lacking;
        next_step(advance);
        return;
    }
    switch (view->plan->insufficient) {
    case INSUFFICIENT_HOLD:
        forward_pause(advance, HOLD_INSUFFICIENT,
                      "the soak is over without proof that the release is good: too few requests");
        break;
    case INSUFFICIENT_PROMOTE:
        rollout->unproven = true;
        next_step(advance);
        break;
    case INSUFFICIENT_ROLLBACK:
        backward_begin(advance,
                       (struct way_back){.hold = HOLD_INSUFFICIENT, .outcome = OUTCOME_ABORTED},
                       "the soak was over without proof that the release is good");
        break;
    }
}

/* A stable release that stays sick must not hold up what may be its cure. */
static bool cure(struct advance *advance)
{
    struct rollout *rollout = advance->rollout;
    if (rollout->step == rollout->stage_count ||
        rollout->sick_ms < advance->view->plan->apply_grace.ms)
        return false;
    rollout->unproven = true;
    machine_note(advance, NOTE_ALARM, rollout->next.deployment_digest,
                 "the stable release is not healthy and the new one is: all traffic goes there");
    step_enter(advance, rollout->stage_count);
    return true;
}

/* All traffic is none of the steps that the manifest counts. */
static void note_step(struct advance *advance, const struct rollout_stage *stage)
{
    const struct rollout *rollout = advance->rollout;
    const char *digest = rollout->next.deployment_digest;
    if (rollout->step < rollout->stage_count)
        machine_note(advance, NOTE_STEP, digest, "%d %% of the traffic, step %zu of %zu",
                     stage->weight, rollout->step + 1, rollout->stage_count);
    else
        machine_note(advance, NOTE_STEP, digest, "all of the traffic");
}

void step_advance(struct advance *advance)
{
    struct rollout *rollout = advance->rollout;
    const struct rollout_view *view = advance->view;
    const struct binding_view *slot = &view->slot[slot_index(rollout->next_slot)];
    const struct rollout_stage stage = step_current(rollout);
    if (binding_has_vanished(slot)) {
        rollout->weight = 0;
        rollout->verified = false;
        machine_move(advance, ROLLOUT_DEPLOY);
        return;
    }
    if (check_health(advance, &stage) || check_faults(advance, &stage))
        return;
    const bool ready = check_ready(advance, slot);
    if (advance->moved || (ready && !view->stable_healthy && cure(advance)))
        return;
    const bool stands = weight_stands(view);
    /* With `promote` a person decides without them. */
    const bool missing = !rollout->skip_soak && metrics_lack(rollout, view, &stage) != NULL;
    if (!rollout->verified) {
        if (!ready || !stands)
            return;
        rollout->verified = true;
        credit_restart_soak(advance);
        advance->result->changed = true;
        note_step(advance, &stage);
    }
    if (rollout->step < rollout->stage_count && forward_keep_up(advance, rollout->stable_slot))
        return;
    const bool blind =
        (!ready && binding_is_unseen(slot)) || (!stands && binding_is_unseen(&view->route));
    const enum soak_look look = ready && stands && !missing ? SOAK_GOOD
                                : blind                     ? SOAK_UNSEEN
                                                            : SOAK_STOPPED;
    if (credit_soak(advance, look, counted(rollout, view, &stage), stage.soak_ms))
        soaked(advance, &stage);
}
