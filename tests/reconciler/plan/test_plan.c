#include "reconciler/plan/plan.h"

#include <criterion/criterion.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* --- a platform of three environments, production in two regions -------------------------- */

#define CELLS_LIMIT 16
#define TARGETS 4

struct fixture {
    struct region regions[2];
    const struct region *both[2];
    struct gate gates[2];
    struct environment environments[3];
    struct target targets[TARGETS];
    struct freeze_window freezes[1];
    struct manifest_text frozen[1];
    struct platform platform;
    struct cell cells[CELLS_LIMIT];
    char names[CELLS_LIMIT][32];
    struct manifest_text depends[CELLS_LIMIT][CELLS_LIMIT];
    struct node_facts nodes[CELLS_LIMIT * TARGETS];
    struct node_verdict verdicts[CELLS_LIMIT * TARGETS];
    size_t cell_count;
    enum gate_state gate;
    int gate_lookups;
    struct plan_input input;
};

static enum gate_state gate_state(void *context, const char *cell,
                                  const struct environment *environment, const struct gate *gate,
                                  const char *release_digests)
{
    struct fixture *fixture = context;
    cr_assert(cell[0] != '\0' && environment != NULL && gate != NULL && release_digests != NULL);
    fixture->gate_lookups++;
    return fixture->gate;
}

static const char *const target_names[] = {"development", "testing", "production", "production-eu"};

static void fixture_platform(struct fixture *f)
{
    f->regions[0].name.text = "us";
    f->regions[1].name.text = "eu";
    f->both[0] = &f->regions[0];
    f->both[1] = &f->regions[1];
    f->gates[0] = (struct gate){.name = {.text = "tests"}, .kind = GATE_WORKFLOW};
    f->gates[1] = (struct gate){.name = {.text = "approval"}, .kind = GATE_MANUAL};
    for (size_t i = 0; i < 3; i++)
        f->environments[i] = (struct environment){
            .name = {.text = target_names[i]},
            .regions = f->both,
            .region_count = i == 2 ? 2 : 1,
            .gates = f->gates,
            .gate_count = i == 2 ? 2 : 0,
        };
    for (size_t i = 0; i < TARGETS; i++)
        f->targets[i] = (struct target){.name = target_names[i],
                                        .environment = &f->environments[i < 3 ? i : 2],
                                        .region = f->both[i == 3],
                                        .index = i,
                                        .environment_index = i < 3 ? i : 2,
                                        .primary = i < 3};
    f->platform = (struct platform){.environments = f->environments,
                                    .environment_count = 3,
                                    .targets = f->targets,
                                    .target_count = TARGETS,
                                    .freezes = f->freezes};
}

static struct node_facts *node(struct fixture *f, size_t cell, size_t target)
{
    return &f->nodes[target * f->cell_count + cell];
}

static struct node_verdict *verdict(struct fixture *f, size_t cell, size_t target)
{
    return &f->verdicts[target * f->cell_count + cell];
}

static void digests(struct node_facts *facts, const char *wanted, const char *baked)
{
    (void)snprintf(facts->wanted_digests, sizeof(facts->wanted_digests), "%s", wanted);
    (void)snprintf(facts->release_digests, sizeof(facts->release_digests), "%s", wanted);
    (void)snprintf(facts->baked_digests, sizeof(facts->baked_digests), "%s", baked);
    (void)snprintf(facts->baked_release_digests, sizeof(facts->baked_release_digests), "%s", baked);
}

