/* What the bindings should be: a function of the state alone. */
#include "config/base/check.h"
#include "reconciler/rollout/machine.h"

struct draft {
    const struct rollout *rollout;
    const struct rollout_view *view;
    struct rollout_wants *wants;
    size_t stable, next; /* slots */
    enum content_change change;
};

static void put_slot(const struct draft *draft, size_t slot, enum content_choice content)
{
    const struct rollout *rollout = draft->rollout;
    struct slot_want *want = &draft->wants->slot[slot];
    const bool runs = content == CONTENT_STABLE || content == CONTENT_NEXT;
    want->content = content;
    want->replicas = runs ? rollout->replicas : -1;
    want->scaled_by_route = runs && rollout->scaled[slot];
}

static void list_slot(const struct draft *draft, size_t slot, int weight)
{
    struct route_want *route = &draft->wants->route;
    route->list[slot] = true;
    route->weight[slot] = weight;
    route->scale[slot] = draft->view->plan->scaled;
}

/* All traffic on one slot; the other is not listed. */
static void put_route(const struct draft *draft, enum content_choice content, size_t slot)
{
    struct route_want *route = &draft->wants->route;
    if (!draft->rollout->routed)
        return;
    route->content = content;
    route->active_slot = slot == 0 ? 'a' : 'b';
    route->scale_minimum = draft->rollout->replicas;
    list_slot(draft, slot, 100);
}

static void look(const struct draft *draft, bool stable, bool next, bool route)
{
    const struct rollout *rollout = draft->rollout;
    if (stable)
        draft->wants->look_slot[draft->stable] = true;
    if (next)
        draft->wants->look_slot[draft->next] = true;
    draft->wants->look_route = route && rollout->routed;
}

/* Before there is a stable release. Who connects to it and comes first, or runs already, finds its
 * address; nothing is sent there. */
static void put_address(const struct draft *draft, enum content_choice otherwise)
{
    if (!draft->rollout->routed)
        return;
    draft->wants->route.content = draft->view->awaited ? CONTENT_ADDRESS : otherwise;
    draft->wants->look_route = draft->view->awaited;
}

/* --- by state ----------------------------------------------------------------------------- */

static void wants_rest(const struct draft *draft)
{
    const struct rollout *rollout = draft->rollout;
    struct rollout_wants *wants = draft->wants;
    if (!rollout->has_stable) {
        if (rollout->attempt == 0) {
            put_address(draft, CONTENT_UNTOUCHED);
            return;
        }
        wants->slot[0].content = CONTENT_UNDEPLOYED;
        if (rollout->routed)
            wants->slot[1].content = CONTENT_UNDEPLOYED;
        put_address(draft, CONTENT_UNDEPLOYED);
        return;
    }
    put_slot(draft, draft->stable, CONTENT_STABLE);
    if (rollout->routed)
        put_slot(draft, 1 - draft->stable, CONTENT_UNDEPLOYED);
    put_route(draft, CONTENT_STABLE, draft->stable);
    wants->report_only = !draft->view->correct_drift && !rollout->settle_due;
    const bool hand_over = draft->view->plan->scaled && !rollout->scaled[draft->stable];
    look(draft, rollout->settle_due, false, rollout->settle_due || hand_over);
}

static void wants_prepare(const struct draft *draft)
{
    const struct rollout *rollout = draft->rollout;
    draft->wants->prepare = true;
    draft->wants->prepare_route = rollout->routed;
    if (!rollout->has_stable) {
        put_address(draft, CONTENT_UNTOUCHED);
        return;
    }
    if (!rollout->touched)
        put_slot(draft, draft->stable, CONTENT_STABLE);
    if (!rollout->route_touched)
        put_route(draft, CONTENT_STABLE, draft->stable);
}

static void wants_narrow(const struct draft *draft)
{
    draft->wants->prepare = draft->wants->prepare_route = true;
    put_slot(draft, draft->stable, CONTENT_STABLE);
    put_route(draft, CONTENT_NEXT, draft->stable);
    look(draft, true, false, true);
}

