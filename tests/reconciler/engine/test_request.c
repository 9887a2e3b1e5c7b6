/* The queue of requests by itself: what is sent when, what becomes of it, and how long a failure
 * waits. */
#include "reconciler/engine/request.h"
#include "tests/reconciler/engine/parts.h"

#include <criterion/criterion.h>

#include <stdio.h>

TestSuite(request, .timeout = 600);

static uint64_t add(struct engine *engine, const char *path, bool urgent)
{
    const struct request_order order = {
        .purpose = REQUEST_OBJECT, .method = "GET", .path = path, .urgent = urgent};
    return request_add(engine, &order);
}

/* What the pump sends, as one text of paths and of "-<id>" for what is cancelled. */
static void expect_sent(struct engine *engine, const struct effect_list *effects,
                        const char *expected)
{
    char text[256] = "";
    size_t used = 0;
    for (size_t i = 0; i < effects->count; i++) {
        const struct effect *effect = &effects->items[i];
        used +=
            (size_t)(effect->kind == EFFECT_CANCEL ? snprintf(text + used, sizeof text - used,
                                                              "-%u", (unsigned)effect->as.cancel.id)
                                                   : snprintf(text + used, sizeof text - used, "%s",
                                                              effect->as.request.path));
    }
    cr_expect_str_eq(text, expected);
    cr_expect_eq(engine->status, 0);
}

static void pump(struct engine *engine, const char *expected)
{
    struct effect_list effects;
    effect_list_init(&effects);
    engine->out = &effects;
    request_pump(engine);
    expect_sent(engine, &effects, expected);
    effect_list_fini(&effects);
}

static void cancel(struct engine *engine, uint64_t id, const char *expected)
{
    struct effect_list effects;
    effect_list_init(&effects);
    engine->out = &effects;
    request_cancel(engine, id);
    expect_sent(engine, &effects, expected);
    effect_list_fini(&effects);
}

Test(request, urgent_requests_go_first_and_only_so_many_at_once)
{
    struct engine *engine = parts_engine(2);
    add(engine, "/a", false);
    add(engine, "/b", false);
    const uint64_t first = add(engine, "/c", true);
    pump(engine, "/c/a");
    pump(engine, "");
    struct request *taken = request_take(engine, first);
    cr_assert_not_null(taken);
    request_free(taken);
    cr_expect_null(request_take(engine, first));
    pump(engine, "/b");
    engine_free(engine);
}

/* Waiting ones are only forgotten, at either end of either queue; the control plane hears of what
 * was sent. What comes after them is sent all the same. */
Test(request, a_request_may_be_cancelled_wherever_it_is)
{
    struct engine *engine = parts_engine(1);
    const uint64_t sent = add(engine, "/sent", false);
    pump(engine, "/sent");
    const uint64_t a = add(engine, "/a", false), b = add(engine, "/b", false);
    const uint64_t c = add(engine, "/c", true), d = add(engine, "/d", true);
    cr_expect_eq(engine->queued, 4);
    cancel(engine, 0, "");
    cancel(engine, 4711, "");
    cancel(engine, b, "");
    cancel(engine, c, "");
    cancel(engine, d, "");
    cr_expect_eq(engine->queued, 1);
    add(engine, "/e", true);
    add(engine, "/f", false);
    cancel(engine, sent, "-1");
    cr_expect_eq(engine->in_flight, 0);
    engine->options.parallel_requests = 8;
    pump(engine, "/e/a/f");
    cancel(engine, a, "-2");
    cancel(engine, a, "");
    engine_free(engine);
}

Test(request, a_request_may_be_given_to_another_owner_wherever_it_is)
{
    struct engine *engine = parts_engine(1);
    const uint64_t sent = add(engine, "/sent", false);
    pump(engine, "/sent");
    const uint64_t waiting = add(engine, "/waiting", false), urgent = add(engine, "/urgent", true);
    int owners[3];
    request_give(engine, sent, &owners[0]);
    request_give(engine, waiting, &owners[1]);
    request_give(engine, urgent, &owners[2]);
    cr_expect_eq(engine->flying->owner, &owners[0]);
    cr_expect_eq(engine->requests->owner, &owners[1]);
    cr_expect_eq(engine->urgent->owner, &owners[2]);
    engine_free(engine);
}

Test(request, backoff_grows_to_its_limit_and_never_is_nothing)
{
    struct engine *engine = parts_engine(1);
    engine->now.mono.ms = 1000;
    for (unsigned failures = 1; failures < 40; failures++) {
        const int64_t most = failures > 7 ? 60000 : INT64_C(1000) << (failures - 1);
        const int64_t wait = request_backoff(engine, failures, NULL).ms - 1000;
        cr_expect(wait >= 1 && wait <= (most > 60000 ? 60000 : most), "%u: %lld", failures,
                  (long long)wait);
    }
    struct error err = {.retry_after_ms = -1};
    cr_expect_leq(request_backoff(engine, 1, &err).ms, 2000);
    err.retry_after_ms = 90000;
    cr_expect_eq(request_backoff(engine, 1, &err).ms, 91000);
    err.retry_after_ms = INT64_C(86400000);
    cr_expect_eq(request_backoff(engine, 1, &err).ms, 301000);
    engine->options.retry_first.ms = 0;
    cr_expect_eq(request_backoff(engine, 9, NULL).ms, 1001);
    engine_free(engine);
}

Test(request, a_complaint_is_what_was_said)
{
    struct error err = {0};
    error_set(&err, ERROR_DENIED, ERR_HTTP, "not for you");
    cr_expect_str_eq(request_complaint(&err), "not for you");
    cr_expect_str_eq(request_complaint(NULL), "no reason was given");
}
