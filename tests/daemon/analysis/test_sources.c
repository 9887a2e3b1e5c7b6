/* The judge's sources over HTTP: who is asked, what celld shows, and everything that can be wrong
 * with an answer. */
#include "config/base/digest.h"
#include "config/base/json.h"
#include "tests/daemon/analysis/desk.h"
#include "tests/daemon/analysis/stage.h"
#include "tests/daemon/http/certificates.h"
#include "tests/daemon/http/raw_server.h"
#include "tests/daemon/http/web.h"

#include <criterion/criterion.h>

#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

#define ERROR_RATE "{'name':'error-rate','kind':'error-rate'}"
#define SECRET "t0ken-of-the-judge"

static json_t *window_for(const char *provider)
{
    return stage_question("window", provider, "hubble", ERROR_RATE);
}

/* Answers with one text to all, and remembers what it was shown. */
struct clerk {
    const char *body, *content_type;
    int status;
    const char *header, *value;
    atomic_uint asked;
    char authorization[256], type[128], path[128], signature[128];
    char last_body[8192];
};

static void serve(void *context, const struct web_request *request, struct web_reply *reply)
{
    struct clerk *clerk = context;
    (void)snprintf(clerk->authorization, sizeof(clerk->authorization), "%s",
                   request->authorization == NULL ? "none" : request->authorization);
    (void)snprintf(clerk->type, sizeof(clerk->type), "%s", request->content_type);
    (void)snprintf(clerk->path, sizeof(clerk->path), "%s %s", request->method, request->path);
    (void)snprintf(clerk->signature, sizeof(clerk->signature), "%s",
                   request->signature == NULL ? "none" : request->signature);
    (void)snprintf(clerk->last_body, sizeof(clerk->last_body), "%s", request->body);
    (void)atomic_fetch_add(&clerk->asked, 1);
    for (const char *c = clerk->body; *c != '\0'; c++)
        text_add_char(&reply->body, *c == '\'' ? '"' : *c);
    if (clerk->status != 0)
        reply->status = clerk->status;
    if (clerk->content_type != NULL)
        reply->content_type = clerk->content_type;
    reply->header = clerk->header;
    reply->value = clerk->value;
}

#define MATRIX                                                                                     \
    "{'status':'success','data':{'resultType':'matrix','result':[{'metric':{'status':'200'},"      \
    "'values':[[1000,'1'],[1050,'5']]},{'metric':{'status':'500'},'values':[[1000,'1'],[1050,"     \
    "'2']]}]}}"
#define COUNTED                                                                                    \
    "{'metrics':[{'canary':{'bad':1.0,'requests':5.0},'name':'error-rate','stable':{'bad':1.0,"    \
    "'requests':5.0}}]}"

static const char *yaml(const char *format, ...) __attribute__((format(printf, 1, 2)));

static const char *yaml(const char *format, ...)
{
    static char text[DESK_TEXT_SIZE];
    va_list arguments;
    va_start(arguments, format);
    (void)vsnprintf(text, sizeof(text), format, arguments);
    va_end(arguments);
    return text;
}

Test(sources, prometheus_with_a_token)
{
    struct desk desk;
    struct clerk clerk = {.body = MATRIX};
    struct web *web = web_start(&(struct web_options){.handler = serve, .context = &clerk});
    desk_make(&desk);
    desk_open(&desk,
              yaml("{prometheus: {url: \"http://127.0.0.1:%u/prom/\", auth: token, secret: {file: "
                   "%s}}}",
                   web_port(web), desk_file(&desk, "token", SECRET "\n")),
              NULL);
    const struct desk_result *result = desk_ask(&desk, window_for("prometheus"));
    cr_assert_not_null(result->answer, "%s", result->error.detail);
    cr_expect_str_eq(stage_text(json_incref(result->answer)), COUNTED);
    cr_expect_eq(atomic_load(&clerk.asked), 2u);
    cr_expect_str_eq(clerk.authorization, "Bearer " SECRET);
    cr_expect_str_eq(clerk.type, "application/x-www-form-urlencoded");
    cr_expect_str_eq(clerk.path, "POST /prom/api/v1/query");
    cr_expect_eq(strncmp(clerk.last_body, "query=hubble_http_requests_total%7B", 35), 0, "%s",
                 clerk.last_body);
    const struct sources_counters counters = sources_counters(desk.sources);
    cr_expect_eq(counters.asked, 1u);
    cr_expect_eq(counters.answered, 1u);
    cr_expect_eq(counters.failed + counters.waiting + counters.running, 0u);
    desk_close(&desk);
    web_stop(web);
}

