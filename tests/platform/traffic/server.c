#include "tests/platform/traffic/server.h"

#include "config/base/check.h"
#include "tests/platform/traffic/behaviour.h"
#include "tests/platform/traffic/listener.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Mean and most of what a healthy answer takes besides one millisecond. */
#define USUAL_MS 3.0
#define USUAL_LIMIT_MS 60.0

struct traffic_server {
    uv_loop_t *loop;
    char *uid;
    char headers[640], body[1024];
    struct traffic_behaviour behaviour;
    struct traffic_pod_count *count;
    struct traffic_listener *listener;
    struct traffic_upstream *upstream;
    uint64_t random;
    size_t waiting;
    bool closed; /* nothing is sent to it any more, all is answered */
};

struct waiting {
    uv_timer_t timer;
    struct traffic_server *server;
    struct traffic_call *call;
    uint64_t begun; /* ns */
};

static void free_server(struct traffic_server *s)
{
    if (!s->closed || s->waiting > 0)
        return;
    traffic_listener_close(s->listener);
    free(s->uid);
    free(s);
}

static void on_timer_closed(uv_handle_t *handle)
{
    struct waiting *w = handle->data;
    struct traffic_server *s = w->server;
    free(w);
    s->waiting--;
    free_server(s);
}

static void on_time(uv_timer_t *timer)
{
    struct waiting *w = timer->data;
    struct traffic_server *s = w->server;
    const int status = traffic_random(&s->random) < s->behaviour.errors ? 500 : 200;
    traffic_counts_answer(s->count, w->call->message.method, status,
                          (double)(uv_hrtime() - w->begun) / 1e9);
    traffic_call_say(w->call, status, s->headers, "application/json", s->body, strlen(s->body));
    uv_close((uv_handle_t *)timer, on_timer_closed);
}

static uint64_t duration(struct traffic_server *s)
{
    const struct traffic_behaviour *b = &s->behaviour;
    const double usual = -USUAL_MS * log(1 - traffic_random(&s->random));
    double ms = 1 + (usual < USUAL_LIMIT_MS ? usual : USUAL_LIMIT_MS) + b->slow_ms;
    if (traffic_random(&s->random) < b->tail)
        ms += b->tail_ms;
    return (uint64_t)ms;
}

static void on_call(void *closure, struct traffic_call *call)
{
    struct traffic_server *s = closure;
    struct waiting *w = calloc(1, sizeof(*w));
    CHECK(w != NULL);
    w->server = s;
    w->call = call;
    w->begun = uv_hrtime();
    w->timer.data = w;
    CHECK(uv_timer_init(s->loop, &w->timer) == 0);
    s->waiting++;
    CHECK(uv_timer_start(&w->timer, on_time, duration(s), 0) == 0);
}

struct traffic_server *traffic_server_new(uv_loop_t *loop, const struct traffic_pod *pod,
                                          struct traffic_pod_count *count, uint64_t seed)
{
    struct traffic_server *s = calloc(1, sizeof(*s));
    CHECK(s != NULL);
    s->loop = loop;
    s->count = count;
    s->random = seed;
    s->behaviour = traffic_behaviour_of(pod->image);
    s->uid = strdup(pod->uid);
    CHECK(s->uid != NULL);
    snprintf(s->headers, sizeof(s->headers), "X-Workload: %.250s\r\nX-Pod: %.250s\r\n",
             pod->workload, pod->name);
    snprintf(s->body, sizeof(s->body),
             "{\"workload\":\"%.250s\",\"pod\":\"%.250s\",\"image\":\"%.400s\"}\n", pod->workload,
             pod->name, pod->image);
    int status;
    s->listener = traffic_listener_new(loop, "127.0.0.1", 0, on_call, s, &status);
    if (s->listener == NULL) {
        s->closed = true;
        free_server(s);
        return NULL;
    }
    const struct sockaddr_in address = {.sin_family = AF_INET,
                                        .sin_port = htons(traffic_listener_port(s->listener)),
                                        .sin_addr = {htonl(INADDR_LOOPBACK)}};
    s->upstream = traffic_upstream_new(loop, &address);
    return s;
}

struct traffic_upstream *traffic_server_upstream(const struct traffic_server *s)
{
    return s->upstream;
}

const char *traffic_server_uid(const struct traffic_server *s)
{
    return s->uid;
}

static void on_upstream_closed(void *closure)
{
    struct traffic_server *s = closure;
    s->closed = true;
    free_server(s);
}

void traffic_server_close(struct traffic_server *s)
{
    traffic_upstream_close(s->upstream, on_upstream_closed, s);
}
