/* Who may start: one pass over the nodes in the order target, phase, cell.
 *
 * A wait is looked for in this order, and the first one found is told: held by itself (suspended,
 * broken, unknown, quarantined), promotion, region, gates, phase, dependency, freeze, capacity. */
#include "reconciler/plan/plan.h"

#include "config/base/check.h"
#include "reconciler/plan/index.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

struct pass {
    const struct plan_input *input;
    const struct plan_index *index;
    struct node_verdict *verdicts;
    int running; /* nodes that hold a place under the limit */
    /* of the target and the phases before the current one */
    size_t blocker;     /* first node that holds up every later phase */
    size_t rolled_back; /* first node that was rolled back */
};

static bool same_digests(const char *a, const char *b)
{
    return a[0] != '\0' && strcmp(a, b) == 0;
}

static void wait_for(struct node_verdict *verdict, enum wait_kind wait, size_t node)
{
    verdict->wait = wait;
    verdict->waits_for = node;
}

/* --- what one node means to another ------------------------------------------------------- */

static bool same_train(const struct node_facts *a, const struct node_facts *b)
{
    return a->train == 0 || b->train == 0 || a->train == b->train;
}

/* Left alone on purpose: whatever runs there has to do. */
static bool left_alone(const struct node_facts *node)
{
    return node->broken || node->suspended;
}

/* Holds up all later phases of its target. */
static bool holds_up(const struct node_facts *node)
{
    if (left_alone(node))
        return false;
    switch (node->state) {
    case NODE_CONVERGED:
    case NODE_ROLLED_BACK: /* only those of its train */
        return false;
    case NODE_REPAIRING:
        return !node->healthy;
    case NODE_FORWARD:
    case NODE_ROLLING:
    case NODE_BAKING:
    case NODE_UNKNOWN:
        return true;
    }
    CHECK_UNREACHABLE();
}

static bool blocks_dependent(const struct node_facts *node, const struct node_facts *dependent)
{
    if (left_alone(node))
        return !node->healthy;
    if (node->state == NODE_ROLLED_BACK)
        return !node->healthy || same_train(node, dependent);
    return holds_up(node);
}

/* --- the waits of one node ---------------------------------------------------------------- */

static bool waits_by_itself(const struct node_facts *node, struct node_verdict *verdict)
{
    if (node->suspended)
        verdict->wait = WAIT_SUSPENDED;
    else if (node->broken)
        verdict->wait = WAIT_BROKEN;
    else if (node->state == NODE_UNKNOWN)
        verdict->wait = WAIT_UNKNOWN;
    else if (node->state == NODE_ROLLED_BACK)
        verdict->wait = WAIT_QUARANTINE;
    return verdict->wait != WAIT_NONE;
}

static bool waits_for_promotion(const struct pass *pass, size_t at, struct node_verdict *verdict)
{
    const struct node_facts *node = &pass->input->nodes[at];
    const size_t environment = node->target->environment_index;
    if (environment == 0)
        return false;
    const size_t before = plan_index_primary(pass->index, at, environment - 1);
    const struct node_facts *earlier = before == SIZE_MAX ? NULL : &pass->input->nodes[before];
    if (earlier == NULL ||
        (!earlier->unproven && same_digests(node->release_digests, earlier->baked_release_digests)))
        return false;
    wait_for(verdict, WAIT_PROMOTION, before);
    return true;
}

static bool waits_for_region(const struct pass *pass, size_t at, struct node_verdict *verdict)
{
    const struct node_facts *node = &pass->input->nodes[at];
    if (node->target->primary)
        return false;
    const size_t first = plan_index_primary(pass->index, at, node->target->environment_index);
    if (first == SIZE_MAX)
        return false;
    const struct node_facts *primary = &pass->input->nodes[first];
    if (primary->failed && same_digests(primary->release_digests, node->release_digests)) {
        wait_for(verdict, WAIT_CANCELLED, first);
        verdict->cancel = node->state == NODE_ROLLING || node->state == NODE_BAKING;
        return true;
    }
    /* While it is still on its way (back), the two regions would move at once. */
    if (same_digests(node->release_digests, primary->baked_release_digests) &&
        primary->state != NODE_ROLLING)
        return false;
    wait_for(verdict, WAIT_REGION, first);
    return true;
}

static bool waits_for_gate(const struct pass *pass, size_t at, struct node_verdict *verdict)
{
    const struct plan_input *input = pass->input;
    const struct node_facts *node = &input->nodes[at];
    const struct environment *environment = node->target->environment;
    for (size_t i = 0; i < environment->gate_count; i++) {
        const struct gate *gate = &environment->gates[i];
        if (input->gate_state(input->context, node->cell_name, environment, gate,
                              node->release_digests) == GATE_STATE_PASSED)
            continue;
        verdict->wait = WAIT_GATE;
        verdict->gate = gate;
        return true;
    }
    return false;
}

static bool waits_for_phase(const struct pass *pass, size_t at, struct node_verdict *verdict)
{
    const struct node_facts *node = &pass->input->nodes[at];
    size_t blocker = pass->blocker;
    if (blocker == SIZE_MAX && pass->rolled_back != SIZE_MAX)
        blocker = node->train == 0
                      ? pass->rolled_back
                      : plan_index_train(pass->index, node->target->index, node->train);
    if (blocker == SIZE_MAX)
        return false;
    wait_for(verdict, WAIT_PHASE, blocker);
    return true;
}

