#include "config/base/check.h"
#include "reconciler/rollout/machine.h"

#include <stdio.h>
#include <string.h>

/* --- the start ----------------------------------------------------------------------------------
 */

/* Content that baked well here not longer ago than this needs no second proof. */
#define GOOD_WINDOW_MS (INT64_C(7) * 86400000)

static bool known_good(const struct rollout *rollout, const char *digest, struct wall_time now)
{
    for (size_t i = 0; i < ROLLOUT_GOOD_LIMIT; i++) {
        const int64_t age = now.ms - rollout->good[i].at.ms;
        if (strcmp(rollout->good[i].digest, digest) == 0 && age < GOOD_WINDOW_MS)
            return true;
    }
    return false;
}

char forward_slot(const struct rollout *rollout, const struct rollout_content *content,
                  enum strategy strategy)
{
    if (!rollout->routed)
        return 0;
    if (!rollout->has_stable)
        return 'a';
    if (strategy != STRATEGY_ROLLING || content_change(&rollout->stable, content) == CHANGE_FLIP)
        return rollout->stable_slot == 'a' ? 'b' : 'a';
    return rollout->stable_slot;
}

static void fix_plan(struct rollout *rollout, const struct rollout_plan *plan)
{
    rollout->stage_count = 0;
    if (!rollout_two_slots(rollout) || rollout->strategy == STRATEGY_ROLLING || rollout->fast ||
        content_change(&rollout->stable, &rollout->next) == CHANGE_FLIP)
        return;
    const size_t count =
        plan->step_count < ROLLOUT_STEPS_LIMIT ? plan->step_count : ROLLOUT_STEPS_LIMIT;
    for (size_t i = 0; i < count; i++) {
        const struct rollout_step *step = &plan->steps[i];
        int64_t weight = step->weight.set ? step->weight.value : 0;
        weight = weight < 0 ? 0 : weight > 100 ? 100 : weight;
        rollout->stages[i] = (struct rollout_stage){
            .weight = (int)weight,
            .soak_ms = step->soak.value.ms > 0 ? step->soak.value.ms : 0,
            .pause = step->pause.value,
            .analysis = plan->analysis && (step->analysis.value || !step->analysis.set),
        };
    }
    rollout->stage_count = count;
}

/* What the idle side must be able to carry before traffic moves, in both directions. */
static int64_t live_replicas(const struct rollout *rollout, const struct rollout_view *view)
{
    if (!rollout_two_slots(rollout))
        return -1;
    const struct binding_view *slot = &view->slot[slot_index(rollout->stable_slot)];
    const bool seen = slot->known && slot->exists && slot->gate.replicas_wanted > 0;
    return seen ? slot->gate.replicas_wanted : -1;
}

static void say_started(struct advance *advance)
{
    const struct rollout *rollout = advance->rollout;
    const char *digest = rollout->next.deployment_digest;
    const bool wants_steps = rollout->strategy != STRATEGY_ROLLING && rollout->routed;
    if (!rollout->has_stable && wants_steps)
        machine_note(
            advance, NOTE_STARTED, digest,
            "release %s: no stable release yet, so all traffic goes to it once it is ready",
            rollout->next.release_digest);
    else if (rollout->fast)
        machine_note(advance, NOTE_STARTED, digest,
                     "release %s: baked well here before, so it is only checked for health",
                     rollout->next.release_digest);
    else if (rollout_two_slots(rollout) &&
             content_change(&rollout->stable, &rollout->next) == CHANGE_FLIP)
        machine_note(advance, NOTE_STARTED, digest,
                     "release %s: its endpoints differ, so all traffic moves at once to slot %c",
                     rollout->next.release_digest, rollout->next_slot);
    else
        machine_note(advance, NOTE_STARTED, digest, "release %s", rollout->next.release_digest);
}

