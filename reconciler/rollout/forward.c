#include "config/base/text.h"
#include "reconciler/rollout/machine.h"

#include <string.h>

static void watch_progress(struct advance *advance, const struct binding_view *slot)
{
    struct rollout *rollout = advance->rollout;
    if (slot->known && slot->matches && slot->gate.progress > rollout->progress) {
        rollout->progress = slot->gate.progress;
        credit_restart_wait(advance);
        advance->result->changed = true;
    }
}

static const struct binding_view *next_view(const struct advance *advance)
{
    return &advance->view->slot[slot_index(advance->rollout->next_slot)];
}

/* The slot takes the new content: from here on it may stand where the stable one stood. */
static void deploy(struct advance *advance)
{
    struct rollout *rollout = advance->rollout;
    if (!rollout_two_slots(rollout))
        rollout->touched = true;
    rollout->weight = 0;
    rollout->verified = false;
    machine_move(advance, ROLLOUT_DEPLOY);
}

static void narrow(struct advance *advance)
{
    advance->rollout->route_touched = true;
    machine_move(advance, ROLLOUT_NARROW);
}

void forward_prepare(struct advance *advance)
{
    const struct rollout *rollout = advance->rollout;
    const struct rollout_view *view = advance->view;
    const bool made =
        next_view(advance)->has_release && (!rollout->routed || view->route.has_release);
    if (made && rollout->has_stable && !rollout->touched &&
        content_change(&rollout->stable, &rollout->next) == CHANGE_NARROW)
        narrow(advance);
    else if (made)
        deploy(advance);
    else if (failure_is_overdue(advance))
        backward_begin(advance,
                       (struct way_back){.hold = HOLD_PLATFORM, .outcome = OUTCOME_ABORTED},
                       "the control plane did not make the release before the progress deadline");
}

static void route_overdue(struct advance *advance)
{
    const struct binding_view *route = &advance->view->route;
    const bool unreadable = !route->known || route->gate.verdict == GATE_UNKNOWN;
    if (unreadable && !advance->rollout->has_stable)
        backward_hold_in_place(advance, HOLD_UNREADABLE, "the route cannot be read%s%s",
                               route->gate.text[0] != '\0' ? ": " : "", route->gate.text);
    else
        backward_begin(advance, (struct way_back){.hold = HOLD_WEIGHT, .outcome = OUTCOME_ABORTED},
                       "the route did not stand before the progress deadline%s%s",
                       route->gate.text[0] != '\0' ? ": " : "", route->gate.text);
}

void forward_narrow(struct advance *advance)
{
    const struct binding_view *route = &advance->view->route;
    failure_watch_apply(advance, NULL, route);
    if (binding_is_verified(route))
        deploy(advance);
    else if (failure_is_confirmed(advance, route))
        failure_blame(advance, route, "cannot be routed");
    else if (failure_is_overdue(advance))
        route_overdue(advance);
}

/* What goes, or has just been made again and has no pod yet, takes no traffic beside the new
 * release: it comes back first. */
static bool stable_is_going(const struct advance *advance)
{
    const struct rollout *rollout = advance->rollout;
    if (!rollout_two_slots(rollout))
        return false;
    const struct binding_view *slot = &advance->view->slot[slot_index(rollout->stable_slot)];
    const struct gate_answer *gate = &slot->gate;
    const bool starts = gate->verdict == GATE_PROGRESSING && gate->replicas_available == 0;
    return !slot->known || !slot->exists || slot->terminating ||
           (slot->matches && (gate->verdict == GATE_STALE || starts));
}

/* A slot at rest is not looked at: how many pods carry the traffic is often seen here first. */
static bool take_replicas(struct advance *advance)
{
    struct rollout *rollout = advance->rollout;
    const int64_t live = begin_replicas(rollout, advance->view);
    if (rollout->replicas >= 0 || live < 0)
        return false;
    rollout->replicas = live;
    advance->result->changed = true;
    advance->moved = true;
    return true;
}