Test(sources, basic)
{
    struct desk desk;
    struct clerk clerk = {.body = MATRIX};
    struct web *web = web_start(&(struct web_options){.handler = serve, .context = &clerk});
    desk_make(&desk);
    desk_open(&desk,
              yaml("{prometheus: {url: \"http://127.0.0.1:%u\", auth: basic, user: judge, secret: {"
                   "file: %s}}}",
                   web_port(web), desk_file(&desk, "password", "open sesame\n")),
              NULL);
    const struct desk_result *result = desk_ask(&desk, window_for("prometheus"));
    cr_assert_not_null(result->answer, "%s", result->error.detail);
    cr_expect_str_eq(clerk.authorization, "Basic anVkZ2U6b3BlbiBzZXNhbWU=");
    desk_close(&desk);
    web_stop(web);
}

/* Whatever comes back: an error that says so, no secret in it, and no numbers. */
Test(sources, bad_answers)
{
    static char huge[5 * 1024 * 1024];
    memset(huge, ' ', sizeof(huge) - 1);
    const struct {
        const char *what;
        struct clerk clerk;
        enum error_kind kind;
        const char *says;
    } rows[] = {
        {"bad query",
         {.status = 400,
          .body = "{'status':'error','errorType':'bad_data','error':"
                  "'parse error at char 7'}"},
         ERROR_INVALID,
         "answered 400 (bad_data: parse error at char 7)"},
        {"wrong credentials",
         {.status = 401, .body = "no " SECRET, .content_type = "text/plain"},
         ERROR_DENIED,
         "answered 401"},
        {"no right", {.status = 403, .body = "{}"}, ERROR_DENIED, "answered 403"},
        {"too many requests",
         {.status = 429, .body = "{}", .header = "Retry-After", .value = "3"},
         ERROR_UNAVAILABLE,
         "answered 429"},
        {"query that cannot be carried out",
         {.status = 422,
          .body = "{'status':'error','errorType':'execution','error':'too many "
                  "samples'}"},
         ERROR_INVALID,
         "too many samples"},
        {"busy",
         {.status = 503,
          .body = "{'status':'error','errorType':'timeout','error':'query "
                  "timed out'}"},
         ERROR_UNAVAILABLE,
         "answered 503 (timeout: query timed out)"},
        {"another page",
         {.body = "<html>", .content_type = "text/html"},
         ERROR_UNAVAILABLE,
         "text/html instead of JSON"},
        {"redirect",
         {.status = 302, .body = "", .header = "Location", .value = "http://a.example"},
         ERROR_UNAVAILABLE,
         "a redirect"},
        {"broken", {.body = "{'status':'success','data':"}, ERROR_UNAVAILABLE, "answer"},
        {"error with status 200",
         {.body = "{'status':'error','errorType':'internal','error':'no'}"},
         ERROR_INVALID,
         "Prometheus says internal: no"},
        {"partial",
         {.body = "{'status':'success','warnings':['a store is down'],'data':{"
                  "'resultType':'matrix','result':[]}}"},
         ERROR_UNAVAILABLE,
         "is partial, it warns: a store is down"},
        {"huge", {.body = huge}, ERROR_LIMIT, "larger than"},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct desk desk;
        struct clerk clerk = rows[i].clerk;
        struct web *web = web_start(&(struct web_options){.handler = serve, .context = &clerk});
        desk_make(&desk);
        desk_open(&desk,
                  yaml("{prometheus: {url: \"http://127.0.0.1:%u\", auth: token, secret: {file: %s"
                       "}}}",
                       web_port(web), desk_file(&desk, "token", SECRET "\n")),
                  NULL);
        const struct desk_result *result = desk_ask(&desk, window_for("prometheus"));
        cr_expect_null(result->answer, "%s", rows[i].what);
        cr_expect_eq(strncmp(result->error.detail, "prometheus: ", 12), 0, "%s",
                     result->error.detail);
        cr_expect_not_null(strstr(result->error.detail, rows[i].says), "%s: %s", rows[i].what,
                           result->error.detail);
        cr_expect_null(strstr(result->error.detail, SECRET), "%s", result->error.detail);
        cr_expect_eq(result->error.kind, rows[i].kind, "%s: %s: %s", rows[i].what,
                     error_kind_name(result->error.kind), result->error.detail);
        cr_expect_eq(sources_counters(desk.sources).failed, 1u);
        desk_close(&desk);
        web_stop(web);
    }
}

