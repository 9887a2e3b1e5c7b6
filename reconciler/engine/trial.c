#include "reconciler/engine/trial.h"

#include "config/base/check.h"
#include "config/base/text.h"
#include "config/manifest/effective.h"
#include "reconciler/engine/emit.h"
#include "reconciler/engine/history.h"
#include "reconciler/engine/look.h"
#include "reconciler/engine/track.h"
#include "reconciler/engine/trial_query.h"
#include "reconciler/engine/trial_row.h"
#include "reconciler/engine/trial_workflow.h"

#include <errno.h>
#include <string.h>

/* --- what is judged -----------------------------------------------------------------------------
 */

static const struct rollout_policy *policy_of(const struct track *track)
{
    return track->deployment == NULL ? NULL : &track->deployment->effective->rollout;
}

bool trial_is_wanted(const struct track *track)
{
    const struct rollout_policy *policy = policy_of(track);
    return policy != NULL && trial_query_can_judge(policy, track->deployment->routed);
}

bool trial_is_forward(const struct rollout *rollout)
{
    switch (rollout_effective(rollout)) {
    case ROLLOUT_PREPARE:
    case ROLLOUT_NARROW:
    case ROLLOUT_DEPLOY:
    case ROLLOUT_STEP:
    case ROLLOUT_ROUTE:
    case ROLLOUT_BAKE:
        return rollout->has_next;
    case ROLLOUT_IDLE:
    case ROLLOUT_PAUSED:
    case ROLLOUT_CLEANUP:
    case ROLLOUT_ROLLBACK:
    case ROLLOUT_WITHDRAW:
    case ROLLOUT_HELD:
        return false;
    }
    CHECK_UNREACHABLE();
}

/* Only where the stable release stands beside the new one. */
static bool can_be_judged(const struct rollout *rollout)
{
    return trial_is_forward(rollout) && rollout->has_stable &&
           rollout->next_slot != rollout->stable_slot && !rollout->fast &&
           rollout->strategy != STRATEGY_ROLLING;
}

bool trial_is_of(const struct trial *trial, const struct rollout *rollout)
{
    return rollout->has_next && trial->attempt == rollout->attempt &&
           strcmp(trial->digest, rollout->next.deployment_digest) == 0;
}

/* Where the rollout stands, as a number that `step` can be compared with. */
static size_t place_of(const struct rollout *rollout)
{
    return rollout_effective(rollout) == ROLLOUT_BAKE ? rollout->stage_count + 1 : rollout->step;
}

static bool stands_here(const struct trial *trial, const struct rollout *rollout)
{
    return trial->standing && trial->step == place_of(rollout);
}

/* --- what the rollout is shown ------------------------------------------------------------------
 */

#define CLOCK_JUMP DURATION_S(5)

/* The wall clock was set back to before what is judged already. Whether it is right now or was
 * right then cannot be told: in the one case what comes now was never looked at, in the other it
 * was, and of other releases. So nothing is asked until the clock has caught up, and that is as if
 * the metrics could not be read: the attempt ends, or is held. */
static bool is_set_back(const struct engine *engine, const struct trial *trial)
{
    return trial->judge.metric_count > 0 &&
           trial->judge.until.ms - engine->now.wall.ms > CLOCK_JUMP.ms;
}

enum judge_verdict trial_verdict(const struct engine *engine, const struct trial *trial,
                                 bool soak_over)
{
    if (trial_workflow_is(trial))
        return trial_workflow_verdict(engine, trial, NULL);
    const bool impatient = trial->failures >= TRIAL_PATIENCE;
    enum judge_verdict verdict = soak_over ? VERDICT_INSUFFICIENT : VERDICT_CONTINUE;
    if (trial->judge.metric_count > 0) {
        struct judge calm = trial->judge;
        calm.failures = 0;
        verdict = judge_verdict(&calm, soak_over);
    } else if (trial->judging) {
        return VERDICT_NO_DATA;
    }
    if (verdict == VERDICT_ROLLBACK)
        return verdict;
    if (is_set_back(engine, trial))
        return VERDICT_PROVIDER_ERROR;
    if (!impatient)
        return verdict;
    return trial->empty ? VERDICT_NO_DATA : VERDICT_PROVIDER_ERROR;
}

/* Requests that its step names come to the new release whatever the weight. */
static bool has_testers(const struct rollout *rollout, const struct rollout_plan *plan)
{
    return rollout->step < plan->step_count && plan->steps[rollout->step].match_count > 0;
}

/* A step too short for a window was not meant to be counted. */
static enum share_check share_of(const struct trial *trial, const struct rollout *rollout,
                                 const struct rollout_plan *plan)
{
    if (trial->judge.metric_count == 0 || !trial->looking || !stands_here(trial, rollout) ||
        rollout->step >= rollout->stage_count)
        return SHARE_NOT_COUNTED;
    const enum share_check share = judge_share(&trial->judge, has_testers(rollout, plan));
    const bool brief =
        rollout->room->stages[rollout->step].soak_ms < trial->judge.settings.window.ms;
    return share == SHARE_TOO_FEW && brief ? SHARE_NOT_COUNTED : share;
}

