/* Waits as people read them. */
#include "tests/reconciler/plan/fixture.h"

#include <criterion/criterion.h>

#include <stdlib.h>
#include <string.h>

static void explain(void *context, size_t at, enum wait_kind through, struct text *out)
{
    (void)context;
    text_format(out, "component of node %zu is %s", at,
                through == WAIT_CANCELLED ? "broken" : "progressing");
}

static void expect_chain(struct fixture *f, size_t at, const char *expected)
{
    struct text out;
    text_init(&out, 1000);
    fixture_decide(f);
    cr_expect_eq(plan_explain(&f->input, f->verdicts, at, explain, f, &out), 0);
    cr_expect_str_eq(text_get(&out), expected);
    text_fini(&out);
}

Test(plan, chains_are_told_in_one_line)
{
    const int phases[] = {0, 1, 1};
    struct fixture *f = fixture_new(3, phases);
    fixture_depends(f, 2, 1);
    fixture_node(f, 0, 0)->state = NODE_ROLLING;
    expect_chain(f, 1,
                 "cell-1 on development waits for cell-0: component of node 0 is progressing");
    fixture_converge(fixture_node(f, 0, 0));
    fixture_node(f, 1, 0)->suspended = true;
    fixture_node(f, 1, 0)->healthy = false;
    expect_chain(f, 2, "cell-2 on development waits for cell-1, which is suspended");
    fixture_node(f, 1, 0)->suspended = false;
    f->input.parallel_nodes = 0;
    expect_chain(f, 2, "cell-2 on development waits for cell-1, which waits for one of 0 places");
    f->input.parallel_nodes = 100;
    fixture_node(f, 1, 0)->state = NODE_UNKNOWN;
    expect_chain(f, 2,
                 "cell-2 on development waits for cell-1: component of node 1 is progressing");
    fixture_node(f, 1, 0)->state = NODE_FORWARD;
    fixture_node(f, 1, 0)->broken = true;
    expect_chain(f, 2,
                 "cell-2 on development waits for cell-1, which keeps its last good state, because "
                 "what git says of it cannot be used: component of node 1 is progressing");
    expect_chain(
        f, 3 + 2,
        "cell-2 on testing waits for the same content on development, which waits for "
        "cell-1, which keeps its last good state, because what git says of it cannot be used: "
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
    struct fixture *f = fixture_new(1, NULL);
    fixture_converge(fixture_node(f, 0, 0));
    fixture_converge(fixture_node(f, 0, 1));
    for (size_t i = 0; i < 4; i++) {
        f->gate = gates[i].state;
        expect_chain(f, 2, gates[i].expected);
    }
    /* a gate that has passed since the verdict was made */
    f->gate = GATE_STATE_PASSED;
    struct text out;
    text_init(&out, 1000);
    cr_expect_eq(plan_explain(&f->input, f->verdicts, 2, explain, f, &out), 0);
    cr_expect_str_eq(text_get(&out), "cell-0 on production waits for gate tests");
    text_fini(&out);
    f->gate = GATE_STATE_CLOSED;
    f->gates[0].kind = GATE_MANUAL;
    expect_chain(f, 3,
                 "cell-0 on production-eu waits for production to bake, which waits for gate tests "
                 "to be approved");
    f->gates[0].kind = GATE_WINDOW;
    expect_chain(f, 2, "cell-0 on production waits for gate tests to open");
    f->gate = GATE_STATE_PASSED;
    fixture_node(f, 0, 2)->failed = true;
    fixture_node(f, 0, 2)->state = NODE_ROLLED_BACK;
    expect_chain(f, 3,
                 "cell-0 on production-eu is stopped, because it failed on production: component "
                 "of node 2 is broken");
    f->platform.freeze_count = 1;
    f->freezes[0] = (struct freeze_window){.name = {.text = "year-end"}, .to = {86400000}};
    fixture_node(f, 0, 2)->failed = false;
    fixture_node(f, 0, 2)->state = NODE_FORWARD;
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
    struct fixture *f = fixture_new(1, NULL);
    for (size_t i = 0; i < sizeof(added) / sizeof(added[0]); i++) {
        fixture_decide(f);
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

Test(plan, what_is_under_way_is_told_before_what_waits_behind_it)
{
    static const char runs[] = "cell-0 on production: component of node 2 is progressing";
    struct fixture *f = fixture_new(1, NULL);
    fixture_converge(fixture_node(f, 0, 0));
    fixture_converge(fixture_node(f, 0, 1));
    f->gate = GATE_STATE_PASSED;
    f->platform.freeze_count = 1;
    f->freezes[0] = (struct freeze_window){.name = {.text = "year-end"}, .to = {86400000}};
    static const enum node_state states[] = {NODE_ROLLING, NODE_BAKING};
    for (size_t i = 0; i < 2; i++) {
        fixture_node(f, 0, 2)->state = states[i];
        expect_chain(f, 2,
                     "cell-0 on production: component of node 2 is progressing; anything newer "
                     "waits for the end of freeze year-end at 1970-01-02T00:00:00Z");
        /* who waits for it waits for that */
        expect_chain(f, 3,
                     "cell-0 on production-eu waits for production to bake: component of node 2 is "
                     "progressing");
    }
    /* some waits stop also what is under way */
    for (int wait = 0; wait < WAIT_KIND_COUNT; wait++) {
        struct text out;
        text_init(&out, 1000);
        f->verdicts[2].wait = (enum wait_kind)wait;
        f->verdicts[2].gate = &f->gates[0];
        cr_expect_eq(plan_explain(&f->input, f->verdicts, 2, explain, f, &out), 0);
        const bool goes_on = wait == WAIT_PROMOTION || wait == WAIT_REGION || wait == WAIT_GATE ||
                             wait == WAIT_PHASE || wait == WAIT_DEPENDENCY || wait == WAIT_FREEZE;
        cr_expect_eq(strstr(text_get(&out), "; anything newer waits for ") != NULL, goes_on, "%s",
                     text_get(&out));
        cr_expect(!goes_on || strncmp(text_get(&out), runs, strlen(runs)) == 0, "%s",
                  text_get(&out));
        text_fini(&out);
    }
    free(f);
}
