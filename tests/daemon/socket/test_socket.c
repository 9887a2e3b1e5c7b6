#include "config/base/json.h"
#include "tests/daemon/socket/canned.h"
#include "tests/daemon/socket/wire.h"

#include <criterion/criterion.h>

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

TestSuite(socket, .timeout = 60);

static const struct {
    const char *method, *target;
    bool admin;
    const char *body;
    int status;
    const char *holds; /* a part of the body */
} requests[] = {
    {"GET", "/v1/status", false, NULL, 200, "\"condition\":\"held\""},
    {"GET", "/v1/status", true, NULL, 200, "\"condition\":\"held\""},
    {"HEAD", "/v1/status", false, NULL, 200, ""},
    {"GET", "/v1/cells/cart", false, NULL, 200, "\"objects\":["},
    {"GET", "/v1/cells/nobody", false, NULL, 404, "no cell \\\"nobody\\\""},
    {"GET", "/v1/cells/order/why", false, NULL, 200, "waits for fulfillment"},
    {"GET", "/v1/cells/order/why?target=production-eu", false, NULL, 200, "on production-eu"},
    {"GET", "/v1/cells/nobody/why", false, NULL, 404, "no cell"},
    {"GET", "/v1/plan", false, NULL, 200, "0123456789ab"},
    {"GET", "/v1/plan?ref=feature/x", false, NULL, 200, "0123456789ab"},
    {"GET", "/v1/plan?ref=nowhere", false, NULL, 404, "no revision"},
    {"GET", "/v1/plan?ref=--output", false, NULL, 400, "must be a branch"},
    {"GET", "/v1/plan?ref=a..b", false, NULL, 400, "must be a branch"},
    {"GET", "/v1/diff", false, NULL, 200, "cartservice-a-development"},
    {"GET", "/v1/diff?cell=order", false, NULL, 200, "\"objects\":[]"},
    {"GET", "/v1/render?cell=cart&target=development", false, NULL, 200, "ecommerce-cart"},
    {"GET", "/v1/gates", false, NULL, 200, "release-approval"},
    {"GET", "/v1/quarantine", false, NULL, 200, "checkoutservice"},
    {"GET", "/v1/version", false, NULL, 200, "\"api\":\"v1\""},
    {"GET", "/v1/events", false, NULL, 200, "\"newest\":0"},
    {"GET", "/v1/history", false, NULL, 200, "\"events\":[]"},
    {"GET", "/healthz", false, NULL, 200, "\"ok\":true"},
    {"GET", "/v1/readyz", false, NULL, 200, "\"ok\":true"},
    {"GET", "/metrics", false, NULL, 200, "celld_writes_total 14\n"},
    {"GET", "/v1/nothing", false, NULL, 404, "nothing at this path"},
    {"GET", "/v1/status/more", false, NULL, 404, ""},
    {"GET", "/v1", false, NULL, 404, ""},
    {"GET", "/v1/status?x=1", false, NULL, 400, "unknown parameter \\\"x\\\""},
    {"GET", "/v1/events?after=x", false, NULL, 400, "no number"},
    {"GET", "/v1/events?after=99999999999999999999", false, NULL, 400, "no number"},
    {"GET", "/v1/diff?cell=%00", false, NULL, 400, "malformed"},
    {"GET", "/v1/diff?cell=%zz", false, NULL, 400, "malformed"},
    /* Paths that try to be something else. */
    {"GET", "/v1/../v1/status", false, NULL, 400, ""},
    {"GET", "/v1/cells/..", false, NULL, 400, ""},
    {"GET", "/v1/cells/%2e%2e", false, NULL, 400, ""},
    {"GET", "/v1//status", false, NULL, 400, ""},
    {"GET", "/v1/status/", false, NULL, 400, ""},
    {"GET", "/v1/cells/a%2Fb", false, NULL, 400, ""},
    {"GET", "/v1/cells/a%00b", false, NULL, 400, ""},
    {"GET", "/v1/cells/a%0Ab", false, NULL, 400, ""},
    {"GET", "/v1/cells/%c0%af", false, NULL, 400, ""},
    {"GET", "/v1/cells/%ff", false, NULL, 400, ""},
    {"GET", "/v1/cells/a%2", false, NULL, 400, ""},
    {"GET", "/v1/%73tatus", false, NULL, 200, "condition"},
    {"GET", "/a/b/c/d/e/f/g/h", false, NULL, 400, ""},
    /* Methods. */
    {"POST", "/v1/status", false, NULL, 405, "POST is not for this path"},
    {"DELETE", "/v1/status", false, NULL, 405, ""},
    {"BREW", "/v1/status", false, NULL, 405, ""},
    {"GET", "/v1/commands/sync", true, NULL, 405, "it takes POST"},
    /* Acting. */
    {"POST", "/v1/commands/sync", false, "{}", 403, "admin socket"},
    {"POST", "/v1/commands/sync", true, "{}", 200, "it will be done"},
    {"POST", "/v1/commands/sync", true, NULL, 200, "it will be done"},
    {"POST", "/v1/commands/dance", true, "{}", 404, "no command"},
    {"POST", "/v1/commands/sync", true, "[]", 400, "JSON object"},
    {"POST", "/v1/commands/sync", true, "{", 400, "not valid JSON"},
    {"POST", "/v1/commands/sync", true, "{\"a\":1,\"a\":2}", 400, "duplicate"},
    {"POST", "/v1/commands/apply", true, "{\"hash\":\"old\"}", 409, "moved since"},
    {"POST", "/v1/commands/reload", true, "{}", 400, "celld.yaml:3:1"},
    {"GET", "/v1/status", false, "{}", 400, "no body"},
};