void forward_begin(struct advance *advance, const struct rollout_content *content, bool returning)
{
    struct rollout *rollout = advance->rollout;
    const struct rollout_plan *plan = advance->view->plan;
    const bool again = content_is(content, rollout->held_digest);
    const enum strategy strategy = plan->strategy;
    const char slot = forward_slot(rollout, content, strategy);
    struct rollout_content next = {0};
    rollout_content_copy(&next, content);
    rollout_content_fini(&rollout->next);
    rollout->next = next;
    rollout->has_next = true;
    rollout->next_slot = slot;
    rollout->strategy = strategy;
    rollout->attempt++;
    rollout->returning = returning;
    rollout->fast = rollout->has_stable && (returning || known_good(rollout, next.deployment_digest,
                                                                    advance->view->now.wall));
    fix_plan(rollout, plan);
    rollout->step = 0;
    rollout->weight = 0;
    rollout->bake_ms = rollout->fast ? plan->bake.ms / 4 : plan->bake.ms;
    rollout->unproven = rollout->verified = rollout->skip_soak = rollout->drained = false;
    rollout->settle_due = rollout->drifted = false;
    rollout->replicas = live_replicas(rollout, advance->view);
    rollout->started = advance->view->now.wall;
    rollout->attempts_used = again ? rollout->attempts_used + 1 : 1;
    rollout->hold = HOLD_NONE;
    rollout->held_digest[0] = '\0';
    rollout->retry_at.ms = 0;
    rollout->outcome = OUTCOME_NONE;
    rollout->reason[0] = rollout->evidence[0] = '\0';
    machine_move(advance, ROLLOUT_PREPARE);
    say_started(advance);
}

/* --- failing ------------------------------------------------------------------------------------
 */

bool forward_overdue(const struct advance *advance)
{
    return advance->rollout->waited_ms >= advance->view->plan->progress_deadline.ms;
}

bool forward_failure_seen(struct advance *advance, const struct binding_view *binding)
{
    struct rollout *rollout = advance->rollout;
    if (!binding->known || binding->gate.verdict == GATE_UNKNOWN ||
        binding->gate.verdict == GATE_STALE)
        return false;
    if (binding->gate.verdict != GATE_FAILED) {
        rollout->failure_looks = 0;
        return false;
    }
    if (rollout->failure_looks == 0 || rollout->failure_look != binding->look) {
        rollout->failure_look = binding->look;
        rollout->failure_looks++;
    }
    return rollout->failure_looks >= 2;
}

void forward_condemn(struct advance *advance, const char *what, const char *text)
{
    const struct rollout *rollout = advance->rollout;
    const char *separator = text[0] != '\0' ? ": " : "";
    if (rollout->returning) {
        backward_hold_in_place(advance, HOLD_STUCK, "the way back by an operator %s%s%s", what,
                               separator, text);
        return;
    }
    const bool sick = rollout->has_stable && !advance->view->stable_healthy;
    if (sick && rollout->weight > 0 && rollout_two_slots(rollout)) {
        backward_hold_in_place(advance, HOLD_STABLE_SICK,
                               "the new release %s%s%s, and the stable one is not healthy either",
                               what, separator, text);
        return;
    }
    const struct way_back way = {
        .hold = sick ? HOLD_STABLE_SICK : HOLD_QUARANTINED,
        .outcome = !rollout->has_stable ? OUTCOME_WITHDRAWN
                   : sick               ? OUTCOME_ABORTED
                                        : OUTCOME_ROLLED_BACK,
        .quarantine = !sick,
    };
    backward_begin(advance, way, "release %s %s%s%s%s", rollout->next.release_digest, what,
                   separator, text, sick ? " (the stable release is not healthy either)" : "");
}

/* Not ready in time: whose fault is it? */
static void slot_overdue(struct advance *advance, const struct binding_view *slot)
{
    const struct rollout *rollout = advance->rollout;
    const bool unreadable = !slot->known || slot->gate.verdict == GATE_UNKNOWN;
    if (unreadable && !rollout->has_stable)
        backward_hold_in_place(advance, HOLD_UNREADABLE, "the data plane cannot be read");
    else if (unreadable)
        backward_begin(advance,
                       (struct way_back){.hold = HOLD_UNREADABLE, .outcome = OUTCOME_ABORTED},
                       "the data plane could not be read until the progress deadline");
    else if (!slot->matches || slot->gate.verdict == GATE_STALE)
        backward_begin(
            advance, (struct way_back){.hold = HOLD_PLATFORM, .outcome = OUTCOME_ABORTED},
            "the control plane did not take the release up before the progress deadline");
    else
        forward_condemn(advance, "was not ready before the progress deadline", slot->gate.text);
}

