#include "config/base/check.h"
#include "reconciler/rollout/machine.h"

#include <inttypes.h>

static void add_since(struct text *out, struct wall_time since, struct wall_time now)
{
    int64_t ms = now.ms - since.ms;
    if (ms < 0)
        ms = 0;
    char text[DURATION_TEXT_SIZE];
    duration_format(DURATION_S(ms / 1000), text);
    text_format(out, " since %s", text);
}

static void add_gate(struct text *out, const struct binding_view *binding)
{
    const struct gate_answer *gate = &binding->gate;
    if (binding->known && gate->verdict == GATE_UNKNOWN && gate->text[0] != '\0')
        text_format(out, " (its state is not known: %s)", gate->text);
    else if (!binding->known || gate->verdict == GATE_UNKNOWN)
        text_add(out, " (its state cannot be read)");
    else if (gate->text[0] != '\0')
        text_format(out, " (%s)", gate->text);
    else if (gate->replicas_wanted > 0)
        text_format(out, " (%d/%d replicas)", gate->replicas_available, gate->replicas_wanted);
}

/* What the traffic waits for: a slot that is ready, then the route. */
static void add_traffic(struct text *out, const struct rollout_view *view,
                        const struct binding_view *next)
{
    add_gate(out, binding_may_carry(next) ? &view->route : next);
}

/* Time goes by and does not count. */
static void add_fault(struct text *out, const struct rollout *rollout,
                      const struct rollout_view *view, const char *fault, const char *then)
{
    const int64_t left_ms = view->plan->progress_deadline.ms - rollout->fault_ms;
    char left[DURATION_TEXT_SIZE];
    duration_format(DURATION_S(left_ms > 0 ? left_ms / 1000 : 0), left);
    text_format(out, " (not counted now: %s; %s in %s if that lasts)", fault, then, left);
}

static void explain_step(const struct rollout *rollout, const struct rollout_view *view,
                         struct text *out)
{
    const struct rollout_stage stage = step_current(rollout);
    const struct binding_view *slot = &view->slot[slot_index(rollout->next_slot)];
    if (!rollout->verified) {
        text_format(out, "moves traffic to %d %%", stage.weight);
        add_since(out, rollout->progress_at, view->now.wall);
        add_traffic(out, view, slot);
        return;
    }
    const char *fault = step_fault(rollout, view);
    char left[DURATION_TEXT_SIZE];
    duration_format(DURATION_S(credit_remaining_ms(rollout, view) / 1000), left);
    text_format(out, "soaks at %d %%, %s left", stage.weight, left);
    if (!binding_is_settled(slot))
        add_gate(out, slot);
    else if (fault != NULL)
        add_fault(out, rollout, view, fault,
                  view->plan->rollback_forbidden ? "it is held" : "it goes back");
    else if (view->evidence != NULL)
        text_format(out, " (%s)", view->evidence);
}

static void explain_bake(const struct rollout *rollout, const struct rollout_view *view,
                         struct text *out)
{
    const struct binding_view *next = &view->slot[slot_index(rollout->next_slot)];
    const char *blindness = credit_blindness(view);
    char left[DURATION_TEXT_SIZE];
    duration_format(DURATION_S(credit_remaining_ms(rollout, view) / 1000), left);
    text_format(out, "bakes, %s left", left);
    if (next->known && next->gate.verdict != GATE_SETTLED)
        add_gate(out, next);
    else if (blindness != NULL && credit_bake_is_judged(rollout, view))
        add_fault(out, rollout, view, blindness, "it bakes unjudged");
    else if (blindness != NULL && credit_bake_is_given_up(rollout, view))
        text_format(out, " (unjudged: %s)", blindness);
}

static void explain_rest(const struct rollout *rollout, const struct rollout_view *view,
                         struct text *out)
{
    const bool wanted =
        view->wanted != NULL &&
        (!rollout->has_stable || !content_is(&rollout->stable, view->wanted->deployment_digest));
    if (wanted)
        text_format(out, "has release %s to begin with", view->wanted->release_digest);
    else if (!rollout->has_stable)
        text_add(out, "has nothing to run");
    else if (rollout->drifted)
        text_add(out, "was changed by somebody else");
    else
        text_format(out, "runs release %s", rollout->stable.release_digest);
}

static void explain_state(const struct rollout *rollout, const struct rollout_view *view,
                          struct text *out)
{
    const struct binding_view *next = &view->slot[slot_index(rollout->next_slot)];
    const struct binding_view *stable = &view->slot[slot_index(rollout->stable_slot)];
    switch (rollout->state) {
    case ROLLOUT_IDLE:
        explain_rest(rollout, view, out);
        return;
    case ROLLOUT_PREPARE:
        text_format(out, "waits for release %s to be made", rollout->next.release_digest);
        break;
    case ROLLOUT_NARROW:
        text_add(out, "takes endpoints off the route");
        break;
    case ROLLOUT_DEPLOY:
        text_add(out, "is progressing");
        add_since(out, rollout->progress_at, view->now.wall);
        add_gate(out, next);
        return;
    case ROLLOUT_STEP:
        explain_step(rollout, view, out);
        return;
    case ROLLOUT_ROUTE:
        text_add(out, "waits for its route");
        add_since(out, rollout->progress_at, view->now.wall);
        add_traffic(out, view, next);
        return;
    case ROLLOUT_PAUSED:
        text_format(out, "is paused: %s", rollout->room->reason);
        break;
    case ROLLOUT_BAKE:
        explain_bake(rollout, view, out);
        return;
    case ROLLOUT_CLEANUP:
        text_add(out, "takes the old slot down");
        break;
    case ROLLOUT_ROLLBACK:
        text_format(out, "goes back: %s", rollout->room->reason);
        add_since(out, rollout->state_since, view->now.wall);
        add_gate(out, stable);
        return;
    case ROLLOUT_WITHDRAW:
        text_format(out, "is withdrawn: %s", rollout->room->reason);
        break;
    case ROLLOUT_HELD:
        text_format(out, "is held (%s): %s", rollout_hold_name(rollout->hold),
                    rollout->room->reason);
        break;
    }
    add_since(out, rollout->state_since, view->now.wall);
}

int64_t rollout_soak_left(const struct rollout *rollout, const struct rollout_view *view)
{
    return credit_remaining_ms(rollout, view);
}

void rollout_explain(const struct rollout *rollout, const struct rollout_view *view,
                     struct text *out)
{
    if (rollout_kind_changed(rollout)) {
        text_format(out, "is left as it is: %s", rollout->room->reason);
        return;
    }
    explain_state(rollout, view, out);
    if (rollout->state == ROLLOUT_HELD && rollout->retry_at.ms != 0) {
        char at[WALL_TIME_TEXT_SIZE];
        wall_time_format(rollout->retry_at, at);
        text_format(out, "; tries again at %s", at);
    }
}
