#include "tests/daemon/socket/canned.h"
#include "tests/daemon/socket/wire.h"

#include <criterion/criterion.h>

#include <arpa/inet.h>
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

TestSuite(scrape, .timeout = 60);

static void start(struct canned *canned)
{
    canned_init(canned);
    canned->options.scrape = "127.0.0.1:0";
    canned->options.idle_ms = 800;
    cr_assert_eq(canned_start(canned), 0, "%s", canned->error.detail);
    cr_assert_gt(socket_scrape_port(canned->server), 0);
}

static void stop(struct canned *canned)
{
    canned_stop(canned);
    canned_fini(canned);
}

static const struct {
    const char *method, *target;
    int status;
    const char *holds;
} requests[] = {
    {"GET", "/metrics", 200, "celld_writes_total 14\n"},
    {"GET", "/metrics", 200, "# EOF\n"},
    {"HEAD", "/metrics", 200, ""},
    {"GET", "/healthz", 200, "\"ok\":true"},
    {"GET", "/readyz", 200, "\"ok\":true"},
    {"GET", "/metrics?x=1", 400, "unknown parameter"},
    {"POST", "/metrics", 405, ""},
    {"GET", "/", 400, ""},
    {"GET", "/v1/metrics", 404, "/metrics"},
    {"GET", "/v1/status", 404, ""},
    {"GET", "/v1/version", 404, ""},
    {"GET", "/v1/events", 404, ""},
    {"GET", "/v1/render", 404, ""},
    {"POST", "/v1/commands/sync", 404, ""},
    {"GET", "/metrics/../v1/status", 400, ""},
};

Test(scrape, metrics_and_health_are_there_and_nothing_else)
{
    struct canned canned;
    start(&canned);
    for (size_t i = 0; i < sizeof(requests) / sizeof(requests[0]); i++) {
        char *answer = wire_request_port(socket_scrape_port(canned.server), requests[i].method,
                                         requests[i].target);
        cr_expect_eq(wire_status(answer), requests[i].status, "%s %s: %s", requests[i].method,
                     requests[i].target, answer);
        cr_expect_not_null(strstr(wire_body(answer), requests[i].holds), "%s: %s",
                           requests[i].target, answer);
        if (requests[i].status == 200 && strstr(requests[i].target, "/metrics") != NULL)
            cr_expect_not_null(strstr(answer, "application/openmetrics-text"), "%s", answer);
        free(answer);
    }
    cr_expect_str_empty(canned.verb);
    stop(&canned);
}

Test(scrape, not_ready_is_said)
{
    struct canned canned;
    start(&canned);
    canned.not_ready = true;
    char *answer = wire_request_port(socket_scrape_port(canned.server), "GET", "/readyz");
    cr_expect_eq(wire_status(answer), 503, "%s", answer);
    free(answer);
    stop(&canned);
}

/* More than may be served at once wait, and those that say nothing are ended for them. */
Test(scrape, idle_connections_do_not_lock_others_out)
{
    enum { COUNT = 12 };
    struct canned canned;
    int fds[COUNT];
    start(&canned);
    const unsigned port = socket_scrape_port(canned.server);
    for (int i = 0; i < COUNT; i++)
        fds[i] = wire_connect_port(port);
    char *answer = wire_request_port(port, "GET", "/healthz");
    cr_expect_eq(wire_status(answer), 200, "%s", answer);
    free(answer);
    for (int i = 0; i < COUNT; i++) {
        struct pollfd wait = {.fd = fds[i], .events = POLLRDHUP};
        cr_expect_eq(poll(&wait, 1, 20000), 1, "connection %d stays open", i);
        (void)close(fds[i]);
    }
    stop(&canned);
}

Test(scrape, a_body_is_refused)
{
    struct canned canned;
    start(&canned);
    const int fd = wire_connect_port(socket_scrape_port(canned.server));
    wire_text(fd, "GET /metrics HTTP/1.1\r\nHost: c\r\nConnection: close\r\n"
                  "Content-Length: 5\r\n\r\nhello");
    char *answer = wire_read_all(fd);
    cr_expect_eq(wire_status(answer), 413, "%s", answer);
    free(answer);
    (void)close(fd);
    stop(&canned);
}

static const char *const wrong[] = {
    "",
    "9464",
    "localhost:9464",
    "127.0.0.1",
    "127.0.0.1:",
    "127.0.0.1:65536",
    "127.0.0.1:-1",
    "::1:9464",
    "[::1]",
    "[127.0.0.1]:9464",
    "[::1:9464",
    "1.2.3:80",
    ":9464",
    "127.0.0.1:+1",
    "[]:1",
};

Test(scrape, what_is_no_address_is_refused)
{
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        struct canned canned;
        canned_init(&canned);
        canned.options.scrape = wrong[i];
        cr_expect_lt(canned_start(&canned), 0, "%s", wrong[i]);
        cr_expect_not_null(strstr(canned.error.detail, "127.0.0.1:9464"), "%s: %s", wrong[i],
                           canned.error.detail);
        stop(&canned);
    }
}

Test(scrape, a_port_that_is_taken_is_said)
{
    struct canned first, second;
    char address[32];
    start(&first);
    canned_init(&second);
    (void)snprintf(address, sizeof(address), "127.0.0.1:%u", socket_scrape_port(first.server));
    second.options.scrape = address;
    cr_expect_eq(canned_start(&second), -EADDRINUSE);
    cr_expect_not_null(strstr(second.error.detail, address), "%s", second.error.detail);
    stop(&second);
    stop(&first);
}
