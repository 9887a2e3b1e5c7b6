#include "config/base/check.h"
#include "reconciler/rollout/machine.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* --- the start of the way back ------------------------------------------------------------------
 */

/* Automatic attempts of the same content are this far apart, doubling. */
#define RETRY_FIRST_MS INT64_C(60000)
#define RETRY_DOUBLINGS 5

static bool retries(enum rollout_hold hold)
{
    return hold == HOLD_PLATFORM || hold == HOLD_UNREADABLE || hold == HOLD_STABLE_SICK ||
           hold == HOLD_WEIGHT || hold == HOLD_NO_METRICS || hold == HOLD_INSUFFICIENT;
}

static void keep_evidence(struct advance *advance)
{
    const char *evidence = advance->view->evidence;
    (void)snprintf(advance->rollout->evidence, sizeof(advance->rollout->evidence), "%s",
                   evidence != NULL ? evidence : "");
}

void backward_hold_in_place(struct advance *advance, enum rollout_hold hold, const char *format,
                            ...)
{
    struct rollout *rollout = advance->rollout;
    char reason[sizeof(rollout->reason)];
    va_list arguments;
    va_start(arguments, format);
    (void)vsnprintf(reason, sizeof(reason), format, arguments);
    va_end(arguments);
    const enum rollout_state from = rollout_effective(rollout);
    const int64_t soaked = rollout->soaked_ms, judged_from = rollout->judged_from_ms;
    if (rollout->state != ROLLOUT_HELD)
        machine_move(advance, ROLLOUT_HELD);
    rollout->soaked_ms = soaked;
    rollout->judged_from_ms = judged_from;
    rollout->from = from;
    rollout->hold = hold;
    (void)memcpy(rollout->held_digest, rollout->next.deployment_digest,
                 sizeof(rollout->held_digest));
    (void)memcpy(rollout->reason, reason, sizeof(reason));
    keep_evidence(advance);
    machine_note(advance, NOTE_HELD, rollout->next.deployment_digest, "%s", reason);
    machine_note(advance, NOTE_ALARM, rollout->next.deployment_digest, "%s", reason);
}

static void finish(struct advance *advance);

/* Whether what must be undone first (before `drained`) is there at all. */
static bool nothing_first(const struct rollout *rollout, enum rollout_state from)
{
    if (!rollout->has_stable || rollout_two_slots(rollout))
        return false;
    switch (content_change(&rollout->stable, &rollout->next)) {
    case CHANGE_NONE:
    case CHANGE_FLIP: /* in place only when it supersedes: there is no order that helps */
        return true;
    case CHANGE_WIDER: /* the route goes back first, where it had moved */
        return from != ROLLOUT_ROUTE && from != ROLLOUT_BAKE;
    case CHANGE_NARROW: /* the slot first */
        return false;
    }
    CHECK_UNREACHABLE();
}

void backward_begin(struct advance *advance, struct way_back way, const char *format, ...)
{
    struct rollout *rollout = advance->rollout;
    char reason[sizeof(rollout->reason)];
    va_list arguments;
    va_start(arguments, format);
    (void)vsnprintf(reason, sizeof(reason), format, arguments);
    va_end(arguments);
    const enum rollout_state from = rollout_effective(rollout);
    const bool untouched = from == ROLLOUT_PREPARE && !rollout->touched;
    if (advance->view->plan->rollback_forbidden && !way.by_operator && !untouched) {
        if (rollout->state != ROLLOUT_HELD)
            backward_hold_in_place(advance, HOLD_FORBIDDEN, "%s; its rollback is forbidden",
                                   reason);
        return;
    }
    rollout->drained = nothing_first(rollout, from);
    rollout->hold = way.hold;
    rollout->outcome = way.outcome;
    (void)memcpy(rollout->reason, reason, sizeof(reason));
    keep_evidence(advance);
    const char *digest = rollout->next.deployment_digest;
    machine_note(advance, NOTE_ROLLBACK, digest, "%s", reason);
    if (way.quarantine)
        machine_note(advance, NOTE_QUARANTINE, digest, "%s", reason);
    if (untouched)
        finish(advance);
    else
        machine_move(advance, rollout->has_stable ? ROLLOUT_ROLLBACK : ROLLOUT_WITHDRAW);
}

/* --- its end ------------------------------------------------------------------------------------
 */

