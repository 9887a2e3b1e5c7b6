/* Memory that runs out: -ENOMEM, and nothing leaks (AddressSanitizer looks for that). */
#include "tests/reconciler/plan/fixture.h"
#include "tests/reconciler/scarcity.h"

#include <criterion/criterion.h>

#include <errno.h>
#include <stdlib.h>

Test(plan, every_allocation_of_a_decision_may_fail)
{
    const int phases[] = {0, 1};
    struct fixture *f = fixture_new(2, phases);
    int status = -ENOMEM;
    uint64_t spared = 0;
    for (; status != 0; spared++) {
        cr_assert_lt(spared, 100);
        scarcity_begin(spared, false);
        status = plan_decide(&f->input, f->verdicts);
        const uint64_t failed = scarcity_end();
        cr_assert_eq(status, failed > 0 ? -ENOMEM : 0, "after %lu: %d", (unsigned long)spared,
                     status);
    }
    cr_expect_geq(spared, 6, "it does allocate");
    cr_expect(fixture_verdict(f, 0, 0)->may_start);
    free(f);
}

static void nothing_to_say(void *context, size_t at, enum wait_kind through, struct text *out)
{
    (void)context;
    (void)through;
    text_format(out, "%zu", at);
}

Test(plan, an_explanation_without_memory_says_so)
{
    struct fixture *f = fixture_new(1, NULL);
    fixture_decide(f);
    struct text out;
    text_init(&out, 1000);
    scarcity_begin(0, true);
    const int status = plan_explain(&f->input, f->verdicts, 0, nothing_to_say, NULL, &out);
    cr_expect_gt(scarcity_end(), 0);
    cr_expect_eq(status, -ENOMEM);
    text_fini(&out);
    free(f);
}
