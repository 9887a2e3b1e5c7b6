/* The order of effects: nothing leaves before what stands in front of it is durable. */
#include "tests/daemon/celld/theatre.h"

#include <criterion/criterion.h>

#include <signal.h>
#include <string.h>

static struct theatre theatre;
static struct effect_list effects;

static void start(void)
{
    theatre_open(&theatre, 0);
    effect_list_init(&effects);
}

static void stop(void)
{
    theatre_close(&theatre);
    effect_list_fini(&effects);
}

TestSuite(executor, .init = start, .fini = stop, .timeout = 120);

Test(executor, without_rows_effects_are_done_at_once)
{
    theatre_publish(&effects);
    theatre_wake(&effects);
    theatre_do(&theatre, &effects);
    theatre_expect(&theatre, " publish wake");
    cr_expect(executor_is_idle(theatre.executor));
}

Test(executor, nothing_behind_a_row_is_done_before_it_is_durable)
{
    const uint64_t before = journal_counters(theatre.journal).commits;
    theatre_wake(&effects);
    theatre_persist(&effects, "a", 10);
    theatre_publish(&effects);
    theatre_persist(&effects, "b", 10);
    theatre_persist(&effects, "c", 10);
    theatre_request(&effects, 1, "POST", "/things");
    theatre_do(&theatre, &effects);
    theatre_expect(&theatre, " wake");
    cr_expect(!executor_is_idle(theatre.executor));
    theatre_run_until(&theatre, "publish");
    theatre_expect(&theatre, " wake publish");
    cr_expect_gt(theatre.commits_at_publish, before, "published before the row was durable");
    cr_expect_eq(atomic_load(&theatre.asked), 0u, "sent before the rows were durable");
    theatre_run_until(&theatre, "answer:1");
    theatre_expect(&theatre, " wake publish answer:1:received:200");
    const struct journal_counters counters = journal_counters(theatre.journal);
    cr_expect_eq(counters.appended, 3u);
    cr_expect_eq(counters.waiting, 0u);
    cr_expect(executor_is_idle(theatre.executor));
}

Test(executor, a_later_list_waits_for_the_rows_of_an_earlier_one)
{
    theatre_persist(&effects, "a", 10);
    theatre_wake(&effects);
    theatre_do(&theatre, &effects);
    theatre_publish(&effects);
    theatre_do(&theatre, &effects);
    theatre_expect(&theatre, "");
    theatre_run_until(&theatre, "publish");
    theatre_expect(&theatre, " wake publish");
}

/* An answer may lead to more while a list is being done: it comes behind. */
Test(executor, what_a_hook_queues_comes_behind_what_is_queued)
{
    struct effect_list next;
    effect_list_init(&next);
    theatre_persist(&next, "b", 10);
    theatre_request(&next, 9, "GET", "/x");
    theatre.next = &next;
    theatre_publish(&effects);
    theatre_wake(&effects);
    theatre_do(&theatre, &effects);
    theatre_expect(&theatre, " publish wake");
    theatre_run_until(&theatre, "answer:9");
    theatre_expect(&theatre, " publish wake answer:9:received:200");
}

Test(executor, many_rows_at_once_are_all_durable)
{
    enum { ROWS = 200 };
    for (int i = 0; i < ROWS; i++) {
        char key[16];
        (void)snprintf(key, sizeof(key), "row/%d", i);
        theatre_persist(&effects, key, 10);
    }
    theatre_publish(&effects);
    theatre_do(&theatre, &effects);
    theatre_run_until(&theatre, "publish");
    cr_expect_eq(journal_counters(theatre.journal).appended, (uint64_t)ROWS);
}

/* --- secrets ---------------------------------------------------------------------------------- */

Test(executor, a_credential_is_put_in_at_sending_and_never_comes_back)
{
    static const char *const paths[] = {"/api/v1alpha1/namespaces/acme/secrets",
                                        "/api/v1alpha1/namespaces/refused/secrets"};
    for (uint64_t i = 0; i < 2; i++) {
        theatre_request(&effects, i + 1, "POST", paths[i]);
        struct effect *effect = &effects.items[effects.count - 1];
        json_decref(effect->as.request.body);
        effect->as.request.body = json_pack("{s:{s:{s:s}}}", "data", "k", "$credential", "a");
        cr_assert_not_null(effect->as.request.body);
        theatre.canary_sent = false;
        theatre_do(&theatre, &effects);
        theatre_run_until(&theatre, i == 0 ? "answer:1:received:201" : "answer:2:received:422");
        cr_expect(theatre.canary_sent);
        cr_expect_not(theatre.canary_back);
    }
}

Test(executor, a_credential_is_not_sent_anywhere_else)
{
    theatre_request(&effects, 1, "POST", "/api/v1/namespaces/acme/workloads");
    struct effect *effect = &effects.items[effects.count - 1];
    json_decref(effect->as.request.body);
    effect->as.request.body = json_pack("{s:{s:{s:s}}}", "data", "k", "$credential", "a");
    theatre_do(&theatre, &effects);
    theatre_run_until(&theatre, "answer:1:not-sent:0");
    cr_expect_eq(atomic_load(&theatre.asked), 0u);
}

/* --- storage that fails ----------------------------------------------------------------------- */