static enum rollout_note_kind note_of(enum rollout_outcome outcome)
{
    return outcome == OUTCOME_SUPERSEDED  ? NOTE_SUPERSEDED
           : outcome == OUTCOME_WITHDRAWN ? NOTE_WITHDRAWN
                                          : NOTE_ROLLED_BACK;
}

static void plan_retry(struct advance *advance)
{
    struct rollout *rollout = advance->rollout;
    rollout->retry_at.ms = 0;
    if (!retries(rollout->hold) ||
        (int64_t)rollout->attempts_used >= (int64_t)advance->view->plan->attempts)
        return;
    unsigned doublings = rollout->attempts_used > 0 ? rollout->attempts_used - 1 : 0;
    if (doublings > RETRY_DOUBLINGS)
        doublings = RETRY_DOUBLINGS;
    rollout->retry_at.ms = advance->view->now.wall.ms + (RETRY_FIRST_MS << doublings);
}

static void finish(struct advance *advance)
{
    struct rollout *rollout = advance->rollout;
    rollout->last_outcome = rollout->outcome;
    rollout->last_attempt = rollout->attempt;
    if (rollout->hold != HOLD_NONE)
        (void)memcpy(rollout->held_digest, rollout->next.deployment_digest,
                     sizeof(rollout->held_digest));
    plan_retry(advance);
    machine_note(advance, note_of(rollout->outcome), rollout->next.deployment_digest, "%s",
                 rollout->reason);
    rollout->outcome = OUTCOME_NONE;
    rollout_content_fini(&rollout->next);
    rollout->has_next = rollout->touched = rollout->route_touched = false;
    rollout->drained = rollout->returning = rollout->settle_due = false;
    if (rollout->next_slot != rollout->stable_slot && rollout->next_slot != 0)
        rollout->scaled[slot_index(rollout->next_slot)] = false;
    rollout->next_slot = 0;
    rollout->weight = 0;
    rollout->replicas = -1;
    machine_move(advance, rollout->hold == HOLD_NONE ? ROLLOUT_IDLE : ROLLOUT_HELD);
    if (rollout->hold != HOLD_NONE)
        machine_note(advance, NOTE_HELD, rollout->held_digest, "%s", rollout->reason);
}

static bool stands(const struct binding_view *binding)
{
    return binding->known && binding->exists && !binding->terminating && binding->matches &&
           binding->gate.verdict == GATE_SETTLED;
}

static bool gone(const struct binding_view *binding)
{
    return binding->known &&
           (!binding->exists || (binding->matches && binding->gate.verdict == GATE_UNDEPLOYED));
}

static bool route_stands(const struct advance *advance)
{
    return stands(&advance->view->route) && advance->view->route.gate.weights_verified;
}

static void drain(struct advance *advance)
{
    advance->rollout->drained = true;
    credit_restart_wait(advance);
    advance->result->changed = true;
    advance->moved = true;
}

/* A person should know, and again after each further deadline; the way back is gone on with. */
static void alarm_if_overdue(struct advance *advance, const char *what)
{
    if (!forward_overdue(advance))
        return;
    machine_note(advance, NOTE_ALARM,
                 advance->rollout->has_next ? advance->rollout->next.deployment_digest
                                            : advance->rollout->stable.deployment_digest,
                 "%s", what);
    credit_restart_wait(advance);
}

static void stuck(struct advance *advance, const char *what)
{
    struct rollout *rollout = advance->rollout;
    rollout->hold = HOLD_STUCK;
    char why[64];
    (void)snprintf(why, sizeof(why), "; %s", what);
    const size_t length = strlen(rollout->reason);
    (void)snprintf(rollout->reason + length, sizeof(rollout->reason) - length, "%s", why);
    machine_note(advance, NOTE_ALARM, rollout->next.deployment_digest, "%s", what);
    finish(advance);
}

/* --- states on the way back
 * ----------------------------------------------------------------------- */

static void rollback_two_slots(struct advance *advance)
{
    const struct rollout *rollout = advance->rollout;
    const struct rollout_view *view = advance->view;
    if (!rollout->drained) {
        if (route_stands(advance))
            drain(advance);
        else
            alarm_if_overdue(advance, "the traffic could not be moved back yet");
        return;
    }
    if (gone(&view->slot[slot_index(rollout->next_slot)]))
        finish(advance);
    else if (forward_overdue(advance))
        stuck(advance, "the failed slot does not go away");
}

