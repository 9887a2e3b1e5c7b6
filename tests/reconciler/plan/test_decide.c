/* Who may start, and who waits for whom. */
#include "tests/reconciler/plan/fixture.h"

#include <criterion/criterion.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

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
        fixture_converge(earlier);
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
        fixture_converge(self);
        break;
    case SELF_REPAIRING:
        self->state = NODE_REPAIRING;
        break;
    case SELF_ROLLING:
        self->state = NODE_ROLLING;
        break;
    }
    if (what > EARLIER_UNKNOWN)
        fixture_converge(earlier);
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
            struct fixture *f = fixture_new(2, phases);
            if (!by_phase)
                fixture_depends(f, 1, 0);
            arrange(fixture_node(f, 0, 0), fixture_node(f, 1, 0), pairs[i].arrange);
            fixture_decide(f);
            const enum wait_kind expected = by_phase ? pairs[i].phase : pairs[i].dependency;
            const struct node_verdict *got = fixture_verdict(f, 1, 0);
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
    struct fixture *f = fixture_new(3, phases);
    fixture_depends(f, 1, 0);
    fixture_node(f, 0, 0)->broken = true;
    fixture_node(f, 0, 0)->healthy = false;
    fixture_decide(f);
    cr_expect_eq(fixture_verdict(f, 1, 0)->wait, WAIT_DEPENDENCY);
    cr_expect(fixture_verdict(f, 2, 0)->may_start);
    free(f);
}

Test(plan, a_rolled_back_cell_that_is_sick_blocks_its_dependents_in_any_train)
{
    struct fixture *f = fixture_new(2, NULL);
    fixture_depends(f, 1, 0);
    arrange(fixture_node(f, 0, 0), fixture_node(f, 1, 0), EARLIER_ROLLED_BACK_OTHER_TRAIN);
    fixture_node(f, 0, 0)->healthy = false;
    fixture_decide(f);
    cr_expect_eq(fixture_verdict(f, 1, 0)->wait, WAIT_DEPENDENCY);
    free(f);
}

Test(plan, an_unknown_train_is_held_up_by_every_rolled_back_cell)
{
    const int phases[] = {0, 1};
    for (uint64_t earlier = 0; earlier < 2; earlier++) {
        for (int by_phase = 0; by_phase < 2; by_phase++) {
            struct fixture *f = fixture_new(2, by_phase ? phases : NULL);
            fixture_depends(f, 1, 0);
            fixture_node(f, 0, 0)->state = NODE_ROLLED_BACK;
            fixture_node(f, 0, 0)->train = earlier;
            fixture_node(f, 1, 0)->train = 1 - earlier;
            fixture_decide(f);
            cr_expect_eq(fixture_verdict(f, 1, 0)->wait, by_phase ? WAIT_PHASE : WAIT_DEPENDENCY);
            free(f);
        }
    }
}

Test(plan, promotion_compares_releases)
{
    struct fixture *f = fixture_new(1, NULL);
    fixture_decide(f);
    cr_expect(fixture_verdict(f, 0, 0)->may_start);
    cr_expect_eq(fixture_verdict(f, 0, 1)->wait, WAIT_PROMOTION);
    cr_expect_eq(fixture_verdict(f, 0, 1)->waits_for, 0);
    cr_expect_eq(fixture_verdict(f, 0, 2)->wait, WAIT_PROMOTION);
    cr_expect_eq(fixture_verdict(f, 0, 3)->wait, WAIT_PROMOTION);
    cr_expect_eq(f->gate_lookups, 0, "gates are asked only where all before is fulfilled");
    fixture_converge(fixture_node(f, 0, 0));
    fixture_decide(f);
    cr_expect(fixture_verdict(f, 0, 1)->may_start);
    /* what was promoted there without proof is not enough */
    fixture_node(f, 0, 0)->unproven = true;
    fixture_decide(f);
    cr_expect_eq(fixture_verdict(f, 0, 1)->wait, WAIT_PROMOTION);
    fixture_node(f, 0, 0)->unproven = false;
    /* the deployment differs between targets, the release does not */
    (void)strcpy(fixture_node(f, 0, 1)->wanted_digests, "own");
    fixture_decide(f);
    cr_expect(fixture_verdict(f, 0, 1)->may_start);
    /* something newer than what baked before */
    (void)strcpy(fixture_node(f, 0, 1)->release_digests, "newer");
    fixture_decide(f);
    cr_expect_eq(fixture_verdict(f, 0, 1)->wait, WAIT_PROMOTION);
    free(f);
}

