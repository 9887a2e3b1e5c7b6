/* Tokens from end to end: one server is the control plane and its issuer at once. */
#include "tests/daemon/http/probe.h"
#include "tests/daemon/http/raw_server.h"
#include "tests/daemon/http/web.h"

#include <criterion/criterion.h>

#include <fcntl.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define SECRET "s3cr3t/with+signs"
#define SECRET_ENCODED "s3cr3t%2Fwith%2Bsigns"

struct house {
    struct web *web;
    char issuer[128];        /* what the control plane names; "" = this server */
    char endpoint[128];      /* what the issuer names; "" = this server */
    const char *grant;       /* instead of a token; NULL = a token */
    atomic_int grant_status; /* 0 = 200 */
    atomic_int expires_in;   /* 0 = 3600 */
    atomic_bool is_open;     /* no token wanted */
    atomic_bool refuses_all; /* 401 whatever comes */
    atomic_uint valid;       /* number of the token that is accepted; 0 = the last one */
    atomic_uint resources, configurations, grants, requests, refusals;
    char directory[64], file[96];
};

static atomic_llong virtual_ms;

static struct instant virtual_clock(void)
{
    const int64_t ms = atomic_load(&virtual_ms);
    return (struct instant){.mono = {.ms = 1000000 + ms},
                            .wall = {.ms = INT64_C(1795348800000) + ms}};
}

static void give_resource(struct house *house, struct web_reply *reply)
{
    (void)atomic_fetch_add(&house->resources, 1);
    if (house->issuer[0] != '\0')
        text_format(&reply->body, "{\"authorization_servers\":[\"%s\"]}", house->issuer);
    else
        text_format(&reply->body,
                    "{\"authorization_servers\":[\"http://127.0.0.1:%u/idp\"],"
                    "\"openchoreo_security_enabled\":%s}",
                    web_port(house->web), atomic_load(&house->is_open) ? "false" : "true");
}

static void give_configuration(struct house *house, struct web_reply *reply)
{
    (void)atomic_fetch_add(&house->configurations, 1);
    if (house->endpoint[0] != '\0')
        text_format(&reply->body, "{\"token_endpoint\":\"%s\"}", house->endpoint);
    else
        text_format(&reply->body, "{\"token_endpoint\":\"http://127.0.0.1:%u/idp/token\"}",
                    web_port(house->web));
}

static void give_grant(struct house *house, const struct web_request *request,
                       struct web_reply *reply)
{
    const unsigned number = atomic_fetch_add(&house->grants, 1) + 1;
    const int status = atomic_load(&house->grant_status);
    const int expires_in = atomic_load(&house->expires_in);
    if (status != 0)
        reply->status = status;
    if (house->grant != NULL) {
        for (const char *c = house->grant; *c != '\0'; c++)
            text_format(&reply->body, *c == '@' ? SECRET "%.0s" : "%.1s", c);
        return;
    }
    if (strcmp(request->body,
               "grant_type=client_credentials&client_id=celld&client_secret=" SECRET_ENCODED
               "&scope=api") != 0 ||
        request->authorization != NULL ||
        strcmp(request->content_type, "application/x-www-form-urlencoded") != 0) {
        reply->status = 400;
        text_add(&reply->body, "{\"error\":\"invalid_request\"}");
        return;
    }
    text_format(&reply->body,
                "{\"access_token\":\"token-%u\",\"token_type\":\"Bearer\",\"expires_in\":%d}",
                number, expires_in == 0 ? 3600 : expires_in);
}

static void give_object(struct house *house, const struct web_request *request,
                        struct web_reply *reply)
{
    (void)atomic_fetch_add(&house->requests, 1);
    const unsigned valid = atomic_load(&house->valid);
    char wanted[64];
    (void)snprintf(wanted, sizeof(wanted), "Bearer token-%u",
                   valid == 0 ? atomic_load(&house->grants) : valid);
    const char *got = request->authorization == NULL ? "" : request->authorization;
    if (!atomic_load(&house->is_open) &&
        (atomic_load(&house->refuses_all) || strcmp(got, wanted) != 0)) {
        (void)atomic_fetch_add(&house->refusals, 1);
        reply->status = 401;
        text_format(&reply->body, "{\"error\":\"INVALID_TOKEN\",\"message\":\"not %s\"}", got);
        return;
    }
    text_format(&reply->body, "{\"authorization\":\"%s\",\"body\":\"%zu\"}", got,
                strlen(request->body));
}

