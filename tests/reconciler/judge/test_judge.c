#include "reconciler/judge/evidence.h"
#include "tests/reconciler/judge/docket.h"

#include <criterion/criterion.h>

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MINUTE INT64_C(60000)

/* --- verdicts ----------------------------------------------------------------------------- */

static const struct {
    const char *what;
    int looks;
    double canary, canary_bad, stable, stable_bad;
    enum judge_verdict during, over;
} verdicts[] = {
    {"as good as stable, enough of it", 10, 120, 0, 480, 2, VERDICT_PASS, VERDICT_PASS},
    {"too little to tell", 3, 5, 0, 20, 0, VERDICT_CONTINUE, VERDICT_INSUFFICIENT},
    {"ten times worse", 10, 120, 6, 480, 2.4, VERDICT_ROLLBACK, VERDICT_ROLLBACK},
    {"both bad alike: not its fault", 10, 120, 12, 480, 48, VERDICT_CONTINUE, VERDICT_INSUFFICIENT},
    {"better than stable", 10, 120, 0, 480, 24, VERDICT_PASS, VERDICT_PASS},
    {"nobody comes", 10, 0, 0, 0, 0, VERDICT_CONTINUE, VERDICT_INSUFFICIENT},
    {"only stable gets requests", 10, 0, 0, 480, 2, VERDICT_NO_DATA, VERDICT_NO_DATA},
    {"silence that may be chance", 1, 0, 0, 30, 0, VERDICT_CONTINUE, VERDICT_INSUFFICIENT},
    {"all of five fail", 1, 5, 5, 40, 0, VERDICT_ROLLBACK, VERDICT_ROLLBACK},
    {"all of five fail, and of stable too little is known", 1, 5, 5, 10, 0, VERDICT_CONTINUE,
     VERDICT_INSUFFICIENT},
    {"all of five fail, and half of stable: no ratio shows it", 1, 5, 5, 20, 10, VERDICT_ROLLBACK,
     VERDICT_ROLLBACK},
    {"all of five fail, and so does stable", 1, 5, 5, 40, 30, VERDICT_CONTINUE,
     VERDICT_INSUFFICIENT},
};

Test(judge, verdicts)
{
    for (size_t i = 0; i < sizeof(verdicts) / sizeof(verdicts[0]); i++) {
        struct judge judge = docket_start(1);
        for (int look = 0; look < verdicts[i].looks; look++)
            cr_assert_eq(docket_add(&judge, verdicts[i].canary, verdicts[i].canary_bad,
                                    verdicts[i].stable, verdicts[i].stable_bad),
                         JUDGE_COUNTED);
        cr_expect_eq(judge_verdict(&judge, false), verdicts[i].during, "%s: %s", verdicts[i].what,
                     judge_verdict_name(judge_verdict(&judge, false)));
        cr_expect_eq(judge_verdict(&judge, true), verdicts[i].over, "%s", verdicts[i].what);
    }
}

Test(judge, a_condemned_release_stays_condemned)
{
    struct judge judge = docket_start(1);
    for (int i = 0; i < 5; i++)
        (void)docket_add(&judge, 120, 12, 480, 2);
    cr_assert_eq(judge_verdict(&judge, false), VERDICT_ROLLBACK);
    for (int i = 0; i < 100; i++)
        (void)docket_add(&judge, 120, 0, 480, 2);
    cr_expect_eq(judge_verdict(&judge, false), VERDICT_ROLLBACK);
}

Test(judge, every_metric_must_pass_and_one_can_condemn)
{
    struct judge judge = docket_start(2);
    for (int i = 0; i < 10; i++) {
        struct judge_window window;
        cr_assert(judge_plan(&judge, (struct wall_time){(i + 1) * MINUTE}, &window));
        const struct judge_counts counts[] = {{120, 0, 480, 2}, {3, 0, 12, 0}};
        cr_assert_eq(judge_count(&judge, window, counts), JUDGE_COUNTED);
    }
    cr_expect_eq(judge_verdict(&judge, false), VERDICT_CONTINUE, "latency is not proven");
    for (int i = 10; i < 20; i++) {
        struct judge_window window;
        cr_assert(judge_plan(&judge, (struct wall_time){(i + 1) * MINUTE}, &window));
        const struct judge_counts counts[] = {{120, 0, 480, 2}, {120, 30, 480, 10}};
        cr_assert_eq(judge_count(&judge, window, counts), JUDGE_COUNTED);
    }
    cr_expect_eq(judge_verdict(&judge, false), VERDICT_ROLLBACK);
    struct text text;
    text_init(&text, 500);
    judge_explain(&judge, &text);
    cr_expect(strstr(text_get(&text), "300 of 1230 bad (24.39 %) against 100 of 4920") != NULL,
              "%s", text_get(&text));
    text_fini(&text);
}

