#include "tests/daemon/socket/canned.h"
#include "tests/daemon/socket/wire.h"

#include <criterion/criterion.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

TestSuite(socket_stream, .timeout = 60);

static int follow(const struct canned *canned, const char *query, const char *header)
{
    char request[512];
    const int fd = wire_connect(canned->status_path);
    (void)snprintf(request, sizeof(request),
                   "GET /v1/events%s HTTP/1.1\r\nHost: c\r\nAccept: text/event-stream\r\n%s\r\n",
                   query, header);
    wire_text(fd, request);
    return fd;
}

static void expect_stream(int fd, const char *until, const char *first, const char *missing)
{
    char *bytes = wire_read_until(fd, until);
    cr_expect_eq(wire_status(bytes), 200, "%s", bytes);
    cr_expect_not_null(strstr(bytes, "text/event-stream"));
    cr_expect_not_null(strstr(bytes, until), "%s", bytes);
    cr_expect_not_null(strstr(bytes, first), "%s", bytes);
    if (missing != NULL)
        cr_expect_null(strstr(bytes, missing), "%s", bytes);
    free(bytes);
    (void)close(fd);
}

Test(socket_stream, goes_on_where_the_client_was)
{
    struct canned canned;
    canned_init(&canned);
    cr_assert_eq(canned_start(&canned), 0);
    canned_publish(&canned, 5);
    expect_stream(follow(&canned, "?after=2", ""), "\"event 5\"", "id: 3\n", "id: 2\n");
    expect_stream(follow(&canned, "", "Last-Event-ID: 3\r\n"), "\"event 5\"", "id: 4\n", "id: 3\n");
    expect_stream(follow(&canned, "?last=1", ""), "\"event 5\"", "event: rollout-started\n",
                  "id: 4\n");
    expect_stream(follow(&canned, "?after=0", ""), "\"event 5\"", "id: 1\n", "gap");
    canned_stop(&canned);
    canned_fini(&canned);
}

Test(socket_stream, brings_what_happens_while_it_is_open)
{
    struct canned canned;
    canned_init(&canned);
    cr_assert_eq(canned_start(&canned), 0);
    canned_publish(&canned, 3);
    const int fd = follow(&canned, "", "");
    char *bytes = wire_read_until(fd, "retry:");
    free(bytes);
    canned_publish(&canned, 4);
    bytes = wire_read_until(fd, "\"event 4\"");
    cr_assert_not_null(strstr(bytes, "id: 4\n"), "%s", bytes);
    cr_assert_null(strstr(bytes, "id: 3\n"), "%s", bytes);
    free(bytes);
    canned_publish(&canned, 300);
    bytes = wire_read_until(fd, "\"event 300\"");
    cr_assert_not_null(strstr(bytes, "id: 5\n"));
    cr_assert_not_null(strstr(bytes, "id: 300\n"));
    free(bytes);
    (void)close(fd);
    canned_stop(&canned);
    canned_fini(&canned);
}

Test(socket_stream, tells_of_what_is_not_kept)
{
    struct canned canned;
    canned_init(&canned);
    canned.options.events_kept = 10;
    cr_assert_eq(canned_start(&canned), 0);
    canned_publish(&canned, 50);
    expect_stream(follow(&canned, "?after=5", ""), "\"event 50\"", "event: gap\n", "id: 40\n");
    expect_stream(follow(&canned, "?after=900", ""), "\"event 50\"", "unknown sequence", NULL);
    char *page = wire_request(canned.status_path, "GET", "/v1/events?after=48&limit=1", NULL);
    cr_expect_not_null(strstr(page, "\"next\":49,\"oldest\":41,\"newest\":50"), "%s", page);
    free(page);
    page = wire_request(canned.status_path, "GET", "/v1/history?cell=cart&limit=2&before=50", NULL);
    cr_expect_not_null(strstr(page, "event 48"), "%s", page);
    cr_expect_not_null(strstr(page, "event 49"));
    cr_expect_null(strstr(page, "event 47"));
    free(page);
    page = wire_request(canned.status_path, "GET", "/v1/history?cell=order", NULL);
    cr_expect_not_null(strstr(page, "\"events\":[]"));
    free(page);
    canned_stop(&canned);
    canned_fini(&canned);
}

Test(socket_stream, a_silent_stream_beats)
{
    struct canned canned;
    canned_init(&canned);
    canned.options.heartbeat_ms = 200;
    cr_assert_eq(canned_start(&canned), 0);
    const int fd = follow(&canned, "", "");
    char *bytes = wire_read_until(fd, ":\n\n");
    cr_assert_not_null(strstr(bytes, ":\n\n"));
    free(bytes);
    (void)close(fd);
    canned_stop(&canned);
    canned_fini(&canned);
}

Test(socket_stream, there_is_a_limit)
{
    struct canned canned;
    canned_init(&canned);
    canned.options.streams = 2;
    canned.options.heartbeat_ms = 200;
    cr_assert_eq(canned_start(&canned), 0);
    int streams[2];
    for (int i = 0; i < 2; i++) {
        streams[i] = follow(&canned, "", "");
        free(wire_read_until(streams[i], "retry:"));
    }
    int third = follow(&canned, "", "");
    char *bytes = wire_read_until(third, "limit");
    cr_assert_eq(wire_status(bytes), 503);
    free(bytes);
    (void)close(third);
    /* One that leaves makes room: noticed at the next beat. */
    (void)close(streams[0]);
    int status = 0;
    for (int attempt = 0; attempt < 100 && status != 200; attempt++) {
        third = follow(&canned, "", "");
        bytes = wire_read_until(third, "\r\n\r\n");
        status = wire_status(bytes);
        free(bytes);
        (void)close(third);
        (void)usleep(50000);
    }
    cr_assert_eq(status, 200);
    (void)close(streams[1]);
    canned_stop(&canned);
    canned_fini(&canned);
}

Test(socket_stream, stopping_ends_streams_and_waiting_commands)
{
    struct canned canned;
    canned_init(&canned);
    canned.silent = true;
    cr_assert_eq(canned_start(&canned), 0);
    const int stream = follow(&canned, "", "");
    free(wire_read_until(stream, "retry:"));
    const int waiting = wire_connect(canned.admin_path);
    wire_text(waiting, "POST /v1/commands/sync HTTP/1.1\r\nHost: c\r\nContent-Length: 2\r\n\r\n{}");
    const int idle = wire_connect(canned.status_path);
    for (int i = 0; i < 200 && canned.verb[0] == '\0'; i++)
        (void)usleep(20000);
    cr_assert_str_eq(canned.verb, "sync");
    canned_stop(&canned);
    char *bytes = wire_read_all(stream);
    cr_assert_not_null(strstr(bytes, "0\r\n\r\n"), "the stream ends properly: %s", bytes);
    free(bytes);
    bytes = wire_read_all(waiting);
    cr_assert_eq(wire_status(bytes), 503, "%s", bytes);
    cr_assert_not_null(strstr(bytes, "stopping"));
    free(bytes);
    bytes = wire_read_all(idle);
    cr_assert_str_empty(bytes);
    free(bytes);
    (void)close(stream);
    (void)close(waiting);
    (void)close(idle);
    canned_fini(&canned);
}
