#include "tests/platform/traffic/gateway.h"

#include "config/base/check.h"
#include "config/base/text.h"
#include "tests/platform/traffic/listener.h"
#include "tests/platform/traffic/server.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#define TARGET_LIMIT 8192

struct traffic_gateway {
    uv_loop_t *loop;
    struct traffic_listener *listener;
    struct traffic_counts *counts;
    struct traffic_table *table;
    struct traffic_server **servers; /* by the number of the pod; NULL = not ready */
    struct traffic_backend_count **backends;
    FILE *log;
    uint64_t random;
    size_t pending;
    bool closing;
};

/* A request that a pod is to answer. */
struct forwarding {
    struct traffic_gateway *gateway;
    struct traffic_call *call;
    struct traffic_backend_count *backend;
    char pod[256], target[256];
};

static int64_t now_ms(void)
{
    struct timespec now;
    CHECK(clock_gettime(CLOCK_REALTIME, &now) == 0);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static void free_gateway(struct traffic_gateway *g)
{
    if (!g->closing || g->pending > 0)
        return;
    for (size_t i = 0; g->table != NULL && i < g->table->pod_count; i++)
        if (g->servers[i] != NULL)
            traffic_server_close(g->servers[i]);
    traffic_table_free(g->table);
    traffic_listener_close(g->listener);
    free(g->servers);
    free(g);
}

static void log_failure(struct traffic_gateway *g, int status, const char *why, const char *target,
                        const char *pod)
{
    if (g->log == NULL)
        return;
    json_t *line = json_pack("{s:I,s:s,s:i,s:s,s:s,s:s}", "at", (json_int_t)now_ms(), "event",
                             "failed", "status", status, "why", why, "target", target, "pod", pod);
    if (line != NULL && json_dumpf(line, g->log, JSON_COMPACT) == 0) {
        fputc('\n', g->log);
        fflush(g->log);
    }
    json_decref(line);
}

static void refuse(struct traffic_gateway *g, struct traffic_call *call,
                   struct traffic_backend_count *backend, enum traffic_outcome outcome)
{
    const int status = traffic_outcome_status(outcome);
    const char *why = traffic_outcome_name(outcome);
    char target[256], body[128];
    snprintf(target, sizeof(target), "%.*s",
             (int)(call->message.target.length < 255 ? call->message.target.length : 255),
             call->message.target.at);
    traffic_counts_gateway(g->counts, backend, outcome, status);
    if (status >= 500)
        log_failure(g, status, why, target, "");
    const int length = snprintf(body, sizeof(body), "{\"gateway\":\"%s\"}\n", why);
    traffic_call_say(call, status, "", "application/json", body, (size_t)length);
}

static void on_answered(void *closure, int status, const struct traffic_message *message,
                        const char *bytes, size_t length)
{
    (void)message;
    struct forwarding *f = closure;
    struct traffic_gateway *g = f->gateway;
    const int told = status > 0 ? status : 502;
    traffic_counts_gateway(g->counts, f->backend, TRAFFIC_TO_POD, told);
    if (told >= 500)
        log_failure(g, told, status > 0 ? "answered" : uv_err_name(status), f->target, f->pod);
    if (status > 0)
        traffic_call_answer(f->call, bytes, length);
    else
        traffic_call_say(f->call, told, "", "text/plain", "no answer\n", 10);
    free(f);
    g->pending--;
    free_gateway(g);
}

/* The request as the pod gets it; owned. */
static char *build_request(const struct traffic_choice *choice, const struct traffic_call *call,
                           size_t *ret_length)
{
    const struct traffic_message *m = &call->message;
    char target[TARGET_LIMIT];
    traffic_choice_target(choice, m->target, target, sizeof(target));
    struct text text;
    text_init(&text, TRAFFIC_HEAD_LIMIT + TARGET_LIMIT + TRAFFIC_BODY_LIMIT);
    text_add_bytes(&text, m->method.at, m->method.length);
    text_add_char(&text, ' ');
    text_add(&text, target);
    text_add(&text, " HTTP/1.1\r\n");
    for (size_t i = 0; i < m->header_count; i++) {
        const struct traffic_header *h = &m->headers[i];
        if (traffic_slice_is_name(h->name, "connection"))
            continue;
        text_add_bytes(&text, h->name.at, h->name.length);
        text_add(&text, ": ");
        text_add_bytes(&text, h->value.at, h->value.length);
        text_add(&text, "\r\n");
    }
    text_add(&text, "\r\n");
    text_add_bytes(&text, call->body, m->body_length);
    *ret_length = text.length;
    char *bytes = text_take(&text);
    text_fini(&text);
    CHECK(bytes != NULL);
    return bytes;
}

static void on_call(void *closure, struct traffic_call *call)
{
    struct traffic_gateway *g = closure;
    const struct traffic_choice choice =
        g->table == NULL ? (struct traffic_choice){.outcome = TRAFFIC_NO_ROUTE}
                         : traffic_table_choose(g->table, &call->message, &g->random);
    struct traffic_backend_count *backend =
        choice.backend == NULL ? NULL : g->backends[choice.backend->number];
    struct traffic_server *server =
        choice.outcome == TRAFFIC_TO_POD ? g->servers[choice.pod->number] : NULL;
    if (server == NULL) {
        refuse(g, call, backend,
               choice.outcome == TRAFFIC_TO_POD ? TRAFFIC_NOT_READY : choice.outcome);
        return;
    }
    struct forwarding *f = calloc(1, sizeof(*f));
    CHECK(f != NULL);
    f->gateway = g;
    f->call = call;
    f->backend = backend;
    snprintf(f->pod, sizeof(f->pod), "%s", choice.pod->name);
    snprintf(f->target, sizeof(f->target), "%.*s",
             (int)(call->message.target.length < 255 ? call->message.target.length : 255),
             call->message.target.at);
    size_t length;
    char *request = build_request(&choice, call, &length);
    g->pending++;
    traffic_upstream_send(traffic_server_upstream(server), request, length, on_answered, f);
    free(request);
}

struct traffic_gateway *traffic_gateway_new(uv_loop_t *loop, const char *address, uint16_t port,
                                            uint64_t seed, struct traffic_counts *counts, FILE *log,
                                            int *ret_status)
{
    struct traffic_gateway *g = calloc(1, sizeof(*g));
    CHECK(g != NULL);
    g->loop = loop;
    g->counts = counts;
    g->log = log;
    g->random = seed;
    g->listener = traffic_listener_new(loop, address, port, on_call, g, ret_status);
    if (g->listener == NULL) {
        free(g);
        return NULL;
    }
    return g;
}

uint16_t traffic_gateway_port(const struct traffic_gateway *g)
{
    return traffic_listener_port(g->listener);
}

/* The running server of a pod, taken out of the old ones. */
static struct traffic_server *take_server(struct traffic_gateway *g, const char *uid)
{
    for (size_t i = 0; g->table != NULL && i < g->table->pod_count; i++) {
        struct traffic_server *server = g->servers[i];
        if (server != NULL && strcmp(traffic_server_uid(server), uid) == 0) {
            g->servers[i] = NULL;
            return server;
        }
    }
    return NULL;
}

void traffic_gateway_adopt(struct traffic_gateway *g, struct traffic_table *table, int64_t at_ms)
{
    struct traffic_server **servers =
        calloc(table->pod_count == 0 ? 1 : table->pod_count, sizeof(struct traffic_server *));
    CHECK(servers != NULL);
    for (size_t i = 0; i < table->pod_count; i++) {
        const struct traffic_pod *pod = &table->pods[i];
        if (!pod->ready)
            continue;
        servers[i] = take_server(g, pod->uid);
        if (servers[i] == NULL)
            servers[i] = traffic_server_new(g->loop, pod, traffic_counts_pod(g->counts, pod, at_ms),
                                            ++g->random);
    }
    for (size_t i = 0; g->table != NULL && i < g->table->pod_count; i++)
        if (g->servers[i] != NULL)
            traffic_server_close(g->servers[i]);
    free(g->servers);
    traffic_table_free(g->table);
    g->servers = servers;
    g->table = table;
    g->backends = traffic_counts_adopt(g->counts, table, at_ms, g->log);
}

void traffic_gateway_close(struct traffic_gateway *g)
{
    if (g == NULL || g->closing)
        return;
    g->closing = true;
    traffic_listener_close(g->listener);
    g->listener = NULL;
    free_gateway(g);
}