/* All cells want release "new" everywhere and run "old". */
static struct fixture *fixture(size_t cells, const int *phases)
{
    struct fixture *f = calloc(1, sizeof(*f));
    cr_assert_not_null(f);
    fixture_platform(f);
    f->cell_count = cells;
    f->gate = GATE_STATE_PASSED;
    for (size_t c = 0; c < cells; c++) {
        (void)snprintf(f->names[c], sizeof(f->names[c]), "cell-%zu", c);
        f->cells[c].name.text = f->names[c];
        f->cells[c].depends_on.items = f->depends[c];
    }
    for (size_t t = 0; t < TARGETS; t++) {
        for (size_t c = 0; c < cells; c++) {
            struct node_facts *facts = node(f, c, t);
            *facts = (struct node_facts){.cell = &f->cells[c],
                                         .cell_name = f->names[c],
                                         .target = &f->targets[t],
                                         .phase = phases != NULL ? phases[c] : 0,
                                         .healthy = true,
                                         .state = NODE_FORWARD};
            digests(facts, "new", "old");
        }
    }
    f->input = (struct plan_input){.platform = &f->platform,
                                   .nodes = f->nodes,
                                   .node_count = cells * TARGETS,
                                   .now = {1000},
                                   .parallel_nodes = 100,
                                   .gate_state = gate_state,
                                   .context = f};
    return f;
}

static void depends(struct fixture *f, size_t cell, size_t on)
{
    f->depends[cell][f->cells[cell].depends_on.count++].text = f->names[on];
}

static void converge(struct node_facts *facts)
{
    facts->state = NODE_CONVERGED;
    digests(facts, "new", "new");
}

static void decide(struct fixture *f)
{
    f->gate_lookups = 0;
    cr_assert_eq(plan_decide(&f->input, f->verdicts), 0);
}

/* --- cases -------------------------------------------------------------------------------- */

enum arrange {
    NOTHING,
    EARLIER_CONVERGED,
    EARLIER_BROKEN,
    EARLIER_SUSPENDED,
    EARLIER_ROLLED_BACK,
    EARLIER_ROLLED_BACK_OTHER_TRAIN,
    EARLIER_REPAIRING,
    EARLIER_REPAIRING_SICK,
    EARLIER_BAKING,
    EARLIER_UNKNOWN,
    SELF_SUSPENDED,
    SELF_BROKEN,
    SELF_UNKNOWN,
    SELF_ROLLED_BACK,
    SELF_CONVERGED,
    SELF_REPAIRING,
    SELF_ROLLING,
};

static void arrange(struct node_facts *earlier, struct node_facts *self, enum arrange what)
{
    switch (what) {
    case NOTHING:
        break;
    case EARLIER_CONVERGED:
        converge(earlier);
        break;
    case EARLIER_BROKEN:
        earlier->broken = true;
        break;
    case EARLIER_SUSPENDED:
        earlier->suspended = true;
        break;
    case EARLIER_ROLLED_BACK:
    case EARLIER_ROLLED_BACK_OTHER_TRAIN:
        earlier->state = NODE_ROLLED_BACK;
        earlier->train = 1;
        self->train = what == EARLIER_ROLLED_BACK ? 1 : 2;
        break;
    case EARLIER_REPAIRING:
    case EARLIER_REPAIRING_SICK:
        earlier->state = NODE_REPAIRING;
        earlier->healthy = what == EARLIER_REPAIRING;
        break;
    case EARLIER_BAKING:
        earlier->state = NODE_BAKING;
        break;
    case EARLIER_UNKNOWN:
        earlier->state = NODE_UNKNOWN;
        break;
    case SELF_SUSPENDED:
        self->suspended = true;
        break;
    case SELF_BROKEN:
        self->broken = true;
        break;
    case SELF_UNKNOWN:
        self->state = NODE_UNKNOWN;
        break;
    case SELF_ROLLED_BACK:
        self->state = NODE_ROLLED_BACK;
        break;
    case SELF_CONVERGED:
        converge(self);
        break;
    case SELF_REPAIRING:
        self->state = NODE_REPAIRING;
        break;
    case SELF_ROLLING:
        self->state = NODE_ROLLING;
        break;
    }
    if (what > EARLIER_UNKNOWN)
        converge(earlier);
}

