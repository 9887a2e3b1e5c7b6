#include "config/base/check.h"
#include "config/base/text.h"
#include "reconciler/rollout/machine.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static bool is_forward(enum rollout_state state)
{
    switch (state) {
    case ROLLOUT_PREPARE:
    case ROLLOUT_NARROW:
    case ROLLOUT_DEPLOY:
    case ROLLOUT_STEP:
    case ROLLOUT_ROUTE:
    case ROLLOUT_PAUSED:
    case ROLLOUT_BAKE:
        return true;
    case ROLLOUT_IDLE:
    case ROLLOUT_CLEANUP:
    case ROLLOUT_ROLLBACK:
    case ROLLOUT_WITHDRAW:
    case ROLLOUT_HELD:
        return false;
    }
    CHECK_UNREACHABLE();
}

static bool in_attempt(const struct rollout *rollout)
{
    return is_forward(rollout->state) || (rollout->state == ROLLOUT_HELD && rollout->has_next);
}

/* --- git and the plan --------------------------------------------------------------------- */

static void supersede(struct advance *advance)
{
    struct rollout *rollout = advance->rollout;
    const struct rollout_view *view = advance->view;
    const struct way_back way = {.outcome = OUTCOME_SUPERSEDED, .by_operator = true};
    const char slot = begin_slot(rollout, view->wanted, view->plan->strategy);
    const bool in_place = !rollout_two_slots(rollout) && slot == rollout->next_slot;
    if (!in_place) {
        backward_begin(advance, way, "superseded by release %s", view->wanted->release_digest);
        return;
    }
    machine_note(advance, NOTE_SUPERSEDED, rollout->next.deployment_digest,
                 "superseded by release %s", view->wanted->release_digest);
    rollout->last_outcome = OUTCOME_SUPERSEDED;
    rollout->last_attempt = rollout->attempt;
    begin_attempt(advance, view->wanted, false);
}

/* Git wants something other than what is under way. */
static void turn(struct advance *advance)
{
    const struct rollout *rollout = advance->rollout;
    const struct rollout_view *view = advance->view;
    const struct way_back way = {.outcome = OUTCOME_SUPERSEDED, .by_operator = true};
    const bool stable =
        rollout->has_stable && content_is(&rollout->stable, view->wanted->deployment_digest);
    if (rollout->returning && (stable || view->quarantined))
        return;
    if (stable)
        backward_begin(advance, way, "git went back to the stable release");
    else if (view->quarantined)
        backward_begin(advance, way, "git wants content that is in quarantine here");
    else if (view->refusal == NULL && view->may_start)
        supersede(advance);
}

void interrupt_attempt(struct advance *advance)
{
    const struct rollout *rollout = advance->rollout;
    const struct rollout_view *view = advance->view;
    if (!in_attempt(rollout))
        return;
    if (view->cancel) {
        backward_begin(advance,
                       (struct way_back){.hold = HOLD_CANCELLED, .outcome = OUTCOME_ABORTED}, "%s",
                       view->cancel_reason != NULL ? view->cancel_reason : "cancelled");
        return;
    }
    if (view->wanted == NULL)
        return;
    if (!content_is(&rollout->next, view->wanted->deployment_digest)) {
        turn(advance);
        return;
    }
    const enum rollout_state at = rollout_effective(rollout);
    const bool before_traffic =
        at == ROLLOUT_PREPARE || at == ROLLOUT_NARROW || at == ROLLOUT_DEPLOY;
    if (view->quarantined)
        backward_begin(advance,
                       (struct way_back){.hold = HOLD_QUARANTINED, .outcome = OUTCOME_ABORTED},
                       "its content was put into quarantine");
    else if (view->refusal != NULL && before_traffic && !rollout->touched)
        backward_begin(advance, (struct way_back){.hold = HOLD_REFUSED, .outcome = OUTCOME_ABORTED},
                       "%s", view->refusal);
}

/* --- operators ---------------------------------------------------------------------------- */

