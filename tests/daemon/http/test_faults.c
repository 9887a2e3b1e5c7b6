/* What a broken network or server does to a request, over real sockets. */
#include "tests/daemon/http/probe.h"
#include "tests/daemon/http/raw_server.h"

#include <criterion/criterion.h>

#include <string.h>

#define JSON_HEAD "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"

static void answer_object(struct raw_exchange *exchange)
{
    raw_answer(exchange, 200, "application/json", "{\"metadata\":{\"name\":\"a\"}}");
}

static void reset_before_request(struct raw_exchange *exchange)
{
    raw_reset(exchange);
}

static void reset_after_request(struct raw_exchange *exchange)
{
    raw_reset(exchange);
}

static void finish_after_request(struct raw_exchange *exchange)
{
    raw_finish(exchange);
}

static void reset_in_header(struct raw_exchange *exchange)
{
    raw_text(exchange, "HTTP/1.1 200 OK\r\nContent-");
    (void)raw_pause(exchange, 20);
    raw_reset(exchange);
}

static void cut_body(struct raw_exchange *exchange)
{
    raw_text(exchange, JSON_HEAD "Content-Length: 100\r\n\r\n{\"items\":[");
    raw_finish(exchange);
}

static void break_chunk(struct raw_exchange *exchange)
{
    raw_text(exchange, JSON_HEAD "Transfer-Encoding: chunked\r\n\r\nzz\r\n{}\r\n0\r\n\r\n");
    raw_finish(exchange);
}

static void cut_chunks(struct raw_exchange *exchange)
{
    raw_text(exchange, JSON_HEAD "Transfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n");
    raw_finish(exchange);
}

static void say_nothing(struct raw_exchange *exchange)
{
    raw_wait(exchange);
}

static void drip(struct raw_exchange *exchange)
{
    raw_text(exchange, JSON_HEAD "Content-Length: 1000\r\n\r\n");
    while (raw_pause(exchange, 50))
        raw_text(exchange, " ");
}

static void drip_header(struct raw_exchange *exchange)
{
    raw_text(exchange, "HTTP/1.1 200 OK\r\nX: ");
    while (raw_pause(exchange, 50))
        raw_text(exchange, "x");
}

static void endless_header(struct raw_exchange *exchange)
{
    raw_text(exchange, "HTTP/1.1 200 OK\r\n");
    while (!exchange->is_over)
        raw_text(exchange, "X: yyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyy\r\n");
}

static void endless_body(struct raw_exchange *exchange)
{
    raw_text(exchange, JSON_HEAD "Transfer-Encoding: chunked\r\n\r\n");
    char block[4096];
    memset(block, ' ', sizeof(block));
    while (!exchange->is_over) {
        raw_text(exchange, "1000\r\n");
        raw_send(exchange, block, sizeof(block));
        raw_text(exchange, "\r\n");
    }
}

static void speak_another_protocol(struct raw_exchange *exchange)
{
    raw_text(exchange, "SSH-2.0-OpenSSH_9.2\r\n");
    raw_finish(exchange);
}

static const struct {
    const char *name;
    raw_script *script;
    bool is_read; /* the request */
    enum client_outcome get_outcome;
    enum error_kind get_kind, put_kind, post_kind;
    const char *text; /* in the message */
} faults[] = {
    {"RST after the request", reset_after_request, true, CLIENT_UNKNOWN, ERROR_UNAVAILABLE,
     ERROR_UNKNOWN, ERROR_UNKNOWN, "the connection broke"},
    {"FIN instead of an answer", finish_after_request, true, CLIENT_UNKNOWN, ERROR_UNAVAILABLE,
     ERROR_UNKNOWN, ERROR_UNKNOWN, "Empty reply"},
    {"RST in the header", reset_in_header, true, CLIENT_UNKNOWN, ERROR_UNAVAILABLE, ERROR_UNKNOWN,
     ERROR_UNKNOWN, "the connection broke"},
    {"body cut", cut_body, true, CLIENT_UNKNOWN, ERROR_UNAVAILABLE, ERROR_UNKNOWN, ERROR_UNKNOWN,
     "90 bytes remaining"},
    {"chunk broken", break_chunk, true, CLIENT_UNKNOWN, ERROR_UNAVAILABLE, ERROR_UNKNOWN,
     ERROR_UNKNOWN, "the connection broke"},
    {"chunks cut", cut_chunks, true, CLIENT_UNKNOWN, ERROR_UNAVAILABLE, ERROR_UNKNOWN,
     ERROR_UNKNOWN, "the connection broke"},
    {"no answer", say_nothing, true, CLIENT_UNKNOWN, ERROR_TIMEOUT, ERROR_UNKNOWN, ERROR_UNKNOWN,
     "no complete answer in time"},
    {"header drips", drip_header, true, CLIENT_UNKNOWN, ERROR_TIMEOUT, ERROR_UNKNOWN, ERROR_UNKNOWN,
     "no complete answer in time"},
    {"body drips", drip, true, CLIENT_UNKNOWN, ERROR_TIMEOUT, ERROR_UNKNOWN, ERROR_UNKNOWN,
     "no complete answer in time"},
    {"endless header", endless_header, true, CLIENT_UNKNOWN, ERROR_LIMIT, ERROR_UNKNOWN,
     ERROR_UNKNOWN, "larger than"},
    {"endless body", endless_body, true, CLIENT_UNKNOWN, ERROR_LIMIT, ERROR_UNKNOWN, ERROR_UNKNOWN,
     "larger than 1048576 bytes"},
    {"not HTTP", speak_another_protocol, true, CLIENT_UNKNOWN, ERROR_UNAVAILABLE, ERROR_UNKNOWN,
     ERROR_UNKNOWN, "the connection broke"},
};
#define FAULT_COUNT (sizeof(faults) / sizeof(faults[0]))

