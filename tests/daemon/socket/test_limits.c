#include "tests/daemon/socket/canned.h"
#include "tests/daemon/socket/wire.h"

#include <criterion/criterion.h>

#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

TestSuite(socket_limits, .timeout = 60);

Test(socket_limits, large_requests_are_refused)
{
    struct canned canned;
    canned_init(&canned);
    canned.options.body_bytes = 1000;
    cr_assert_eq(canned_start(&canned), 0);
    char *big = malloc(100001);
    memset(big, 'x', 100000);
    big[100000] = '\0';
    char *answer = wire_request(canned.admin_path, "POST", "/v1/commands/sync", big);
    cr_expect_eq(wire_status(answer), 413, "%s", answer);
    free(answer);
    /* A body that does not say how long it is. */
    int fd = wire_connect(canned.admin_path);
    wire_text(fd, "POST /v1/commands/sync HTTP/1.1\r\nHost: c\r\nConnection: close\r\n"
                  "Transfer-Encoding: chunked\r\n\r\n");
    for (int i = 0; i < 4; i++) {
        wire_text(fd, "200\r\n");
        wire_send(fd, big, 512);
        wire_text(fd, "\r\n");
    }
    wire_text(fd, "0\r\n\r\n");
    answer = wire_read_all(fd);
    cr_expect_eq(wire_status(answer), 413, "%s", answer);
    free(answer);
    (void)close(fd);
    /* A header and a line that fit nowhere. */
    static const char *const starts[] = {"GET /v1/status HTTP/1.1\r\nHost: c\r\nX-Big: ", "GET /"};
    for (size_t i = 0; i < 2; i++) {
        fd = wire_connect(canned.status_path);
        wire_text(fd, starts[i]);
        wire_send(fd, big, 60000);
        wire_text(fd, "\r\n\r\n");
        answer = wire_read_all(fd);
        const int status = wire_status(answer);
        cr_expect(status == 431 || status == 414 || status == 413, "%d", status);
        free(answer);
        (void)close(fd);
    }
    free(big);
    answer = wire_request(canned.status_path, "GET", "/healthz", NULL);
    cr_expect_eq(wire_status(answer), 200);
    free(answer);
    canned_stop(&canned);
    canned_fini(&canned);
}

/* Reads nothing of a large answer: others are served, and it is cut in the end. */
Test(socket_limits, a_reader_that_does_not_read_stops_nobody)
{
    struct canned canned;
    canned_init(&canned);
    canned.padding = (size_t)10 << 20;
    canned.options.drain_ms = 700;
    cr_assert_eq(canned_start(&canned), 0);
    const int lazy = wire_connect(canned.status_path);
    wire_text(lazy, "GET /v1/status HTTP/1.1\r\nHost: c\r\n\r\n");
    char *answer = wire_request(canned.status_path, "GET", "/v1/status", NULL);
    cr_assert_eq(wire_status(answer), 200);
    cr_assert_gt(strlen(answer), canned.padding);
    free(answer);
    struct pollfd wait = {.fd = lazy, .events = POLLRDHUP};
    cr_assert_eq(poll(&wait, 1, 20000), 1, "it was not cut");
    answer = wire_read_all(lazy);
    cr_assert_lt(strlen(answer), canned.padding);
    free(answer);
    (void)close(lazy);
    canned_stop(&canned);
    canned_fini(&canned);
}

Test(socket_limits, connections_that_say_nothing_or_little_are_ended)
{
    struct canned canned;
    canned_init(&canned);
    canned.options.idle_ms = 600;
    cr_assert_eq(canned_start(&canned), 0);
    static const char *const beginnings[] = {
        "", "GET /v1/st",
        "POST /v1/commands/sync HTTP/1.1\r\nHost: c\r\nContent-Length: 9\r\n\r\n{"};
    int fds[3];
    for (size_t i = 0; i < 3; i++) {
        fds[i] = wire_connect(canned.admin_path);
        wire_text(fds[i], beginnings[i]);
    }
    for (size_t i = 0; i < 3; i++) {
        struct pollfd wait = {.fd = fds[i], .events = POLLRDHUP};
        cr_expect_eq(poll(&wait, 1, 20000), 1, "connection %zu stays open", i);
        (void)close(fds[i]);
    }
    canned_stop(&canned);
    canned_fini(&canned);
}

Test(socket_limits, more_connections_than_allowed_wait_for_their_turn)
{
    enum { COUNT = 12 };
    struct canned canned;
    canned_init(&canned);
    canned.options.connections = 4;
    cr_assert_eq(canned_start(&canned), 0);
    int fds[COUNT];
    for (int i = 0; i < COUNT; i++) {
        fds[i] = wire_connect(canned.status_path);
        wire_text(fds[i], "GET /healthz HTTP/1.1\r\nHost: c\r\n\r\n");
    }
    for (int i = 0; i < COUNT; i++) {
        char *answer = wire_read_until(fds[i], "true}");
        cr_expect_eq(wire_status(answer), 200, "connection %d", i);
        free(answer);
        (void)close(fds[i]);
    }
    canned_stop(&canned);
    canned_fini(&canned);
}

