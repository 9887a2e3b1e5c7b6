/* Notices: what a sink gets, what happens when it does not take them, and what is lost. */
#include "config/base/digest.h"
#include "config/base/json.h"
#include "daemon/notify/notices.h"
#include "tests/daemon/http/raw_server.h"
#include "tests/daemon/http/web.h"

#include <criterion/criterion.h>

#include <fcntl.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define DEADLINE_MS 20000

struct office {
    uv_loop_t loop;
    uv_timer_t tick;
    uint64_t deadline_ms;
    char directory[64], key[96];
    struct webhook_settings sinks[2];
    char urls[2][64];
    struct notices *notices;
    bool is_closed;
};

static int find_secret(const struct secret_source *source, const char *what, char **ret_path,
                       struct error *err)
{
    (void)what;
    (void)err;
    *ret_path = source->file.text == NULL ? NULL : strdup(source->file.text);
    return 0;
}

static void on_tick(uv_timer_t *timer)
{
    const struct office *office = timer->data;
    cr_assert_lt(uv_now(&office->loop), office->deadline_ms, "nothing happened in time");
}

static void add_sink(struct office *office, size_t index, unsigned port, const char *path)
{
    struct webhook_settings *sink = &office->sinks[index];
    (void)snprintf(office->urls[index], sizeof(office->urls[index]), "http://127.0.0.1:%u%s", port,
                   path);
    sink->server.url.text = office->urls[index];
    sink->server.timeout.value = DURATION_S(10);
}

/* The first sink's requests are signed. */
static void office_open(struct office *office, size_t sink_count)
{
    struct error err = {0};
    (void)signal(SIGPIPE, SIG_IGN);
    (void)snprintf(office->directory, sizeof(office->directory), "/tmp/celld-notices-XXXXXX");
    cr_assert_not_null(mkdtemp(office->directory));
    (void)snprintf(office->key, sizeof(office->key), "%s/key", office->directory);
    const int fd = open(office->key, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0400);
    cr_assert_eq(write(fd, "key", 3), 3);
    (void)close(fd);
    office->sinks[0].signature.file.text = office->key;
    cr_assert_eq(uv_loop_init(&office->loop), 0);
    cr_assert_eq(uv_timer_init(&office->loop, &office->tick), 0);
    office->tick.data = office;
    office->deadline_ms = uv_now(&office->loop) + DEADLINE_MS;
    cr_assert_eq(uv_timer_start(&office->tick, on_tick, 5, 5), 0);
    const struct notices_options options = {.sinks = office->sinks,
                                            .sink_count = sink_count,
                                            .find_secret = find_secret,
                                            .seed = 3,
                                            .first_wait = DURATION_MS(1)};
    cr_assert_eq(notices_new(&office->loop, &options, &office->notices, &err), 0, "%s", err.detail);
}

static void post(struct office *office, int number)
{
    notices_post(office->notices,
                 json_pack("{s:s, s:i}", "type", "commit-status", "number", number));
}

/* Until so many were sent or lost. */
static struct notices_counters run_until(struct office *office, uint64_t ended)
{
    struct notices_counters counters = notices_counters(office->notices);
    for (; counters.sent + counters.lost < ended; counters = notices_counters(office->notices))
        (void)uv_run(&office->loop, UV_RUN_ONCE);
    return counters;
}

static void on_closed(void *context)
{
    struct office *office = context;
    office->is_closed = true;
}

static void office_close(struct office *office)
{
    notices_close(office->notices, on_closed, office);
    while (!office->is_closed)
        (void)uv_run(&office->loop, UV_RUN_ONCE);
    uv_close((uv_handle_t *)&office->tick, NULL);
    while (uv_run(&office->loop, UV_RUN_DEFAULT) != 0)
        continue;
    cr_expect_eq(uv_loop_close(&office->loop), 0);
    cr_expect_eq(unlink(office->key), 0);
    cr_expect_eq(rmdir(office->directory), 0);
}

/* Refuses the first requests with `status`, then takes all. */
struct clerk {
    int status;
    unsigned refusals;
    atomic_uint asked;
    char path[64], signature[128], body[1024];
};

static void serve(void *context, const struct web_request *request, struct web_reply *reply)
{
    struct clerk *clerk = context;
    const unsigned number = atomic_fetch_add(&clerk->asked, 1);
    (void)snprintf(clerk->path, sizeof(clerk->path), "%s", request->path);
    (void)snprintf(clerk->signature, sizeof(clerk->signature), "%s",
                   request->signature == NULL ? "none" : request->signature);
    (void)snprintf(clerk->body, sizeof(clerk->body), "%s", request->body);
    reply->content_type = "text/plain";
    text_add(&reply->body, "thanks");
    if (number < clerk->refusals)
        reply->status = clerk->status;
}

