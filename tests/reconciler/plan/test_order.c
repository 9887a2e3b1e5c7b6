/* Laws that hold for any platform, drawn at random. */
#include "tests/reconciler/plan/fixture.h"

#include <criterion/criterion.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

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
    struct fixture *f = fixture_new(cells, phases);
    /* acyclic, and never against the phases */
    for (size_t c = 0; c < cells; c++) {
        for (size_t on = 0; on < cells; on++) {
            if ((phases[on] < phases[c] || (phases[on] == phases[c] && on < c)) && draw(3) == 0)
                fixture_depends(f, c, on);
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
            fixture_digests(facts, draw(2) == 0 ? "new" : "old", draw(2) == 0 ? "new" : "old");
        }
        fixture_decide(f);
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

/* Names that fall on the same place of the table are told apart. */
Test(plan, any_names_are_told_apart)
{
    for (size_t names = 0; names < 200; names++) {
        struct fixture *f = fixture_new(CELLS_LIMIT, NULL);
        for (size_t c = 0; c < CELLS_LIMIT; c++)
            (void)snprintf(f->names[c], sizeof(f->names[c]), "n%zu-%zu", names, c);
        for (size_t c = 1; c < CELLS_LIMIT; c++)
            fixture_depends(f, c, c - 1);
        fixture_decide(f);
        cr_assert(fixture_verdict(f, 0, 0)->may_start);
        for (size_t c = 1; c < CELLS_LIMIT; c++)
            cr_assert_eq(fixture_verdict(f, c, 0)->waits_for, c - 1, "%zu of %zu", c, names);
        free(f);
    }
}

/* What started against the rules, told by looking at every pair. */
static void check_start(struct fixture *f, size_t at)
{
    const struct node_facts *self = &f->nodes[at];
    const size_t cell = at % f->cell_count, target = at / f->cell_count;
    for (size_t c = 0; c < f->cell_count; c++) {
        const struct node_facts *other = fixture_node(f, c, target);
        if (other->phase < self->phase)
            cr_assert_eq(other->state, NODE_CONVERGED, "a phase was overtaken");
    }
    for (size_t i = 0; i < self->cell->depends_on.count; i++) {
        for (size_t c = 0; c < f->cell_count; c++) {
            if (strcmp(f->names[c], self->cell->depends_on.items[i].text) == 0)
                cr_assert_eq(fixture_node(f, c, target)->state, NODE_CONVERGED,
                             "a dependency was missed");
        }
    }
    if (target > 0)
        cr_assert_eq(fixture_node(f, cell, target - 1)->state, NODE_CONVERGED,
                     "a target was skipped");
}

Test(plan, everything_comes_to_an_end_in_order)
{
    for (uint64_t seed = 1; seed <= 300; seed++) {
        struct fixture *f = random_fixture(seed);
        size_t open = f->input.node_count;
        for (size_t round = 0; open > 0; round++) {
            cr_assert_leq(round, f->input.node_count * 20, "seed %lu stands still",
                          (unsigned long)seed);
            fixture_decide(f);
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
                    fixture_converge(&f->nodes[i]);
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
                fixture_converge(facts);
        }
        f->gate = draw(2) == 0 ? GATE_STATE_CLOSED : GATE_STATE_PASSED;
        fixture_decide(f);
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