/* --- who is asked --------------------------------------------------------------------------- */

Test(sources, a_target_may_have_its_own)
{
    struct desk desk;
    struct clerk all = {.body = MATRIX}, own = {.body = MATRIX};
    struct web *first = web_start(&(struct web_options){.handler = serve, .context = &all});
    struct web *second = web_start(&(struct web_options){.handler = serve, .context = &own});
    char text[DESK_TEXT_SIZE];
    (void)snprintf(text, sizeof(text),
                   "{prometheus: {url: \"http://127.0.0.1:%u\"}, targets: [{name: testing, webhook:"
                   " {url: \"http://127.0.0.1:1\"}}, {name: production-eu, prometheus: {url: "
                   "\"http://127.0.0.1:%u\"}}]}",
                   web_port(first), web_port(second));
    desk_make(&desk);
    desk_open(&desk, text, NULL);
    cr_expect_not_null(desk_ask(&desk, window_for("prometheus"))->answer);
    cr_expect_eq(atomic_load(&all.asked), 0u);
    cr_expect_eq(atomic_load(&own.asked), 2u);
    static const char *const others[] = {"testing", "production@us"};
    for (size_t i = 0; i < 2; i++) {
        json_t *question = window_for("prometheus");
        json_object_set_new(question, "target", json_string(others[i]));
        cr_expect_not_null(desk_ask(&desk, question)->answer);
    }
    cr_expect_eq(atomic_load(&all.asked), 4u);
    cr_expect_eq(atomic_load(&own.asked), 2u);
    const struct desk_result *result = desk_ask(&desk, window_for("webhook"));
    cr_expect_not_null(strstr(result->error.detail, "celld knows no webhook for production-eu"),
                       "%s", result->error.detail);
    result = desk_ask(&desk, json_object());
    cr_expect_not_null(strstr(result->error.detail, "is not sound: purpose"), "%s",
                       result->error.detail);
    desk_close(&desk);
    web_stop(first);
    web_stop(second);
}

Test(sources, bad_settings_are_found_at_the_start)
{
    static const char *const rows[][2] = {
        {"{webhook: {url: \"https://a.example/x\", signature: {file: /nonexistent/key}}}",
         "metrics: webhook: "},
        {"{observer: {url: \"https://a.example\", auth: token, secret: {credential: x}}}",
         "metrics: observer: its secret is missing"},
        {"{targets: [{name: testing, prometheus: {url: \"https://a.example\", auth: token, secret: "
         "{file: /nonexistent/token}}}]}",
         "metrics: prometheus of testing: "},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct desk desk;
        desk_make(&desk);
        const char *says = desk_refused(&desk, rows[i][0]);
        cr_expect_eq(strncmp(says, rows[i][1], strlen(rows[i][1])), 0, "%s", says);
        desk_close(&desk);
    }
}

/* --- time ----------------------------------------------------------------------------------- */

static void say_nothing(struct raw_exchange *exchange)
{
    raw_wait(exchange);
}