static const struct {
    enum arrange arrange;
    enum wait_kind phase, dependency; /* what the later, or the dependent, cell waits for */
} pairs[] = {
    {NOTHING, WAIT_PHASE, WAIT_DEPENDENCY},
    {EARLIER_CONVERGED, WAIT_NONE, WAIT_NONE},
    {EARLIER_BROKEN, WAIT_NONE, WAIT_NONE},
    {EARLIER_SUSPENDED, WAIT_NONE, WAIT_NONE},
    {EARLIER_ROLLED_BACK, WAIT_PHASE, WAIT_DEPENDENCY},
    {EARLIER_ROLLED_BACK_OTHER_TRAIN, WAIT_NONE, WAIT_NONE},
    {EARLIER_REPAIRING, WAIT_NONE, WAIT_NONE},
    {EARLIER_REPAIRING_SICK, WAIT_PHASE, WAIT_DEPENDENCY},
    {EARLIER_BAKING, WAIT_PHASE, WAIT_DEPENDENCY},
    {EARLIER_UNKNOWN, WAIT_PHASE, WAIT_DEPENDENCY},
    {SELF_SUSPENDED, WAIT_SUSPENDED, WAIT_SUSPENDED},
    {SELF_BROKEN, WAIT_BROKEN, WAIT_BROKEN},
    {SELF_UNKNOWN, WAIT_UNKNOWN, WAIT_UNKNOWN},
    {SELF_ROLLED_BACK, WAIT_QUARANTINE, WAIT_QUARANTINE},
    {SELF_CONVERGED, WAIT_NONE, WAIT_NONE},
    {SELF_REPAIRING, WAIT_NONE, WAIT_NONE},
    {SELF_ROLLING, WAIT_NONE, WAIT_NONE},
};

Test(plan, one_cell_waits_for_another)
{
    for (size_t i = 0; i < sizeof(pairs) / sizeof(pairs[0]); i++) {
        for (int by_phase = 0; by_phase < 2; by_phase++) {
            const int phases[] = {0, by_phase};
            struct fixture *f = fixture(2, phases);
            if (!by_phase)
                depends(f, 1, 0);
            arrange(node(f, 0, 0), node(f, 1, 0), pairs[i].arrange);
            decide(f);
            const enum wait_kind expected = by_phase ? pairs[i].phase : pairs[i].dependency;
            const struct node_verdict *got = verdict(f, 1, 0);
            cr_expect_eq(got->wait, expected, "case %zu %s: %s", i, by_phase ? "phase" : "depends",
                         plan_wait_name(got->wait));
            const bool forward =
                pairs[i].arrange != SELF_CONVERGED && pairs[i].arrange != SELF_REPAIRING;
            cr_expect_eq(got->may_start, expected == WAIT_NONE && forward, "case %zu", i);
            if (expected == WAIT_PHASE || expected == WAIT_DEPENDENCY)
                cr_expect_eq(got->waits_for, 0);
            free(f);
        }
    }
}

Test(plan, a_broken_cell_blocks_only_those_that_depend_on_it_and_find_it_sick)
{
    const int phases[] = {0, 1, 1};
    struct fixture *f = fixture(3, phases);
    depends(f, 1, 0);
    node(f, 0, 0)->broken = true;
    node(f, 0, 0)->healthy = false;
    decide(f);
    cr_expect_eq(verdict(f, 1, 0)->wait, WAIT_DEPENDENCY);
    cr_expect(verdict(f, 2, 0)->may_start);
    free(f);
}

Test(plan, a_rolled_back_cell_that_is_sick_blocks_its_dependents_in_any_train)
{
    struct fixture *f = fixture(2, NULL);
    depends(f, 1, 0);
    arrange(node(f, 0, 0), node(f, 1, 0), EARLIER_ROLLED_BACK_OTHER_TRAIN);
    node(f, 0, 0)->healthy = false;
    decide(f);
    cr_expect_eq(verdict(f, 1, 0)->wait, WAIT_DEPENDENCY);
    free(f);
}