Test(judge, the_metric_that_speaks_loudest_is_told)
{
    static const struct judge_counts counts[2] = {{120, 3, 480, 2}, {60, 0, 240, 1}};
    for (size_t loud = 0; loud < 2; loud++) {
        struct judge judge = docket_start(2);
        const struct judge_counts both[] = {counts[loud], counts[1 - loud]};
        struct judge_window window;
        cr_assert(judge_plan(&judge, (struct wall_time){MINUTE}, &window));
        cr_assert_eq(judge_count(&judge, window, both), JUDGE_COUNTED);
        struct text text;
        text_init(&text, 500);
        judge_explain(&judge, &text);
        cr_expect(strncmp(text_get(&text), "3 of 120 bad", 12) == 0, "%s", text_get(&text));
        text_fini(&text);
        /* and for passing, the one that has proven least */
        struct judge alone = docket_start(1);
        (void)docket_add(&alone, 120, 3, 480, 2);
        cr_expect_eq(judge_log_pass(&judge), judge_log_pass(&alone));
    }
}

Test(judge, what_is_skipped_is_never_counted)
{
    struct judge judge = docket_start(1);
    struct judge_window window;
    cr_assert(judge_plan(&judge, (struct wall_time){MINUTE}, &window));
    judge_skip(&judge, (struct wall_time){10 * MINUTE});
    const struct judge_counts counts = {100, 100, 100, 0};
    cr_expect_eq(judge_count(&judge, window, &counts), JUDGE_STALE);
    cr_expect(!judge_plan(&judge, (struct wall_time){11 * MINUTE - 1}, &window));
    cr_assert(judge_plan(&judge, (struct wall_time){11 * MINUTE}, &window));
    cr_expect_eq(window.from.ms, 10 * MINUTE);
    /* never back into what was looked at */
    judge_skip(&judge, (struct wall_time){MINUTE});
    cr_assert(judge_plan(&judge, (struct wall_time){11 * MINUTE}, &window));
    cr_expect_eq(window.from.ms, 10 * MINUTE);
}

Test(judge, what_begins_anew_remembers_its_limits_and_what_is_condemned_alone)
{
    for (int bad = 0; bad < 2; bad++) {
        struct judge judge = docket_start(2);
        judge_limit(&judge, 1, 0.1, 0.2);
        judge_step(&judge, 20, (struct wall_time){0});
        for (int i = 0; i < 2; i++) {
            struct judge_window window;
            const struct judge_counts count = {100, bad * 100, 400, 0};
            const struct judge_counts counts[] = {count, count};
            cr_assert(judge_plan(&judge, (struct wall_time){60 * MINUTE}, &window));
            cr_assert_eq(judge_count(&judge, window, counts), JUDGE_COUNTED);
        }
        cr_expect_eq(judge_share(&judge, false), SHARE_CONFIRMED);
        const struct wall_time earlier = {-60 * MINUTE}, now = {-30 * MINUTE};
        judge_begin_anew(&judge, earlier);
        cr_expect_eq(judge.judged_ms, 0);
        cr_expect_eq(judge.metrics[0].sum.canary_requests, 0);
        cr_expect_eq(judge.metrics[1].p_bad, 0.1);
        cr_expect_eq(judge.metrics[1].p_limit, 0.2);
        cr_expect_eq(judge.weight, 20);
        cr_expect_eq(judge_share(&judge, false), SHARE_TOO_FEW);
        cr_expect_eq(judge_verdict(&judge, false), bad ? VERDICT_ROLLBACK : VERDICT_CONTINUE);
        struct judge_window window;
        cr_assert(judge_plan(&judge, now, &window));
        cr_expect_eq(window.from.ms, earlier.ms);
    }
}