/* Longer than any soak, and short enough to be added for each step of an attempt. */
#define WHOLE_SOAK_MS (INT64_C(1) << 45)

/* Once the run has passed, all of the soak is judged. */
static void view_workflow(const struct engine *engine, const struct trial *trial,
                          struct rollout_view *view)
{
    const struct gate_record *run;
    if (trial_workflow_verdict(engine, trial, &run) == VERDICT_PASS &&
        stands_here(trial, &trial->track->rollout))
        view->judged_ms += WHOLE_SOAK_MS;
    if (run != NULL && run->message[0] != '\0')
        view->evidence = view->blindness = run->message;
}

void trial_view(const struct engine *engine, const struct track *track, struct rollout_plan *plan,
                struct rollout_view *view)
{
    const struct rollout *rollout = &track->rollout;
    const struct trial *trial = track->trial;
    const bool under_way = rollout_is_active(rollout) && rollout->has_next;
    view->verdict = VERDICT_CONTINUE;
    view->share = SHARE_NOT_COUNTED;
    view->judged_ms = rollout->judged_from_ms;
    if (trial == NULL || !trial_is_of(trial, rollout)) {
        plan->analysis = trial_is_wanted(track) && (!under_way || can_be_judged(rollout));
        return;
    }
    plan->analysis = true;
    view->verdict = trial_verdict(engine, trial, false);
    view->share = share_of(trial, rollout, plan);
    view->evidence = trial->evidence[0] == '\0' ? NULL : trial->evidence;
    view->blindness = is_set_back(engine, trial)
                          ? "the clock was set back, to before what was judged"
                      : trial->blindness[0] == '\0' ? NULL
                                                    : trial->blindness;
    /* Only windows that began after the weight stood are the step's. */
    if (stands_here(trial, rollout))
        view->judged_ms += trial->step_ms;
    if (trial_workflow_is(trial))
        view_workflow(engine, trial, view);
}

/* Pods that are asked for beyond those that bore the traffic when the attempt began, by an
 * autoscaler in a rush hour, are not missing while they start. */
static bool lacks_pods(const struct rollout *rollout, const struct gate_answer *gate)
{
    const bool more = rollout->replicas >= 0 && rollout->replicas < gate->replicas_wanted;
    const int64_t wanted = more ? rollout->replicas : gate->replicas_wanted;
    return (int64_t)gate->replicas_available * 2 < wanted;
}

static bool is_sick(const struct rollout *rollout, const struct gate_answer *gate)
{
    switch (gate->verdict) {
    case GATE_FAILED:
        return true;
    case GATE_PROGRESSING:
        return lacks_pods(rollout, gate);
    case GATE_UNKNOWN:
    case GATE_STALE:
    case GATE_SETTLED:
    case GATE_UNDEPLOYED:
        return false;
    }
    CHECK_UNREACHABLE();
}

/* Once the new content stands on the stable one's slot, the slot tells nothing about it. */
bool trial_stable_is_sick(const struct track *track)
{
    const struct rollout *rollout = &track->rollout;
    const struct gate_answer *seen = look_seen(track_stable_slot(track));
    return rollout->has_stable && !rollout->touched && seen != NULL && is_sick(rollout, seen);
}

/* --- the attempt's life -------------------------------------------------------------------------
 */

static void begin(struct engine *engine, struct track *track)
{
    struct trial next = {.track = track, .attempt = track->rollout.attempt};
    text_put(next.digest, sizeof next.digest, "%s", track->rollout.next.deployment_digest);
    OWNED_JSON *source = trial_query_source(policy_of(track));
    if (source == NULL) {
        engine->status = -ENOMEM;
        return;
    }
    next.source = source;
    next.judging = trial_workflow_is(&next); /* there is nothing to learn */
    trial_row_put(engine, track, &next);
}

static void end(struct engine *engine, struct track *track)
{
    const uint64_t request = track->trial->request;
    if (trial_workflow_is(track->trial))
        trial_workflow_end(engine, track);
    trial_row_remove(engine, track);
    if (request == 0)
        return;
    const struct effect effect = {.kind = EFFECT_CANCEL, .as.cancel.id = request};
    emit_effect(engine, &effect);
}

void trial_drop(struct engine *engine, struct track *track)
{
    if (track->trial != NULL)
        end(engine, track);
}

/* Nothing of what happens until windows are looked at again is judged. */
static void look_away(struct engine *engine, struct trial *next)
{
    next->looking = false;
    if (next->judge.metric_count == 0)
        return;
    judge_skip(&next->judge, engine->now.wall);
    next->asked = NULL;
}

bool trial_has_baseline(const struct rollout *rollout)
{
    return rollout->stage_count == 0;
}