Test(plan, an_unknown_train_is_held_up_by_every_rolled_back_cell)
{
    const int phases[] = {0, 1};
    for (uint64_t earlier = 0; earlier < 2; earlier++) {
        for (int by_phase = 0; by_phase < 2; by_phase++) {
            struct fixture *f = fixture(2, by_phase ? phases : NULL);
            depends(f, 1, 0);
            node(f, 0, 0)->state = NODE_ROLLED_BACK;
            node(f, 0, 0)->train = earlier;
            node(f, 1, 0)->train = 1 - earlier;
            decide(f);
            cr_expect_eq(verdict(f, 1, 0)->wait, by_phase ? WAIT_PHASE : WAIT_DEPENDENCY);
            free(f);
        }
    }
}

Test(plan, promotion_compares_releases)
{
    struct fixture *f = fixture(1, NULL);
    decide(f);
    cr_expect(verdict(f, 0, 0)->may_start);
    cr_expect_eq(verdict(f, 0, 1)->wait, WAIT_PROMOTION);
    cr_expect_eq(verdict(f, 0, 1)->waits_for, 0);
    cr_expect_eq(verdict(f, 0, 2)->wait, WAIT_PROMOTION);
    cr_expect_eq(verdict(f, 0, 3)->wait, WAIT_PROMOTION);
    cr_expect_eq(f->gate_lookups, 0, "gates are asked only where all before is fulfilled");
    converge(node(f, 0, 0));
    decide(f);
    cr_expect(verdict(f, 0, 1)->may_start);
    /* the deployment differs between targets, the release does not */
    (void)strcpy(node(f, 0, 1)->wanted_digests, "own");
    decide(f);
    cr_expect(verdict(f, 0, 1)->may_start);
    /* something newer than what baked before */
    (void)strcpy(node(f, 0, 1)->release_digests, "newer");
    decide(f);
    cr_expect_eq(verdict(f, 0, 1)->wait, WAIT_PROMOTION);
    free(f);
}

Test(plan, gates_hold_for_all_regions_and_are_asked_in_order)
{
    static const enum gate_state closed[] = {GATE_STATE_CLOSED, GATE_STATE_RUNNING,
                                             GATE_STATE_FAILED, GATE_STATE_UNKNOWN};
    struct fixture *f = fixture(1, NULL);
    converge(node(f, 0, 0));
    converge(node(f, 0, 1));
    for (size_t i = 0; i < 4; i++) {
        f->gate = closed[i];
        decide(f);
        cr_expect_eq(verdict(f, 0, 2)->wait, WAIT_GATE);
        cr_expect_eq(verdict(f, 0, 2)->gate, &f->gates[0]);
        cr_expect_eq(verdict(f, 0, 3)->wait, WAIT_REGION);
        cr_expect_eq(f->gate_lookups, 1);
    }
    f->gate = GATE_STATE_PASSED;
    decide(f);
    cr_expect(verdict(f, 0, 2)->may_start);
    cr_expect_eq(f->gate_lookups, 2);
    free(f);
}

Test(plan, secondary_region_follows_the_primary_one)
{
    struct fixture *f = fixture(1, NULL);
    converge(node(f, 0, 0));
    converge(node(f, 0, 1));
    node(f, 0, 2)->state = NODE_BAKING;
    decide(f);
    cr_expect_eq(verdict(f, 0, 3)->wait, WAIT_REGION);
    cr_expect_eq(verdict(f, 0, 3)->waits_for, 2);
    converge(node(f, 0, 2));
    decide(f);
    cr_expect(verdict(f, 0, 3)->may_start);
    /* it fails in the primary one: what runs in the secondary one is cancelled */
    node(f, 0, 2)->failed = true;
    static const enum node_state states[] = {NODE_FORWARD, NODE_ROLLING, NODE_BAKING};
    for (size_t i = 0; i < 3; i++) {
        node(f, 0, 3)->state = states[i];
        decide(f);
        cr_expect_eq(verdict(f, 0, 3)->wait, WAIT_CANCELLED);
        cr_expect_eq(verdict(f, 0, 3)->cancel, states[i] != NODE_FORWARD);
        cr_expect(!verdict(f, 0, 3)->may_start);
    }
    /* another release failed there: that is no reason */
    (void)strcpy(node(f, 0, 2)->release_digests, "other");
    decide(f);
    cr_expect(!verdict(f, 0, 3)->cancel);
    free(f);
}