Test(judge, while_it_bakes_the_past_counts_as_well)
{
    struct judge judge = docket_start(2);
    judge_bake(&judge, (struct wall_time){0});
    struct judge_window window;
    cr_assert(judge_plan(&judge, (struct wall_time){MINUTE}, &window));
    const struct judge_counts counts[] = {{1000, 0, 0, 0}, {1000, 60, 0, 0}};
    cr_assert_eq(judge_count(&judge, window, counts), JUDGE_COUNTED);
    cr_expect_eq(judge_log_relative(&judge), 0, "there is nothing beside it");
    cr_expect_gt(judge_log_against(&judge), 0);
    cr_expect_eq(judge_worst(&judge), 1);
    struct judge good = docket_start(1);
    judge_bake(&good, (struct wall_time){0});
    (void)docket_add(&good, 1000, 0, 0, 0);
    cr_expect_eq(judge_log_against(&good), 0, "a good bake is no evidence against it");
    cr_expect_eq(judge_worst(&good), 0);
}

Test(judge, a_metric_may_have_limits_of_its_own)
{
    struct judge judge = docket_start(1), strict = docket_start(1), guarded = docket_start(1);
    strict.metrics[0].p_bad = 0.001;
    guarded.settings.p_limit = 0.5;
    guarded.metrics[0].p_limit = 0.01;
    for (int i = 0; i < 10; i++) {
        (void)docket_add(&judge, 120, 0, 480, 2);
        (void)docket_add(&strict, 120, 0, 480, 2);
        (void)docket_add(&guarded, 120, 6, 480, 24);
    }
    cr_expect_eq(judge_verdict(&judge, true), VERDICT_PASS);
    cr_expect_eq(judge_verdict(&strict, true), VERDICT_INSUFFICIENT);
    cr_expect_eq(judge_verdict(&guarded, true), VERDICT_GUARD);
}

Test(judge, the_guard_holds_and_condemns_only_what_stable_does_not_share)
{
    struct judge judge = docket_start(1);
    judge.settings.p_limit = 0.01;
    for (int i = 0; i < 20; i++)
        (void)docket_add(&judge, 120, 6, 480, 24);
    cr_expect_eq(judge_verdict(&judge, false), VERDICT_GUARD, "an outage of both");
    judge = docket_start(1);
    judge.settings.p_limit = 0.01;
    /* worse than the limit, and a little worse than stable, which is well inside */
    int looks = 0;
    while (judge_verdict(&judge, false) != VERDICT_ROLLBACK && looks++ < 200)
        (void)docket_add(&judge, 300, 4.5, 1200, 7);
    cr_expect_lt(looks, 200);
}

static const struct {
    double guard, inside, relative;
    enum judge_verdict verdict;
} guards[] = {
    {10, 10, 3, VERDICT_ROLLBACK}, /* all three speak against it */
    {10, 10, 1, VERDICT_GUARD},    /* no worse than stable */
    {10, 0, 3, VERDICT_GUARD},     /* stable may be outside the limit as well */
    {1, 10, 3, VERDICT_CONTINUE},
};

Test(judge, the_guard_needs_three_witnesses_to_condemn)
{
    for (size_t i = 0; i < sizeof(guards) / sizeof(guards[0]); i++) {
        struct judge judge = docket_start(1);
        judge.settings.p_limit = 0.01;
        for (size_t k = 0; k < JUDGE_RELATIVE_GRID; k++) {
            judge.metrics[0].guard[k] = guards[i].guard;
            judge.metrics[0].relative[k] = guards[i].relative;
        }
        for (size_t k = 0; k < JUDGE_PASS_GRID; k++)
            judge.metrics[0].inside[k] = guards[i].inside;
        (void)docket_add(&judge, 0, 0, 0, 0);
        cr_expect_eq(judge_verdict(&judge, false), guards[i].verdict, "%zu: %s", i,
                     judge_verdict_name(judge_verdict(&judge, false)));
    }
}

Test(judge, a_bake_without_a_past_has_the_share_to_rule_out_as_its_limit)
{
    static const double stable_bad[] = {-1, 20, 300, 700};
    for (size_t i = 0; i < 4; i++) {
        struct judge judge = docket_start(1);
        judge.settings.rho = 0.001;
        if (stable_bad[i] >= 0)
            (void)docket_add(&judge, 0, 0, 1000, stable_bad[i]);
        judge_bake(&judge, judge.until);
        /* 30 % bad: condemned, unless the stable release was as bad */
        for (int look = 0; look < 5; look++)
            (void)docket_add(&judge, 200, 60, 0, 0);
        cr_expect_eq(judge_verdict(&judge, false) == VERDICT_ROLLBACK, i < 2, "%zu", i);
    }
}