Test(plan, gates_hold_for_all_regions_and_are_asked_in_order)
{
    static const enum gate_state closed[] = {GATE_STATE_CLOSED, GATE_STATE_RUNNING,
                                             GATE_STATE_FAILED, GATE_STATE_UNKNOWN};
    struct fixture *f = fixture_new(1, NULL);
    fixture_converge(fixture_node(f, 0, 0));
    fixture_converge(fixture_node(f, 0, 1));
    for (size_t i = 0; i < 4; i++) {
        f->gate = closed[i];
        fixture_decide(f);
        cr_expect_eq(fixture_verdict(f, 0, 2)->wait, WAIT_GATE);
        cr_expect_eq(fixture_verdict(f, 0, 2)->gate, &f->gates[0]);
        cr_expect_eq(fixture_verdict(f, 0, 3)->wait, WAIT_REGION);
        cr_expect_eq(f->gate_lookups, 1);
    }
    f->gate = GATE_STATE_PASSED;
    fixture_decide(f);
    cr_expect(fixture_verdict(f, 0, 2)->may_start);
    cr_expect_eq(f->gate_lookups, 2);
    free(f);
}

Test(plan, secondary_region_follows_the_primary_one)
{
    struct fixture *f = fixture_new(1, NULL);
    fixture_converge(fixture_node(f, 0, 0));
    fixture_converge(fixture_node(f, 0, 1));
    fixture_node(f, 0, 2)->state = NODE_BAKING;
    fixture_decide(f);
    cr_expect_eq(fixture_verdict(f, 0, 3)->wait, WAIT_REGION);
    cr_expect_eq(fixture_verdict(f, 0, 3)->waits_for, 2);
    fixture_converge(fixture_node(f, 0, 2));
    fixture_decide(f);
    cr_expect(fixture_verdict(f, 0, 3)->may_start);
    /* the primary one goes back to what has baked there: never both at once */
    fixture_node(f, 0, 2)->state = NODE_ROLLING;
    fixture_decide(f);
    cr_expect_eq(fixture_verdict(f, 0, 3)->wait, WAIT_REGION);
    fixture_converge(fixture_node(f, 0, 2));
    /* it fails in the primary one: what runs in the secondary one is cancelled */
    fixture_node(f, 0, 2)->failed = true;
    static const enum node_state states[] = {NODE_FORWARD, NODE_ROLLING, NODE_BAKING};
    for (size_t i = 0; i < 3; i++) {
        fixture_node(f, 0, 3)->state = states[i];
        fixture_decide(f);
        cr_expect_eq(fixture_verdict(f, 0, 3)->wait, WAIT_CANCELLED);
        cr_expect_eq(fixture_verdict(f, 0, 3)->cancel, states[i] != NODE_FORWARD);
        cr_expect(!fixture_verdict(f, 0, 3)->may_start);
    }
    /* another release failed there: that is no reason */
    (void)strcpy(fixture_node(f, 0, 2)->release_digests, "other");
    fixture_decide(f);
    cr_expect(!fixture_verdict(f, 0, 3)->cancel);
    free(f);
}