Test(plan, a_freeze_stops_the_start_and_nothing_else)
{
    struct fixture *f = fixture(1, NULL);
    f->platform.freeze_count = 1;
    f->freezes[0] = (struct freeze_window){
        .name = {.text = "year-end"},
        .from = {500},
        .to = {2000},
        .environments = {.items = f->frozen, .count = 1, .set = true},
    };
    f->frozen[0].text = "development";
    decide(f);
    cr_expect_eq(verdict(f, 0, 0)->wait, WAIT_FREEZE);
    cr_expect_eq(verdict(f, 0, 0)->freeze, &f->freezes[0]);
    cr_expect(!verdict(f, 0, 0)->cancel);
    static const struct {
        int64_t now;
        bool frozen;
    } times[] = {{499, false}, {500, true}, {1999, true}, {2000, false}};
    for (size_t i = 0; i < 4; i++) {
        f->input.now.ms = times[i].now;
        decide(f);
        cr_expect_eq(verdict(f, 0, 0)->may_start, !times[i].frozen, "%zu", i);
    }
    f->input.now.ms = 600;
    f->frozen[0].text = "production";
    decide(f);
    cr_expect(verdict(f, 0, 0)->may_start);
    f->freezes[0].environments.set = false;
    decide(f);
    cr_expect_eq(verdict(f, 0, 0)->wait, WAIT_FREEZE, "without a list, all");
    free(f);
}

Test(plan, places_are_given_in_order_and_what_runs_keeps_its_own)
{
    struct fixture *f = fixture(5, NULL);
    f->input.parallel_nodes = 2;
    node(f, 3, 0)->state = NODE_ROLLING;
    decide(f);
    static const bool starts[] = {true, false, false, true, false};
    for (size_t i = 0; i < 5; i++)
        cr_expect_eq(verdict(f, i, 0)->may_start, starts[i], "cell %zu", i);
    cr_expect_eq(verdict(f, 1, 0)->wait, WAIT_CAPACITY);
    free(f);
}

Test(plan, odd_input_is_survived)
{
    struct fixture *f = fixture(2, NULL);
    depends(f, 0, 0);
    f->depends[0][f->cells[0].depends_on.count++].text = "nobody";
    node(f, 1, 0)->cell = NULL;
    f->nodes[1].release_digests[0] = '\0';
    f->input.node_count = 2; /* only development */
    decide(f);
    cr_expect(verdict(f, 0, 0)->may_start);
    cr_expect(verdict(f, 1, 0)->may_start);
    f->nodes[0].target = &f->targets[3];
    f->nodes[1].target = &f->targets[1];
    decide(f);
    cr_expect(verdict(f, 0, 0)->may_start,
              "without the nodes before, there is nothing to wait for");
    /* an environment without a primary target has nobody to promote from */
    f->targets[0].primary = false;
    f->targets[2].environment_index = 9;
    f->nodes[0].target = &f->targets[0];
    decide(f);
    cr_expect(verdict(f, 1, 0)->may_start);
    f->input.node_count = 0;
    decide(f);
    free(f);
}

Test(plan, no_digest_equals_no_digest)
{
    struct fixture *f = fixture(1, NULL);
    node(f, 0, 1)->release_digests[0] = '\0';
    node(f, 0, 0)->baked_release_digests[0] = '\0';
    decide(f);
    cr_expect_eq(verdict(f, 0, 1)->wait, WAIT_PROMOTION);
    free(f);
}

/* --- explanations ------------------------------------------------------------------------- */

static void explain(void *context, size_t at, struct text *out)
{
    (void)context;
    text_format(out, "component of node %zu is progressing", at);
}

