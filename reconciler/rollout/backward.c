#include "config/base/check.h"
#include "config/base/text.h"
#include "reconciler/rollout/machine.h"

#include <stdarg.h>
#include <string.h>

/* --- the start of the way back ------------------------------------------------------------ */

/* Automatic attempts of the same content are this far apart, doubling. */
#define RETRY_FIRST_MS INT64_C(60000)
#define RETRY_DOUBLINGS 5
#define RETRY_LONGEST_MS (RETRY_FIRST_MS << RETRY_DOUBLINGS)

static bool retries(enum rollout_hold hold)
{
    return hold == HOLD_PLATFORM || hold == HOLD_UNREADABLE || hold == HOLD_STABLE_SICK ||
           hold == HOLD_WEIGHT || hold == HOLD_NO_METRICS || hold == HOLD_INSUFFICIENT;
}

static void keep_evidence(struct advance *advance)
{
    const char *evidence = advance->view->evidence;
    (void)text_put(advance->rollout->room->evidence, sizeof(advance->rollout->room->evidence), "%s",
                   evidence != NULL ? evidence : "");
}

/* Says what has happened, not only why. */
static void note_end(struct advance *advance)
{
    const struct rollout *rollout = advance->rollout;
    const enum rollout_note_kind kind = rollout->outcome == OUTCOME_SUPERSEDED  ? NOTE_SUPERSEDED
                                        : rollout->outcome == OUTCOME_WITHDRAWN ? NOTE_WITHDRAWN
                                                                                : NOTE_ROLLED_BACK;
    if (kind == NOTE_ROLLED_BACK && rollout->has_stable)
        machine_note(advance, kind, rollout->next.deployment_digest, "back on release %s: %s",
                     rollout->stable.release_digest, rollout->room->reason);
    else
        machine_note(advance, kind, rollout->next.deployment_digest, "%s", rollout->room->reason);
}

