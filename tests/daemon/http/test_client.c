/* The client against a server that behaves, and one that wants to be left alone. */
#include "tests/daemon/http/probe.h"
#include "tests/daemon/http/raw_server.h"
#include "tests/daemon/http/web.h"

#include <criterion/criterion.h>

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

static void echo(void *context, const struct web_request *request, struct web_reply *reply)
{
    (void)context;
    json_t *body = json_pack("{s:s, s:s, s:s?, s:s?, s:s?, s:s?, s:s?, s:s, s:{s:s}}", "method",
                             request->method, "path", request->path, "id", request->request_id,
                             "type", request->content_type, "agent", request->user_agent, "accept",
                             request->accept_encoding, "authorization", request->authorization,
                             "body", request->body, "metadata", "name", "a");
    char *text = json_dumps(body, JSON_COMPACT);
    text_add(&reply->body, text);
    free(text);
    json_decref(body);
    if (strcmp(request->method, "DELETE") == 0) {
        reply->status = 204;
        reply->body.length = 0;
    }
}

static const char *member(const struct probe_result *result, const char *name)
{
    return json_string_value(json_object_get(result->body, name));
}

Test(client, sends_what_it_is_asked_to)
{
    struct web *web = web_start(&(struct web_options){.handler = echo});
    struct probe probe;
    probe_open_port(&probe, web_port(web));
    const struct probe_result *result =
        probe_request(&probe, &(struct client_request){.id = 77,
                                                       .method = HTTP_PUT,
                                                       .path = "/api/v1/a?x=y",
                                                       .body = "{\"b\":1}",
                                                       .body_length = 7});
    cr_assert_eq(result->verdict, VERDICT_DONE, "%s", result->error.detail);
    cr_expect_eq(result->outcome, CLIENT_ANSWERED);
    cr_expect_eq(result->id, 77);
    cr_expect_str_eq(member(result, "method"), "PUT");
    cr_expect_str_eq(member(result, "path"), "/api/v1/a");
    cr_expect_str_eq(member(result, "id"), "77");
    cr_expect_str_eq(member(result, "type"), "application/json");
    cr_expect_str_eq(member(result, "body"), "{\"b\":1}");
    cr_expect_str_eq(member(result, "agent"), "celld/" CELLD_VERSION);
    cr_expect_null(member(result, "accept"), "no compression is asked for");
    cr_expect_null(member(result, "authorization"));
    result = probe_request(
        &probe,
        &(struct client_request){.method = HTTP_GET, .path = "/a", .request_id = "celld-1.a_b"});
    cr_expect_str_eq(member(result, "method"), "GET");
    cr_expect_str_eq(member(result, "id"), "celld-1.a_b");
    cr_expect_null(member(result, "type"));
    result = probe_ask(&probe, HTTP_POST, "/a", NULL);
    cr_expect_str_eq(member(result, "method"), "POST");
    cr_expect_str_eq(member(result, "body"), "");
    cr_expect_str_eq(member(result, "type"), "application/json");
    result = probe_ask(&probe, HTTP_DELETE, "/a", NULL);
    cr_expect_eq(result->verdict, VERDICT_DONE);
    cr_expect_eq(result->status, 204);
    cr_expect_null(result->body);
    probe_close(&probe);
    web_stop(web);
}

Test(client, a_large_body_goes_out_whole)
{
    struct web *web = web_start(&(struct web_options){.handler = echo});
    struct probe probe;
    probe_open_port(&probe, web_port(web));
    const size_t length = (size_t)2 * 1024 * 1024;
    char *body = malloc(length + 1);
    memset(body, 'x', length);
    body[length] = '\0';
    const struct probe_result *result =
        probe_request(&probe, &(struct client_request){.method = HTTP_POST,
                                                       .path = "/a",
                                                       .body = body,
                                                       .body_length = length,
                                                       .body_cap = CLIENT_LIST_CAP});
    cr_assert_eq(result->verdict, VERDICT_DONE, "%s", result->error.detail);
    cr_expect_eq(strlen(member(result, "body")), length);
    free(body);
    probe_close(&probe);
    web_stop(web);
}

static void never_called(void *context, uint64_t id, const struct client_result *result)
{
    (void)context;
    (void)id;
    (void)result;
    cr_assert_fail("a request that was refused or cancelled was answered");
}