Test(executor_storage, a_row_that_cannot_be_written_stops_everything, .fini = stop, .timeout = 120)
{
    theatre_open(&theatre, (uint64_t)256 * 1024);
    effect_list_init(&effects);
    theatre_persist(&effects, "big", (size_t)900 * 1024);
    theatre_publish(&effects);
    theatre_request(&effects, 1, "POST", "/things");
    theatre_do(&theatre, &effects);
    theatre_run_until_failed(&theatre);
    cr_expect_neq(theatre.failure.kind, ERROR_NONE);
    theatre_expect(&theatre, "");
    /* It stays so. */
    theatre_wake(&effects);
    theatre_request(&effects, 2, "GET", "/x");
    theatre_do(&theatre, &effects);
    for (int i = 0; i < 20; i++)
        (void)uv_run(&theatre.loop, UV_RUN_ONCE);
    theatre_expect(&theatre, "");
    cr_expect_eq(theatre.failures, 1u);
    cr_expect_eq(atomic_load(&theatre.asked), 0u);
}

/* The journal refuses at once what it could never write. */
Test(executor, a_row_that_is_refused_stops_everything)
{
    theatre_persist(&effects, "too-large", (size_t)2 * 1024 * 1024);
    theatre_publish(&effects);
    theatre_do(&theatre, &effects);
    cr_expect_eq(theatre.failures, 1u);
    theatre_wake(&effects);
    theatre_do(&theatre, &effects);
    theatre_expect(&theatre, "");
}

/* --- the control plane ------------------------------------------------------------------------ */

Test(executor, answers_say_what_is_proven)
{
    static const struct {
        const char *method, *path, *trace;
    } cases[] = {
        {"GET", "/x", " answer:1:received:200"},
        {"GET", "/missing", " answer:2:received:404"},
        {"PUT", "/missing", " answer:3:received:404"},
        {"GET", "/broken", " answer:4:received:500"},
        {"PUT", "/broken", " answer:5:received:500"}, /* of this API: somebody else was faster */
        {"POST", "/broken", " answer:6:unknown:500"},
        {"DELETE", "/broken", " answer:7:unknown:500"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        theatre_request(&effects, i + 1, cases[i].method, cases[i].path);
        theatre_do(&theatre, &effects);
        theatre_run_until(&theatre, cases[i].trace);
    }
}

Test(executor, a_request_that_cannot_be_sent_is_answered)
{
    theatre_request(&effects, 1, "GET", "no path");
    theatre_list(&effects, 2, "no path");
    theatre_wake(&effects);
    theatre_do(&theatre, &effects);
    theatre_expect(&theatre, " answer:1:not-sent:0 listed:2:incomplete wake");
}

Test(executor, what_is_cancelled_is_not_answered)
{
    theatre_request(&effects, 1, "GET", "/x");
    theatre_list(&effects, 2, "/torn");
    theatre_cancel(&effects, 1);
    theatre_cancel(&effects, 2);
    theatre_cancel(&effects, 77);
    theatre_request(&effects, 3, "GET", "/x");
    theatre_do(&theatre, &effects);
    theatre_run_until(&theatre, "answer:3");
    theatre_expect(&theatre, " answer:3:received:200");
}

/* Items of an attempt that was torn are forgotten. */
Test(executor, a_list_that_starts_again_has_the_items_of_its_last_attempt)
{
    theatre_list(&effects, 5, "/torn");
    theatre_do(&theatre, &effects);
    theatre_run_until(&theatre, "listed:5");
    theatre_expect(&theatre, " listed:5:complete");
    cr_assert_geq(atomic_load(&theatre.first_pages), 2u, "it did not start again");
    cr_assert_eq(json_array_size(theatre.items), 2u);
    const json_t *metadata = json_object_get(json_array_get(theatre.items, 0), "metadata");
    cr_expect_str_eq(json_string_value(json_object_get(metadata, "name")), "a1");
}

Test(executor, a_list_that_cannot_be_read_is_incomplete)
{
    theatre_list(&effects, 5, "/missing");
    theatre_do(&theatre, &effects);
    theatre_run_until(&theatre, "listed:5");
    theatre_expect(&theatre, " listed:5:incomplete");
    cr_expect_null(theatre.items);
}

/* --- the end ---------------------------------------------------------------------------------- */

Test(executor, freed_while_a_row_waits_nothing_more_is_done)
{
    theatre_persist(&effects, "a", 10);
    theatre_publish(&effects);
    theatre_do(&theatre, &effects);
    theatre.executor = executor_free(theatre.executor);
    while (journal_counters(theatre.journal).waiting > 0)
        (void)uv_run(&theatre.loop, UV_RUN_ONCE);
    for (int i = 0; i < 5; i++)
        (void)uv_run(&theatre.loop, UV_RUN_ONCE);
    theatre_expect(&theatre, "");
}

Test(executor, freed_while_requests_run_nothing_is_delivered)
{
    theatre_request(&effects, 1, "GET", "/x");
    theatre_list(&effects, 2, "/torn");
    theatre_do(&theatre, &effects);
    theatre.executor = executor_free(theatre.executor);
    for (int i = 0; i < 20; i++)
        (void)uv_run(&theatre.loop, UV_RUN_ONCE);
    theatre_expect(&theatre, "");
}