static void wants_deploy(const struct draft *draft)
{
    const struct rollout *rollout = draft->rollout;
    draft->wants->prepare = true;
    draft->wants->prepare_route = rollout->routed;
    put_slot(draft, draft->next, CONTENT_NEXT);
    look(draft, false, true, false);
    if (!rollout->has_stable) {
        put_address(draft, CONTENT_UNTOUCHED);
        return;
    }
    const bool two_slots = rollout_two_slots(rollout);
    if (two_slots)
        put_slot(draft, draft->stable, CONTENT_STABLE);
    if (draft->change == CHANGE_NARROW)
        put_route(draft, CONTENT_NEXT, draft->stable);
    else if (two_slots || !rollout->route_touched)
        put_route(draft, CONTENT_STABLE, draft->stable);
    look(draft, two_slots, true, false);
}

static void wants_step(const struct draft *draft)
{
    const struct rollout *rollout = draft->rollout;
    const struct rollout_plan *plan = draft->view->plan;
    struct route_want *route = &draft->wants->route;
    put_slot(draft, draft->stable, CONTENT_STABLE);
    put_slot(draft, draft->next, CONTENT_NEXT);
    put_route(draft, draft->change == CHANGE_NARROW ? CONTENT_NEXT : CONTENT_STABLE, draft->stable);
    list_slot(draft, draft->stable, 100 - rollout->weight);
    list_slot(draft, draft->next, rollout->weight);
    if (rollout->weight == 100)
        route->active_slot = rollout->next_slot;
    if (rollout->step < rollout->stage_count && rollout->step < plan->step_count) {
        route->matches = plan->steps[rollout->step].matches;
        route->match_count = plan->steps[rollout->step].match_count;
        route->match_slot = rollout->next_slot;
    }
    look(draft, true, true, true);
}

/* ROUTE and BAKE: all traffic on the new content, the old slot warm. */
static void wants_full(const struct draft *draft)
{
    const bool two_slots = rollout_two_slots(draft->rollout);
    put_slot(draft, draft->next, CONTENT_NEXT);
    put_route(draft, CONTENT_NEXT, draft->next);
    if (two_slots) {
        put_slot(draft, draft->stable, CONTENT_STABLE);
        list_slot(draft, draft->stable, 0);
    }
    const bool route = draft->rollout->state != ROLLOUT_BAKE || two_slots;
    look(draft, two_slots, true, route);
}

static void wants_cleanup(const struct draft *draft)
{
    put_slot(draft, draft->stable, CONTENT_STABLE);
    put_route(draft, CONTENT_STABLE, draft->stable);
    if (draft->rollout->drained)
        put_slot(draft, 1 - draft->stable, CONTENT_UNDEPLOYED);
    look(draft, true, false, true);
    draft->wants->look_slot[1 - draft->stable] = draft->rollout->drained;
}

static void wants_rollback(const struct draft *draft)
{
    const struct rollout *rollout = draft->rollout;
    if (rollout_two_slots(rollout)) {
        put_slot(draft, draft->stable, CONTENT_STABLE);
        if (!rollout->warming)
            put_route(draft, CONTENT_STABLE, draft->stable);
        if (rollout->drained)
            put_slot(draft, draft->next, CONTENT_UNDEPLOYED);
    } else if (draft->change == CHANGE_NARROW) {
        put_slot(draft, draft->stable, CONTENT_STABLE);
        put_route(draft, rollout->drained ? CONTENT_STABLE : CONTENT_NEXT, draft->stable);
    } else {
        if (rollout->drained)
            put_slot(draft, draft->stable, CONTENT_STABLE);
        put_route(draft, CONTENT_STABLE, draft->stable);
    }
    look(draft, true, true, true);
}

static void wants_withdraw(const struct draft *draft)
{
    const struct rollout *rollout = draft->rollout;
    put_address(draft, CONTENT_UNDEPLOYED);
    if (rollout->drained)
        draft->wants->slot[draft->next].content = CONTENT_UNDEPLOYED;
    look(draft, false, true, true);
}