Test(socket, every_path_answers)
{
    struct canned canned;
    canned_init(&canned);
    cr_assert_eq(canned_start(&canned), 0, "%s", canned.error.detail);
    for (size_t i = 0; i < sizeof(requests) / sizeof(requests[0]); i++) {
        char *answer = wire_request(requests[i].admin ? canned.admin_path : canned.status_path,
                                    requests[i].method, requests[i].target, requests[i].body);
        cr_expect_eq(wire_status(answer), requests[i].status, "%s %s: %s", requests[i].method,
                     requests[i].target, answer);
        cr_expect_not_null(strstr(wire_body(answer), requests[i].holds), "%s %s: %s",
                           requests[i].method, requests[i].target, answer);
        if (strcmp(requests[i].method, "HEAD") == 0)
            cr_expect_str_empty(wire_body(answer));
        free(answer);
    }
    canned_stop(&canned);
    canned_fini(&canned);
}

Test(socket, commands_carry_their_operator_and_arguments)
{
    struct canned canned;
    canned_init(&canned);
    cr_assert_eq(canned_start(&canned), 0);
    free(wire_request(canned.admin_path, "POST", "/v1/commands/approve",
                      "{\"gate\":\"g\",\"cell\":\"cart\"}"));
    char wanted[64];
    (void)snprintf(wanted, sizeof(wanted), "alice (uid %u)", (unsigned)getuid());
    cr_assert_str_eq(canned.verb, "approve");
    cr_assert_str_eq(canned.arguments, "{\"cell\":\"cart\",\"gate\":\"g\"}");
    cr_assert_str_eq(canned.operator_name, wanted);
    canned_stop(&canned);
    canned_fini(&canned);
}

Test(socket, texts_of_a_repository_cannot_end_a_script_or_steer_a_terminal)
{
    struct canned canned;
    canned_init(&canned);
    cr_assert_eq(canned_start(&canned), 0);
    char *answer = wire_request(canned.status_path, "GET", "/v1/status", NULL);
    cr_assert_null(strstr(answer, "</script>"));
    cr_assert_not_null(strstr(answer, "<\\/script>"));
    cr_assert_null(strchr(wire_body(answer), '\033'));
    cr_assert_not_null(strstr(answer, "nosniff"));
    free(answer);
    canned_stop(&canned);
    canned_fini(&canned);
}

Test(socket, not_ready_says_why)
{
    struct canned canned;
    canned_init(&canned);
    canned.not_ready = true;
    cr_assert_eq(canned_start(&canned), 0);
    char *answer = wire_request(canned.status_path, "GET", "/readyz", NULL);
    cr_assert_eq(wire_status(answer), 503);
    cr_assert_not_null(strstr(answer, "no complete look"));
    free(answer);
    canned_stop(&canned);
    canned_fini(&canned);
}

Test(socket, one_connection_serves_many_requests)
{
    struct canned canned;
    canned_init(&canned);
    cr_assert_eq(canned_start(&canned), 0);
    const int fd = wire_connect(canned.status_path);
    /* Two at once, and then another one. */
    wire_text(fd, "GET /healthz HTTP/1.1\r\nHost: c\r\n\r\n"
                  "GET /v1/version HTTP/1.1\r\nHost: c\r\n\r\n");
    char *answer = wire_read_until(fd, "\"api\":\"v1\"}");
    cr_assert_not_null(strstr(answer, "\"ok\":true"), "%s", answer);
    cr_assert_not_null(strstr(answer, "\"api\""));
    free(answer);
    wire_text(fd, "GET /v1/plan HTTP/1.1\r\nHost: c\r\n\r\n");
    answer = wire_read_until(fd, "0123456789ab");
    cr_assert_eq(wire_status(answer), 200);
    free(answer);
    /* A client that closes its sending half still gets its answer. */
    wire_text(fd, "GET /v1/version HTTP/1.1\r\nHost: c\r\n\r\n");
    cr_assert_eq(shutdown(fd, SHUT_WR), 0);
    answer = wire_read_all(fd);
    cr_assert_not_null(strstr(answer, "\"api\""));
    free(answer);
    (void)close(fd);
    canned_stop(&canned);
    canned_fini(&canned);
}

Test(socket, the_status_is_written_once_for_many_readers)
{
    struct canned canned;
    canned_init(&canned);
    cr_assert_eq(canned_start(&canned), 0);
    for (int i = 0; i < 20; i++)
        free(wire_request(canned.status_path, "GET", "/v1/status", NULL));
    cr_assert_lt(canned.statuses, 20, "%zu", canned.statuses);
    canned_stop(&canned);
    canned_fini(&canned);
}