bool forward_keep_up(struct advance *advance, char bearer)
{
    struct rollout *rollout = advance->rollout;
    const struct binding_view *slot = &advance->view->slot[slot_index(bearer)];
    if (rollout->replicas < 0 || !rollout->scaled[slot_index(bearer)] ||
        slot->gate.replicas_available <= rollout->replicas)
        return false;
    rollout->replicas = slot->gate.replicas_available;
    advance->result->changed = true;
    advance->moved = true;
    return true;
}

void forward_deploy(struct advance *advance)
{
    const struct rollout *rollout = advance->rollout;
    const struct binding_view *slot = next_view(advance);
    if (take_replicas(advance))
        return;
    watch_progress(advance, slot);
    failure_watch_apply(advance, slot, NULL);
    if (slot->matches && failure_is_confirmed(advance, slot)) {
        failure_blame(advance, slot, "failed");
        return;
    }
    if (!binding_is_settled(slot)) {
        if (failure_is_overdue(advance))
            failure_slot_overdue(advance, slot);
        return;
    }
    if (stable_is_going(advance) && !failure_is_overdue(advance))
        return;
    machine_note(advance, NOTE_SETTLED, rollout->next.deployment_digest,
                 "%d of %d replicas are available", slot->gate.replicas_available,
                 slot->gate.replicas_wanted);
    const enum content_change change =
        rollout->has_stable ? content_change(&rollout->stable, &rollout->next) : CHANGE_WIDER;
    if (rollout_two_slots(rollout) && change != CHANGE_FLIP)
        step_enter(advance, 0);
    else if (rollout->routed && (change != CHANGE_NONE || rollout->route_touched))
        forward_enter_route(advance);
    else
        forward_promoted(advance);
}

void forward_enter_route(struct advance *advance)
{
    advance->rollout->weight = 100;
    advance->rollout->route_touched = true;
    machine_move(advance, ROLLOUT_ROUTE);
}

void forward_route(struct advance *advance)
{
    struct rollout *rollout = advance->rollout;
    const struct binding_view *slot = next_view(advance), *route = &advance->view->route;
    if (rollout_two_slots(rollout) && binding_has_vanished(slot)) {
        deploy(advance);
        return;
    }
    failure_watch_apply(advance, slot, route);
    /* One count of looks for both: a sound one must not end what the other shows. */
    const bool of_slot = failure_is_shown(advance, slot);
    const struct binding_view *worse = of_slot ? slot : route;
    if (failure_is_confirmed(advance, worse))
        failure_blame(advance, worse, of_slot ? "failed" : "cannot be routed");
    else if (binding_is_settled(slot) && binding_is_verified(route))
        forward_promoted(advance);
    else if (failure_is_overdue(advance))
        route_overdue(advance);
}

void forward_promoted(struct advance *advance)
{
    struct rollout *rollout = advance->rollout;
    rollout->weight = 100;
    rollout->skip_soak = false;
    machine_move(advance, ROLLOUT_BAKE);
    machine_note(advance, NOTE_PROMOTED, rollout->next.deployment_digest,
                 "release %s is promoted%s", rollout->next.release_digest,
                 rollout->unproven ? " (without proof that it is good)" : "");
}

static void remember_good(struct rollout *rollout, struct wall_time now)
{
    size_t last = 0;
    while (last < ROLLOUT_GOOD_LIMIT - 1 &&
           strcmp(rollout->good[last].digest, rollout->stable.deployment_digest) != 0)
        last++;
    for (size_t i = last; i > 0; i--)
        rollout->good[i] = rollout->good[i - 1];
    (void)memcpy(rollout->good[0].digest, rollout->stable.deployment_digest,
                 sizeof(rollout->good[0].digest));
    rollout->good[0].at = now;
}

