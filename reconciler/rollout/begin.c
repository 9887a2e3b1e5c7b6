#include "reconciler/rollout/machine.h"

#include <stdio.h>
#include <string.h>

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

char begin_slot(const struct rollout *rollout, const struct rollout_content *content,
                enum strategy strategy)
{
    if (!rollout->routed)
        return 0;
    if (!rollout->has_stable)
        return 'a';
    if (content->slot != 0)
        return content->slot;
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
        rollout->room->stages[i] = (struct rollout_stage){
            .weight = (int16_t)weight,
            .soak_ms = step->soak.value.ms > 0 ? step->soak.value.ms : 0,
            .pause = step->pause.value,
            .analysis = plan->analysis && (step->analysis.value || !step->analysis.set),
        };
    }
    rollout->stage_count = count;
}

int64_t begin_replicas(const struct rollout *rollout, const struct rollout_view *view)
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
        machine_note(advance, NOTE_STARTED, digest,
                     "rollout of release %s begins: there is no stable release yet, so all traffic "
                     "goes to it once it is ready",
                     rollout->next.release_digest);
    else if (rollout->fast)
        machine_note(advance, NOTE_STARTED, digest,
                     "rollout of release %s begins: it baked well here before, so it is only "
                     "checked for health",
                     rollout->next.release_digest);
    else if (rollout_two_slots(rollout) &&
             content_change(&rollout->stable, &rollout->next) == CHANGE_FLIP)
        machine_note(advance, NOTE_STARTED, digest,
                     "rollout of release %s begins: its endpoints differ, so all traffic moves at "
                     "once to slot %c",
                     rollout->next.release_digest, rollout->next_slot);
    else
        machine_note(advance, NOTE_STARTED, digest, "rollout of release %s begins",
                     rollout->next.release_digest);
}

void begin_attempt(struct advance *advance, const struct rollout_content *content, bool returning)
{
    struct rollout *rollout = advance->rollout;
    const struct rollout_plan *plan = advance->view->plan;
    const bool again = content_is(content, rollout->held_digest);
    const enum strategy strategy = plan->strategy;
    const char slot = begin_slot(rollout, content, strategy);
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
    rollout->replicas = begin_replicas(rollout, advance->view);
    rollout->started = advance->view->now.wall;
    rollout->attempts_used = again ? rollout->attempts_used + 1 : 1;
    rollout->hold = HOLD_NONE;
    rollout->held_digest[0] = '\0';
    rollout->retry_at.ms = 0;
    rollout->outcome = OUTCOME_NONE;
    rollout->room->reason[0] = rollout->room->evidence[0] = '\0';
    machine_move(advance, ROLLOUT_PREPARE);
    say_started(advance);
}

void begin_return(struct advance *advance)
{
    struct rollout_content previous = {0};
    rollout_content_copy(&previous, &advance->rollout->previous);
    begin_attempt(advance, &previous, true);
    rollout_content_fini(&previous);
}
