/* Between attempts: what stands is kept, and new content is waited for or held. */
#include "config/base/text.h"
#include "reconciler/rollout/machine.h"

#include <string.h>

static bool all_match(const struct rollout *rollout, const struct rollout_view *view)
{
    const size_t slot = slot_index(rollout->stable_slot);
    return view->slot[slot].known && view->slot[slot].exists && view->slot[slot].matches &&
           (!rollout->routed || (view->route.known && view->route.exists && view->route.matches));
}

/* What stands here is kept; what git changed without a new release (replicas, scaling) is taken
 * over. */
static void keep_stable(struct advance *advance)
{
    struct rollout *rollout = advance->rollout;
    const struct rollout_view *view = advance->view;
    if (!rollout->has_stable)
        return;
    if (view->wanted != NULL && content_is(&rollout->stable, view->wanted->deployment_digest) &&
        content_refresh(&rollout->stable, view->wanted)) {
        rollout->settle_due = true;
        rollout->drifted = false;
        advance->result->changed = true;
        advance->moved = true;
        return;
    }
    const bool match = all_match(rollout, view);
    const bool differs = view->slot[slot_index(rollout->stable_slot)].known &&
                         (!rollout->routed || view->route.known) && !match;
    if (match && (rollout->settle_due || rollout->drifted)) {
        rollout->settle_due = rollout->drifted = false;
        advance->result->changed = true;
    } else if (differs && !rollout->settle_due && !rollout->drifted) {
        rollout->drifted = true;
        advance->result->changed = true;
        machine_note(advance, NOTE_DRIFT, rollout->stable.deployment_digest,
                     view->correct_drift ? "the live binding was changed; it is put right"
                                         : "the live binding was changed; it is only reported");
    }
}

static void hold(struct advance *advance, enum rollout_hold why, const char *reason)
{
    struct rollout *rollout = advance->rollout;
    const char *digest = advance->view->wanted->deployment_digest;
    if (rollout->state == ROLLOUT_HELD && rollout->hold == why &&
        strcmp(rollout->held_digest, digest) == 0)
        return;
    if (strcmp(rollout->held_digest, digest) != 0)
        rollout->attempts_used = 0;
    (void)memcpy(rollout->held_digest, digest, sizeof(rollout->held_digest));
    (void)text_put(rollout->room->reason, sizeof(rollout->room->reason), "%s", reason);
    rollout->hold = why;
    rollout->retry_at.ms = 0;
    if (rollout->state != ROLLOUT_HELD)
        machine_move(advance, ROLLOUT_HELD);
    advance->result->changed = true;
    machine_note_held(advance, digest);
}

static bool wants_new(const struct advance *advance)
{
    const struct rollout *rollout = advance->rollout;
    const struct rollout_content *wanted = advance->view->wanted;
    return wanted != NULL &&
           (!rollout->has_stable || !content_is(&rollout->stable, wanted->deployment_digest));
}

/* Content that may not begin, whatever the plan says; true when it is held. */
static bool barred(struct advance *advance)
{
    const struct rollout *rollout = advance->rollout;
    const struct rollout_view *view = advance->view;
    const bool same = content_is(view->wanted, rollout->held_digest);
    if (view->quarantined) {
        /* What condemned it says more than that it is condemned. */
        const bool told = same && rollout->room->reason[0] != '\0';
        char reason[sizeof(rollout->room->reason)];
        (void)text_put(reason, sizeof(reason), "%s",
                       told ? rollout->room->reason : "this content is in quarantine here");
        hold(advance, HOLD_QUARANTINED, reason);
        return true;
    }
    if (view->refusal != NULL) {
        hold(advance, HOLD_REFUSED, view->refusal);
        return true;
    }
    return false;
}

void rest_idle(struct advance *advance)
{
    struct rollout *rollout = advance->rollout;
    const struct rollout_view *view = advance->view;
    if (view->undo && rollout->has_previous) {
        begin_return(advance);
        return;
    }
    if (!wants_new(advance)) {
        keep_stable(advance);
        return;
    }
    if (barred(advance))
        return;
    const bool sticks = content_is(view->wanted, rollout->held_digest) &&
                        rollout->hold != HOLD_NONE && rollout->hold != HOLD_QUARANTINED &&
                        rollout->hold != HOLD_REFUSED && rollout->hold != HOLD_CANCELLED;
    if (sticks) {
        machine_move(advance, ROLLOUT_HELD);
        return;
    }
    if (view->may_start && !view->cancel)
        begin_attempt(advance, view->wanted, false);
    else
        keep_stable(advance);
}

/* Frozen in the middle of an attempt. */
static void held_in_place(struct advance *advance)
{
    const struct rollout *rollout = advance->rollout;
    const struct rollout_view *view = advance->view;
    const struct binding_view *slot = &view->slot[slot_index(rollout->next_slot)];
    if (forward_vanished(advance))
        return;
    const bool readable =
        slot->known && slot->gate.verdict != GATE_UNKNOWN && slot->gate.verdict != GATE_STALE;
    /* Pods that are well again cure what pods have shown, not what the judge has found. */
    const bool well = slot->gate.verdict == GATE_SETTLED && view->verdict != VERDICT_ROLLBACK;
    const bool cured = (rollout->hold == HOLD_STABLE_SICK && (view->stable_healthy || well)) ||
                       (rollout->hold == HOLD_STUCK && well);
    if (readable && (cured || rollout->hold == HOLD_UNREADABLE))
        forward_resume(advance);
}

static bool held_ends(const struct rollout *rollout, const struct rollout_view *view)
{
    if (!content_is(view->wanted, rollout->held_digest))
        return true;
    if (rollout->hold == HOLD_QUARANTINED || rollout->hold == HOLD_REFUSED ||
        rollout->hold == HOLD_CANCELLED)
        return true; /* barred() has just found that it is lifted */
    return rollout_retry_is_due(rollout, view->now.wall);
}

void rest_held(struct advance *advance)
{
    struct rollout *rollout = advance->rollout;
    const struct rollout_view *view = advance->view;
    if (rollout->has_next) {
        held_in_place(advance);
        return;
    }
    if (view->wanted == NULL) {
        keep_stable(advance);
        return;
    }
    if (!wants_new(advance)) {
        machine_move(advance, ROLLOUT_IDLE);
        return;
    }
    if (barred(advance))
        return;
    if (!held_ends(rollout, view)) {
        keep_stable(advance);
        return;
    }
    if (view->may_start && !view->cancel)
        begin_attempt(advance, view->wanted, false);
    else if (!content_is(view->wanted, rollout->held_digest))
        machine_move(advance, ROLLOUT_IDLE);
    else
        keep_stable(advance);
}