Test(plan, a_freeze_stops_the_start_and_nothing_else)
{
    struct fixture *f = fixture_new(1, NULL);
    f->platform.freeze_count = 1;
    f->freezes[0] = (struct freeze_window){
        .name = {.text = "year-end"},
        .from = {500},
        .to = {2000},
        .environments = {.items = f->frozen, .count = 1, .set = true},
    };
    f->frozen[0].text = "development";
    fixture_decide(f);
    cr_expect_eq(fixture_verdict(f, 0, 0)->wait, WAIT_FREEZE);
    cr_expect_eq(fixture_verdict(f, 0, 0)->freeze, &f->freezes[0]);
    cr_expect(!fixture_verdict(f, 0, 0)->cancel);
    static const struct {
        int64_t now;
        bool frozen;
    } times[] = {{499, false}, {500, true}, {1999, true}, {2000, false}};
    for (size_t i = 0; i < 4; i++) {
        f->input.now.ms = times[i].now;
        fixture_decide(f);
        cr_expect_eq(fixture_verdict(f, 0, 0)->may_start, !times[i].frozen, "%zu", i);
    }
    f->input.now.ms = 600;
    f->frozen[0].text = "production";
    fixture_decide(f);
    cr_expect(fixture_verdict(f, 0, 0)->may_start);
    f->freezes[0].environments.set = false;
    fixture_decide(f);
    cr_expect_eq(fixture_verdict(f, 0, 0)->wait, WAIT_FREEZE, "without a list, all");
    free(f);
}

Test(plan, places_are_given_in_order_and_what_runs_keeps_its_own)
{
    struct fixture *f = fixture_new(5, NULL);
    f->input.parallel_nodes = 2;
    fixture_node(f, 3, 0)->state = NODE_ROLLING;
    fixture_decide(f);
    static const bool starts[] = {true, false, false, true, false};
    for (size_t i = 0; i < 5; i++)
        cr_expect_eq(fixture_verdict(f, i, 0)->may_start, starts[i], "cell %zu", i);
    cr_expect_eq(fixture_verdict(f, 1, 0)->wait, WAIT_CAPACITY);
    free(f);
}

Test(plan, what_waits_for_releases_of_others_leaves_its_place_to_them)
{
    struct fixture *f = fixture_new(4, NULL);
    f->input.parallel_nodes = 1;
    fixture_node(f, 0, 0)->waits = fixture_node(f, 1, 0)->waits = true;
    fixture_decide(f);
    static const bool starts[] = {true, true, true, false}, places[] = {false, false, true, false};
    for (size_t i = 0; i < 4; i++) {
        cr_expect_eq(fixture_verdict(f, i, 0)->may_start, starts[i], "cell %zu", i);
        cr_expect_eq(fixture_verdict(f, i, 0)->place, places[i], "cell %zu", i);
    }
    free(f);
}

Test(plan, odd_input_is_survived)
{
    struct fixture *f = fixture_new(2, NULL);
    fixture_depends(f, 0, 0);
    f->depends[0][f->cells[0].depends_on.count++].text = "nobody";
    fixture_node(f, 1, 0)->cell = NULL;
    f->nodes[1].release_digests[0] = '\0';
    f->input.node_count = 2; /* only development */
    fixture_decide(f);
    cr_expect(fixture_verdict(f, 0, 0)->may_start);
    cr_expect(fixture_verdict(f, 1, 0)->may_start);
    f->nodes[0].target = &f->targets[3];
    f->nodes[1].target = &f->targets[1];
    fixture_decide(f);
    cr_expect(fixture_verdict(f, 0, 0)->may_start,
              "without the nodes before, there is nothing to wait for");
    /* an environment without a primary target has nobody to promote from */
    f->targets[0].primary = false;
    f->targets[2].environment_index = 9;
    f->nodes[0].target = &f->targets[0];
    fixture_decide(f);
    cr_expect(fixture_verdict(f, 1, 0)->may_start);
    f->input.node_count = 0;
    fixture_decide(f);
    free(f);
}

Test(plan, no_digest_equals_no_digest)
{
    struct fixture *f = fixture_new(1, NULL);
    fixture_node(f, 0, 1)->release_digests[0] = '\0';
    fixture_node(f, 0, 0)->baked_release_digests[0] = '\0';
    fixture_decide(f);
    cr_expect_eq(fixture_verdict(f, 0, 1)->wait, WAIT_PROMOTION);
    free(f);
}
