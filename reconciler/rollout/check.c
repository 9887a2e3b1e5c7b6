/* What must hold in any state. A rollout that breaks it stops the daemon before it acts; a journal
 * row that breaks it is not taken. */
#include "config/base/check.h"

#include "reconciler/rollout/machine.h"

#define ONE(state) (1u << ROLLOUT_##state)
#define FORWARD (ONE(PREPARE) | ONE(NARROW) | ONE(DEPLOY) | ONE(STEP) | ONE(ROUTE) | ONE(BAKE))

struct rule {
    bool holds;
    const char *what;
};

static bool is_in(enum rollout_state state, unsigned set)
{
    return (set & (1u << state)) != 0;
}

static bool is_slot(char slot)
{
    return slot == 'a' || slot == 'b';
}

static const char *first_broken(const struct rule *rules, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (!rules[i].holds)
            return rules[i].what;
    }
    return NULL;
}

#define FIRST_BROKEN(rules) first_broken(rules, sizeof(rules) / sizeof((rules)[0]))

static const char *check_contents(const struct rollout *rollout)
{
    const struct rollout_content *stable = &rollout->stable, *next = &rollout->next;
    const struct rule rules[] = {
        {!rollout->has_stable || stable->deployment_digest[0] != '\0', "stable without a digest"},
        {!rollout->has_next || next->deployment_digest[0] != '\0', "next without a digest"},
        {!rollout->has_previous || rollout->previous.deployment_digest[0] != '\0',
         "previous without a digest"},
        {!rollout->has_stable || stable->baked_wall_ms != 0, "stable that never baked"},
        {rollout->soaked_ms >= 0 && rollout->waited_ms >= 0, "time that was counted backwards"},
    };
    return FIRST_BROKEN(rules);
}

static const char *check_slots(const struct rollout *rollout)
{
    const char stable = rollout->stable_slot, next = rollout->next_slot;
    const struct rule rules[] = {
        {stable == 0 || (rollout->has_stable && is_slot(stable)), "the stable slot"},
        {next == 0 || (rollout->has_next && is_slot(next)), "the next slot"},
        {!rollout->has_stable || !rollout->has_next || (stable == 0) == (next == 0),
         "slots of two kinds"},
    };
    return FIRST_BROKEN(rules);
}

static const char *check_weight(const struct rollout *rollout)
{
    const enum rollout_state state = rollout_effective(rollout);
    const bool steps =
        rollout->stage_count <= ROLLOUT_STEPS_LIMIT && rollout->step <= rollout->stage_count;
    if (!steps)
        return "the step";
    const struct rule rules[] = {
        {rollout->weight >= 0 && rollout->weight <= 100, "the weight"},
        {state != ROLLOUT_STEP || rollout->weight <= step_current(rollout).weight,
         "more weight than the step's"},
        {!is_in(state, ONE(PREPARE) | ONE(NARROW) | ONE(DEPLOY)) || rollout->weight == 0,
         "weight before readiness"},
    };
    return FIRST_BROKEN(rules);
}

static const char *check_state(const struct rollout *rollout)
{
    const enum rollout_state state = rollout->state, at = rollout_effective(rollout);
    const bool frozen = state == ROLLOUT_HELD && rollout->has_next;
    const unsigned attempts = FORWARD | ONE(PAUSED) | ONE(ROLLBACK) | ONE(WITHDRAW);
    const struct rule rules[] = {
        {(state != ROLLOUT_PAUSED && !frozen) || is_in(rollout->from, FORWARD),
         "a pause from nowhere"},
        {!is_in(state, attempts) || (rollout->has_next && rollout->attempt > 0),
         "an attempt at nothing"},
        {!is_in(state, ONE(IDLE) | ONE(CLEANUP)) || !rollout->has_next, "a next one at rest"},
        {!is_in(state, ONE(ROLLBACK) | ONE(CLEANUP)) || rollout->has_stable, "nowhere to go back"},
        {state != ROLLOUT_WITHDRAW || !rollout->has_stable, "a withdrawal beside a stable one"},
        {state != ROLLOUT_HELD || (rollout->hold != HOLD_NONE && rollout->held_digest[0] != '\0'),
         "held without a reason"},
        {at != ROLLOUT_STEP || rollout_two_slots(rollout), "a step with one slot"},
        {at != ROLLOUT_NARROW || rollout->has_stable, "a first release that narrows"},
        {(at != ROLLOUT_ROUTE && at != ROLLOUT_NARROW) || rollout->next_slot != 0,
         "a route without slots"},
        {at != ROLLOUT_CLEANUP || rollout->stable_slot != 0, "a cleanup without slots"},
    };
    return FIRST_BROKEN(rules);
}

const char *check_find(const struct rollout *rollout)
{
    const char *broken = check_contents(rollout);
    if (broken == NULL)
        broken = check_slots(rollout);
    if (broken == NULL)
        broken = check_weight(rollout);
    return broken != NULL ? broken : check_state(rollout);
}

void rollout_check(const struct rollout *rollout)
{
    const char *broken = check_find(rollout);
    if (broken != NULL)
        check_failed(broken, __FILE__, __LINE__, __func__);
}