Test(judge, a_step_without_traffic_is_not_silent)
{
    struct judge judge = docket_start(1);
    judge_step(&judge, 0, (struct wall_time){0});
    (void)docket_add(&judge, 0, 0, 5000, 0);
    cr_expect_eq(judge_verdict(&judge, false), VERDICT_CONTINUE);
    struct text text;
    text_init(&text, 300);
    struct judge fresh = docket_start(1);
    judge_explain(&fresh, &text);
    cr_expect_str_eq(text_get(&text), "0 of 0 bad (0.00 %) against 0 of 0 (0.00 %); evidence "
                                      "against it 1 of 100, for it 1 of 20");
    text_fini(&text);
}

Test(judge, in_the_bake_it_is_compared_with_what_stable_had)
{
    struct judge judge = docket_start(1);
    for (int i = 0; i < 10; i++)
        (void)docket_add(&judge, 120, 0, 480, 2);
    judge_bake(&judge, judge.until);
    for (int i = 0; i < 10; i++)
        (void)docket_add(&judge, 600, 3, 0, 0);
    cr_expect_eq(judge_verdict(&judge, true), VERDICT_PASS);
    for (int i = 0; i < 3; i++)
        (void)docket_add(&judge, 600, 60, 0, 0);
    cr_expect_eq(judge_verdict(&judge, false), VERDICT_ROLLBACK);
}

/* --- windows ------------------------------------------------------------------------------ */

Test(judge, a_window_is_planned_once_and_counted_once)
{
    struct judge_settings settings = judge_settings_default;
    struct judge judge;
    judge_init(&judge, &settings, 1, (struct wall_time){1000000});
    struct judge_window window, again;
    cr_expect(!judge_plan(&judge, (struct wall_time){1000000 + 89999}, &window), "still open");
    cr_assert(judge_plan(&judge, (struct wall_time){1000000 + 90000}, &window));
    cr_expect_eq(window.from.ms, 1000000);
    cr_expect_eq(window.to.ms, 1060000);
    cr_assert(judge_plan(&judge, (struct wall_time){1000000 + 500000}, &again));
    cr_expect_eq(again.to.ms, window.to.ms, "the same until it is answered");
    const struct judge_counts counts = {10, 0, 100, 0};
    const struct judge_window others[] = {{{1000000}, {1060001}}, {{1000001}, {1060000}}};
    for (size_t i = 0; i < 2; i++)
        cr_expect_eq(judge_count(&judge, others[i], &counts), JUDGE_STALE);
    cr_expect_eq(judge_count(&judge, window, &counts), JUDGE_COUNTED);
    cr_expect_eq(judge_count(&judge, window, &counts), JUDGE_STALE, "late duplicate");
    cr_expect_float_eq(judge.metrics[0].sum.canary_requests, 10, 0);
    cr_expect_eq(judge.judged_ms, 60000);
    cr_assert(judge_plan(&judge, (struct wall_time){1000000 + 500000}, &again));
    cr_expect_eq(again.from.ms, window.to.ms, "no gap");
}

Test(judge, what_cannot_be_is_left_out)
{
    const double nan_value = (double)NAN;
    const struct judge_counts odd[] = {
        {nan_value, 0, 1, 0}, {1, nan_value, 1, 0},         {1, 2, 1, 0}, {-1, 0, 1, 0},
        {1, -1, 1, 0},        {1, 0, HUGE_VAL, 0},          {1, 0, 1, 2}, {1e300, 0, 1, 0},
        {10, 0, 10, -1e-300}, {1, 0, nan_value, nan_value},
    };
    for (size_t i = 0; i < sizeof(odd) / sizeof(odd[0]); i++) {
        struct judge judge = docket_start(1);
        const double before = judge_log_relative(&judge);
        cr_expect_eq(docket_add(&judge, odd[i].canary_requests, odd[i].canary_bad,
                                odd[i].stable_requests, odd[i].stable_bad),
                     JUDGE_UNUSABLE, "%zu", i);
        cr_expect_eq(judge_verdict(&judge, true), VERDICT_PROVIDER_ERROR);
        cr_expect(!(judge_log_relative(&judge) > before) && judge.judged_ms == 0);
        (void)docket_add(&judge, 10, 0, 90, 0);
        cr_expect_eq(judge_verdict(&judge, false), VERDICT_CONTINUE, "the next one heals it");
    }
}