/* --- where the socket is ---------------------------------------------------------------------- */

static int start_at(struct canned *canned, const char *path)
{
    canned_init(canned);
    if (path != NULL)
        canned->options.status.path = path;
    const int result = canned_start(canned);
    canned_stop(canned);
    return result;
}

Test(socket, the_file_has_the_mode_and_goes_away)
{
    struct canned canned;
    struct stat about;
    canned_init(&canned);
    canned.options.admin.mode = 0600;
    cr_assert_eq(canned_start(&canned), 0);
    cr_assert_eq(stat(canned.status_path, &about), 0);
    cr_assert_eq(about.st_mode & 0777, 0660);
    cr_assert_eq(stat(canned.admin_path, &about), 0);
    cr_assert_eq(about.st_mode & 0777, 0600);
    canned_stop(&canned);
    cr_assert_neq(access(canned.status_path, F_OK), 0);
    cr_assert_neq(access(canned.admin_path, F_OK), 0);
    canned_fini(&canned);
}

Test(socket, a_leftover_socket_is_replaced_and_a_used_one_is_not)
{
    struct canned canned;
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    canned_init(&canned);
    memcpy(address.sun_path, canned.status_path, sizeof(address.sun_path));
    const int fd = socket(AF_UNIX, SOCK_STREAM, 0);
    cr_assert_eq(bind(fd, (const struct sockaddr *)&address, sizeof(address)), 0);
    cr_assert_eq(listen(fd, 1), 0);
    cr_assert_eq(canned_start(&canned), -EADDRINUSE);
    cr_assert_not_null(strstr(canned.error.detail, "another program listens"));
    canned_stop(&canned);
    (void)close(fd);
    canned.started = false;
    cr_assert_eq(canned_start(&canned), 0, "%s", canned.error.detail);
    canned_stop(&canned);
    canned_fini(&canned);
}

Test(socket, whatever_else_is_in_the_way_is_left_alone)
{
    struct canned canned;
    canned_init(&canned);
    const int fd = open(canned.status_path, O_WRONLY | O_CREAT, 0600);
    cr_assert_geq(fd, 0);
    (void)close(fd);
    cr_assert_eq(canned_start(&canned), -EEXIST);
    cr_assert_eq(access(canned.status_path, F_OK), 0);
    canned_stop(&canned);
    cr_assert_eq(unlink(canned.status_path), 0);
    cr_assert_eq(symlink("/etc/passwd", canned.status_path), 0);
    canned.started = false;
    cr_assert_eq(canned_start(&canned), -EEXIST);
    cr_assert_eq(access(canned.status_path, F_OK), 0);
    canned_stop(&canned);
    canned_fini(&canned);
}

Test(socket, paths_and_groups_that_cannot_be_are_said)
{
    struct canned canned;
    char path[200];
    memset(path, 'x', sizeof(path));
    path[0] = '/';
    path[120] = '\0';
    cr_assert_eq(start_at(&canned, path), -ENAMETOOLONG);
    cr_assert_not_null(strstr(canned.error.detail, "120 bytes"), "%s", canned.error.detail);
    canned_fini(&canned);
    cr_assert_eq(start_at(&canned, "/nonexistent/celld.sock"), -ENOENT);
    cr_assert_not_null(strstr(canned.error.detail, "/nonexistent/celld.sock"));
    canned_fini(&canned);
    canned_init(&canned);
    canned.options.status.group = "no-such-group-here";
    cr_assert_eq(canned_start(&canned), -ENOENT);
    cr_assert_not_null(strstr(canned.error.detail, "no group \"no-such-group-here\""));
    cr_assert_neq(access(canned.status_path, F_OK), 0, "nothing is left behind");
    canned_stop(&canned);
    canned_fini(&canned);
}

Test(socket, a_listening_socket_can_be_handed_over)
{
    struct canned canned;
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    canned_init(&canned);
    memcpy(address.sun_path, canned.status_path, sizeof(address.sun_path));
    const int fd = socket(AF_UNIX, SOCK_STREAM, 0);
    cr_assert_eq(bind(fd, (const struct sockaddr *)&address, sizeof(address)), 0);
    cr_assert_eq(listen(fd, 4), 0);
    canned.options.status.fd = fd;
    canned.options.status.path = NULL;
    cr_assert_eq(canned_start(&canned), 0, "%s", canned.error.detail);
    char *answer = wire_request(canned.status_path, "GET", "/healthz", NULL);
    cr_assert_eq(wire_status(answer), 200);
    free(answer);
    canned_stop(&canned);
    cr_assert_eq(access(canned.status_path, F_OK), 0, "its file is the service manager's");
    canned.options.status.fd = open("/dev/null", O_RDONLY);
    canned.started = false;
    cr_assert_eq(canned_start(&canned), -EINVAL);
    canned_stop(&canned);
    canned_fini(&canned);
}
