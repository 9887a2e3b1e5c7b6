/* Laws of the judge's evidence. */
#include "config/base/json.h"
#include "tests/reconciler/judge/docket.h"

#include <criterion/criterion.h>

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static bool same(const struct judge *a, const struct judge *b)
{
    json_t *left = docket_row(a), *right = docket_row(b);
    const bool equal = json_equal(left, right) == 1;
    json_decref(left);
    json_decref(right);
    return equal;
}

static bool same_numbers(const double *a, const double *b, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (a[i] != b[i])
            return false;
    }
    return true;
}

static bool same_metric(const struct judge_metric *a, const struct judge_metric *b)
{
    return same_numbers(a->relative, b->relative, JUDGE_RELATIVE_GRID) &&
           same_numbers(a->pass, b->pass, JUDGE_PASS_GRID) &&
           same_numbers(a->guard, b->guard, JUDGE_RELATIVE_GRID) &&
           same_numbers(a->inside, b->inside, JUDGE_PASS_GRID) &&
           same_numbers(a->bake, b->bake, JUDGE_RELATIVE_GRID) &&
           same_numbers(&a->sum.stable_bad, &b->sum.stable_bad, 1);
}

static uint64_t random_state = 1;

static double draw(double below)
{
    random_state ^= random_state << 13;
    random_state ^= random_state >> 7;
    random_state ^= random_state << 17;
    return (double)(random_state >> 11) * 0x1p-53 * below;
}

Test(judge, a_replay_gives_the_same_to_the_last_bit)
{
    for (int run = 0; run < 100; run++) {
        struct judge straight = docket_start(1), restarted = docket_start(1);
        straight.settings.rho = restarted.settings.rho = draw(0.01);
        straight.settings.p_limit = restarted.settings.p_limit = 0.05;
        for (int look = 0; look < 30; look++) {
            const double canary = draw(200), stable = draw(2000);
            const double canary_bad = draw(canary) * draw(0.2), stable_bad = draw(stable) * 0.01;
            (void)docket_add(&straight, canary, canary_bad, stable, stable_bad);
            json_t *value = docket_row(&restarted);
            char *text = json_canonical(value);
            json_t *read = NULL;
            cr_assert_eq(json_read(text, strlen(text), "row", &read, NULL), 0);
            struct judge other;
            cr_assert_eq(judge_from_json(read, &other, NULL), 0);
            cr_assert_eq(other.judged_ms, restarted.judged_ms);
            cr_assert_eq(other.until.ms, restarted.until.ms);
            cr_assert_eq(other.step_from.ms, restarted.step_from.ms);
            cr_assert_eq(other.condemned, restarted.condemned);
            cr_assert_eq(other.weight, restarted.weight);
            cr_assert(same_metric(&other.metrics[0], &restarted.metrics[0]));
            cr_assert(other.settings.rho == restarted.settings.rho);
            cr_assert(other.settings.p_limit == restarted.settings.p_limit);
            restarted = other;
            free(text);
            json_decref(value);
            json_decref(read);
            (void)docket_add(&restarted, canary, canary_bad, stable, stable_bad);
            cr_assert(same(&straight, &restarted), "run %d, look %d", run, look);
        }
    }
}

Test(judge, cutting_a_window_in_two_changes_nothing)
{
    for (int run = 0; run < 200; run++) {
        struct judge whole = docket_start(1), halves = docket_start(1);
        const double canary = 10 + draw(500), stable = 100 + draw(5000), part = 0.1 + draw(0.8);
        const double canary_bad = draw(canary) * 0.1, stable_bad = draw(stable) * 0.1;
        (void)docket_add(&whole, canary, canary_bad, stable, stable_bad);
        /* errors need not fall into the parts evenly */
        const double early = draw(1);
        (void)docket_add(&halves, canary * part, canary_bad * part * early, stable * part,
                         stable_bad * part * early);
        (void)docket_add(&halves, canary * (1 - part), canary_bad * (1 - part * early),
                         stable * (1 - part), stable_bad * (1 - part * early));
        if (halves.failures > 0)
            continue;
        cr_assert_float_eq(judge_log_relative(&whole), judge_log_relative(&halves), 1e-8);
        cr_assert_float_eq(judge_log_pass(&whole), judge_log_pass(&halves), 1e-8);
    }
}

Test(judge, equal_arms_are_never_evidence_whichever_is_the_canary)
{
    for (int run = 0; run < 200; run++) {
        struct judge judge = docket_start(1), swapped = docket_start(1);
        for (int look = 0; look < 20; look++) {
            const double requests = draw(500), bad = draw(requests);
            (void)docket_add(&judge, requests, bad, requests, bad);
            (void)docket_add(&swapped, requests, bad, requests, bad);
        }
        cr_assert(same(&judge, &swapped));
        cr_assert_leq(judge_log_relative(&judge), 0);
    }
}

Test(judge, more_bad_requests_are_never_better)
{
    for (int run = 0; run < 200; run++) {
        const double canary = 50 + draw(500), stable = 100 + draw(5000), bad = draw(canary / 2);
        struct judge better = docket_start(1), worse = docket_start(1);
        (void)docket_add(&better, canary, bad, stable, stable / 100);
        (void)docket_add(&worse, canary, bad + 1, stable, stable / 100);
        cr_assert_gt(judge_log_relative(&worse), judge_log_relative(&better));
        cr_assert_lt(judge_log_pass(&worse), judge_log_pass(&better));
    }
}

Test(judge, scatter_makes_it_slower_never_faster)
{
    double before = HUGE_VAL;
    static const double rhos[] = {0, 0.001, 0.005, 0.05};
    for (size_t i = 0; i < 4; i++) {
        struct judge judge = docket_start(1);
        judge.settings.rho = rhos[i];
        (void)docket_add(&judge, 1000, 50, 9000, 45);
        cr_expect_lt(judge_log_relative(&judge), before);
        cr_expect_gt(judge_log_relative(&judge), 0);
        before = judge_log_relative(&judge);
    }
}