Test(judge, metrics_that_cannot_be_read_are_neither_pass_nor_failure)
{
    struct judge judge = docket_start(1);
    for (int i = 0; i < 10; i++)
        (void)docket_add(&judge, 120, 0, 480, 2);
    cr_assert_eq(judge_verdict(&judge, true), VERDICT_PASS);
    struct judge_window window, again;
    const struct wall_time now = {11 * MINUTE};
    cr_assert(judge_plan(&judge, now, &window));
    judge_failed(&judge, window, false);
    cr_expect_eq(judge_verdict(&judge, true), VERDICT_PROVIDER_ERROR);
    cr_assert(judge_plan(&judge, now, &again));
    cr_expect_eq(again.from.ms, window.from.ms, "asked again");
    judge_failed(&judge, window, true);
    judge_failed(&judge, window, true);
    cr_expect_eq(judge.failures, 2, "the second answer is stale");
    cr_expect_eq(judge.judged_ms, 10 * MINUTE, "what was not judged is no soak");
    (void)docket_add(&judge, 120, 0, 480, 2);
    cr_expect_eq(judge_verdict(&judge, true), VERDICT_PASS);
}

Test(judge, after_days_it_does_not_ask_for_what_is_gone)
{
    struct judge judge = docket_start(1);
    struct judge_window window;
    cr_assert(judge_plan(&judge, (struct wall_time){INT64_C(5) * 86400000}, &window));
    cr_expect_eq(window.from.ms, INT64_C(4) * 86400000);
}

/* --- share -------------------------------------------------------------------------------- */

static const struct {
    int weight;
    enum share_check share;
    double canary, stable;
} shares[] = {
    {5, SHARE_TOO_FEW, 4, 60},
    {5, SHARE_CONFIRMED, 5, 95},
    {5, SHARE_OFF, 0, 300},
    {5, SHARE_CONFIRMED, 50, 950},
    {5, SHARE_OFF, 150, 850},
    {5, SHARE_CONFIRMED, 65, 935},
    {50, SHARE_TOO_FEW, 20, 25},
    {50, SHARE_CONFIRMED, 25, 25},
    {50, SHARE_OFF, 5, 95},
    {20, SHARE_CONFIRMED, 240, 760},
    {20, SHARE_OFF, 400, 600},
    {0, SHARE_NOT_COUNTED, 0, 1000},
    {100, SHARE_NOT_COUNTED, 1000, 0},
};

Test(judge, a_weight_is_verified_by_counting)
{
    for (size_t i = 0; i < sizeof(shares) / sizeof(shares[0]); i++) {
        struct judge judge = docket_start(1);
        judge_step(&judge, shares[i].weight, (struct wall_time){0});
        (void)docket_add(&judge, shares[i].canary, 0, shares[i].stable, 0);
        cr_expect_eq(judge_share(&judge, false), shares[i].share, "%d %%: %g of %g",
                     shares[i].weight, shares[i].canary, shares[i].canary + shares[i].stable);
    }
    /* testers come on top of the weight: then only too few are wrong */
    for (size_t i = 0; i < sizeof(shares) / sizeof(shares[0]); i++) {
        struct judge judge = docket_start(1);
        judge_step(&judge, shares[i].weight, (struct wall_time){0});
        (void)docket_add(&judge, shares[i].canary, 0, shares[i].stable, 0);
        const double share = shares[i].canary / (shares[i].canary + shares[i].stable);
        const bool more = shares[i].share == SHARE_OFF && share * 100 > shares[i].weight;
        cr_expect_eq(judge_share(&judge, true), more ? SHARE_CONFIRMED : shares[i].share,
                     "%d %%: %g of %g", shares[i].weight, shares[i].canary,
                     shares[i].canary + shares[i].stable);
    }
    /* a window that began under the weight before says nothing about this one */
    struct judge judge = docket_start(1);
    judge_step(&judge, 50, (struct wall_time){1});
    (void)docket_add(&judge, 5, 0, 95, 0);
    cr_expect_eq(judge_share(&judge, false), SHARE_TOO_FEW);
}

Test(judge, the_interval_is_wilsons)
{
    double low, high;
    evidence_interval(10, 100, 1.959963984540054, &low, &high);
    cr_expect_float_eq(low, 0.05523, 1e-5);
    cr_expect_float_eq(high, 0.17437, 1e-5);
    evidence_interval(0, 20, 1.959963984540054, &low, &high);
    cr_expect_float_eq(low, 0, 1e-12);
    cr_expect_float_eq(high, 0.16113, 1e-5);
}