static void expect_chain(struct fixture *f, size_t at, const char *expected)
{
    struct text out;
    text_init(&out, 1000);
    decide(f);
    cr_expect_eq(plan_explain(&f->input, f->verdicts, at, explain, f, &out), 0);
    cr_expect_str_eq(text_get(&out), expected);
    text_fini(&out);
}

Test(plan, chains_are_told_in_one_line)
{
    const int phases[] = {0, 1, 1};
    struct fixture *f = fixture(3, phases);
    depends(f, 2, 1);
    node(f, 0, 0)->state = NODE_ROLLING;
    expect_chain(f, 1,
                 "cell-1 on development waits for cell-0: component of node 0 is progressing");
    converge(node(f, 0, 0));
    node(f, 1, 0)->suspended = true;
    node(f, 1, 0)->healthy = false;
    expect_chain(f, 2, "cell-2 on development waits for cell-1, which is suspended");
    node(f, 1, 0)->suspended = false;
    f->input.parallel_nodes = 0;
    expect_chain(f, 2, "cell-2 on development waits for cell-1, which waits for one of 0 places");
    f->input.parallel_nodes = 100;
    node(f, 1, 0)->state = NODE_UNKNOWN;
    expect_chain(f, 2,
                 "cell-2 on development waits for cell-1: component of node 1 is progressing");
    node(f, 1, 0)->state = NODE_FORWARD;
    node(f, 1, 0)->broken = true;
    expect_chain(f, 2,
                 "cell-2 on development waits for cell-1, which keeps its last good state, because "
                 "its manifest cannot be read: component of node 1 is progressing");
    expect_chain(f, 3 + 2,
                 "cell-2 on testing waits for the same content on development, which waits for "
                 "cell-1, which keeps its last good state, because its manifest cannot be read: "
                 "component of node 1 is progressing");
    free(f);
}

Test(plan, gates_regions_and_freezes_are_told)
{
    static const struct {
        enum gate_state state;
        const char *expected;
    } gates[] = {
        {GATE_STATE_CLOSED, "cell-0 on production waits for gate tests to be run"},
        {GATE_STATE_RUNNING, "cell-0 on production waits for gate tests, which is running"},
        {GATE_STATE_FAILED, "cell-0 on production waits for gate tests, which failed"},
        {GATE_STATE_UNKNOWN,
         "cell-0 on production waits for gate tests, whose outcome is not known"},
    };
    struct fixture *f = fixture(1, NULL);
    converge(node(f, 0, 0));
    converge(node(f, 0, 1));
    for (size_t i = 0; i < 4; i++) {
        f->gate = gates[i].state;
        expect_chain(f, 2, gates[i].expected);
    }
    f->gate = GATE_STATE_CLOSED;
    f->gates[0].kind = GATE_MANUAL;
    expect_chain(f, 3,
                 "cell-0 on production-eu waits for production to bake, which waits for gate tests "
                 "to be approved");
    f->gates[0].kind = GATE_WINDOW;
    expect_chain(f, 2, "cell-0 on production waits for gate tests to open");
    f->gate = GATE_STATE_PASSED;
    node(f, 0, 2)->failed = true;
    node(f, 0, 2)->state = NODE_ROLLED_BACK;
    expect_chain(f, 3,
                 "cell-0 on production-eu is stopped, because it failed on production: component "
                 "of node 2 is progressing");
    f->platform.freeze_count = 1;
    f->freezes[0] = (struct freeze_window){.name = {.text = "year-end"}, .to = {86400000}};
    node(f, 0, 2)->failed = false;
    node(f, 0, 2)->state = NODE_FORWARD;
    expect_chain(f, 2,
                 "cell-0 on production waits for the end of freeze year-end at "
                 "1970-01-02T00:00:00Z");
    free(f);
}