static void watch_progress(struct advance *advance, const struct binding_view *slot)
{
    struct rollout *rollout = advance->rollout;
    if (slot->known && slot->matches && slot->gate.progress > rollout->progress) {
        rollout->progress = slot->gate.progress;
        credit_restart_wait(advance);
        advance->result->changed = true;
    }
}

/* --- states -------------------------------------------------------------------------------------
 */

static const struct binding_view *next_view(const struct advance *advance)
{
    return &advance->view->slot[slot_index(advance->rollout->next_slot)];
}

static bool settled(const struct binding_view *binding)
{
    return binding->known && binding->exists && !binding->terminating && binding->matches &&
           binding->gate.verdict == GATE_SETTLED;
}

static bool vanished(const struct binding_view *binding)
{
    return binding->known && (!binding->exists || binding->terminating);
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
    else if (forward_overdue(advance))
        backward_begin(advance,
                       (struct way_back){.hold = HOLD_PLATFORM, .outcome = OUTCOME_ABORTED},
                       "the control plane did not make the release before the progress deadline");
}

/* What to do about a route that does not come to stand; true when the state was left. */
static bool route_failing(struct advance *advance)
{
    const struct binding_view *route = &advance->view->route;
    if (forward_failure_seen(advance, route)) {
        forward_condemn(advance, "cannot be routed", route->gate.text);
        return true;
    }
    if (!forward_overdue(advance))
        return false;
    const bool unreadable = !route->known || route->gate.verdict == GATE_UNKNOWN;
    if (unreadable && !advance->rollout->has_stable)
        backward_hold_in_place(advance, HOLD_UNREADABLE, "the route cannot be read");
    else
        backward_begin(advance, (struct way_back){.hold = HOLD_WEIGHT, .outcome = OUTCOME_ABORTED},
                       "the route did not stand before the progress deadline%s%s",
                       route->gate.text[0] != '\0' ? ": " : "", route->gate.text);
    return true;
}

void forward_narrow(struct advance *advance)
{
    const struct binding_view *route = &advance->view->route;
    if (settled(route) && route->gate.weights_verified)
        deploy(advance);
    else
        (void)route_failing(advance);
}

void forward_deploy(struct advance *advance)
{
    const struct rollout *rollout = advance->rollout;
    const struct binding_view *slot = next_view(advance);
    watch_progress(advance, slot);
    if (slot->matches && forward_failure_seen(advance, slot)) {
        forward_condemn(advance, "failed", slot->gate.text);
        return;
    }
    if (!settled(slot)) {
        if (forward_overdue(advance))
            slot_overdue(advance, slot);
        return;
    }
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
    if (rollout_two_slots(rollout) && vanished(slot)) {
        deploy(advance);
        return;
    }
    if (forward_failure_seen(advance, slot)) {
        forward_condemn(advance, "failed", slot->gate.text);
        return;
    }
    if (settled(slot) && settled(route) && route->gate.weights_verified)
        forward_promoted(advance);
    else
        (void)route_failing(advance);
}

