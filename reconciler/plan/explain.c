#include "config/base/check.h"
#include "reconciler/plan/plan.h"

static const char *const wait_names[] = {
    [WAIT_NONE] = "none",
    [WAIT_PHASE] = "phase",
    [WAIT_DEPENDENCY] = "dependency",
    [WAIT_PROMOTION] = "promotion",
    [WAIT_GATE] = "gate",
    [WAIT_REGION] = "region",
    [WAIT_FREEZE] = "freeze",
    [WAIT_SUSPENDED] = "suspended",
    [WAIT_BROKEN] = "broken",
    [WAIT_QUARANTINE] = "quarantine",
    [WAIT_CANCELLED] = "cancelled",
    [WAIT_CAPACITY] = "capacity",
    [WAIT_PLATFORM] = "platform",
    [WAIT_APPROVAL] = "approval",
    [WAIT_UNKNOWN] = "unknown",
};
_Static_assert(sizeof(wait_names) / sizeof(wait_names[0]) == WAIT_KIND_COUNT, "one each");

const char *plan_wait_name(enum wait_kind wait)
{
    CHECK(wait < WAIT_KIND_COUNT);
    return wait_names[wait];
}

static void add_gate(const struct plan_input *input, const struct node_facts *node,
                     const struct gate *gate, struct text *out)
{
    const enum gate_state state = input->gate_state(
        input->context, node->cell_name, node->target->environment, gate, node->release_digests);
    text_format(out, " waits for gate %s", gate->name.text);
    switch (state) {
    case GATE_STATE_CLOSED:
        text_add(out, gate->kind == GATE_MANUAL   ? " to be approved"
                      : gate->kind == GATE_WINDOW ? " to open"
                                                  : " to be run");
        break;
    case GATE_STATE_RUNNING:
        text_add(out, ", which is running");
        break;
    case GATE_STATE_FAILED:
        text_add(out, ", which failed");
        break;
    case GATE_STATE_UNKNOWN:
        text_add(out, ", whose outcome is not known");
        break;
    case GATE_STATE_PASSED:
        break;
    }
}

/* One clause about a node; true when the node itself has more to say. */
static bool add_clause(const struct plan_input *input, const struct node_verdict *verdict,
                       size_t at, struct text *out)
{
    const struct node_facts *node = &input->nodes[at];
    const struct node_facts *other =
        verdict->waits_for != SIZE_MAX ? &input->nodes[verdict->waits_for] : NULL;
    char until[WALL_TIME_TEXT_SIZE];
    switch (verdict->wait) {
    case WAIT_NONE:
    case WAIT_QUARANTINE:
    case WAIT_UNKNOWN:
        return true;
    case WAIT_PHASE:
    case WAIT_DEPENDENCY:
        text_format(out, " waits for %s", other != NULL ? other->cell_name : "another cell");
        return false;
    case WAIT_PROMOTION:
        text_format(out, " waits for the same content on %s",
                    other != NULL ? other->target->name : "the target before");
        return false;
    case WAIT_REGION:
        text_format(out, " waits for %s to bake",
                    other != NULL ? other->target->name : "the primary region");
        return false;
    case WAIT_CANCELLED:
        text_format(out, " is stopped, because it failed on %s",
                    other != NULL ? other->target->name : "the primary region");
        return false;
    case WAIT_GATE:
        add_gate(input, node, verdict->gate, out);
        return false;
    case WAIT_FREEZE:
        wall_time_format(verdict->freeze->to, until);
        text_format(out, " waits for the end of freeze %s at %s", verdict->freeze->name.text,
                    until);
        return false;
    case WAIT_SUSPENDED:
        text_add(out, " is suspended");
        return false;
    case WAIT_BROKEN:
        text_add(out, " keeps its last good state, because what git says of it cannot be used");
        return true;
    case WAIT_CAPACITY:
        text_format(out, " waits for one of %d places", input->parallel_nodes);
        return false;
    case WAIT_PLATFORM:
        text_add(out, " waits for the platform's resources");
        return true;
    case WAIT_APPROVAL:
        text_add(out, " waits for an approval");
        return true;
    }
    CHECK_UNREACHABLE();
}

/* What has begun goes on: only what would begin waits. */
static bool goes_on(const struct node_facts *node, enum wait_kind wait)
{
    if (node->state != NODE_ROLLING && node->state != NODE_BAKING)
        return false;
    switch (wait) {
    case WAIT_PROMOTION:
    case WAIT_REGION:
    case WAIT_GATE:
    case WAIT_PHASE:
    case WAIT_DEPENDENCY:
    case WAIT_FREEZE:
        return true;
    case WAIT_NONE:
    case WAIT_QUARANTINE:
    case WAIT_UNKNOWN:
    case WAIT_CANCELLED:
    case WAIT_SUSPENDED:
    case WAIT_BROKEN:
    case WAIT_CAPACITY:
    case WAIT_PLATFORM:
    case WAIT_APPROVAL:
        return false;
    }
    CHECK_UNREACHABLE();
}

int plan_explain(const struct plan_input *input, const struct node_verdict *verdicts, size_t node,
                 plan_explainer *explain, void *context, struct text *out)
{
    const struct node_facts *facts = &input->nodes[node];
    text_format(out, "%s on %s", facts->cell_name, facts->target->name);
    size_t at = node;
    enum wait_kind through = WAIT_NONE;
    /* A chain is never longer than there are nodes, whatever the verdicts say. */
    for (size_t i = 0; i < input->node_count; i++) {
        if (goes_on(&input->nodes[at], verdicts[at].wait)) {
            text_add(out, ": ");
            explain(context, at, through, out);
            if (at == node) {
                text_add(out, "; anything newer");
                (void)add_clause(input, &verdicts[at], at, out);
            }
            break;
        }
        if (add_clause(input, &verdicts[at], at, out)) {
            text_add(out, ": ");
            explain(context, at, through, out);
            break;
        }
        if (verdicts[at].waits_for == SIZE_MAX)
            break;
        through = verdicts[at].wait;
        at = verdicts[at].waits_for;
        const enum wait_kind next = verdicts[at].wait;
        if (next != WAIT_NONE && next != WAIT_QUARANTINE && next != WAIT_UNKNOWN &&
            !goes_on(&input->nodes[at], next))
            text_add(out, ", which");
    }
    return text_status(out);
}
