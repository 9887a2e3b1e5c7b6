/* A server that asks to be left alone is. */
#include "tests/daemon/http/probe.h"
#include "tests/daemon/http/web.h"

#include <criterion/criterion.h>

#include <stdatomic.h>
#include <string.h>

static void too_many(void *context, const struct web_request *request, struct web_reply *reply)
{
    const char *const *seconds = context;
    (void)request;
    reply->status = 429;
    reply->header = "Retry-After";
    reply->value = *seconds;
    text_add(&reply->body, "{\"error\":\"slow down\",\"code\":\"TOO_MANY\"}");
}

static atomic_llong virtual_ms;

static struct instant virtual_clock(void)
{
    const int64_t ms = atomic_load(&virtual_ms);
    return (struct instant){.mono = {.ms = 1000000 + ms},
                            .wall = {.ms = INT64_C(1795348800000) + ms}};
}

Test(client, leaves_a_server_alone_that_asks_for_it)
{
    const char *seconds = "120";
    struct web *web = web_start(&(struct web_options){.handler = too_many, .context = &seconds});
    struct probe probe;
    char address[PROBE_ADDRESS_SIZE];
    probe_address(address, web_port(web));
    probe_open(&probe, &(struct client_options){.base_url = address, .clock = virtual_clock});
    const struct probe_result *result = probe_ask(&probe, HTTP_PUT, "/a", "{}");
    cr_expect_eq(result->error.kind, ERROR_UNAVAILABLE);
    cr_expect_eq(result->verdict, VERDICT_RETRY);
    cr_expect_eq(result->outcome, CLIENT_ANSWERED);
    cr_expect_eq(result->error.retry_after_ms, 120000);
    atomic_store(&virtual_ms, 20000);
    result = probe_ask(&probe, HTTP_PUT, "/b", "{}");
    cr_expect_eq(result->outcome, CLIENT_NOT_SENT);
    cr_expect_eq(result->error.kind, ERROR_UNAVAILABLE);
    cr_expect_eq(result->error.retry_after_ms, 100000);
    cr_expect_not_null(strstr(result->error.detail, "asked for a pause"), "%s",
                       result->error.detail);
    cr_expect_eq(web_count(web), 1);
    atomic_store(&virtual_ms, 120000);
    result = probe_ask(&probe, HTTP_GET, "/c", NULL);
    cr_expect_eq(result->status, 429);
    cr_expect_eq(web_count(web), 2);
    probe_close(&probe);
    web_stop(web);
}

static void busy_once(void *context, const struct web_request *request, struct web_reply *reply)
{
    (void)context;
    text_add(&reply->body, "{}");
    if (request->number > 0)
        return;
    reply->status = 503;
    reply->header = "Retry-After";
    reply->value = "5";
}

Test(client, waits_a_short_pause_out)
{
    struct web *web = web_start(&(struct web_options){.handler = busy_once});
    struct probe probe;
    char address[PROBE_ADDRESS_SIZE];
    probe_address(address, web_port(web));
    atomic_store(&virtual_ms, 0);
    probe_open(&probe, &(struct client_options){.base_url = address, .clock = virtual_clock});
    const struct probe_result *result = probe_ask(&probe, HTTP_POST, "/a", "{}");
    cr_expect_eq(result->verdict, VERDICT_READ_BACK, "a proxy may say that after it happened");
    cr_expect_eq(result->error.retry_after_ms, 5000);
    probe_send(&probe, &(struct client_request){.path = "/b"});
    for (int i = 0; i < 5; i++)
        (void)uv_run(&probe.loop, UV_RUN_ONCE);
    cr_expect_eq(web_count(web), 1, "it waits");
    cr_expect_eq(client_pending(probe.client), 1);
    atomic_store(&virtual_ms, 5000);
    probe_send(&probe, &(struct client_request){.path = "/c"});
    probe_run_until(&probe, 3);
    cr_expect_eq(probe.results[1].verdict, VERDICT_DONE);
    cr_expect_eq(probe.results[2].verdict, VERDICT_DONE);
    probe_close(&probe);
    web_stop(web);
}