Test(plan, waits_that_others_add_are_told_too)
{
    static const struct {
        enum wait_kind wait;
        const char *expected;
    } added[] = {
        {WAIT_PLATFORM, "cell-0 on development waits for the platform's resources: component of "
                        "node 0 is progressing"},
        {WAIT_APPROVAL,
         "cell-0 on development waits for an approval: component of node 0 is progressing"},
        {WAIT_UNKNOWN, "cell-0 on development: component of node 0 is progressing"},
        {WAIT_PHASE, "cell-0 on development waits for another cell"},
        {WAIT_PROMOTION, "cell-0 on development waits for the same content on the target before"},
        {WAIT_REGION, "cell-0 on development waits for the primary region to bake"},
        {WAIT_CANCELLED,
         "cell-0 on development is stopped, because it failed on the primary region"},
    };
    struct fixture *f = fixture(1, NULL);
    for (size_t i = 0; i < sizeof(added) / sizeof(added[0]); i++) {
        decide(f);
        f->verdicts[0].wait = added[i].wait;
        struct text out;
        text_init(&out, 1000);
        cr_expect_eq(plan_explain(&f->input, f->verdicts, 0, explain, f, &out), 0);
        cr_expect_str_eq(text_get(&out), added[i].expected);
        text_fini(&out);
    }
    /* verdicts that lead round in a circle do not lead us there */
    f->verdicts[0].wait = WAIT_PHASE;
    f->verdicts[0].waits_for = 0;
    struct text out;
    text_init(&out, 1000);
    cr_expect_eq(plan_explain(&f->input, f->verdicts, 0, explain, f, &out), 0);
    cr_expect(out.length < 500);
    text_fini(&out);
    for (int i = 0; i < WAIT_KIND_COUNT; i++)
        cr_expect_neq(plan_wait_name((enum wait_kind)i)[0], '\0');
    free(f);
}

/* --- laws --------------------------------------------------------------------------------- */

static uint64_t random_state;

static size_t draw(size_t below)
{
    random_state ^= random_state << 13;
    random_state ^= random_state >> 7;
    random_state ^= random_state << 17;
    return (size_t)(random_state >> 11) % below;
}

static struct fixture *random_fixture(uint64_t seed)
{
    random_state = seed * UINT64_C(0x9e3779b97f4a7c15) + 1;
    int phases[CELLS_LIMIT];
    const size_t cells = 1 + draw(10);
    for (size_t i = 0; i < cells; i++)
        phases[i] = (int)draw(4);
    struct fixture *f = fixture(cells, phases);
    /* acyclic, and never against the phases */
    for (size_t c = 0; c < cells; c++) {
        for (size_t on = 0; on < cells; on++) {
            if ((phases[on] < phases[c] || (phases[on] == phases[c] && on < c)) && draw(3) == 0)
                depends(f, c, on);
        }
    }
    f->input.parallel_nodes = 1 + (int)draw(4);
    return f;
}

Test(plan, order_of_input_does_not_matter)
{
    for (uint64_t seed = 1; seed <= 300; seed++) {
        struct fixture *f = random_fixture(seed);
        for (size_t i = 0; i < f->input.node_count; i++) {
            struct node_facts *facts = &f->nodes[i];
            facts->state = (enum node_state)draw(NODE_STATE_COUNT);
            facts->healthy = draw(2) == 0;
            facts->broken = draw(8) == 0;
            facts->suspended = draw(8) == 0;
            facts->failed = draw(6) == 0;
            facts->train = draw(3);
            digests(facts, draw(2) == 0 ? "new" : "old", draw(2) == 0 ? "new" : "old");
        }
        decide(f);
        struct node_facts shuffled[CELLS_LIMIT * TARGETS];
        size_t place[CELLS_LIMIT * TARGETS];
        for (size_t i = 0; i < f->input.node_count; i++)
            place[i] = i;
        for (size_t i = f->input.node_count; i > 1; i--) {
            const size_t other = draw(i), kept = place[i - 1];
            place[i - 1] = place[other];
            place[other] = kept;
        }
        for (size_t i = 0; i < f->input.node_count; i++)
            shuffled[i] = f->nodes[place[i]];
        struct node_verdict verdicts[CELLS_LIMIT * TARGETS];
        struct plan_input input = f->input;
        input.nodes = shuffled;
        cr_assert_eq(plan_decide(&input, verdicts), 0);
        for (size_t i = 0; i < f->input.node_count; i++) {
            const struct node_verdict *before = &f->verdicts[place[i]];
            cr_assert_eq(verdicts[i].may_start, before->may_start, "seed %lu", (unsigned long)seed);
            cr_assert_eq(verdicts[i].wait, before->wait, "seed %lu", (unsigned long)seed);
            cr_assert_eq(verdicts[i].cancel, before->cancel);
            const size_t waits = verdicts[i].waits_for;
            cr_assert_eq(waits == SIZE_MAX ? SIZE_MAX : place[waits], before->waits_for);
        }
        free(f);
    }
}