/* Whether windows are wanted where the rollout stands. */
static bool looks(const struct trial *trial, const struct rollout *rollout, bool healthy)
{
    switch (rollout_effective(rollout)) {
    case ROLLOUT_PREPARE:
    case ROLLOUT_NARROW:
    case ROLLOUT_DEPLOY:
        return trial_has_baseline(rollout) && healthy;
    case ROLLOUT_STEP:
        if (rollout->step < rollout->stage_count) {
            const struct rollout_stage *stage = &rollout->room->stages[rollout->step];
            /* While the weight moves it goes on as before. */
            return healthy && stage->analysis && stage->weight > 0 &&
                   (rollout->verified || trial->looking);
        }
        return healthy && trial->looking;
    case ROLLOUT_ROUTE:
        return healthy && trial->looking;
    case ROLLOUT_BAKE:
        return true;
    case ROLLOUT_IDLE:
    case ROLLOUT_PAUSED:
    case ROLLOUT_CLEANUP:
    case ROLLOUT_ROLLBACK:
    case ROLLOUT_WITHDRAW:
    case ROLLOUT_HELD:
        return false;
    }
    CHECK_UNREACHABLE();
}

static void stand(struct engine *engine, struct trial *next, const struct rollout *rollout)
{
    const bool baking = rollout_effective(rollout) == ROLLOUT_BAKE;
    next->standing = true;
    next->step = place_of(rollout);
    next->step_ms = 0;
    if (next->judge.metric_count == 0)
        return;
    if (baking)
        judge_bake(&next->judge, engine->now.wall);
    else
        judge_step(&next->judge, rollout->weight, engine->now.wall);
}

/* By how much the wall clock was set since the last step. */
static int64_t jump_ms(const struct engine *engine, struct trial *trial)
{
    const int64_t before = trial->ahead_ms;
    trial->ahead_ms = engine->now.wall.ms - engine->now.mono.ms;
    return before == 0 ? 0 : trial->ahead_ms - before;
}

static void say_set_back(struct engine *engine, const struct track *track, int64_t jump)
{
    char by[DURATION_TEXT_SIZE], until[WALL_TIME_TEXT_SIZE];
    duration_format(DURATION_S(-jump / 1000), by);
    wall_time_format(track->trial->judge.until, until);
    history_publish(engine, PUBLISH_WARNING, "metrics-unreadable",
                    &(struct history_about){.cell = track->unit->name,
                                            .component = track->component,
                                            .target = track->target},
                    "the metrics of %s on %s are judged until %s, and the clock was set back by "
                    "%s: none are asked for before then, while this attempt goes on",
                    track->component, track->target, until, by);
}

/* What is held does not wait for the clock: it is judged anew by the time that it is now, as
 * another attempt would be. */
static bool begins_anew(const struct engine *engine, const struct track *track)
{
    return track->rollout.state == ROLLOUT_HELD && is_set_back(engine, track->trial);
}

static void begin_anew(const struct engine *engine, struct trial *next)
{
    judge_begin_anew(&next->judge, engine->now.wall);
    next->asked = NULL;
    next->windows = 0;
    next->step_ms = 0;
}

/* What the rollout did, for the judge. */
static void take_step(struct engine *engine, struct track *track, bool healthy)
{
    const int64_t jump = jump_ms(engine, track->trial);
    /* What it skips when it is set forward is a time in which something else ran. */
    const bool jumped = jump > CLOCK_JUMP.ms;
    const struct trial *known = track->trial;
    const struct rollout *rollout = &track->rollout;
    struct trial next = *known;
    const enum rollout_state state = rollout_effective(rollout);
    const bool stands = state == ROLLOUT_BAKE || state == ROLLOUT_ROUTE ||
                        (state == ROLLOUT_STEP && rollout->verified);
    const bool look = looks(known, rollout, healthy);
    if (jump < -CLOCK_JUMP.ms && is_set_back(engine, known))
        say_set_back(engine, track, jump);
    const bool anew = begins_anew(engine, track);
    if (anew)
        begin_anew(engine, &next);
    if (look != known->looking || jumped)
        look_away(engine, &next);
    next.looking = look;
    if (!stands)
        next.standing = false;
    else if (!stands_here(known, rollout))
        stand(engine, &next, rollout);
    if (next.standing && !stands_here(known, rollout) && trial_workflow_is(known))
        trial_workflow_begin(engine, track, next.step);
    if (jumped || anew || next.looking != known->looking || next.standing != known->standing ||
        next.step != known->step)
        trial_row_put(engine, track, &next);
}

void trial_follow(struct engine *engine, struct track *track, bool stable_healthy)
{
    const struct rollout *rollout = &track->rollout;
    if (track->trial != NULL && !trial_is_of(track->trial, rollout))
        end(engine, track);
    if (track->trial == NULL && can_be_judged(rollout) && trial_is_wanted(track))
        begin(engine, track);
    if (track->trial != NULL && track->trial->judging && trial_is_forward(rollout))
        take_step(engine, track, stable_healthy);
}