static void rollback_in_place(struct advance *advance)
{
    struct rollout *rollout = advance->rollout;
    const struct rollout_view *view = advance->view;
    const struct binding_view *slot = &view->slot[slot_index(rollout->stable_slot)];
    const enum content_change change = content_change(&rollout->stable, &rollout->next);
    if (slot->known && slot->gate.progress > rollout->progress && rollout->drained) {
        rollout->progress = slot->gate.progress;
        credit_restart_wait(advance);
        advance->result->changed = true;
    }
    if (!rollout->drained) {
        /* A route that does not follow must not keep the old content from coming back. */
        const bool first = change == CHANGE_NARROW ? stands(slot) : route_stands(advance);
        if (first || rollout->waited_ms >= view->plan->apply_grace.ms)
            drain(advance);
        return;
    }
    const bool route_good = !rollout->routed || !rollout->route_touched || route_stands(advance);
    if (stands(slot) && route_good)
        finish(advance);
    else if (forward_overdue(advance))
        stuck(advance, "the stable release does not become ready again");
}

void backward_rollback(struct advance *advance)
{
    if (rollout_two_slots(advance->rollout))
        rollback_two_slots(advance);
    else
        rollback_in_place(advance);
}

void backward_withdraw(struct advance *advance)
{
    const struct rollout *rollout = advance->rollout;
    const struct rollout_view *view = advance->view;
    if (!rollout->drained) {
        if (!rollout->routed || gone(&view->route))
            drain(advance);
        else if (forward_overdue(advance))
            stuck(advance, "the route does not go away");
        return;
    }
    if (gone(&view->slot[slot_index(rollout->next_slot)]))
        finish(advance);
    else if (forward_overdue(advance))
        stuck(advance, "it does not go away");
}

void backward_cleanup(struct advance *advance)
{
    struct rollout *rollout = advance->rollout;
    const struct rollout_view *view = advance->view;
    const size_t old = 1 - slot_index(rollout->stable_slot);
    if (!rollout->drained && route_stands(advance)) {
        drain(advance);
        return;
    }
    const bool done = rollout->drained && gone(&view->slot[old]);
    if (!done && !forward_overdue(advance))
        return;
    if (!done)
        alarm_if_overdue(advance, "the old slot does not go away");
    rollout->drained = false;
    rollout->scaled[old] = false;
    rollout->replicas = -1;
    /* The stable slot's number goes back to what the manifest says. */
    rollout->settle_due = true;
    machine_move(advance, ROLLOUT_IDLE);
}

/* --- rest
 * ------------------------------------------------------------------------------------------- */

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
    (void)snprintf(rollout->reason, sizeof(rollout->reason), "%s", reason);
    rollout->hold = why;
    rollout->retry_at.ms = 0;
    if (rollout->state != ROLLOUT_HELD)
        machine_move(advance, ROLLOUT_HELD);
    advance->result->changed = true;
    machine_note(advance, NOTE_HELD, digest, "%s", rollout->reason);
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
        const bool told = same && rollout->reason[0] != '\0';
        char reason[sizeof(rollout->reason)];
        (void)snprintf(reason, sizeof(reason), "%s",
                       told ? rollout->reason : "this content is in quarantine here");
        hold(advance, HOLD_QUARANTINED, reason);
        return true;
    }
    if (view->refusal != NULL) {
        hold(advance, HOLD_REFUSED, view->refusal);
        return true;
    }
    return false;
}

void backward_idle(struct advance *advance)
{
    struct rollout *rollout = advance->rollout;
    const struct rollout_view *view = advance->view;
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
        forward_begin(advance, view->wanted, false);
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
    if (rollout->hold == HOLD_UNREADABLE && readable)
        forward_resume(advance);
    else if (rollout->hold == HOLD_STABLE_SICK && readable &&
             (view->stable_healthy || slot->gate.verdict == GATE_SETTLED))
        forward_resume(advance);
}

static bool held_ends(const struct rollout *rollout, const struct rollout_view *view)
{
    if (!content_is(view->wanted, rollout->held_digest))
        return true;
    if (rollout->hold == HOLD_QUARANTINED || rollout->hold == HOLD_REFUSED ||
        rollout->hold == HOLD_CANCELLED)
        return true; /* barred() has just found that it is lifted */
    return rollout->retry_at.ms != 0 && view->now.wall.ms >= rollout->retry_at.ms;
}

void backward_held(struct advance *advance)
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
        forward_begin(advance, view->wanted, false);
    else if (!content_is(view->wanted, rollout->held_digest))
        machine_move(advance, ROLLOUT_IDLE);
    else
        keep_stable(advance);
}
