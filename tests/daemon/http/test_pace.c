#include "daemon/http/backoff.h"
#include "daemon/http/rate.h"

#include <criterion/criterion.h>

Test(backoff, is_jitter_between_zero_and_a_doubling_capped_bound)
{
    for (uint64_t seed = 0; seed < 200; seed++) {
        struct backoff backoff;
        backoff_init(&backoff, seed, DURATION_MS(100), DURATION_S(3));
        int64_t bound = 100;
        for (int i = 0; i < 100; i++) {
            const int64_t wait = backoff_next(&backoff).ms;
            cr_expect(wait >= 0 && wait <= bound, "%lld of %lld", (long long)wait,
                      (long long)bound);
            bound = bound * 2 > 3000 ? 3000 : bound * 2;
        }
        backoff_reset(&backoff);
        cr_expect_leq(backoff_next(&backoff).ms, 100);
    }
}

Test(backoff, the_same_seed_gives_the_same_waits_and_another_does_not)
{
    struct backoff a, b, c;
    backoff_init(&a, 7, DURATION_S(1), DURATION_S(60));
    backoff_init(&b, 7, DURATION_S(1), DURATION_S(60));
    backoff_init(&c, 8, DURATION_S(1), DURATION_S(60));
    int different = 0;
    for (int i = 0; i < 20; i++) {
        const int64_t wait = backoff_next(&a).ms;
        cr_expect_eq(backoff_next(&b).ms, wait);
        different += backoff_next(&c).ms != wait;
    }
    cr_expect_gt(different, 15);
}

Test(backoff, uses_the_whole_range)
{
    struct backoff backoff;
    backoff_init(&backoff, 1, DURATION_MS(1000), DURATION_MS(1000));
    int quarters[4] = {0, 0, 0, 0};
    for (int i = 0; i < 4000; i++) {
        const int64_t quarter = backoff_next(&backoff).ms / 251;
        quarters[quarter]++;
    }
    for (int i = 0; i < 4; i++)
        cr_expect(quarters[i] > 800 && quarters[i] < 1200, "quarter %d: %d", i, quarters[i]);
}

Test(backoff, huge_bounds_do_not_overflow)
{
    struct backoff backoff;
    backoff_init(&backoff, 3, DURATION_MS(INT64_MAX / 2), DURATION_MS(INT64_MAX));
    for (int i = 0; i < 200; i++)
        cr_expect_geq(backoff_next(&backoff).ms, 0);
}

static struct mono_time at(int64_t ms)
{
    return (struct mono_time){.ms = ms};
}

Test(rate, gives_a_burst_and_then_its_rate)
{
    struct rate rate;
    struct duration wait = {.ms = 0};
    rate_init(&rate, 10, 3, at(5000));
    for (int i = 0; i < 3; i++)
        cr_expect(rate_take(&rate, at(5000), &wait));
    cr_expect_not(rate_take(&rate, at(5000), &wait));
    cr_expect_eq(wait.ms, 100);
    cr_expect_not(rate_take(&rate, at(5099), &wait));
    cr_expect_eq(wait.ms, 1);
    cr_expect(rate_take(&rate, at(5100), &wait));
    int taken = 0;
    for (int64_t ms = 5100; ms <= 15100; ms++)
        taken += rate_take(&rate, at(ms), &wait);
    cr_expect_eq(taken, 100);
    taken = 0;
    while (rate_take(&rate, at(INT64_MAX / 4), &wait))
        taken++;
    cr_expect_eq(taken, 3, "no more than the burst is saved up");
}

Test(rate, a_clock_that_stands_or_goes_back_gives_nothing)
{
    struct rate rate;
    struct duration wait = {.ms = 0};
    rate_init(&rate, 1, 1, at(1000));
    cr_expect(rate_take(&rate, at(1000), &wait));
    cr_expect_not(rate_take(&rate, at(500), &wait));
    cr_expect_eq(wait.ms, 1000);
}

Test(rate, no_limit)
{
    struct rate rate;
    struct duration wait = {.ms = 0};
    rate_init(&rate, 0, 1, at(0));
    for (int i = 0; i < 1000; i++)
        cr_expect(rate_take(&rate, at(0), &wait));
}

Test(rate, the_longest_pause_counts)
{
    struct rate rate;
    rate_init(&rate, 10, 1, at(0));
    cr_expect_eq(rate_paused(&rate, at(0)).ms, 0);
    rate_pause(&rate, at(0), DURATION_S(10));
    rate_pause(&rate, at(1000), DURATION_S(2));
    cr_expect_eq(rate_paused(&rate, at(1000)).ms, 9000);
    cr_expect_eq(rate_paused(&rate, at(10000)).ms, 0);
}