static const struct {
    struct client_request request;
    int result;
} refused[] = {
    {{.id = 1, .path = "a"}, ERR_INVALID},
    {{.id = 1, .path = ""}, ERR_INVALID},
    {{.id = 1, .path = "http://elsewhere/"}, ERR_INVALID},
    {{.id = 1, .path = "/a b"}, ERR_INVALID},
    {{.id = 1, .path = "/a\r\nX: y"}, ERR_INVALID},
    {{.id = 1, .path = "/\xc3\xa9"}, ERR_INVALID},
    {{.id = 1, .path = "/a#b"}, ERR_INVALID},
    {{.id = 1, .path = "/a", .request_id = "a\r\nb"}, ERR_INVALID},
    {{.id = 1, .path = "/a", .request_id = ""}, ERR_INVALID},
    {{.id = 1, .path = "/a", .body = "", .body_length = CLIENT_BODY_CAP + 1}, ERR_LIMIT},
};

Test(client, refuses_what_cannot_be_sent)
{
    struct web *web = web_start(&(struct web_options){.handler = echo});
    struct probe probe;
    struct error err;
    probe_open_port(&probe, web_port(web));
    for (size_t i = 0; i < sizeof(refused) / sizeof(refused[0]); i++)
        cr_expect_eq(client_send(probe.client, &refused[i].request, never_called, NULL, &err),
                     refused[i].result, "row %zu", i);
    cr_expect_eq(client_pending(probe.client), 0);
    probe_close(&probe);
    cr_expect_eq(web_count(web), 0);
    web_stop(web);
}

Test(client, has_a_bounded_queue_and_unique_ids)
{
    struct web *web = web_start(&(struct web_options){.handler = echo});
    struct probe probe;
    struct error err;
    char address[PROBE_ADDRESS_SIZE];
    probe_address(address, web_port(web));
    probe_open(&probe, &(struct client_options){.base_url = address, .queue_limit = 2});
    probe_send(&probe, &(struct client_request){.id = 5, .path = "/a"});
    cr_expect_eq(client_send(probe.client, &(struct client_request){.id = 5, .path = "/a"},
                             never_called, NULL, &err),
                 ERR_INVALID);
    probe_send(&probe, &(struct client_request){.id = 6, .path = "/a"});
    cr_expect_eq(client_send(probe.client, &(struct client_request){.id = 7, .path = "/a"},
                             never_called, NULL, &err),
                 ERR_LIMIT);
    cr_expect_eq(client_pending(probe.client), 2);
    probe_run_until(&probe, 2);
    cr_expect_eq(client_pending(probe.client), 0);
    probe_send(&probe, &(struct client_request){.id = 5, .path = "/a"});
    probe_run_until(&probe, 3);
    probe_close(&probe);
    web_stop(web);
}

static atomic_int open_now, open_most;

static void count_open(struct raw_exchange *exchange)
{
    const int now = atomic_fetch_add(&open_now, 1) + 1;
    int most = atomic_load(&open_most);
    while (now > most && !atomic_compare_exchange_weak(&open_most, &most, now))
        continue;
    (void)raw_pause(exchange, 20);
    (void)atomic_fetch_sub(&open_now, 1);
    raw_answer(exchange, 200, "application/json", "{}");
}

Test(client, asks_a_host_only_so_much_at_the_same_time)
{
    struct raw_server *server = raw_server_start(count_open, true);
    struct probe probe;
    char address[PROBE_ADDRESS_SIZE];
    probe_address(address, raw_server_port(server));
    probe_open(&probe, &(struct client_options){.base_url = address, .connections = 3});
    /* Together they wait longer than one of them may run: waiting does not count. */
    for (int i = 0; i < 30; i++)
        probe_send(&probe,
                   &(struct client_request){.path = "/a", .total_timeout = DURATION_MS(150)});
    probe_run_until(&probe, 30);
    for (size_t i = 0; i < 30; i++)
        cr_expect_eq(probe.results[i].verdict, VERDICT_DONE, "%s", probe.results[i].error.detail);
    cr_expect_eq(atomic_load(&open_most), 3);
    probe_close(&probe);
    raw_server_stop(server);
}

static void stall(struct raw_exchange *exchange)
{
    raw_wait(exchange);
}

Test(client, a_cancelled_request_is_silent)
{
    struct raw_server *server = raw_server_start(stall, true);
    struct probe probe;
    char address[PROBE_ADDRESS_SIZE];
    probe_address(address, raw_server_port(server));
    probe_open(&probe, &(struct client_options){.base_url = address, .connections = 1});
    probe_send(&probe, &(struct client_request){.id = 1, .path = "/a"});
    probe_send(&probe, &(struct client_request){.id = 2, .path = "/b"});
    while (raw_server_count(server) == 0)
        (void)uv_run(&probe.loop, UV_RUN_NOWAIT);
    client_cancel(probe.client, 2);
    cr_expect_eq(probe.dropped, 1, "while it waits");
    client_cancel(probe.client, 1);
    cr_expect_eq(probe.dropped, 2, "while it runs");
    client_cancel(probe.client, 1);
    client_cancel(probe.client, 99);
    cr_expect_eq(client_pending(probe.client), 0);
    probe_close(&probe);
    cr_expect_eq(probe.count, 0);
    raw_server_stop(server);
}

