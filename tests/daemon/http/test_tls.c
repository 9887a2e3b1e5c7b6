/* TLS fails closed: whom celld does not know, it tells nothing. */
#include "tests/daemon/http/certificates.h"
#include "tests/daemon/http/probe.h"
#include "tests/daemon/http/raw_server.h"
#include "tests/daemon/http/web.h"

#include <criterion/criterion.h>

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void answer(void *context, const struct web_request *request, struct web_reply *reply)
{
    (void)context;
    (void)request;
    text_add(&reply->body, "{}");
}

struct files {
    char directory[64], ca[96];
};

static void write_file(const char *path, const char *text)
{
    const int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    cr_assert_geq(fd, 0);
    cr_assert_eq(write(fd, text, strlen(text)), (ssize_t)strlen(text));
    (void)close(fd);
}

static void files_make(struct files *files)
{
    (void)snprintf(files->directory, sizeof(files->directory), "/tmp/celld-tls-XXXXXX");
    cr_assert_not_null(mkdtemp(files->directory));
    (void)snprintf(files->ca, sizeof(files->ca), "%s/ca.pem", files->directory);
}

static void files_remove(struct files *files)
{
    (void)unlink(files->ca);
    cr_expect_eq(rmdir(files->directory), 0);
}

/* One POST to the server; the CA file holds `authority`, NULL = the system's authorities. */
static void ask(struct probe *probe, struct files *files, const char *authority, unsigned port)
{
    char address[PROBE_ADDRESS_SIZE];
    (void)snprintf(address, sizeof(address), "https://127.0.0.1:%u", port);
    if (authority != NULL)
        write_file(files->ca, authority);
    probe_open(probe, &(struct client_options){.base_url = address,
                                               .ca_file = authority == NULL ? NULL : files->ca});
    (void)probe_ask(probe, HTTP_POST, "/api/a", "{\"secret\":1}");
}

static void check(const char *name, const struct web_options *options, const char *authority,
                  enum error_kind kind, const char *text)
{
    struct files files;
    struct probe probe;
    files_make(&files);
    struct web_options serving = *options;
    serving.handler = answer;
    struct web *web = web_start(&serving);
    ask(&probe, &files, authority, web_port(web));
    const struct probe_result *result = &probe.results[0];
    cr_expect_eq(result->error.kind, kind, "%s: %s", name, result->error.detail);
    cr_expect_not_null(strstr(result->error.detail, text), "%s: %s", name, result->error.detail);
    cr_expect_eq(result->outcome, kind == ERROR_NONE ? CLIENT_ANSWERED : CLIENT_NOT_SENT, "%s",
                 name);
    cr_expect_eq(web_count(web), kind == ERROR_NONE ? 1 : 0, "%s", name);
    probe_close(&probe);
    web_stop(web);
    files_remove(&files);
}

Test(tls, whom_nobody_vouches_for_gets_nothing)
{
    struct certificates c;
    certificates_make(&c);
    const struct web_options good = {.certificate = c.good.certificate, .key = c.good.key};
    const struct web_options expired = {.certificate = c.expired.certificate, .key = c.expired.key};
    const struct web_options early = {.certificate = c.early.certificate, .key = c.early.key};
    const struct web_options other = {.certificate = c.other_name.certificate,
                                      .key = c.other_name.key};
    struct web_options old = good;
    old.priorities = "NORMAL:-VERS-ALL:+VERS-TLS1.1:+VERS-TLS1.0:%COMPAT";
    struct web_options tls12 = good;
    tls12.priorities = "NORMAL:-VERS-ALL:+VERS-TLS1.2";
    const struct web_options plain = {.certificate = NULL};
    check("good", &good, c.authority, ERROR_NONE, "");
    check("TLS 1.2", &tls12, c.authority, ERROR_NONE, "");
    check("expired", &expired, c.authority, ERROR_DENIED, "certificate has expired");
    check("not yet valid", &early, c.authority, ERROR_DENIED, "certificate is not yet valid");
    check("other host", &other, c.authority, ERROR_DENIED, "127.0.0.1");
    check("unknown authority", &good, c.stranger, ERROR_DENIED, "unable to get local issuer");
    check("system's authorities", &good, NULL, ERROR_DENIED, "unable to get local issuer");
    check("TLS 1.1", &old, c.authority, ERROR_UNAVAILABLE, "no connection");
    check("no TLS", &plain, c.authority, ERROR_UNAVAILABLE, "no connection");
    certificates_free(&c);
}

Test(tls, a_file_without_certificates_is_no_authority)
{
    struct certificates c;
    certificates_make(&c);
    const struct web_options good = {.certificate = c.good.certificate, .key = c.good.key};
    check("garbage", &good, "not PEM\n", ERROR_INVALID, "no connection");
    certificates_free(&c);
}

static void stall(struct raw_exchange *exchange)
{
    raw_wait(exchange);
}

Test(tls, a_handshake_that_stalls_ends_and_nothing_was_sent)
{
    struct raw_server *server = raw_server_start(stall, false);
    struct probe probe;
    char address[PROBE_ADDRESS_SIZE];
    (void)snprintf(address, sizeof(address), "https://127.0.0.1:%u", raw_server_port(server));
    probe_open(&probe,
               &(struct client_options){.base_url = address, .connect_timeout = DURATION_MS(200)});
    const struct probe_result *result = probe_ask(&probe, HTTP_POST, "/a", "{}");
    cr_expect_eq(result->error.kind, ERROR_TIMEOUT);
    cr_expect_eq(result->outcome, CLIENT_NOT_SENT);
    probe_close(&probe);
    raw_server_stop(server);
}
