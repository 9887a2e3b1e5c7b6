#include "reconciler/rollout/machine.h"

/* An interval without a look tells nothing about a deadline: whatever is longer than this (a
 * restart, a sleeping machine) counts only so much. Wakes come more often while a deadline runs. */
#define BLIND_MS INT64_C(60000)

/* The smaller of both clocks; after a restart of the machine the wall clock alone. Never negative:
 * a clock that is set back gives nothing. */
static int64_t elapsed_ms(struct instant from, struct instant now)
{
    const int64_t wall = now.wall.ms - from.wall.ms;
    int64_t elapsed = wall;
    if (from.mono.ms != INT64_MIN && now.mono.ms >= from.mono.ms) {
        const int64_t mono = now.mono.ms - from.mono.ms;
        if (mono < elapsed)
            elapsed = mono;
    }
    return elapsed > 0 ? elapsed : 0;
}

void credit_clocks(struct advance *advance)
{
    struct rollout *rollout = advance->rollout;
    int64_t elapsed = elapsed_ms(rollout->counted_at, advance->view->now);
    if (elapsed > BLIND_MS)
        elapsed = BLIND_MS;
    rollout->counted_at = advance->view->now;
    rollout->waited_ms += elapsed;
    rollout->fault_ms += elapsed;
    rollout->sick_ms = advance->view->stable_healthy ? 0 : rollout->sick_ms + elapsed;
}

void credit_restart_wait(struct advance *advance)
{
    advance->rollout->waited_ms = 0;
    advance->rollout->counted_at = advance->view->now;
    advance->rollout->progress_at = advance->view->now.wall;
}

void credit_restart_soak(struct advance *advance)
{
    advance->rollout->soaked_ms = 0;
    advance->rollout->soaked_at = advance->view->now;
    advance->rollout->soaking = true;
    advance->rollout->judged_from_ms = advance->view->judged_ms;
}

/* Time that counts: for a judged step only as far as it was judged. */
static int64_t soak_credit_ms(const struct rollout *rollout, const struct rollout_view *view,
                              bool judged)
{
    const int64_t windows = view->judged_ms - rollout->judged_from_ms;
    return judged && windows < rollout->soaked_ms ? windows : rollout->soaked_ms;
}

bool credit_soak(struct advance *advance, enum soak_look look, bool judged, int64_t needed_ms)
{
    struct rollout *rollout = advance->rollout;
    if (look == SOAK_UNSEEN)
        return false;
    const bool good = look == SOAK_GOOD;
    const bool restarted = rollout->soaked_at.mono.ms == INT64_MIN;
    int64_t elapsed = elapsed_ms(rollout->soaked_at, advance->view->now);
    if (!restarted && elapsed > BLIND_MS)
        elapsed = BLIND_MS;
    if (good && rollout->soaking)
        rollout->soaked_ms += elapsed;
    /* A change is journaled, so that a restart does not credit what was not good; and so is what a
     * restart credited. */
    if (good != rollout->soaking || restarted)
        advance->result->changed = true;
    rollout->soaking = good;
    rollout->soaked_at = advance->view->now;
    return good &&
           (rollout->skip_soak || soak_credit_ms(rollout, advance->view, judged) >= needed_ms);
}

bool credit_bake_is_judged(const struct rollout *rollout, const struct rollout_view *view)
{
    return view->plan->analysis && !rollout->fast && rollout_two_slots(rollout) &&
           rollout->fault_ms < view->plan->progress_deadline.ms;
}

int64_t credit_remaining_ms(const struct rollout *rollout, const struct rollout_view *view)
{
    int64_t needed = rollout->bake_ms;
    bool judged = credit_bake_is_judged(rollout, view);
    if (rollout_effective(rollout) == ROLLOUT_STEP) {
        const struct rollout_stage stage = step_current(rollout);
        needed = stage.soak_ms;
        judged = stage.analysis && view->plan->analysis && stage.weight > 0;
    }
    const int64_t remaining = needed - soak_credit_ms(rollout, view, judged);
    return remaining > 0 ? remaining : 0;
}
