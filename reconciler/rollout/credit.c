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

/* Half of what a restart credits by itself. */
#define KEEP_MS (BLIND_MS / 2)

#define S(state) (1u << ROLLOUT_##state)
#define WAY_BACK (S(ROLLBACK) | S(WITHDRAW) | S(CLEANUP))
#define TRAFFIC (S(NARROW) | S(DEPLOY) | S(STEP) | S(ROUTE) | S(BAKE))

static bool is_in(const struct rollout *rollout, unsigned states)
{
    return ((1u << rollout->state) & states) != 0;
}

/* The journal's value would be too small after a restart, or too large. */
static bool is_out_of_date(int64_t kept_ms, int64_t ms)
{
    return ms >= kept_ms + KEEP_MS || (ms < kept_ms && kept_ms >= KEEP_MS);
}

void credit_kept(struct rollout *rollout)
{
    rollout->kept.waited_ms = rollout->waited_ms;
    rollout->kept.fault_ms = rollout->fault_ms;
    rollout->kept.sick_ms = rollout->sick_ms;
}

void credit_keep(struct advance *advance)
{
    struct rollout *rollout = advance->rollout;
    const bool waits = is_in(rollout, S(PREPARE) | TRAFFIC | S(PAUSED) | WAY_BACK) &&
                       is_out_of_date(rollout->kept.waited_ms, rollout->waited_ms);
    const bool suffers =
        is_in(rollout, TRAFFIC) && is_out_of_date(rollout->kept.fault_ms, rollout->fault_ms);
    const bool sick =
        is_in(rollout, S(STEP)) && is_out_of_date(rollout->kept.sick_ms, rollout->sick_ms);
    if (waits || suffers || sick)
        advance->result->changed = true;
    if (advance->result->changed)
        credit_kept(rollout);
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

const char *credit_blindness(const struct rollout_view *view)
{
    if (view->verdict != VERDICT_PROVIDER_ERROR && view->verdict != VERDICT_NO_DATA)
        return NULL;
    return view->blindness != NULL                   ? view->blindness
           : view->verdict == VERDICT_PROVIDER_ERROR ? "the metrics cannot be read"
                                                     : "the metrics show no requests of it";
}

static bool bake_is_for_the_judge(const struct rollout *rollout, const struct rollout_view *view)
{
    return view->plan->analysis && !rollout->fast && rollout_two_slots(rollout);
}

bool credit_bake_is_judged(const struct rollout *rollout, const struct rollout_view *view)
{
    return bake_is_for_the_judge(rollout, view) &&
           rollout->fault_ms < view->plan->progress_deadline.ms;
}

bool credit_bake_is_given_up(const struct rollout *rollout, const struct rollout_view *view)
{
    return bake_is_for_the_judge(rollout, view) && !credit_bake_is_judged(rollout, view);
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