static void check_fault(struct probe *probe, size_t row, enum http_method method,
                        enum error_kind kind)
{
    const struct probe_result *result =
        probe_request(probe, &(struct client_request){.method = method,
                                                      .path = "/api/v1/things/a",
                                                      .body = method == HTTP_GET ? NULL : "{}",
                                                      .body_length = method == HTTP_GET ? 0 : 2,
                                                      .total_timeout = DURATION_MS(400)});
    cr_expect_eq(result->error.kind, kind, "%s, %s: %s", faults[row].name,
                 classify_method_name(method), result->error.detail);
    cr_expect_not_null(strstr(result->error.detail, faults[row].text), "%s: %s", faults[row].name,
                       result->error.detail);
    cr_expect_not_null(strstr(result->error.detail, " /api/v1/things/a: "), "%s",
                       result->error.detail);
    cr_expect_null(result->body, "%s", faults[row].name);
    cr_expect_eq(result->verdict, method == HTTP_GET ? VERDICT_RETRY : VERDICT_READ_BACK, "%s",
                 faults[row].name);
    cr_expect_eq(result->outcome, CLIENT_UNKNOWN, "%s", faults[row].name);
}

Test(faults, a_write_whose_answer_is_lost_has_an_unknown_outcome)
{
    for (size_t i = 0; i < FAULT_COUNT; i++) {
        struct raw_server *server = raw_server_start(faults[i].script, faults[i].is_read);
        struct probe probe;
        probe_open_port(&probe, raw_server_port(server));
        check_fault(&probe, i, HTTP_GET, faults[i].get_kind);
        check_fault(&probe, i, HTTP_PUT, faults[i].put_kind);
        check_fault(&probe, i, HTTP_POST, faults[i].post_kind);
        check_fault(&probe, i, HTTP_DELETE, ERROR_UNKNOWN);
        probe_close(&probe);
        raw_server_stop(server);
    }
}

Test(faults, nobody_listens)
{
    struct raw_server *server = raw_server_start(answer_object, true);
    const unsigned port = raw_server_port(server);
    raw_server_stop(server);
    struct probe probe;
    probe_open_port(&probe, port);
    const struct probe_result *result = probe_ask(&probe, HTTP_PUT, "/a", "{}");
    cr_expect_eq(result->outcome, CLIENT_NOT_SENT);
    cr_expect_eq(result->verdict, VERDICT_RETRY);
    cr_expect_eq(result->error.kind, ERROR_UNAVAILABLE);
    cr_expect_not_null(strstr(result->error.detail, "no connection"), "%s", result->error.detail);
    probe_close(&probe);
}

Test(faults, the_server_hangs_up_before_the_request)
{
    struct raw_server *server = raw_server_start(reset_before_request, false);
    struct probe probe;
    probe_open_port(&probe, raw_server_port(server));
    const struct probe_result *result = probe_ask(&probe, HTTP_POST, "/a", "{}");
    cr_expect(result->outcome == CLIENT_NOT_SENT || result->outcome == CLIENT_UNKNOWN);
    cr_expect_neq(result->verdict, VERDICT_DONE);
    probe_close(&probe);
    raw_server_stop(server);
}

/* A kept connection that breaks after the request: libcurl would send a write again by itself. */
static void answer_once(struct raw_exchange *exchange)
{
    if (exchange->number == 0)
        answer_object(exchange);
    else
        raw_finish(exchange);
}

Test(faults, a_write_is_never_sent_twice)
{
    static const enum http_method methods[] = {HTTP_PUT, HTTP_POST, HTTP_DELETE};
    for (size_t i = 0; i < sizeof(methods) / sizeof(methods[0]); i++) {
        struct raw_server *server = raw_server_start(answer_once, true);
        struct probe probe;
        probe_open_port(&probe, raw_server_port(server));
        cr_expect_eq(probe_ask(&probe, HTTP_GET, "/a", NULL)->verdict, VERDICT_DONE);
        const struct probe_result *result =
            probe_ask(&probe, methods[i], "/a", methods[i] == HTTP_DELETE ? NULL : "{}");
        cr_expect_eq(result->verdict, VERDICT_READ_BACK, "%s", result->error.detail);
        cr_expect_eq(result->outcome, CLIENT_UNKNOWN);
        cr_expect_eq(raw_server_count(server), 2, "%u requests for a %s", raw_server_count(server),
                     classify_method_name(methods[i]));
        probe_close(&probe);
        raw_server_stop(server);
    }
}

Test(faults, a_slow_server_is_given_up_by_low_speed)
{
    struct raw_server *server = raw_server_start(drip, true);
    struct probe probe;
    char address[PROBE_ADDRESS_SIZE];
    probe_address(address, raw_server_port(server));
    probe_open(&probe, &(struct client_options){.base_url = address,
                                                .low_speed_time = DURATION_S(1),
                                                .low_speed_bytes_per_second = 1000});
    const struct probe_result *result = probe_ask(&probe, HTTP_GET, "/a", NULL);
    cr_expect_eq(result->error.kind, ERROR_TIMEOUT);
    cr_expect_not_null(strstr(result->error.detail, "Operation too slow"), "%s",
                       result->error.detail);
    probe_close(&probe);
    raw_server_stop(server);
}