/* What started against the rules, told by looking at every pair. */
static void check_start(struct fixture *f, size_t at)
{
    const struct node_facts *self = &f->nodes[at];
    const size_t cell = at % f->cell_count, target = at / f->cell_count;
    for (size_t c = 0; c < f->cell_count; c++) {
        const struct node_facts *other = node(f, c, target);
        if (other->phase < self->phase)
            cr_assert_eq(other->state, NODE_CONVERGED, "a phase was overtaken");
    }
    for (size_t i = 0; i < self->cell->depends_on.count; i++) {
        for (size_t c = 0; c < f->cell_count; c++) {
            if (strcmp(f->names[c], self->cell->depends_on.items[i].text) == 0)
                cr_assert_eq(node(f, c, target)->state, NODE_CONVERGED, "a dependency was missed");
        }
    }
    if (target > 0)
        cr_assert_eq(node(f, cell, target - 1)->state, NODE_CONVERGED, "a target was skipped");
}

Test(plan, everything_comes_to_an_end_in_order)
{
    for (uint64_t seed = 1; seed <= 300; seed++) {
        struct fixture *f = random_fixture(seed);
        size_t open = f->input.node_count;
        for (size_t round = 0; open > 0; round++) {
            cr_assert_leq(round, f->input.node_count * 20, "seed %lu stands still",
                          (unsigned long)seed);
            decide(f);
            int running = 0;
            for (size_t i = 0; i < f->input.node_count; i++) {
                if (f->nodes[i].state == NODE_FORWARD && f->verdicts[i].may_start) {
                    check_start(f, i);
                    f->nodes[i].state = NODE_ROLLING;
                }
                running += f->nodes[i].state == NODE_ROLLING;
            }
            cr_assert_leq(running, f->input.parallel_nodes);
            cr_assert_gt(running, 0, "seed %lu: nobody may start", (unsigned long)seed);
            for (size_t i = 0; i < f->input.node_count; i++) {
                if (f->nodes[i].state == NODE_ROLLING && draw(2) == 0) {
                    converge(&f->nodes[i]);
                    open--;
                }
            }
        }
        free(f);
    }
}

/* Every chain of waits ends at something that moves, or that a person or time has to move. */
Test(plan, no_wait_goes_round_in_a_circle)
{
    for (uint64_t seed = 1; seed <= 500; seed++) {
        struct fixture *f = random_fixture(seed);
        for (size_t i = 0; i < f->input.node_count; i++) {
            struct node_facts *facts = &f->nodes[i];
            if (draw(3) == 0)
                facts->state = (enum node_state)draw(NODE_STATE_COUNT);
            facts->healthy = draw(3) != 0;
            facts->broken = draw(8) == 0;
            facts->suspended = draw(8) == 0;
            facts->train = draw(3);
            if (facts->state == NODE_CONVERGED)
                converge(facts);
        }
        f->gate = draw(2) == 0 ? GATE_STATE_CLOSED : GATE_STATE_PASSED;
        decide(f);
        for (size_t i = 0; i < f->input.node_count; i++) {
            size_t at = i, steps = 0;
            while (f->verdicts[at].waits_for != SIZE_MAX) {
                at = f->verdicts[at].waits_for;
                cr_assert_leq(++steps, f->input.node_count, "seed %lu", (unsigned long)seed);
            }
        }
        free(f);
    }
}