static void wants_of_state(const struct draft *draft)
{
    switch (rollout_effective(draft->rollout)) {
    case ROLLOUT_IDLE:
    case ROLLOUT_HELD:
        wants_rest(draft);
        return;
    case ROLLOUT_PREPARE:
        wants_prepare(draft);
        return;
    case ROLLOUT_NARROW:
        wants_narrow(draft);
        return;
    case ROLLOUT_DEPLOY:
        wants_deploy(draft);
        return;
    case ROLLOUT_STEP:
        wants_step(draft);
        return;
    case ROLLOUT_ROUTE:
    case ROLLOUT_BAKE:
        wants_full(draft);
        return;
    case ROLLOUT_CLEANUP:
        wants_cleanup(draft);
        return;
    case ROLLOUT_ROLLBACK:
        wants_rollback(draft);
        return;
    case ROLLOUT_WITHDRAW:
        wants_withdraw(draft);
        return;
    case ROLLOUT_PAUSED:
        break;
    }
    CHECK_UNREACHABLE();
}

/* Not there, going, or without a pod as far as anybody has looked. What cannot be read is no reason
 * to leave it without a route. */
static bool is_empty(const struct binding_view *slot)
{
    if (!slot->exists || slot->terminating || !slot->matches)
        return true;
    const struct gate_answer *gate = &slot->gate;
    return gate->verdict == GATE_STALE ||
           ((gate->verdict == GATE_PROGRESSING || gate->verdict == GATE_FAILED) &&
            gate->replicas_available == 0);
}

static void leave_route(struct rollout_wants *wants)
{
    wants->route = (struct route_want){.scale_minimum = -1};
}

/* A route that is gone comes back after the slots that it leads to, which may be gone, too. */
static void wait_for_slots(const struct rollout_view *view, struct rollout_wants *wants)
{
    bool empty = false;
    if (!view->route.known || view->route.exists)
        return;
    for (size_t i = 0; i < 2; i++) {
        if (wants->route.weight[i] == 0)
            continue;
        wants->look_slot[i] = true;
        empty = empty || is_empty(&view->slot[i]);
    }
    if (empty)
        leave_route(wants);
}

/* Between the decision that a slot may carry more and the write of it, the slot may have been given
 * another number of replicas, or have lost some: the first time, traffic comes to it when it is
 * ready. What stood comes back whatever the slot is like, and so does what is gone while nothing
 * moves, which may be for long. */
static void wait_for_capacity(const struct rollout *rollout, const struct rollout_view *view,
                              struct rollout_wants *wants)
{
    const enum rollout_state at = rollout_effective(rollout);
    const bool moves = at == rollout->state;
    if ((at != ROLLOUT_STEP && at != ROLLOUT_ROUTE) || rollout->verified ||
        binding_may_carry(&view->slot[slot_index(rollout->next_slot)]))
        return;
    if (moves || !view->route.known || view->route.exists)
        leave_route(wants);
}

void rollout_wants(const struct rollout *rollout, const struct rollout_view *view,
                   struct rollout_wants *ret_wants)
{
    *ret_wants = (struct rollout_wants){
        .slot = {{.replicas = -1}, {.replicas = -1}},
        .route = {.scale_minimum = -1},
        .wake = {.mono = {INT64_MAX}, .wall = {INT64_MAX}},
    };
    if (rollout_kind_changed(rollout))
        return;
    const struct draft draft = {
        .rollout = rollout,
        .view = view,
        .wants = ret_wants,
        .stable = slot_index(rollout->stable_slot),
        .next = slot_index(rollout->next_slot),
        .change = rollout->has_stable && rollout->has_next
                      ? content_change(&rollout->stable, &rollout->next)
                      : CHANGE_NONE,
    };
    wants_of_state(&draft);
    wait_for_slots(view, ret_wants);
    wait_for_capacity(rollout, view, ret_wants);
}
