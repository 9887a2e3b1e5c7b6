#include "gitwatch/watch.h"

#include <criterion/criterion.h>

static struct watch watch;
static struct mono_time now;

static void start(void)
{
    const struct watch_settings settings = watch_settings_default();
    now = (struct mono_time){1000};
    watch_init(&watch, &settings, 42, now);
}

TestSuite(watch, .init = start, .timeout = 10);

static struct fetch_result ended(enum fetch_reason reason)
{
    return (struct fetch_result){.reason = reason};
}

static void begin(void)
{
    cr_assert(watch_next(&watch, now).start);
    watch_started(&watch, now);
    cr_assert_eq(watch_next(&watch, now).wake.ms, INT64_MAX);
    cr_assert(!watch_next(&watch, now).start);
}

static void finish(enum fetch_reason reason)
{
    const struct fetch_result result = ended(reason);
    watch_finished(&watch, &result, now);
}

static int64_t wait_ms(void)
{
    return watch_next(&watch, now).wake.ms - now.ms;
}

Test(watch, first_fetch_is_due_at_once_and_polls_spread_around_the_interval)
{
    int64_t least = INT64_MAX;
    int64_t most = 0;
    for (int i = 0; i < 500; i++) {
        begin();
        finish(FETCH_OK);
        const int64_t wait = wait_ms();
        cr_assert(wait >= 27000 && wait <= 33000, "%lld ms", (long long)wait);
        least = wait < least ? wait : least;
        most = wait > most ? wait : most;
        now.ms += wait;
    }
    cr_assert(least < 28000 && most > 32000, "no jitter: %lld to %lld", (long long)least,
              (long long)most);
}

Test(watch, jitter_is_what_the_settings_say)
{
    static const uint32_t percents[] = {0, 1, 25, 50};
    for (size_t k = 0; k < sizeof(percents) / sizeof(percents[0]); k++) {
        struct watch_settings settings = watch_settings_default();
        settings.jitter_percent = percents[k];
        watch_init(&watch, &settings, 42, now);
        const int64_t reach = 300 * (int64_t)percents[k];
        int64_t least = INT64_MAX;
        int64_t most = 0;
        for (int i = 0; i < 200; i++) {
            begin();
            finish(FETCH_OK);
            const int64_t wait = wait_ms();
            cr_assert(wait >= 30000 - reach && wait <= 30000 + reach, "%lld ms", (long long)wait);
            least = wait < least ? wait : least;
            most = wait > most ? wait : most;
            now.ms += wait;
        }
        cr_assert(most - least >= reach, "%u %%: %lld to %lld", percents[k], (long long)least,
                  (long long)most);
    }
}

/* All watchers of a server that comes back would otherwise ask at the same moment. */
Test(watch, a_failure_spreads_polls_even_without_jitter)
{
    struct watch_settings settings = watch_settings_default();
    settings.jitter_percent = 0;
    bool differs = false;
    int64_t first = 0;
    for (uint64_t seed = 0; seed < 20; seed++) {
        watch_init(&watch, &settings, seed, now);
        begin();
        finish(FETCH_UNAVAILABLE);
        if (seed == 0)
            first = wait_ms();
        differs = differs || wait_ms() != first;
    }
    cr_assert(differs);
}

Test(watch, same_seed_gives_the_same_times)
{
    struct watch other;
    const struct watch_settings settings = watch_settings_default();
    watch_init(&other, &settings, 42, now);
    for (int i = 0; i < 50; i++) {
        const struct fetch_result result = ended(i % 3 == 0 ? FETCH_UNAVAILABLE : FETCH_OK);
        watch_started(&watch, now);
        watch_started(&other, now);
        watch_finished(&watch, &result, now);
        watch_finished(&other, &result, now);
        cr_assert_eq(watch_next(&watch, now).wake.ms, watch_next(&other, now).wake.ms);
    }
}

Test(watch, failures_back_off_up_to_the_limit_and_success_ends_it)
{
    static const int64_t want[] = {1000, 2000, 4000, 8000, 16000, 32000, 60000, 60000, 60000};
    for (size_t i = 0; i < sizeof(want) / sizeof(want[0]); i++) {
        begin();
        finish(FETCH_UNAVAILABLE);
        const int64_t wait = wait_ms();
        cr_assert(wait >= want[i] * 9 / 10 && wait <= want[i] * 11 / 10, "%zu: %lld", i,
                  (long long)wait);
        now.ms += wait;
    }
    begin();
    finish(FETCH_OK);
    cr_assert(wait_ms() >= 27000);
    cr_assert_eq(watch.failures, 0);
}

Test(watch, sync_during_a_fetch_is_served_by_the_next_one)
{
    begin();
    now.ms += 100;
    const uint64_t request = watch_sync(&watch);
    now.ms += 900;
    finish(FETCH_OK);
    cr_assert(!watch_answered(&watch, request), "the running fetch may have been too early");
    cr_assert(watch_next(&watch, now).start, "the request was lost");
    begin();
    finish(FETCH_OK);
    cr_assert(watch_answered(&watch, request));
    cr_assert(watch.served >= request);
    cr_assert(wait_ms() >= 27000, "one request, one fetch");
}

