#include "reconciler/rollout/machine.h"

#include <string.h>

bool failure_is_overdue(const struct advance *advance)
{
    return advance->rollout->waited_ms >= advance->view->plan->progress_deadline.ms;
}

/* Not before the new content has stood once: later it is not the content that changed. */
static bool is_being_applied(const struct rollout *rollout)
{
    return rollout->state == ROLLOUT_NARROW || rollout->state == ROLLOUT_DEPLOY ||
           rollout->state == ROLLOUT_ROUTE;
}

static bool cannot_be_applied(const struct binding_view *binding)
{
    return !binding_is_unseen(binding) && binding->gate.verdict == GATE_PROGRESSING &&
           binding->gate.needs_grace;
}

void failure_watch_apply(struct advance *advance, const struct binding_view *slot,
                         const struct binding_view *route)
{
    if (!(slot != NULL && cannot_be_applied(slot)) && !(route != NULL && cannot_be_applied(route)))
        advance->rollout->fault_ms = 0;
}

bool failure_is_shown(const struct advance *advance, const struct binding_view *binding)
{
    const struct rollout *rollout = advance->rollout;
    if (binding_is_unseen(binding))
        return false;
    return binding->gate.verdict == GATE_FAILED ||
           (is_being_applied(rollout) && cannot_be_applied(binding) &&
            rollout->fault_ms >= advance->view->plan->apply_grace.ms);
}

bool failure_is_confirmed(struct advance *advance, const struct binding_view *binding)
{
    struct rollout *rollout = advance->rollout;
    if (binding_is_unseen(binding))
        return false;
    if (!failure_is_shown(advance, binding)) {
        rollout->failure_looks = 0;
        return false;
    }
    if (rollout->failure_looks == 0 || rollout->failure_look != binding->look) {
        rollout->failure_look = binding->look;
        rollout->failure_looks++;
    }
    return rollout->failure_looks >= 2;
}

void failure_condemn(struct advance *advance, const char *what, const char *text)
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

/* A full cluster is not the content's fault, and may have room again. */
static bool lacks_room(const struct binding_view *binding)
{
    return strcmp(binding->gate.reason, "Unschedulable") == 0;
}

void failure_blame(struct advance *advance, const struct binding_view *binding, const char *what)
{
    if (lacks_room(binding) && advance->view->stable_healthy && !advance->rollout->returning)
        backward_begin(advance,
                       (struct way_back){.hold = HOLD_PLATFORM, .outcome = OUTCOME_ABORTED},
                       "the cluster had no room for all pods of release %s: %s",
                       advance->rollout->next.release_digest, binding->gate.text);
    else
        failure_condemn(advance, what, binding->gate.text);
}

void failure_slot_overdue(struct advance *advance, const struct binding_view *slot)
{
    const struct rollout *rollout = advance->rollout;
    const bool unreadable = !slot->known || slot->gate.verdict == GATE_UNKNOWN;
    if (unreadable && !rollout->has_stable)
        backward_hold_in_place(advance, HOLD_UNREADABLE, "the data plane cannot be read%s%s",
                               slot->gate.text[0] != '\0' ? ": " : "", slot->gate.text);
    else if (unreadable)
        backward_begin(advance,
                       (struct way_back){.hold = HOLD_UNREADABLE, .outcome = OUTCOME_ABORTED},
                       "the data plane could not be read until the progress deadline%s%s",
                       slot->gate.text[0] != '\0' ? ": " : "", slot->gate.text);
    else if (!slot->matches || slot->gate.verdict == GATE_STALE)
        backward_begin(
            advance, (struct way_back){.hold = HOLD_PLATFORM, .outcome = OUTCOME_ABORTED},
            "the control plane did not take the release up before the progress deadline");
    else
        failure_blame(advance, slot, "was not ready before the progress deadline");
}