void backward_hold_in_place(struct advance *advance, enum rollout_hold hold, const char *format,
                            ...)
{
    struct rollout *rollout = advance->rollout;
    char reason[sizeof(rollout->room->reason)];
    va_list arguments;
    va_start(arguments, format);
    (void)text_vput(reason, sizeof(reason), format, arguments);
    va_end(arguments);
    const enum rollout_state from = rollout_effective(rollout);
    const int64_t soaked = rollout->soaked_ms, judged_from = rollout->judged_from_ms;
    machine_move(advance, ROLLOUT_HELD);
    rollout->soaked_ms = soaked;
    rollout->judged_from_ms = judged_from;
    rollout->from = from;
    rollout->hold = hold;
    (void)memcpy(rollout->held_digest, rollout->next.deployment_digest,
                 sizeof(rollout->held_digest));
    (void)memcpy(rollout->room->reason, reason, sizeof(reason));
    keep_evidence(advance);
    machine_note_held(advance, rollout->next.deployment_digest);
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

/* Traffic moves to a side that can carry it: a stable slot that is not there, is not known to be,
 * or has not a single replica is given a moment, while the new one serves for all that is known. */
static bool is_cold(const struct advance *advance)
{
    const struct rollout *rollout = advance->rollout;
    const struct binding_view *stable = &advance->view->slot[slot_index(rollout->stable_slot)];
    const struct binding_view *next = &advance->view->slot[slot_index(rollout->next_slot)];
    if (!rollout_two_slots(rollout) || rollout->weight == 0 || binding_is_settled(stable))
        return false;
    if (binding_has_vanished(stable))
        return true;
    const bool serves = binding_is_settled(next) || binding_is_unseen(next);
    const bool empty = stable->gate.replicas_available == 0 && stable->gate.verdict != GATE_UNKNOWN;
    return serves && (!stable->known || empty);
}

void backward_begin(struct advance *advance, struct way_back way, const char *format, ...)
{
    struct rollout *rollout = advance->rollout;
    char reason[sizeof(rollout->room->reason)];
    va_list arguments;
    va_start(arguments, format);
    (void)text_vput(reason, sizeof(reason), format, arguments);
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
    rollout->warming = is_cold(advance);
    rollout->hold = way.hold;
    rollout->outcome = way.outcome;
    (void)memcpy(rollout->room->reason, reason, sizeof(reason));
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

/* --- its end ------------------------------------------------------------------------------ */

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

bool rollout_retry_is_due(const struct rollout *rollout, struct wall_time now)
{
    const int64_t left_ms = rollout->retry_at.ms - now.ms;
    return rollout->retry_at.ms != 0 && (left_ms <= 0 || left_ms > RETRY_LONGEST_MS);
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
    note_end(advance);
    rollout->outcome = OUTCOME_NONE;
    rollout_content_fini(&rollout->next);
    rollout->has_next = rollout->touched = rollout->route_touched = false;
    rollout->drained = rollout->returning = rollout->settle_due = rollout->warming = false;
    if (rollout->next_slot != rollout->stable_slot)
        rollout->scaled[slot_index(rollout->next_slot)] = false;
    rollout->next_slot = 0;
    rollout->weight = 0;
    rollout->replicas = -1;
    machine_move(advance, rollout->hold == HOLD_NONE ? ROLLOUT_IDLE : ROLLOUT_HELD);
    if (rollout->hold != HOLD_NONE)
        machine_note_held(advance, rollout->held_digest);
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
    if (!failure_is_overdue(advance))
        return;
    machine_note(advance, NOTE_ALARM,
                 advance->rollout->has_next ? advance->rollout->next.deployment_digest
                                            : advance->rollout->stable.deployment_digest,
                 "%s", what);
    credit_restart_wait(advance);
}

/* The attempt ends though the way back does not, so that newer content is not held up by it. What
 * it leaves goes on being wanted, and whether the same content is tried again is the business of
 * why it went back. */
static void stuck(struct advance *advance, const char *what)
{
    struct rollout *rollout = advance->rollout;
    char why[64];
    (void)text_put(why, sizeof(why), "; %s", what);
    const size_t length = strlen(rollout->room->reason);
    (void)text_put(rollout->room->reason + length, sizeof(rollout->room->reason) - length, "%s",
                   why);
    machine_note(advance, NOTE_ALARM, rollout->next.deployment_digest, "%s", what);
    finish(advance);
}

/* --- states on the way back --------------------------------------------------------------- */

static void rollback_two_slots(struct advance *advance)
{
    struct rollout *rollout = advance->rollout;
    const struct rollout_view *view = advance->view;
    if (rollout->warming) {
        /* Where nothing stands, nobody is served: its slot is made again first, if it can be. */
        const bool nowhere = binding_has_vanished(&view->slot[slot_index(rollout->stable_slot)]) &&
                             !failure_is_overdue(advance);
        if (is_cold(advance) && (nowhere || rollout->waited_ms < view->plan->apply_grace.ms))
            return;
        rollout->warming = false;
        advance->result->changed = true;
        advance->moved = true;
        return;
    }
    if (!rollout->drained) {
        if (binding_is_verified(&advance->view->route))
            drain(advance);
        else
            alarm_if_overdue(advance, "the traffic could not be moved back yet");
        return;
    }
    if (binding_is_gone(&view->slot[slot_index(rollout->next_slot)]))
        finish(advance);
    else if (failure_is_overdue(advance))
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
        const bool first = change == CHANGE_NARROW ? binding_is_settled(slot)
                                                   : binding_is_verified(&advance->view->route);
        if (first || rollout->waited_ms >= view->plan->apply_grace.ms)
            drain(advance);
        return;
    }
    const bool route_good =
        !rollout->routed || !rollout->route_touched || binding_is_verified(&advance->view->route);
    if (binding_is_settled(slot) && route_good)
        finish(advance);
    else if (failure_is_overdue(advance))
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
        const bool off =
            view->awaited ? binding_is_verified(&view->route) : binding_is_gone(&view->route);
        if (!rollout->routed || off)
            drain(advance);
        else if (failure_is_overdue(advance))
            stuck(advance, "the route does not go away");
        return;
    }
    if (binding_is_gone(&view->slot[slot_index(rollout->next_slot)]))
        finish(advance);
    else if (failure_is_overdue(advance))
        stuck(advance, "it does not go away");
}

void backward_cleanup(struct advance *advance)
{
    struct rollout *rollout = advance->rollout;
    const struct rollout_view *view = advance->view;
    const size_t old = 1 - slot_index(rollout->stable_slot);
    if (!rollout->drained && binding_is_verified(&advance->view->route)) {
        drain(advance);
        return;
    }
    const bool done = rollout->drained && binding_is_gone(&view->slot[old]);
    if (!done && !failure_is_overdue(advance))
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