Test(watch, sync_overrides_the_backoff)
{
    for (int i = 0; i < 6; i++) {
        begin();
        finish(FETCH_UNAVAILABLE);
        now.ms += wait_ms();
    }
    begin();
    finish(FETCH_DENIED);
    now.ms += 1000;
    cr_assert(!watch_next(&watch, now).start);
    const uint64_t request = watch_sync(&watch);
    begin();
    finish(FETCH_DENIED);
    cr_assert(watch_answered(&watch, request));
    cr_assert(watch.served < request, "answered, but not served");
    cr_assert(!watch_next(&watch, now).start, "a request that failed is not repeated at once");
}

Test(watch, flood_of_requests_is_few_fetches)
{
    int fetches = 0;
    for (int i = 0; i < 10000; i++) {
        (void)watch_sync(&watch);
        if (watch_next(&watch, now).start) {
            begin();
            finish(FETCH_OK);
            fetches++;
        }
        now.ms += 1;
    }
    cr_assert(fetches >= 19 && fetches <= 21, "%d fetches in 10 s", fetches);
}

Test(watch, wake_time_after_a_request_respects_the_gap)
{
    begin();
    finish(FETCH_OK);
    now.ms += 100;
    (void)watch_sync(&watch);
    cr_assert(!watch_next(&watch, now).start);
    cr_assert_eq(wait_ms(), 400);
}

Test(watch, damage_is_healed_once_at_once_then_with_backoff)
{
    begin();
    finish(FETCH_OK);
    now.ms += 1000;
    watch_damaged(&watch, now);
    struct watch_decision decision = watch_next(&watch, now);
    cr_assert(decision.start && decision.reclone);
    begin();
    struct fetch_result result = {.reason = FETCH_OK, .recloned = true};
    watch_finished(&watch, &result, now);
    decision = watch_next(&watch, now);
    cr_assert(!decision.start && !decision.reclone && !decision.may_reclone);

    int64_t waits[4];
    for (size_t i = 0; i < 4; i++) {
        now.ms += 1000;
        watch_damaged(&watch, now);
        waits[i] = wait_ms();
        cr_assert(waits[i] > 0, "cloning anew must not be repeated at once");
        now.ms += waits[i];
        cr_assert(watch_next(&watch, now).reclone);
        begin();
        watch_finished(&watch, &result, now);
    }
    cr_assert(waits[3] > 3 * waits[0], "no backoff: %lld, %lld", (long long)waits[0],
              (long long)waits[3]);
    watch_sound(&watch);
    cr_assert(watch_next(&watch, now).may_reclone);
}

Test(watch, damage_during_a_fetch_is_not_forgotten)
{
    begin();
    watch_damaged(&watch, now);
    now.ms += 1000;
    finish(FETCH_OK);
    const struct watch_decision decision = watch_next(&watch, now);
    cr_assert(decision.start && decision.reclone);
}

Test(watch, damage_that_the_worker_may_not_heal_is_healed_by_the_next_fetch)
{
    struct fetch_result result = {.reason = FETCH_OK, .recloned = true};
    begin();
    watch_finished(&watch, &result, now);
    now.ms += wait_ms();
    cr_assert(!watch_next(&watch, now).may_reclone);
    begin();
    finish(FETCH_DAMAGED);
    cr_assert(wait_ms() > 0);
    now.ms += wait_ms();
    cr_assert(watch_next(&watch, now).reclone);
}

Test(watch, shorter_interval_counts_at_once)
{
    begin();
    finish(FETCH_OK);
    struct watch_settings settings = watch_settings_default();
    settings.interval = DURATION_S(5);
    watch_configure(&watch, &settings, now);
    cr_assert(wait_ms() <= 5500);
}

/* Any order of requests and ends: a request is answered only by a fetch that began after it, and
 * always by the first such one. */
Test(watch, no_order_of_events_loses_a_request)
{
    for (uint32_t order = 0; order < 4096; order++) {
        start();
        uint64_t newest = 0;
        uint64_t at_start = 0;
        for (uint32_t bit = 0; bit < 12; bit++) {
            now.ms += 600;
            if ((order >> bit & 1) != 0) {
                newest = watch_sync(&watch);
            } else if (watch.fetching) {
                finish(bit % 2 == 0 ? FETCH_OK : FETCH_TIMEOUT);
                cr_assert(at_start == 0 || watch_answered(&watch, at_start));
                cr_assert(newest == at_start || !watch_answered(&watch, newest));
                cr_assert(newest == at_start || watch_next(&watch, now).start);
            } else if (watch_next(&watch, now).start) {
                at_start = newest;
                watch_started(&watch, now);
            }
        }
    }
}