Test(notices, go_to_all_sinks)
{
    static struct office office;
    struct clerk first = {.status = 0}, second = {.status = 404, .refusals = 1};
    struct web *a = web_start(&(struct web_options){.handler = serve, .context = &first});
    struct web *b = web_start(&(struct web_options){.handler = serve, .context = &second});
    add_sink(&office, 0, web_port(a), "/hooks/celld");
    add_sink(&office, 1, web_port(b), "");
    office_open(&office, 2);
    post(&office, 1);
    struct notices_counters counters = run_until(&office, 2);
    cr_expect_eq(counters.sent, 1u);
    cr_expect_eq(counters.lost, 1u, "what is refused for good is not tried again");
    post(&office, 2);
    counters = run_until(&office, 4);
    cr_expect_eq(counters.sent, 3u);
    cr_expect_eq(counters.waiting, 0u);
    cr_expect_str_eq(first.path, "/hooks/celld");
    cr_expect_str_eq(second.path, "/");
    cr_expect_str_eq(second.signature, "none");
    char wanted[128];
    (void)snprintf(wanted, sizeof(wanted), "sha256=%s",
                   digest_keyed("key", 3, first.body, strlen(first.body)).text);
    cr_expect_str_eq(first.signature, wanted);
    json_t *body = NULL;
    struct error err = {0};
    cr_assert_eq(json_read(first.body, strlen(first.body), "it", &body, &err), 0);
    cr_expect_eq(json_integer_value(json_object_get(body, "number")), 2);
    cr_expect_eq(strlen(json_text_or(json_object_get(body, "id"), "")), (size_t)DIGEST_SHORT);
    json_decref(body);
    office_close(&office);
    web_stop(a);
    web_stop(b);
}

Test(notices, are_tried_again)
{
    static struct office office;
    struct clerk clerk = {.status = 503, .refusals = 2};
    struct web *web = web_start(&(struct web_options){.handler = serve, .context = &clerk});
    add_sink(&office, 0, web_port(web), "/x");
    office_open(&office, 1);
    post(&office, 1);
    post(&office, 2);
    const struct notices_counters counters = run_until(&office, 2);
    cr_expect_eq(counters.sent, 2u);
    cr_expect_eq(atomic_load(&clerk.asked), 4u);
    cr_expect_not_null(strstr(clerk.body, "\"number\":2"), "%s", clerk.body);
    office_close(&office);
    web_stop(web);
}

Test(notices, are_given_up)
{
    static struct office office;
    struct clerk clerk = {.status = 500, .refusals = NOTICES_TRIES};
    struct web *web = web_start(&(struct web_options){.handler = serve, .context = &clerk});
    add_sink(&office, 0, web_port(web), "/x");
    office_open(&office, 1);
    post(&office, 1);
    post(&office, 2);
    const struct notices_counters counters = run_until(&office, 2);
    cr_expect_eq(counters.lost, 1u);
    cr_expect_eq(counters.sent, 1u);
    cr_expect_eq(atomic_load(&clerk.asked), NOTICES_TRIES + 1u);
    office_close(&office);
    web_stop(web);
}

static void say_nothing(struct raw_exchange *exchange)
{
    raw_wait(exchange);
}

Test(notices, do_not_pile_up)
{
    static struct office office;
    struct raw_server *server = raw_server_start(say_nothing, true);
    add_sink(&office, 0, raw_server_port(server), "/x");
    office_open(&office, 1);
    post(&office, 0);
    while (raw_server_count(server) == 0)
        (void)uv_run(&office.loop, UV_RUN_ONCE);
    for (int i = 1; i < NOTICES_WAITING_LIMIT + 5; i++)
        post(&office, i);
    notices_post(office.notices, NULL);
    const struct notices_counters counters = notices_counters(office.notices);
    cr_expect_eq(counters.waiting, (size_t)NOTICES_WAITING_LIMIT);
    cr_expect_eq(counters.lost, 5u);
    office_close(&office);
    raw_server_stop(server);
}

Test(notices, nobody_wants_them)
{
    static struct office office;
    office_open(&office, 0);
    post(&office, 1);
    cr_expect_eq(notices_counters(office.notices).waiting, 0u);
    office_close(&office);
}