/* --- what can be known before ------------------------------------------------------------- */

Test(judge, prospects_say_what_can_be_proven)
{
    struct judge_prospect rows[JUDGE_PROSPECTS];
    judge_prospects(&judge_settings_default, 10, 5, rows);
    for (size_t i = 0; i < JUDGE_PROSPECTS; i++) {
        /* so many good requests really pass, and one fewer does not */
        struct judge judge = docket_start(1);
        judge.settings.p_bad = rows[i].p_bad;
        (void)docket_add(&judge, rows[i].requests - 1, 0, 1e6, 0);
        cr_expect_neq(judge_verdict(&judge, false), VERDICT_PASS, "%g", rows[i].p_bad);
        (void)docket_add(&judge, 1, 0, 1e6, 0);
        cr_expect_eq(judge_verdict(&judge, false), VERDICT_PASS, "%g", rows[i].p_bad);
        cr_expect_eq(rows[i].duration.ms, (int64_t)(rows[i].requests * 2000));
        /* never cheaper than the exact bound: the test may be asked at every look */
        cr_expect_geq(rows[i].requests, log(0.05) / log(1 - rows[i].p_bad));
        cr_expect_leq(rows[i].requests, 1.6 * log(0.05) / log(1 - rows[i].p_bad));
    }
    cr_expect_geq(judge_requests_needed(&judge_settings_default, 1e-17), 1e15);
    judge_prospects(&judge_settings_default, 0, 5, rows);
    cr_expect_eq(rows[0].duration.ms, INT64_MAX);
}

Test(judge, dispersion_is_read_from_the_scatter_between_replicas)
{
    double counts[20 * 4][2];
    /* all alike: less scatter than chance has */
    for (size_t i = 0; i < 80; i++) {
        counts[i][0] = 1000;
        counts[i][1] = 5;
    }
    cr_expect_float_eq(judge_dispersion((const double(*)[2])counts, 20, 4), 0, 1e-12);
    /* one replica of four has all of them: chi-square per degree of freedom is n */
    for (size_t i = 0; i < 80; i++)
        counts[i][1] = i % 4 == 0 ? 20 : 0;
    const double rho = judge_dispersion((const double(*)[2])counts, 20, 4);
    cr_expect_float_eq(rho, (60.301507537688 / 3 - 1) / 999, 1e-9, "%g", rho);
    /* windows with few bad requests do not pull it down: here each has one, and one has forty */
    for (size_t i = 0; i < 80; i++)
        counts[i][1] = i == 0 ? 40 : i % 4 == 1 && i > 4 ? 1 : 0;
    const double skewed = judge_dispersion((const double(*)[2])counts, 20, 4);
    cr_expect(skewed > 0.02 && skewed < 0.03, "%g", skewed);
    cr_expect_lt(judge_dispersion((const double(*)[2])counts, 3, 4), 0, "too few windows");
    cr_expect_lt(judge_dispersion((const double(*)[2])counts, 80, 1), 0, "one replica");
    /* replicas that had no requests, windows without a bad one, or with nothing else, say nothing
     */
    for (size_t i = 0; i < 80; i++) {
        counts[i][0] = i % 4 == 3 ? 0 : 1000;
        counts[i][1] = i / 4 % 2 == 0 || i % 4 == 3 ? 0 : i % 4 == 0 ? 20 : 0;
    }
    for (size_t i = 0; i < 3; i++)
        counts[i][1] = counts[i][0];
    const double sparse = judge_dispersion((const double(*)[2])counts, 20, 4);
    cr_expect(sparse > 0.01 && sparse < 0.03, "%g", sparse);
    for (size_t i = 0; i < 80; i++) {
        counts[i][0] = 3;
        counts[i][1] = i % 4 == 0 ? 3 : 0;
    }
    cr_expect_float_eq(judge_dispersion((const double(*)[2])counts, 20, 4), 0.5, 0, "at most");
    for (size_t i = 0; i < 80; i++)
        counts[i][0] = 1;
    cr_expect_lt(judge_dispersion((const double(*)[2])counts, 20, 4), 0, "one request each");
    for (size_t i = 0; i < 80; i++)
        counts[i][1] = counts[i][0] = 0;
    cr_expect_lt(judge_dispersion((const double(*)[2])counts, 20, 4), 0, "no requests");
}