static bool waits_for_dependency(const struct pass *pass, size_t at, struct node_verdict *verdict)
{
    const struct node_facts *node = &pass->input->nodes[at];
    if (node->cell == NULL)
        return false;
    const struct manifest_texts *names = &node->cell->depends_on;
    for (size_t i = 0; i < names->count; i++) {
        const size_t other =
            plan_index_find(pass->index, node->target->index, names->items[i].text);
        if (other == SIZE_MAX || other == at || !blocks_dependent(&pass->input->nodes[other], node))
            continue;
        wait_for(verdict, WAIT_DEPENDENCY, other);
        return true;
    }
    return false;
}

static bool names_environment(const struct freeze_window *freeze, const char *environment)
{
    if (!freeze->environments.set)
        return true;
    for (size_t i = 0; i < freeze->environments.count; i++) {
        if (strcmp(freeze->environments.items[i].text, environment) == 0)
            return true;
    }
    return false;
}

static bool waits_for_thaw(const struct pass *pass, size_t at, struct node_verdict *verdict)
{
    const struct platform *platform = pass->input->platform;
    const char *environment = pass->input->nodes[at].target->environment->name.text;
    const int64_t now = pass->input->now.ms;
    for (size_t i = 0; i < platform->freeze_count; i++) {
        const struct freeze_window *freeze = &platform->freezes[i];
        if (now < freeze->from.ms || now >= freeze->to.ms ||
            !names_environment(freeze, environment))
            continue;
        verdict->wait = WAIT_FREEZE;
        verdict->freeze = freeze;
        return true;
    }
    return false;
}

static bool waits_for_place(struct pass *pass, size_t at, struct node_verdict *verdict)
{
    /* What runs has its place already. */
    const struct node_facts *node = &pass->input->nodes[at];
    if (node->state != NODE_FORWARD || node->waits)
        return false;
    if (pass->running < pass->input->parallel_nodes) {
        pass->running++;
        return false;
    }
    verdict->wait = WAIT_CAPACITY;
    return true;
}

static bool has_work(enum node_state state)
{
    switch (state) {
    case NODE_FORWARD:
    case NODE_ROLLING:
    case NODE_BAKING:
        return true;
    case NODE_CONVERGED:
    case NODE_REPAIRING:
    case NODE_ROLLED_BACK:
    case NODE_UNKNOWN:
        return false;
    }
    CHECK_UNREACHABLE();
}

static void decide(struct pass *pass, size_t at)
{
    const struct node_facts *node = &pass->input->nodes[at];
    struct node_verdict *verdict = &pass->verdicts[at];
    *verdict = (struct node_verdict){.waits_for = SIZE_MAX};
    if (node->state == NODE_CONVERGED || waits_by_itself(node, verdict) || !has_work(node->state))
        return;
    verdict->may_start =
        !waits_for_promotion(pass, at, verdict) && !waits_for_region(pass, at, verdict) &&
        !waits_for_gate(pass, at, verdict) && !waits_for_phase(pass, at, verdict) &&
        !waits_for_dependency(pass, at, verdict) && !waits_for_thaw(pass, at, verdict) &&
        !waits_for_place(pass, at, verdict);
    verdict->place = verdict->may_start && !node->waits;
}

/* --- the pass ----------------------------------------------------------------------------- */

/* Takes the nodes [from, to) of one phase into account for the phases after it. */
static void close_phase(struct pass *pass, struct plan_index *index, size_t from, size_t to)
{
    for (size_t i = from; i < to; i++) {
        const size_t at = index->order[i];
        const struct node_facts *node = &pass->input->nodes[at];
        if (holds_up(node) && pass->blocker == SIZE_MAX)
            pass->blocker = at;
        if (node->state != NODE_ROLLED_BACK || left_alone(node))
            continue;
        if (pass->rolled_back == SIZE_MAX)
            pass->rolled_back = at;
        if (node->train == 0 && pass->blocker == SIZE_MAX)
            pass->blocker = at;
        plan_index_add_train(index, node->target->index, node->train, at);
    }
}

static void run(struct pass *pass, struct plan_index *index)
{
    const struct node_facts *nodes = pass->input->nodes;
    const size_t count = pass->input->node_count;
    size_t start = 0;
    while (start < count) {
        const struct node_facts *first = &nodes[index->order[start]];
        if (start == 0 || nodes[index->order[start - 1]].target->index != first->target->index)
            pass->blocker = pass->rolled_back = SIZE_MAX;
        size_t end = start;
        while (end < count && nodes[index->order[end]].target->index == first->target->index &&
               nodes[index->order[end]].phase == first->phase) {
            decide(pass, index->order[end]);
            end++;
        }
        close_phase(pass, index, start, end);
        start = end;
    }
}

int plan_decide(const struct plan_input *input, struct node_verdict *ret_verdicts)
{
    struct plan_index index;
    if (plan_index_init(&index, input) != 0)
        return -ENOMEM;
    struct pass pass = {.input = input,
                        .index = &index,
                        .verdicts = ret_verdicts,
                        .blocker = SIZE_MAX,
                        .rolled_back = SIZE_MAX};
    for (size_t i = 0; i < input->node_count; i++) {
        if (input->nodes[i].state == NODE_ROLLING)
            pass.running++;
    }
    run(&pass, &index);
    plan_index_fini(&index);
    return 0;
}