Test(sources, silence_cancel_and_close)
{
    struct desk desk;
    struct raw_server *server = raw_server_start(say_nothing, true);
    desk_make(&desk);
    desk_open(&desk,
              yaml("{prometheus: {url: \"http://127.0.0.1:%u\", timeout: 200ms}}",
                   raw_server_port(server)),
              NULL);
    const struct desk_result *result = desk_ask(&desk, window_for("prometheus"));
    cr_expect_eq(result->error.kind, ERROR_TIMEOUT, "%s", result->error.detail);
    const uint64_t first = desk_send(&desk, window_for("prometheus"));
    for (int i = 0; i < 20; i++)
        (void)desk_send(&desk, window_for("prometheus"));
    struct sources_counters counters = sources_counters(desk.sources);
    cr_expect_eq(counters.running, (size_t)SOURCES_RUNNING_LIMIT);
    cr_expect_eq(counters.waiting, 21u - SOURCES_RUNNING_LIMIT);
    sources_cancel(desk.sources, first);
    sources_cancel(desk.sources, first);
    sources_cancel(desk.sources, first + 20);
    counters = sources_counters(desk.sources);
    cr_expect_eq(counters.running, (size_t)SOURCES_RUNNING_LIMIT);
    cr_expect_eq(counters.waiting, 19u - SOURCES_RUNNING_LIMIT);
    desk_run_until(&desk, 3);
    for (size_t i = 0; i < desk.count; i++)
        cr_expect(desk.results[i].id != first && desk.results[i].id != first + 20);
    desk_close(&desk);
    raw_server_stop(server);
}

Test(sources, nobody_there)
{
    struct desk desk;
    desk_make(&desk);
    desk_open(&desk, "{webhook: {url: \"http://127.0.0.1:1/judge\"}}", NULL);
    const struct desk_result *result = desk_ask(&desk, window_for("webhook"));
    cr_expect_eq(result->error.kind, ERROR_UNAVAILABLE);
    cr_expect_eq(strncmp(result->error.detail, "webhook: POST /judge: no connection", 35), 0, "%s",
                 result->error.detail);
    desk_close(&desk);
}

/* --- observer and webhook ------------------------------------------------------------------- */

#define TOPOLOGY                                                                                   \
    "{'summary':{'startTime':'x'},'edges':[{'id':'g','source':{'kind':'gateway'},'target':{"       \
    "'kind':'component','component':'cartservice-b'},'metrics':{'requestCount':40.5,"              \
    "'unsuccessfulRequestCount':2}}]}"

/* The control plane names the issuer; the observer takes the same tokens. */
static void serve_login(void *context, const struct web_request *request, struct web_reply *reply)
{
    const unsigned *port = context;
    if (strcmp(request->path, "/.well-known/oauth-protected-resource") == 0)
        text_format(&reply->body,
                    "{\"resource\":\"x\",\"authorization_servers\":[\"http://127.0.0.1:%u\"],"
                    "\"openchoreo_security_enabled\":true}",
                    *port);
    else if (strcmp(request->path, "/.well-known/openid-configuration") == 0)
        text_format(&reply->body, "{\"token_endpoint\":\"http://127.0.0.1:%u/token\"}", *port);
    else
        text_add(&reply->body, "{\"access_token\":\"jwt-1\",\"token_type\":\"Bearer\","
                               "\"expires_in\":3600}");
}

Test(sources, observer_as_the_platform)
{
    struct desk desk;
    struct clerk clerk = {.body = TOPOLOGY};
    unsigned port = 0;
    struct web *login = web_start(&(struct web_options){.handler = serve_login, .context = &port});
    struct web *web = web_start(&(struct web_options){.handler = serve, .context = &clerk});
    char resource[64];
    port = web_port(login);
    (void)snprintf(resource, sizeof(resource), "http://127.0.0.1:%u", port);
    desk_make(&desk);
    const struct token_source platform = {.kind = TOKEN_CLIENT_CREDENTIALS,
                                          .client_id = "celld",
                                          .client_secret_file = desk_file(&desk, "secret", SECRET),
                                          .resource = resource};
    desk_open(&desk,
              yaml("{observer: {url: \"http://127.0.0.1:%u\", auth: platform}}", web_port(web)),
              &platform);
    const struct desk_result *result = desk_ask(&desk, window_for("observer"));
    cr_assert_not_null(result->answer, "%s", result->error.detail);
    cr_expect_str_eq(stage_text(json_incref(result->answer)),
                     "{'metrics':[{'canary':{'bad':2.0,'requests':40.5},'name':'error-rate',"
                     "'stable':null}]}");
    cr_expect_str_eq(clerk.authorization, "Bearer jwt-1");
    cr_expect_str_eq(clerk.path, "POST /api/v1alpha1/metrics/runtime-topology");
    cr_expect_str_eq(clerk.type, "application/json");
    const unsigned asked = atomic_load(&clerk.asked);
    result = desk_ask(&desk, stage_question("history", "observer", "hubble", ERROR_RATE));
    cr_expect_str_eq(stage_text(json_incref(result->answer)),
                     "{'metrics':[{'edges':null,'name':'error-rate'}],'replicas':null}");
    cr_expect_eq(atomic_load(&clerk.asked), asked, "there is nothing to ask for a history");
    clerk.status = 403;
    clerk.body = "{'title':'forbidden','errorCode':'OBS-1003','message':'no right to look'}";
    result = desk_ask(&desk, window_for("observer"));
    cr_expect_eq(result->error.kind, ERROR_DENIED);
    cr_expect_not_null(strstr(result->error.detail, "OBS-1003: no right to look"), "%s",
                       result->error.detail);
    desk_close(&desk);
    web_stop(web);
    web_stop(login);
}