void forward_promoted(struct advance *advance)
{
    struct rollout *rollout = advance->rollout;
    rollout->weight = 100;
    rollout->skip_soak = false;
    machine_move(advance, ROLLOUT_BAKE);
    machine_note(advance, NOTE_PROMOTED, rollout->next.deployment_digest, "release %s%s",
                 rollout->next.release_digest,
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
    rollout_content_fini(&rollout->previous);
    rollout->has_previous = rollout->has_stable && !rollout->returning;
    if (rollout->has_previous)
        rollout_content_copy(&rollout->previous, &rollout->stable);
    rollout_content_fini(&rollout->stable);
    rollout->stable = rollout->next;
    rollout->next = (struct rollout_content){0};
    rollout->stable.baked_wall_ms = advance->view->now.wall.ms;
    rollout->stable_slot = rollout->next_slot;
    rollout->next_slot = 0;
    rollout->has_stable = true;
    rollout->has_next = rollout->touched = rollout->route_touched = false;
    rollout->drained = rollout->returning = false;
    rollout->weight = 0;
    rollout->last_outcome = OUTCOME_PROMOTED;
    rollout->last_attempt = rollout->attempt;
    remember_good(rollout, advance->view->now.wall);
    machine_move(advance, two_slots ? ROLLOUT_CLEANUP : ROLLOUT_IDLE);
    if (!two_slots)
        rollout->replicas = -1;
    machine_note(advance, NOTE_BAKED, rollout->stable.deployment_digest, "release %s is stable",
                 rollout->stable.release_digest);
}

void forward_bake(struct advance *advance)
{
    struct rollout *rollout = advance->rollout;
    const struct rollout_view *view = advance->view;
    const struct binding_view *slot = next_view(advance);
    if (rollout_two_slots(rollout) && vanished(slot)) {
        deploy(advance);
        return;
    }
    if (forward_failure_seen(advance, slot)) {
        forward_condemn(advance, "failed while it baked", slot->gate.text);
        return;
    }
    if (view->plan->analysis && view->verdict == VERDICT_ROLLBACK && !rollout->fast) {
        forward_condemn(advance, "was judged bad while it baked",
                        view->evidence != NULL ? view->evidence : "");
        return;
    }
    const bool unseen =
        !slot->known || slot->gate.verdict == GATE_UNKNOWN || slot->gate.verdict == GATE_STALE;
    const bool good = settled(slot);
    if (good)
        credit_restart_wait(advance);
    if (credit_soak(advance,
                    good     ? SOAK_GOOD
                    : unseen ? SOAK_UNSEEN
                             : SOAK_STOPPED,
                    false, rollout->bake_ms))
        commit(advance);
    else if (unseen && forward_overdue(advance))
        /* It was ready before: not seeing it is no reason to take it away. */
        backward_hold_in_place(advance, HOLD_UNREADABLE, "the data plane cannot be read");
    else if (!good && forward_overdue(advance))
        slot_overdue(advance, slot);
}

/* --- pauses -------------------------------------------------------------------------------------
 */

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
    rollout->reason[0] = '\0';
    machine_note(advance, NOTE_RESUMED, rollout->next.deployment_digest, "goes on");
}

/* While nothing moves, a slot may vanish all the same: no traffic goes to nobody. */
bool forward_vanished(struct advance *advance)
{
    struct rollout *rollout = advance->rollout;
    const enum rollout_state from = rollout->from;
    if (!rollout_two_slots(rollout) || !vanished(next_view(advance)) ||
        (from != ROLLOUT_STEP && from != ROLLOUT_ROUTE && from != ROLLOUT_BAKE))
        return false;
    rollout->from = ROLLOUT_DEPLOY;
    rollout->weight = 0;
    rollout->verified = false;
    advance->result->changed = true;
    advance->moved = true;
    return true;
}

void forward_paused(struct advance *advance)
{
    struct rollout *rollout = advance->rollout;
    const struct rollout_view *view = advance->view;
    const struct binding_view *slot = next_view(advance);
    if (forward_vanished(advance))
        return;
    const bool stands = rollout->from != ROLLOUT_PREPARE && rollout->from != ROLLOUT_NARROW;
    if (stands && slot->matches && forward_failure_seen(advance, slot))
        forward_condemn(advance, "failed", slot->gate.text);
    else if (stands && view->plan->analysis && view->stable_healthy &&
             view->verdict == VERDICT_ROLLBACK)
        forward_condemn(advance, "was judged bad", view->evidence != NULL ? view->evidence : "");
    else if (rollout->hold == HOLD_INSUFFICIENT && view->verdict == VERDICT_PASS)
        forward_resume(advance);
    else if (rollout->hold == HOLD_GUARD &&
             (view->verdict == VERDICT_CONTINUE || view->verdict == VERDICT_PASS))
        forward_resume(advance);
}