/* The commit record: from here on the new content is the stable one. */
static void commit(struct advance *advance)
{
    struct rollout *rollout = advance->rollout;
    const bool two_slots = rollout_two_slots(rollout);
    const char *blindness =
        credit_bake_is_given_up(rollout, advance->view) ? credit_blindness(advance->view) : NULL;
    rollout_content_fini(&rollout->previous);
    rollout->has_previous = rollout->has_stable && !rollout->returning;
    if (rollout->has_previous)
        rollout_content_copy(&rollout->previous, &rollout->stable);
    rollout_content_fini(&rollout->stable);
    rollout->stable = rollout->next;
    rollout->next = (struct rollout_content){0};
    rollout->stable.baked_wall_ms = advance->view->now.wall.ms;
    rollout->stable.unproven |= rollout->unproven && advance->view->plan->analysis &&
                                advance->view->verdict != VERDICT_PASS;
    rollout->stable_slot = rollout->stable.slot = rollout->next_slot;
    rollout->next_slot = 0;
    rollout->has_stable = true;
    rollout->has_next = rollout->touched = rollout->route_touched = false;
    rollout->drained = rollout->returning = false;
    rollout->weight = 0;
    rollout->last_outcome = OUTCOME_PROMOTED;
    rollout->last_attempt = rollout->attempt;
    /* What was never proven needs its proof the next time. */
    if (!rollout->stable.unproven)
        remember_good(rollout, advance->view->now.wall);
    machine_move(advance, two_slots ? ROLLOUT_CLEANUP : ROLLOUT_IDLE);
    if (!two_slots)
        rollout->replicas = -1;
    machine_note(advance, NOTE_BAKED, rollout->stable.deployment_digest, "release %s is stable%s%s",
                 rollout->stable.release_digest,
                 blindness != NULL ? "; its bake was not judged: " : "",
                 blindness != NULL ? blindness : "");
}

/* Without steps the bake is all the proof there is. */
static bool lacks_proof(const struct advance *advance)
{
    const struct rollout *rollout = advance->rollout;
    const struct rollout_view *view = advance->view;
    return view->plan->analysis && !rollout->fast && rollout_two_slots(rollout) &&
           rollout->stage_count == 0 && view->verdict != VERDICT_PASS;
}

static void baked(struct advance *advance)
{
    struct rollout *rollout = advance->rollout;
    if (!lacks_proof(advance) || rollout->unproven || rollout->skip_soak) {
        rollout->unproven = rollout->unproven || lacks_proof(advance);
        commit(advance);
        return;
    }
    switch (advance->view->plan->insufficient) {
    case INSUFFICIENT_HOLD:
        forward_pause(advance, HOLD_INSUFFICIENT,
                      "the bake is over without proof that the release is good: too few requests");
        break;
    case INSUFFICIENT_PROMOTE:
        rollout->unproven = true;
        commit(advance);
        break;
    case INSUFFICIENT_ROLLBACK:
        backward_begin(advance,
                       (struct way_back){.hold = HOLD_INSUFFICIENT, .outcome = OUTCOME_ABORTED},
                       "the bake was over without proof that the release is good");
        break;
    }
}

/* How long there was nothing to judge by. */
static void watch_metrics(struct advance *advance)
{
    if (!advance->view->plan->analysis || credit_blindness(advance->view) == NULL)
        advance->rollout->fault_ms = 0;
}

void forward_bake(struct advance *advance)
{
    struct rollout *rollout = advance->rollout;
    const struct rollout_view *view = advance->view;
    const struct binding_view *slot = next_view(advance);
    if (rollout_two_slots(rollout) && binding_has_vanished(slot)) {
        deploy(advance);
        return;
    }
    if (failure_is_confirmed(advance, slot)) {
        failure_blame(advance, slot, "failed while it baked");
        return;
    }
    if (view->plan->analysis && view->verdict == VERDICT_ROLLBACK && !rollout->fast) {
        failure_condemn(advance, "was judged bad while it baked",
                        view->evidence != NULL ? view->evidence : "");
        return;
    }
    if (rollout_two_slots(rollout) && forward_keep_up(advance, rollout->next_slot))
        return;
    const bool unseen =
        !slot->known || slot->gate.verdict == GATE_UNKNOWN || slot->gate.verdict == GATE_STALE;
    const bool good = binding_is_settled(slot);
    if (good)
        credit_restart_wait(advance);
    watch_metrics(advance);
    if (credit_soak(advance,
                    good     ? SOAK_GOOD
                    : unseen ? SOAK_UNSEEN
                             : SOAK_STOPPED,
                    credit_bake_is_judged(rollout, view), rollout->bake_ms))
        baked(advance);
    else if (unseen && failure_is_overdue(advance))
        /* It was ready before: not seeing it is no reason to take it away. */
        backward_hold_in_place(advance, HOLD_UNREADABLE, "the data plane cannot be read%s%s",
                               slot->gate.text[0] != '\0' ? ": " : "", slot->gate.text);
    else if (!good && failure_is_overdue(advance))
        failure_slot_overdue(advance, slot);
}

