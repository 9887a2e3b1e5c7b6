#include "tests/daemon/http/probe.h"

#include <criterion/criterion.h>

#include <signal.h>
#include <stdio.h>
#include <string.h>

#if defined(__SANITIZE_ADDRESS__)
#include <sanitizer/lsan_interface.h>
#define LEAKS() __lsan_do_recoverable_leak_check()
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#include <sanitizer/lsan_interface.h>
#define LEAKS() __lsan_do_recoverable_leak_check()
#endif
#endif
#ifndef LEAKS
#define LEAKS() 0
#endif

#define DEADLINE_MS 20000

/* Ticks, so that uv_run() comes back after callbacks that ran before it went to sleep. */
#define TICK_MS 5

static void on_tick(uv_timer_t *timer)
{
    struct probe *probe = timer->data;
    if (uv_now(&probe->loop) > probe->deadline_ms)
        probe->is_late = true;
}

void probe_address(char address[static PROBE_ADDRESS_SIZE], unsigned port)
{
    (void)snprintf(address, PROBE_ADDRESS_SIZE, "http://127.0.0.1:%u", port);
}

static void arm(struct probe *probe)
{
    uv_update_time(&probe->loop);
    probe->deadline_ms = uv_now(&probe->loop) + DEADLINE_MS;
}

void probe_open(struct probe *probe, const struct client_options *options)
{
    (void)signal(SIGPIPE, SIG_IGN);
    memset(probe, 0, sizeof(*probe));
    probe->items = json_array();
    cr_assert_eq(uv_loop_init(&probe->loop), 0);
    cr_assert_eq(uv_timer_init(&probe->loop, &probe->tick), 0);
    probe->tick.data = probe;
    arm(probe);
    cr_assert_eq(uv_timer_start(&probe->tick, on_tick, TICK_MS, TICK_MS), 0);
    struct error err;
    cr_assert_eq(client_new(&probe->loop, options, &probe->client, &err), 0, "%s", err.detail);
}

void probe_open_port(struct probe *probe, unsigned port)
{
    char address[PROBE_ADDRESS_SIZE];
    probe_address(address, port);
    probe_open(probe, &(struct client_options){.base_url = address});
}

static void on_closed(void *context)
{
    struct probe *probe = context;
    probe->is_closed = true;
}

static void turn(struct probe *probe)
{
    cr_assert_not(probe->is_late, "nothing happened in time");
    (void)uv_run(&probe->loop, UV_RUN_ONCE);
}

void probe_close(struct probe *probe)
{
    arm(probe);
    client_close(probe->client, on_closed, probe);
    while (!probe->is_closed)
        turn(probe);
    uv_close((uv_handle_t *)&probe->tick, NULL);
    (void)uv_run(&probe->loop, UV_RUN_DEFAULT);
    cr_assert_eq(uv_loop_close(&probe->loop), 0, "handles are left");
    for (size_t i = 0; i < probe->count; i++)
        json_decref(probe->results[i].body);
    json_decref(probe->items);
    memset(probe, 0, sizeof(*probe));
    cr_assert_eq(LEAKS(), 0, "memory leaked");
}

static void on_done(void *context, uint64_t id, const struct client_result *result)
{
    struct probe *probe = context;
    cr_assert_lt(probe->count, PROBE_LIMIT);
    json_t *body = result->body == NULL ? NULL : json_deep_copy(result->body);
    probe->results[probe->count++] = (struct probe_result){.id = id,
                                                           .outcome = result->outcome,
                                                           .verdict = result->verdict,
                                                           .status = result->status,
                                                           .body = body,
                                                           .error = result->error};
}

static void on_dropped(void *context)
{
    struct probe *probe = context;
    probe->dropped++;
}

void probe_send(struct probe *probe, const struct client_request *request)
{
    struct client_request copy = *request;
    struct error err;
    if (copy.id == 0)
        copy.id = ++probe->last_id;
    copy.dropped = on_dropped;
    cr_assert_eq(client_send(probe->client, &copy, on_done, probe, &err), 0, "%s", err.detail);
}

void probe_run_until(struct probe *probe, size_t results)
{
    arm(probe);
    while (probe->count < results)
        turn(probe);
}

const struct probe_result *probe_request(struct probe *probe, const struct client_request *request)
{
    const size_t before = probe->count;
    probe_send(probe, request);
    cr_assert_eq(probe->count, before, "a callback ran inside client_send()");
    probe_run_until(probe, before + 1);
    return &probe->results[before];
}

const struct probe_result *probe_ask(struct probe *probe, enum http_method method, const char *path,
                                     const char *body)
{
    return probe_request(probe,
                         &(struct client_request){.method = method,
                                                  .path = path,
                                                  .body = body,
                                                  .body_length = body == NULL ? 0 : strlen(body)});
}

static void on_progress(void *context, uint64_t id, const struct listing_event *event)
{
    struct probe *probe = context;
    cr_assert_eq(id, probe->last_id);
    cr_assert_not(probe->is_ended);
    if (event->items != NULL) {
        json_t *copy = json_deep_copy(event->items);
        (void)json_array_extend(probe->items, copy);
        json_decref(copy);
    }
    switch (event->kind) {
    case LISTING_ITEMS:
        break;
    case LISTING_RESTART:
        probe->restarts++;
        probe->restart_error = event->error;
        (void)json_array_clear(probe->items);
        break;
    case LISTING_COMPLETE:
    case LISTING_INCOMPLETE:
        probe->is_ended = true;
        probe->end = *event;
        break;
    }
}

void probe_list(struct probe *probe, const struct listing_request *request)
{
    struct listing_request copy = *request;
    struct error err;
    copy.id = ++probe->last_id;
    copy.dropped = on_dropped;
    probe->is_ended = false;
    probe->restarts = 0;
    (void)json_array_clear(probe->items);
    cr_assert_eq(listing_start(probe->client, &copy, on_progress, probe, &err), 0, "%s",
                 err.detail);
    arm(probe);
    while (!probe->is_ended)
        turn(probe);
}