Test(socket_limits, without_descriptors_connections_are_ended_and_it_goes_on)
{
    struct canned canned;
    canned_init(&canned);
    cr_assert_eq(canned_start(&canned), 0);
    char *answer = wire_request(canned.status_path, "GET", "/healthz", NULL);
    free(answer);
    const int client = socket(AF_UNIX, SOCK_STREAM, 0);
    struct rlimit before;
    cr_assert_eq(getrlimit(RLIMIT_NOFILE, &before), 0);
    const struct rlimit tight = {.rlim_cur = 64, .rlim_max = before.rlim_max};
    cr_assert_eq(setrlimit(RLIMIT_NOFILE, &tight), 0);
    /* Again, since the server closes the connection above when it likes. */
    for (int i = 0; i < 10; i++) {
        while (dup(client) >= 0)
            continue;
        (void)usleep(20000);
    }
    struct sockaddr_un {
        sa_family_t family;
        char path[108];
    } address = {.family = AF_UNIX};
    memcpy(address.path, canned.status_path, sizeof(address.path));
    cr_assert_eq(connect(client, (const struct sockaddr *)&address, sizeof(address)), 0);
    struct pollfd wait = {.fd = client, .events = POLLRDHUP};
    cr_expect_eq(poll(&wait, 1, 20000), 1, "the connection was not ended");
    cr_assert_eq(setrlimit(RLIMIT_NOFILE, &before), 0);
    answer = wire_request(canned.status_path, "GET", "/healthz", NULL);
    cr_expect_eq(wire_status(answer), 200);
    free(answer);
    canned_stop(&canned);
    canned_fini(&canned);
}

/* A descriptor that a peer sends along must not stay open in the daemon. */
Test(socket_limits, descriptors_that_are_sent_are_not_kept)
{
    struct canned canned;
    canned_init(&canned);
    cr_assert_eq(canned_start(&canned), 0);
    int ends[2];
    cr_assert_eq(pipe(ends), 0);
    const int fd = wire_connect(canned.status_path);
    char request[] = "GET /healthz HTTP/1.1\r\nHost: c\r\n\r\n";
    struct iovec part = {.iov_base = request, .iov_len = sizeof(request) - 1};
    union {
        char bytes[CMSG_SPACE(sizeof(int))];
        struct cmsghdr align;
    } control;
    struct msghdr message = {.msg_iov = &part,
                             .msg_iovlen = 1,
                             .msg_control = control.bytes,
                             .msg_controllen = sizeof(control.bytes)};
    struct cmsghdr *header = CMSG_FIRSTHDR(&message);
    header->cmsg_level = SOL_SOCKET;
    header->cmsg_type = SCM_RIGHTS;
    header->cmsg_len = CMSG_LEN(sizeof(int));
    memcpy(CMSG_DATA(header), &ends[1], sizeof(int));
    cr_assert_gt(sendmsg(fd, &message, 0), 0);
    (void)close(ends[1]);
    char *answer = wire_read_until(fd, "true}");
    cr_expect_eq(wire_status(answer), 200);
    free(answer);
    /* Nobody holds the writing end: its reader sees the end. */
    struct pollfd wait = {.fd = ends[0], .events = POLLIN};
    cr_expect_eq(poll(&wait, 1, 20000), 1);
    cr_expect((wait.revents & POLLHUP) != 0);
    (void)close(ends[0]);
    (void)close(fd);
    canned_stop(&canned);
    canned_fini(&canned);
}

Test(socket_limits, a_backend_that_does_not_answer_is_said)
{
    struct canned canned;
    canned_init(&canned);
    canned.silent = true;
    canned.options.reply_ms = 300;
    cr_assert_eq(canned_start(&canned), 0);
    char *answer = wire_request(canned.admin_path, "POST", "/v1/commands/sync", "{}");
    cr_assert_eq(wire_status(answer), 504);
    cr_assert_not_null(strstr(answer, "did not answer in time"));
    free(answer);
    canned_stop(&canned);
    canned_fini(&canned);
}

static const char *const malformed[] = {
    "GET /v1/status HTTP/1.1\r\n\r\n",            /* no host */
    "GET /v1/status HTTP/9.9\r\nHost: c\r\n\r\n", /* version */
    "GET\r\n\r\n",
    "\x16\x03\x01\x02\r\n\r\n",
    "POST /v1/commands/sync HTTP/1.1\r\nHost: c\r\nContent-Length: -1\r\n\r\n",
    "POST /v1/commands/sync HTTP/1.1\r\nHost: c\r\nContent-Length: 99999999999999999999\r\n\r\n",
};

Test(socket_limits, malformed_requests_get_no_success)
{
    struct canned canned;
    canned_init(&canned);
    canned.options.idle_ms = 500;
    cr_assert_eq(canned_start(&canned), 0);
    for (size_t i = 0; i < sizeof(malformed) / sizeof(malformed[0]); i++) {
        const int fd = wire_connect(canned.admin_path);
        wire_text(fd, malformed[i]);
        char *answer = wire_read_all(fd);
        const int status = wire_status(answer);
        cr_expect(status == 0 || status >= 400, "request %zu: %d", i, status);
        free(answer);
        (void)close(fd);
    }
    cr_expect_str_empty(canned.verb);
    canned_stop(&canned);
    canned_fini(&canned);
}