/* --- pauses ------------------------------------------------------------------------------- */

void forward_pause(struct advance *advance, enum rollout_hold hold, const char *why)
{
    struct rollout *rollout = advance->rollout;
    rollout->from = rollout->state;
    const int64_t soaked = rollout->soaked_ms, from_ms = rollout->judged_from_ms;
    machine_move(advance, ROLLOUT_PAUSED);
    rollout->soaked_ms = soaked;
    rollout->judged_from_ms = from_ms;
    rollout->hold = hold;
    (void)text_put(rollout->room->reason, sizeof(rollout->room->reason), "%s", why);
    machine_note(advance, NOTE_PAUSED, rollout->next.deployment_digest, "%s", why);
    /* Users suffer, and celld cannot help them. */
    if (hold == HOLD_GUARD)
        machine_note(advance, NOTE_ALARM, rollout->next.deployment_digest, "%s", why);
}

void forward_resume(struct advance *advance)
{
    struct rollout *rollout = advance->rollout;
    const enum rollout_state from = rollout->from;
    const int64_t soaked = rollout->soaked_ms;
    const int64_t judged = rollout->judged_from_ms;
    machine_move(advance, from);
    /* What was soaked before the pause stays soaked. */
    rollout->soaked_ms = soaked;
    rollout->judged_from_ms = judged;
    rollout->hold = HOLD_NONE;
    rollout->room->reason[0] = '\0';
    machine_note(advance, NOTE_RESUMED, rollout->next.deployment_digest, "goes on");
}

bool forward_vanished(struct advance *advance)
{
    struct rollout *rollout = advance->rollout;
    const enum rollout_state from = rollout->from;
    if (!rollout_two_slots(rollout) || !binding_has_vanished(next_view(advance)) ||
        (from != ROLLOUT_STEP && from != ROLLOUT_ROUTE && from != ROLLOUT_BAKE))
        return false;
    rollout->from = ROLLOUT_DEPLOY;
    rollout->weight = 0;
    rollout->verified = false;
    advance->result->changed = true;
    advance->moved = true;
    return true;
}

/* A pause that nobody asked for ends with its reason. */
static bool reason_is_gone(enum rollout_hold hold, const struct rollout_view *view)
{
    const bool pass = view->verdict == VERDICT_PASS;
    return (hold == HOLD_INSUFFICIENT && pass && view->share != SHARE_TOO_FEW) ||
           (hold == HOLD_GUARD && (pass || view->verdict == VERDICT_CONTINUE));
}

/* Nobody may be awake to see that what bears traffic is not ready any more. */
static bool paused_too_long_unready(struct advance *advance, const struct binding_view *slot)
{
    const struct rollout *rollout = advance->rollout;
    if (rollout->weight == 0 || binding_is_unseen(slot) || !slot->matches ||
        slot->gate.verdict == GATE_SETTLED)
        credit_restart_wait(advance);
    return failure_is_overdue(advance);
}

void forward_paused(struct advance *advance)
{
    struct rollout *rollout = advance->rollout;
    const struct rollout_view *view = advance->view;
    const struct binding_view *slot = next_view(advance);
    if (forward_vanished(advance))
        return;
    const bool stands = rollout->from != ROLLOUT_PREPARE && rollout->from != ROLLOUT_NARROW;
    if (stands && slot->matches && failure_is_confirmed(advance, slot))
        failure_blame(advance, slot, "failed");
    else if (stands && view->plan->analysis && view->stable_healthy &&
             view->verdict == VERDICT_ROLLBACK)
        failure_condemn(advance, "was judged bad", view->evidence != NULL ? view->evidence : "");
    else if (paused_too_long_unready(advance, slot))
        failure_blame(advance, slot, "was not ready any more");
    else if (reason_is_gone(rollout->hold, view))
        forward_resume(advance);
}