Test(sources, webhook_signed)
{
    struct desk desk;
    struct clerk clerk = {.body = "{'metrics':[{'name':'error-rate','canary':{'requests':7,'bad':0}"
                                  ",'stable':null}]}"};
    struct web *web = web_start(&(struct web_options){.handler = serve, .context = &clerk});
    desk_make(&desk);
    desk_open(&desk,
              yaml("{webhook: {url: \"http://127.0.0.1:%u/judge/counts\", signature: {file: %s}}}",
                   web_port(web), desk_file(&desk, "key", "sign with this")),
              NULL);
    const struct desk_result *result = desk_ask(&desk, window_for("webhook"));
    cr_assert_not_null(result->answer, "%s", result->error.detail);
    cr_expect_str_eq(stage_text(json_incref(result->answer)),
                     "{'metrics':[{'canary':{'bad':0.0,'requests':7.0},'name':'error-rate','stable'"
                     ":null}]}");
    cr_expect_str_eq(clerk.path, "POST /judge/counts");
    char wanted[128];
    (void)snprintf(
        wanted, sizeof(wanted), "sha256=%s",
        digest_keyed("sign with this", 14, clerk.last_body, strlen(clerk.last_body)).text);
    cr_expect_str_eq(clerk.signature, wanted);
    json_t *sent = NULL, *asked = window_for("webhook");
    struct error err = {0};
    cr_assert_eq(json_read(clerk.last_body, strlen(clerk.last_body), "it", &sent, &err), 0);
    cr_expect(json_equal(sent, asked));
    json_decref(sent);
    json_decref(asked);
    clerk.body = "{'metrics':[{'name':'error-rate','canary':{'requests':7,'bad':8}}]}";
    result = desk_ask(&desk, window_for("webhook"));
    cr_expect_not_null(strstr(result->error.detail, "webhook: the webhook's answer: error-rate: "),
                       "%s", result->error.detail);
    desk_close(&desk);
    web_stop(web);
}

/* --- TLS ------------------------------------------------------------------------------------ */

Test(sources, tls)
{
    struct certificates certificates;
    certificates_make(&certificates);
    for (int i = 0; i < 2; i++) {
        struct desk desk;
        struct clerk clerk = {.body = MATRIX};
        struct web *web =
            web_start(&(struct web_options){.handler = serve,
                                            .context = &clerk,
                                            .certificate = certificates.good.certificate,
                                            .key = certificates.good.key});
        char text[DESK_TEXT_SIZE];
        desk_make(&desk);
        (void)snprintf(
            text, sizeof(text),
            "{prometheus: {url: \"https://127.0.0.1:%u\", auth: token, secret: {file: "
            "%s}, caFile: %s}}",
            web_port(web), desk_file(&desk, "token", SECRET),
            desk_file(&desk, "ca.pem", i == 0 ? certificates.authority : certificates.stranger));
        desk_open(&desk, text, NULL);
        const struct desk_result *result = desk_ask(&desk, window_for("prometheus"));
        cr_expect_eq(result->answer != NULL, i == 0, "%s", result->error.detail);
        cr_expect_eq(atomic_load(&clerk.asked), i == 0 ? 2u : 0u);
        desk_close(&desk);
        web_stop(web);
    }
    certificates_free(&certificates);
}
