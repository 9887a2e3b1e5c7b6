/* What must hold in any state: a broken one stops the daemon before it acts. */
#include "config/base/check.h"

#include "reconciler/rollout/machine.h"

#define ONE(state) (1u << ROLLOUT_##state)
#define FORWARD (ONE(PREPARE) | ONE(NARROW) | ONE(DEPLOY) | ONE(STEP) | ONE(ROUTE) | ONE(BAKE))

static bool is_in(enum rollout_state state, unsigned set)
{
    return (set & (1u << state)) != 0;
}

static void check_contents(const struct rollout *rollout)
{
    CHECK(!rollout->has_stable || rollout->stable.deployment_digest[0] != '\0');
    CHECK(!rollout->has_next || rollout->next.deployment_digest[0] != '\0');
    CHECK(!rollout->has_previous || rollout->previous.deployment_digest[0] != '\0');
    CHECK(!rollout->has_stable || rollout->stable.baked_wall_ms != 0);
}

static void check_slots(const struct rollout *rollout)
{
    const char stable = rollout->stable_slot, next = rollout->next_slot;
    if (!rollout->routed) {
        CHECK(stable == 0 && next == 0);
        return;
    }
    CHECK(rollout->has_stable ? stable == 'a' || stable == 'b' : stable == 0);
    CHECK(rollout->has_next ? next == 'a' || next == 'b' : next == 0);
}

static void check_weight(const struct rollout *rollout)
{
    CHECK(rollout->weight >= 0 && rollout->weight <= 100);
    CHECK(rollout->stage_count <= ROLLOUT_STEPS_LIMIT && rollout->step <= rollout->stage_count);
    if (rollout_effective(rollout) == ROLLOUT_STEP)
        CHECK(rollout->weight <= step_current(rollout).weight);
    if (is_in(rollout_effective(rollout), ONE(PREPARE) | ONE(NARROW) | ONE(DEPLOY)))
        CHECK(rollout->weight == 0);
}

static void check_state(const struct rollout *rollout)
{
    const enum rollout_state state = rollout->state;
    const bool frozen = state == ROLLOUT_HELD && rollout->has_next;
    if (state == ROLLOUT_PAUSED || frozen)
        CHECK(is_in(rollout->from, FORWARD));
    if (is_in(state, FORWARD | ONE(PAUSED) | ONE(ROLLBACK) | ONE(WITHDRAW)))
        CHECK(rollout->has_next && rollout->attempt > 0);
    if (is_in(state, ONE(IDLE) | ONE(CLEANUP)))
        CHECK(!rollout->has_next);
    if (is_in(state, ONE(ROLLBACK) | ONE(CLEANUP)))
        CHECK(rollout->has_stable);
    if (state == ROLLOUT_WITHDRAW)
        CHECK(!rollout->has_stable);
    if (state == ROLLOUT_HELD)
        CHECK(rollout->hold != HOLD_NONE && rollout->held_digest[0] != '\0');
    if (is_in(rollout_effective(rollout), ONE(STEP)))
        CHECK(rollout->routed && rollout_two_slots(rollout));
    if (is_in(rollout_effective(rollout), ONE(NARROW)))
        CHECK(rollout->routed && rollout->has_stable);
    if (is_in(rollout_effective(rollout), ONE(ROUTE)))
        CHECK(rollout->routed);
}

void rollout_check(const struct rollout *rollout)
{
    CHECK(rollout->state < ROLLOUT_STATE_COUNT);
    CHECK(rollout->soaked_ms >= 0 && rollout->waited_ms >= 0);
    check_contents(rollout);
    check_slots(rollout);
    check_weight(rollout);
    check_state(rollout);
}