Test(client, can_be_closed_in_the_middle_of_everything)
{
    struct raw_server *server = raw_server_start(stall, true);
    struct probe probe;
    char address[PROBE_ADDRESS_SIZE];
    probe_address(address, raw_server_port(server));
    probe_open(&probe, &(struct client_options){.base_url = address, .connections = 2});
    for (int i = 0; i < 10; i++)
        probe_send(&probe, &(struct client_request){.path = "/a"});
    while (raw_server_count(server) < 2)
        (void)uv_run(&probe.loop, UV_RUN_NOWAIT);
    const size_t *dropped = &probe.dropped;
    cr_expect_eq(*dropped, 0);
    probe_close(&probe);
    raw_server_stop(server);
}

static void long_answer(void *context, const struct web_request *request, struct web_reply *reply)
{
    (void)context;
    (void)request;
    text_add(&reply->body, "{\"items\":[0");
    for (int i = 1; i < 200000; i++)
        text_format(&reply->body, ",%d", i);
    text_add(&reply->body, "]}");
}

Test(client, a_long_answer_can_be_given_up_at_any_moment)
{
    struct web *web = web_start(&(struct web_options){.handler = long_answer});
    const struct client_request request = {.id = 1000, .path = "/a", .body_cap = CLIENT_LIST_CAP};
    for (int turns = 0; turns < 12; turns++) {
        struct probe probe;
        probe_open_port(&probe, web_port(web));
        probe_send(&probe, &request);
        for (int i = 0; i < turns; i++)
            (void)uv_run(&probe.loop, UV_RUN_ONCE);
        client_cancel(probe.client, 1000);
        cr_expect_eq(probe.count + probe.dropped, 1, "%d turns", turns);
        /* The id is free, and the client is not held up. */
        const struct probe_result *result = probe_request(&probe, &request);
        cr_expect_eq(result->verdict, VERDICT_DONE, "%s", result->error.detail);
        cr_expect_eq(json_array_size(json_object_get(result->body, "items")), 200000);
        probe_send(&probe, &request);
        for (int i = 0; i < turns; i++)
            (void)uv_run(&probe.loop, UV_RUN_ONCE);
        probe_close(&probe);
    }
    web_stop(web);
}

struct closer {
    struct probe *probe;
    bool is_closed;
    int answers;
};

static void on_closer_closed(void *context)
{
    struct closer *closer = context;
    closer->is_closed = true;
}

static void close_on_answer(void *context, uint64_t id, const struct client_result *result)
{
    (void)id;
    (void)result;
    struct closer *closer = context;
    closer->answers++;
    client_close(closer->probe->client, on_closer_closed, closer);
}

Test(client, can_be_closed_from_a_callback)
{
    struct web *web = web_start(&(struct web_options){.handler = echo});
    struct probe probe;
    struct error err;
    probe_open_port(&probe, web_port(web));
    struct closer closer = {.probe = &probe};
    for (uint64_t id = 1; id <= 6; id++)
        cr_assert_eq(client_send(probe.client, &(struct client_request){.id = id, .path = "/a"},
                                 close_on_answer, &closer, &err),
                     0);
    while (!closer.is_closed)
        (void)uv_run(&probe.loop, UV_RUN_ONCE);
    cr_expect_eq(closer.answers, 1);
    uv_close((uv_handle_t *)&probe.tick, NULL);
    (void)uv_run(&probe.loop, UV_RUN_DEFAULT);
    cr_expect_eq(uv_loop_close(&probe.loop), 0);
    json_decref(probe.items);
    web_stop(web);
}

static void bomb(void *context, const struct web_request *request, struct web_reply *reply)
{
    (void)context;
    /* 64 MiB of spaces in 64 KiB. */
    z_stream stream = {.zalloc = Z_NULL};
    (void)deflateInit2(&stream, 9, Z_DEFLATED, 31, 9, Z_DEFAULT_STRATEGY);
    static unsigned char in[65536];
    unsigned char out[4096];
    memset(in, ' ', sizeof(in));
    int state = Z_OK;
    for (int i = 0; state != Z_STREAM_END; i++) {
        stream.next_in = in;
        stream.avail_in = i < 1024 ? sizeof(in) : 0;
        do {
            stream.next_out = out;
            stream.avail_out = sizeof(out);
            state = deflate(&stream, i < 1024 ? Z_NO_FLUSH : Z_FINISH);
            text_add_bytes(&reply->body, (const char *)out, sizeof(out) - stream.avail_out);
        } while (stream.avail_out == 0);
    }
    (void)deflateEnd(&stream);
    reply->header =
        strcmp(request->path, "/transfer") == 0 ? "Transfer-Encoding" : "Content-Encoding";
    reply->value = "gzip";
}