static void answer(struct advance *advance, bool done, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

static void answer(struct advance *advance, bool done, const char *format, ...)
{
    struct rollout_result *result = advance->result;
    result->command_done = done;
    va_list arguments;
    va_start(arguments, format);
    (void)text_vput(result->command, sizeof(result->command), format, arguments);
    va_end(arguments);
}

static void command_pause(struct advance *advance)
{
    struct rollout *rollout = advance->rollout;
    if (rollout->state == ROLLOUT_PAUSED) {
        /* From now on it is a person's pause: nothing but a person ends it. */
        rollout->hold = rollout->hold == HOLD_GUARD ? HOLD_NONE : rollout->hold;
        advance->result->changed = true;
        answer(advance, true, "it is paused already");
        return;
    }
    if (!is_forward(rollout->state)) {
        answer(advance, false, "nothing that could be paused is under way (%s)",
               rollout_state_name(rollout->state));
        return;
    }
    const enum rollout_state from = rollout->state;
    const int64_t soaked = rollout->soaked_ms, judged_from = rollout->judged_from_ms;
    machine_move(advance, ROLLOUT_PAUSED);
    rollout->from = from;
    rollout->soaked_ms = soaked;
    rollout->judged_from_ms = judged_from;
    (void)text_put(rollout->room->reason, sizeof(rollout->room->reason), "paused by an operator");
    machine_note(advance, NOTE_PAUSED, rollout->next.deployment_digest, "%s",
                 rollout->room->reason);
    answer(advance, true, "paused in %s", rollout_state_name(from));
}

static void command_resume(struct advance *advance)
{
    struct rollout *rollout = advance->rollout;
    if (rollout->state != ROLLOUT_PAUSED) {
        answer(advance, false, "it is not paused (%s)", rollout_state_name(rollout->state));
        return;
    }
    if (rollout->hold == HOLD_INSUFFICIENT) {
        answer(advance, false,
               "there is too little evidence: `promote` goes on without proof, `abort` goes back");
        return;
    }
    if (rollout->hold == HOLD_GUARD && advance->view->verdict == VERDICT_GUARD) {
        answer(advance, false,
               "there are still more errors than the absolute limit allows: `promote` goes on all "
               "the same, `abort` goes back");
        return;
    }
    if (rollout->from == ROLLOUT_STEP && rollout->step < rollout->stage_count && rollout->verified)
        rollout->room->stages[rollout->step].pause = false;
    forward_resume(advance);
    answer(advance, true, "goes on in %s", rollout_state_name(rollout->state));
}

/* A judge that condemns outranks a person who wants to go on: abort and retry are there for that.
 */
static bool judged_bad(const struct advance *advance)
{
    return advance->view->plan->analysis && advance->view->verdict == VERDICT_ROLLBACK;
}

/* Nothing is under way: a person may vouch for what was promoted without proof, so that it goes on
 * to the targets that come after. */
static bool accept_unproven(struct advance *advance)
{
    struct rollout *rollout = advance->rollout;
    if (rollout->has_next || !rollout->has_stable || !rollout->stable.unproven)
        return false;
    rollout->stable.accepted = true;
    advance->result->changed = true;
    answer(advance, true, "release %s is accepted without proof", rollout->stable.release_digest);
    return true;
}

static void command_promote(struct advance *advance)
{
    struct rollout *rollout = advance->rollout;
    const enum rollout_state at = rollout_effective(rollout);
    if (accept_unproven(advance))
        return;
    if (!is_forward(rollout->state) || (at != ROLLOUT_STEP && at != ROLLOUT_BAKE)) {
        answer(advance, false, "there is no step that could be ended (%s)",
               rollout_state_name(rollout->state));
        return;
    }
    if (judged_bad(advance)) {
        answer(advance, false, "the judge condemns the release");
        return;
    }
    if (rollout->state == ROLLOUT_PAUSED)
        forward_resume(advance);
    rollout->skip_soak = true;
    if (at == ROLLOUT_STEP && rollout->step < rollout->stage_count)
        rollout->room->stages[rollout->step].pause = false;
    advance->result->changed = true;
    answer(advance, true, at == ROLLOUT_BAKE ? "the bake is ended" : "the step's soak is ended");
}

static void command_promote_full(struct advance *advance)
{
    struct rollout *rollout = advance->rollout;
    const enum rollout_state at = rollout_effective(rollout);
    if (!is_forward(rollout->state)) {
        answer(advance, false, "nothing that could be promoted is under way (%s)",
               rollout_state_name(rollout->state));
        return;
    }
    if (at == ROLLOUT_BAKE) {
        command_promote(advance);
        return;
    }
    if (judged_bad(advance)) {
        answer(advance, false, "the judge condemns the release");
        return;
    }
    const struct binding_view *slot = &advance->view->slot[slot_index(rollout->next_slot)];
    if (at == ROLLOUT_STEP && !binding_is_settled(slot)) {
        answer(advance, false, "the new slot is not ready, so it cannot take all traffic");
        return;
    }
    if (rollout->state == ROLLOUT_PAUSED)
        forward_resume(advance);
    rollout->unproven = rollout->unproven || step_lacks_proof(rollout, advance->view);
    if (at == ROLLOUT_STEP)
        step_enter(advance, rollout->stage_count);
    else if (at != ROLLOUT_ROUTE)
        rollout->step = rollout->stage_count = 0;
    advance->result->changed = true;
    answer(advance, true, "all traffic goes to the new release as soon as it can take it");
}

static void command_abort(struct advance *advance)
{
    const struct rollout *rollout = advance->rollout;
    if (in_attempt(rollout)) {
        backward_begin(advance,
                       (struct way_back){
                           .hold = HOLD_ABORTED, .outcome = OUTCOME_ABORTED, .by_operator = true},
                       "aborted by an operator");
        answer(advance, true, "goes back");
    } else if (rollout->state == ROLLOUT_ROLLBACK || rollout->state == ROLLOUT_WITHDRAW) {
        answer(advance, true, "it is on its way back already");
    } else if (rollout->state == ROLLOUT_CLEANUP) {
        answer(advance, false, "the release is the stable one already: use `rollback`");
    } else {
        answer(advance, false, "nothing is under way");
    }
}

static void command_retry(struct advance *advance)
{
    struct rollout *rollout = advance->rollout;
    if (rollout->state != ROLLOUT_HELD) {
        answer(advance, false, "it is not held (%s)", rollout_state_name(rollout->state));
        return;
    }
    if (rollout->has_next) {
        forward_resume(advance);
        rollout->held_digest[0] = '\0';
        answer(advance, true, "tries again in %s", rollout_state_name(rollout->state));
        return;
    }
    if (rollout->hold == HOLD_QUARANTINED || rollout->hold == HOLD_REFUSED) {
        answer(advance, false,
               rollout->hold == HOLD_REFUSED
                   ? "its content is refused: %s"
                   : "its content is in quarantine, which `quarantine clear` ends: %s",
               rollout->room->reason);
        return;
    }
    rollout->held_digest[0] = '\0';
    rollout->attempts_used = 0;
    rollout->retry_at.ms = 0;
    rollout->hold = HOLD_NONE;
    rollout->room->reason[0] = '\0';
    machine_move(advance, ROLLOUT_IDLE);
    answer(advance, true, "it may begin again");
}

static void command_rollback(struct advance *advance)
{
    const struct rollout *rollout = advance->rollout;
    if (in_attempt(rollout) || rollout->state == ROLLOUT_ROLLBACK ||
        rollout->state == ROLLOUT_WITHDRAW) {
        command_abort(advance);
        return;
    }
    if (rollout->state == ROLLOUT_CLEANUP) {
        answer(advance, false,
               "the old slot is just being taken down: try again when that is over");
        return;
    }
    if (!rollout->has_previous) {
        answer(advance, false, "no earlier good release is recorded here");
        return;
    }
    begin_return(advance);
    answer(advance, true, "goes back to release %s", rollout->next.release_digest);
}

void interrupt_command(struct advance *advance)
{
    switch (advance->view->command) {
    case COMMAND_NONE:
        return;
    case COMMAND_PAUSE:
        command_pause(advance);
        return;
    case COMMAND_RESUME:
        command_resume(advance);
        return;
    case COMMAND_PROMOTE:
        command_promote(advance);
        return;
    case COMMAND_PROMOTE_FULL:
        command_promote_full(advance);
        return;
    case COMMAND_ABORT:
        command_abort(advance);
        return;
    case COMMAND_RETRY:
        command_retry(advance);
        return;
    case COMMAND_ROLLBACK:
        command_rollback(advance);
        return;
    }
    CHECK_UNREACHABLE();
}