static void serve(void *context, const struct web_request *request, struct web_reply *reply)
{
    struct house *house = context;
    if (strcmp(request->path, "/.well-known/oauth-protected-resource") == 0)
        give_resource(house, reply);
    else if (strcmp(request->path, "/idp/.well-known/openid-configuration") == 0)
        give_configuration(house, reply);
    else if (strcmp(request->path, "/idp/token") == 0)
        give_grant(house, request, reply);
    else
        give_object(house, request, reply);
}

static void write_credential(const struct house *house, const char *text, mode_t mode)
{
    (void)unlink(house->file);
    const int fd = open(house->file, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    cr_assert_geq(fd, 0);
    cr_assert_eq(write(fd, text, strlen(text)), (ssize_t)strlen(text));
    cr_assert_eq(fchmod(fd, mode), 0);
    (void)close(fd);
}

enum given { GIVEN_NOTHING, GIVEN_ISSUER, GIVEN_ENDPOINT };

static void house_open_given(struct house *house, struct probe *probe, enum token_kind kind,
                             enum given given)
{
    char issuer[PROBE_ADDRESS_SIZE + 16], endpoint[PROBE_ADDRESS_SIZE + 16];
    (void)snprintf(house->directory, sizeof(house->directory), "/tmp/celld-login-XXXXXX");
    cr_assert_not_null(mkdtemp(house->directory));
    (void)snprintf(house->file, sizeof(house->file), "%s/credential", house->directory);
    write_credential(house, kind == TOKEN_FILE ? "token-1\n" : SECRET "\n", 0400);
    house->web = web_start(&(struct web_options){.handler = serve, .context = house});
    char address[PROBE_ADDRESS_SIZE];
    probe_address(address, web_port(house->web));
    (void)snprintf(issuer, sizeof(issuer), "%s/idp/", address);
    (void)snprintf(endpoint, sizeof(endpoint), "%s/idp/token", address);
    atomic_store(&virtual_ms, 0);
    probe_open(probe, &(struct client_options){
                          .base_url = address,
                          .clock = virtual_clock,
                          .token = {.kind = kind,
                                    .token_file = house->file,
                                    .client_id = "celld",
                                    .client_secret_file = house->file,
                                    .scope = "api",
                                    .issuer = given == GIVEN_ISSUER ? issuer : NULL,
                                    .endpoint = given == GIVEN_ENDPOINT ? endpoint : NULL}});
}

static void house_open(struct house *house, struct probe *probe, enum token_kind kind)
{
    house_open_given(house, probe, kind, GIVEN_NOTHING);
}

static void house_close(struct house *house, struct probe *probe)
{
    for (size_t i = 0; i < probe->count; i++) {
        cr_expect_null(strstr(probe->results[i].error.detail, "s3cr3t"), "%s",
                       probe->results[i].error.detail);
        cr_expect_null(strstr(probe->results[i].error.detail, "token-"), "%s",
                       probe->results[i].error.detail);
    }
    probe_close(probe);
    web_stop(house->web);
    (void)unlink(house->file);
    cr_expect_eq(rmdir(house->directory), 0);
}

static void expect_done(const struct probe_result *result, const char *authorization)
{
    cr_assert_eq(result->verdict, VERDICT_DONE, "%s", result->error.detail);
    cr_expect_str_eq(json_string_value(json_object_get(result->body, "authorization")),
                     authorization);
}

Test(authority, one_discovery_and_one_grant_serve_all)
{
    struct house house = {.issuer = ""};
    struct probe probe;
    house_open(&house, &probe, TOKEN_CLIENT_CREDENTIALS);
    for (int i = 0; i < 20; i++)
        probe_send(&probe, &(struct client_request){.path = "/api/a"});
    probe_run_until(&probe, 20);
    for (size_t i = 0; i < 20; i++)
        expect_done(&probe.results[i], "Bearer token-1");
    cr_expect_eq(atomic_load(&house.resources), 1);
    cr_expect_eq(atomic_load(&house.configurations), 1);
    cr_expect_eq(atomic_load(&house.grants), 1);
    house_close(&house, &probe);
}

/* What the settings name is not asked for, also not after a failure. */
Test(authority, a_given_issuer_or_endpoint_is_used_as_it_is)
{
    static const enum given givens[] = {GIVEN_ISSUER, GIVEN_ENDPOINT};
    for (size_t i = 0; i < sizeof(givens) / sizeof(givens[0]); i++) {
        struct house house = {.issuer = "http://127.0.0.1:1/nobody"};
        struct probe probe;
        house_open_given(&house, &probe, TOKEN_CLIENT_CREDENTIALS, givens[i]);
        expect_done(probe_ask(&probe, HTTP_GET, "/a", NULL), "Bearer token-1");
        const unsigned asked = givens[i] == GIVEN_ISSUER ? 1 : 0;
        cr_expect_eq(atomic_load(&house.resources), 0u);
        cr_expect_eq(atomic_load(&house.configurations), asked);
        atomic_store(&house.grant_status, 500);
        atomic_fetch_add(&virtual_ms, 3600000);
        cr_expect_neq(probe_ask(&probe, HTTP_GET, "/b", NULL)->verdict, VERDICT_DONE);
        atomic_store(&house.grant_status, 0);
        atomic_fetch_add(&virtual_ms, 3600000);
        expect_done(probe_ask(&probe, HTTP_GET, "/c", NULL), "Bearer token-3");
        cr_expect_eq(atomic_load(&house.resources), 0u);
        cr_expect_eq(atomic_load(&house.configurations), 2 * asked);
        house_close(&house, &probe);
    }
}

Test(authority, a_token_is_replaced_in_good_time)
{
    struct house house = {.expires_in = 100};
    struct probe probe;
    house_open(&house, &probe, TOKEN_CLIENT_CREDENTIALS);
    house.valid = 1;
    expect_done(probe_ask(&probe, HTTP_GET, "/api/a", NULL), "Bearer token-1");
    atomic_store(&virtual_ms, 74000);
    expect_done(probe_ask(&probe, HTTP_GET, "/api/a", NULL), "Bearer token-1");
    cr_expect_eq(atomic_load(&house.grants), 1);
    /* The old one still serves while the new one is fetched. */
    atomic_store(&virtual_ms, 76000);
    expect_done(probe_ask(&probe, HTTP_GET, "/api/a", NULL), "Bearer token-1");
    while (atomic_load(&house.grants) < 2)
        (void)uv_run(&probe.loop, UV_RUN_ONCE);
    /* Past its end nothing is sent with it any more. */
    atomic_store(&house.valid, 3);
    atomic_store(&virtual_ms, 1000000);
    expect_done(probe_ask(&probe, HTTP_GET, "/api/a", NULL), "Bearer token-3");
    cr_expect_eq(atomic_load(&house.refusals), 0);
    cr_expect_eq(atomic_load(&house.resources), 1, "what was discovered is kept");
    house_close(&house, &probe);
}

Test(authority, a_revoked_token_is_replaced_once_and_the_write_repeated)
{
    struct house house = {.issuer = ""};
    struct probe probe;
    house_open(&house, &probe, TOKEN_CLIENT_CREDENTIALS);
    expect_done(probe_ask(&probe, HTTP_GET, "/api/a", NULL), "Bearer token-1");
    atomic_store(&house.valid, 2);
    const struct probe_result *result = probe_ask(&probe, HTTP_PUT, "/api/a", "{\"a\":1}");
    expect_done(result, "Bearer token-2");
    cr_expect_str_eq(json_string_value(json_object_get(result->body, "body")), "7");
    cr_expect_eq(atomic_load(&house.grants), 2);
    cr_expect_eq(atomic_load(&house.refusals), 1);
    /* Many at once are refused, and one grant heals all of them. */
    atomic_store(&house.valid, 3);
    const size_t before = probe.count;
    for (int i = 0; i < 12; i++)
        probe_send(&probe, &(struct client_request){.method = HTTP_GET, .path = "/api/a"});
    probe_run_until(&probe, before + 12);
    for (size_t i = before; i < before + 12; i++)
        expect_done(&probe.results[i], "Bearer token-3");
    cr_expect_eq(atomic_load(&house.grants), 3);
    house_close(&house, &probe);
}

Test(authority, a_server_that_refuses_every_token_is_denied)
{
    struct house house = {.issuer = ""};
    struct probe probe;
    house_open(&house, &probe, TOKEN_CLIENT_CREDENTIALS);
    expect_done(probe_ask(&probe, HTTP_GET, "/api/a", NULL), "Bearer token-1");
    atomic_store(&house.refuses_all, true);
    const struct probe_result *result = probe_ask(&probe, HTTP_PUT, "/api/a", "{}");
    cr_expect_eq(result->verdict, VERDICT_DENIED);
    cr_expect_eq(result->outcome, CLIENT_ANSWERED);
    cr_expect_eq(result->error.kind, ERROR_DENIED);
    cr_expect_not_null(strstr(result->error.detail, "answered 401 (INVALID_TOKEN: not Bearer *"),
                       "%s", result->error.detail);
    cr_expect_eq(atomic_load(&house.refusals), 2, "once with each token");
    cr_expect_eq(atomic_load(&house.grants), 2);
    /* The new one was never accepted: asking for another at once would hammer the issuer. */
    result = probe_ask(&probe, HTTP_GET, "/api/a", NULL);
    cr_expect_eq(result->verdict, VERDICT_DENIED);
    cr_expect_eq(atomic_load(&house.grants), 2);
    atomic_store(&virtual_ms, 11000);
    atomic_store(&house.refuses_all, false);
    atomic_store(&house.valid, 3);
    expect_done(probe_ask(&probe, HTTP_GET, "/api/a", NULL), "Bearer token-3");
    house_close(&house, &probe);
}

Test(authority, a_server_without_security_gets_no_token)
{
    struct house house = {.is_open = true};
    struct probe probe;
    house_open(&house, &probe, TOKEN_CLIENT_CREDENTIALS);
    expect_done(probe_ask(&probe, HTTP_GET, "/api/a", NULL), "");
    cr_expect_eq(atomic_load(&house.grants), 0);
    /* Somebody turns it on. */
    atomic_store(&house.is_open, false);
    expect_done(probe_ask(&probe, HTTP_GET, "/api/a", NULL), "Bearer token-1");
    house_close(&house, &probe);
}

static const struct {
    const char *name, *issuer, *endpoint, *grant;
    int grant_status;
    enum error_kind kind;
    const char *text;
} broken[] = {
    {"issuer without TLS", "http://idp.example", "", NULL, 0, ERROR_DENIED,
     "the issuer that the server names begins with http://"},
    {"issuer is no URL", "idp", "", NULL, 0, ERROR_DENIED, "is not an absolute URL"},
    {"issuer with a password", "https://u:p@idp.example", "", NULL, 0, ERROR_DENIED,
     "must not contain a user"},
    {"endpoint without TLS", "", "http://idp.example/token", NULL, 0, ERROR_DENIED,
     "the token endpoint that the issuer names begins with http://"},
    {"endpoint is a file", "", "file:///etc/passwd", NULL, 0, ERROR_DENIED, "names no host"},
    {"wrong secret", "", "", "{\"error\":\"invalid_client\",\"error_description\":\"@ is wrong\"}",
     401, ERROR_DENIED, "answered 401 (invalid_client: ***************** is wrong)"},
    {"wrong scope", "", "", "{\"error\":\"invalid_scope\"}", 400, ERROR_DENIED,
     "answered 400 (invalid_scope)"},
    {"no such endpoint", "", "", "{}", 404, ERROR_DENIED, "answered 404"},
    {"issuer is down", "", "", "{}", 503, ERROR_UNAVAILABLE, "answered 503"},
    {"no token", "", "", "{}", 0, ERROR_DENIED, "/access_token is missing"},
    {"expired token", "", "", "{\"access_token\":\"x\",\"expires_in\":0}", 0, ERROR_DENIED,
     "expired already"},
    {"redirect", "", "", "{}", 302, ERROR_UNAVAILABLE, "a redirect, which celld does not follow"},
    {"broken JSON with the secret", "", "", "{\"a\":\"@\" \"b\"", 0, ERROR_UNAVAILABLE,
     "is not valid JSON"},
};

Test(authority, without_a_token_nothing_is_sent_and_the_reason_is_told)
{
    for (size_t i = 0; i < sizeof(broken) / sizeof(broken[0]); i++) {
        struct house house = {.grant = broken[i].grant, .grant_status = broken[i].grant_status};
        struct probe probe;
        (void)snprintf(house.issuer, sizeof(house.issuer), "%s", broken[i].issuer);
        (void)snprintf(house.endpoint, sizeof(house.endpoint), "%s", broken[i].endpoint);
        house_open(&house, &probe, TOKEN_CLIENT_CREDENTIALS);
        const struct probe_result *result = probe_ask(&probe, HTTP_PUT, "/api/a", "{}");
        cr_expect_eq(result->outcome, CLIENT_NOT_SENT, "%s", broken[i].name);
        cr_expect_eq(result->error.kind, broken[i].kind, "%s: %s", broken[i].name,
                     error_kind_name(result->error.kind));
        cr_expect_neq(result->verdict, VERDICT_PERMANENT, "%s", broken[i].name);
        cr_expect_not_null(strstr(result->error.detail, broken[i].text), "%s: %s", broken[i].name,
                           result->error.detail);
        cr_expect_eq(atomic_load(&house.requests), 0, "%s", broken[i].name);
        /* Until the backoff is over the same answer comes without asking. */
        const unsigned resources = atomic_load(&house.resources);
        result = probe_ask(&probe, HTTP_PUT, "/api/a", "{}");
        cr_expect_eq(result->outcome, CLIENT_NOT_SENT);
        cr_expect(result->error.retry_after_ms >= 0 || atomic_load(&house.resources) > resources);
        /* It heals, and is discovered anew. */
        house.issuer[0] = house.endpoint[0] = '\0';
        house.grant = NULL;
        atomic_store(&house.grant_status, 0);
        atomic_store(&virtual_ms, 120000);
        cr_expect_eq(probe_ask(&probe, HTTP_PUT, "/api/a", "{}")->verdict, VERDICT_DONE, "%s",
                     broken[i].name);
        cr_expect_gt(atomic_load(&house.resources), resources, "%s", broken[i].name);
        house_close(&house, &probe);
    }
}

Test(authority, a_failed_refresh_leaves_the_token_that_is_still_good)
{
    struct house house = {.expires_in = 100};
    struct probe probe;
    house_open(&house, &probe, TOKEN_CLIENT_CREDENTIALS);
    house.valid = 1;
    expect_done(probe_ask(&probe, HTTP_GET, "/api/a", NULL), "Bearer token-1");
    atomic_store(&house.grant_status, 500);
    atomic_store(&virtual_ms, 80000);
    for (int i = 0; i < 5; i++)
        expect_done(probe_ask(&probe, HTTP_GET, "/api/a", NULL), "Bearer token-1");
    house_close(&house, &probe);
}

Test(authority, a_token_file_is_read_at_each_use)
{
    struct house house = {.valid = 1};
    struct probe probe;
    house_open(&house, &probe, TOKEN_FILE);
    expect_done(probe_ask(&probe, HTTP_GET, "/api/a", NULL), "Bearer token-1");
    atomic_store(&house.valid, 2);
    const struct probe_result *result = probe_ask(&probe, HTTP_GET, "/api/a", NULL);
    cr_expect_eq(result->verdict, VERDICT_DENIED);
    cr_expect_eq(atomic_load(&house.refusals), 1, "the same token is not tried twice");
    write_credential(&house, "token-2", 0440);
    expect_done(probe_ask(&probe, HTTP_GET, "/api/a", NULL), "Bearer token-2");
    write_credential(&house, "token-2", 0444);
    result = probe_ask(&probe, HTTP_GET, "/api/a", NULL);
    cr_expect_eq(result->outcome, CLIENT_NOT_SENT);
    cr_expect_eq(result->error.kind, ERROR_DENIED);
    cr_expect_not_null(strstr(result->error.detail, "open to every user"), "%s",
                       result->error.detail);
    write_credential(&house, "a\r\nX-Evil: 1", 0400);
    result = probe_ask(&probe, HTTP_GET, "/api/a", NULL);
    cr_expect_eq(result->outcome, CLIENT_NOT_SENT);
    cr_expect_not_null(strstr(result->error.detail, "not one line"), "%s", result->error.detail);
    house_close(&house, &probe);
}

static void stall(struct raw_exchange *exchange)
{
    raw_wait(exchange);
}

Test(authority, can_be_closed_while_it_fetches)
{
    struct house house = {.issuer = ""};
    struct raw_server *server = raw_server_start(stall, true);
    struct probe probe;
    (void)snprintf(house.issuer, sizeof(house.issuer), "http://127.0.0.1:%u",
                   raw_server_port(server));
    house_open(&house, &probe, TOKEN_CLIENT_CREDENTIALS);
    probe_send(&probe, &(struct client_request){.path = "/api/a"});
    while (raw_server_count(server) == 0)
        (void)uv_run(&probe.loop, UV_RUN_ONCE);
    house_close(&house, &probe);
    raw_server_stop(server);
}