Test(client, a_compressed_bomb_stays_small)
{
    struct web *web = web_start(&(struct web_options){.handler = bomb});
    struct probe probe;
    probe_open_port(&probe, web_port(web));
    const struct probe_result *result = probe_ask(&probe, HTTP_GET, "/content", NULL);
    cr_expect_eq(result->error.kind, ERROR_UNAVAILABLE);
    cr_expect_not_null(strstr(result->error.detail, "compressed"), "%s", result->error.detail);
    cr_expect_null(result->body);
    result = probe_ask(&probe, HTTP_GET, "/transfer", NULL);
    cr_expect_neq(result->verdict, VERDICT_DONE);
    cr_expect_null(result->body);
    probe_close(&probe);
    web_stop(web);
}

static void redirect(void *context, const struct web_request *request, struct web_reply *reply)
{
    (void)request;
    reply->status = 307;
    reply->header = "Location";
    reply->value = context;
}

Test(client, follows_no_redirect)
{
    struct web *other = web_start(&(struct web_options){.handler = echo});
    char address[PROBE_ADDRESS_SIZE];
    probe_address(address, web_port(other));
    struct web *web = web_start(&(struct web_options){.handler = redirect, .context = address});
    struct probe probe;
    probe_open_port(&probe, web_port(web));
    const struct probe_result *result = probe_ask(&probe, HTTP_GET, "/a", NULL);
    cr_expect_eq(result->error.kind, ERROR_UNAVAILABLE);
    cr_expect_not_null(strstr(result->error.detail, "307, a redirect"), "%s", result->error.detail);
    result = probe_ask(&probe, HTTP_PUT, "/a", "{}");
    cr_expect_eq(result->verdict, VERDICT_READ_BACK);
    probe_close(&probe);
    cr_expect_eq(web_count(other), 0);
    web_stop(web);
    web_stop(other);
}

Test(client, ignores_the_proxies_of_its_environment)
{
    (void)setenv("http_proxy", "http://127.0.0.1:1", 1);
    (void)setenv("ALL_PROXY", "http://127.0.0.1:1", 1);
    struct web *web = web_start(&(struct web_options){.handler = echo});
    struct probe probe;
    probe_open_port(&probe, web_port(web));
    cr_expect_eq(probe_ask(&probe, HTTP_GET, "/a", NULL)->verdict, VERDICT_DONE);
    probe_close(&probe);
    web_stop(web);
}

Test(client, bad_options_are_refused_at_the_start)
{
    static const struct {
        struct client_options options;
        const char *text;
    } rows[] = {
        {{.base_url = "http://control-plane.example"}, "over https only"},
        {{.base_url = "control-plane.example"}, "the server's address is not an absolute URL"},
        {{.base_url = "https://a.example", .token = {.kind = TOKEN_FILE}}, "file is missing"},
        {{.base_url = "https://a.example",
          .token = {.kind = TOKEN_FILE, .token_file = "/nonexistent/token"}},
         "credential /nonexistent/token cannot be opened: No such file"},
        {{.base_url = "https://a.example",
          .token = {.kind = TOKEN_CLIENT_CREDENTIALS, .client_secret_file = "/nonexistent"}},
         "client id is missing"},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        uv_loop_t loop;
        struct client *client = NULL;
        struct error err = {.detail = ""};
        cr_assert_eq(uv_loop_init(&loop), 0);
        cr_expect_lt(client_new(&loop, &rows[i].options, &client, &err), 0, "row %zu", i);
        cr_expect_not_null(strstr(err.detail, rows[i].text), "%s", err.detail);
        cr_expect_eq(uv_loop_close(&loop), 0, "nothing is left behind");
    }
}

Test(client, plaintext_to_others_is_told)
{
    uv_loop_t loop;
    struct client *client = NULL;
    struct closer closer = {.is_closed = false};
    cr_assert_eq(uv_loop_init(&loop), 0);
    cr_assert_eq(client_new(&loop,
                            &(struct client_options){.base_url = "http://control-plane.example",
                                                     .allow_plaintext = true},
                            &client, NULL),
                 0);
    cr_expect(client_is_plaintext(client));
    client_close(client, on_closer_closed, &closer);
    (void)uv_run(&loop, UV_RUN_DEFAULT);
    cr_expect(closer.is_closed);
    cr_expect_eq(uv_loop_close(&loop), 0);
}
