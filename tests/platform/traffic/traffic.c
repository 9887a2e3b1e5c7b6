#include "tests/platform/traffic/traffic.h"

#include "config/base/check.h"
#include "tests/platform/traffic/gateway.h"
#include "tests/platform/traffic/hubble.h"
#include "tests/platform/traffic/listener.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

/* How often the model is looked at. */
#define LOOK_NS 10000000

struct traffic {
    struct platform_server *server;
    pthread_t looker, runner;
    /* between the threads */
    pthread_mutex_t mutex;
    pthread_cond_t wake; /* the looker, when it is to end */
    struct traffic_table *next;
    bool stopping;
    /* the loop's */
    uv_loop_t loop;
    uv_async_t changed;
    struct traffic_gateway *gateway;
    struct traffic_listener *metrics;
    struct traffic_counts *counts;
    FILE *log;
    uint16_t gateway_port, metrics_port;
    bool looking; /* the looker runs */
};

static int64_t now_ms(void)
{
    struct timespec now;
    CHECK(clock_gettime(CLOCK_REALTIME, &now) == 0);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static void hand_over(struct traffic *t, struct traffic_table *table)
{
    CHECK(pthread_mutex_lock(&t->mutex) == 0);
    traffic_table_free(t->next); /* not taken in time: the newer one holds */
    t->next = table;
    CHECK(pthread_mutex_unlock(&t->mutex) == 0);
    CHECK(uv_async_send(&t->changed) == 0);
}

static bool wait_a_little(struct traffic *t)
{
    struct timespec until;
    CHECK(clock_gettime(CLOCK_MONOTONIC, &until) == 0);
    until.tv_nsec += LOOK_NS;
    if (until.tv_nsec >= 1000000000) {
        until.tv_nsec -= 1000000000;
        until.tv_sec++;
    }
    CHECK(pthread_mutex_lock(&t->mutex) == 0);
    while (!t->stopping && pthread_cond_timedwait(&t->wake, &t->mutex, &until) != ETIMEDOUT)
        continue;
    const bool on = !t->stopping;
    CHECK(pthread_mutex_unlock(&t->mutex) == 0);
    return on;
}

static void *look(void *closure)
{
    struct traffic *t = closure;
    uint64_t seen = 0;
    do {
        int64_t model_ms;
        json_t *serving = NULL;
        struct platform *model = platform_server_lock(t->server, &model_ms);
        const uint64_t version = platform_serving_version(model);
        if (version != seen)
            serving = platform_serving(model);
        platform_server_unlock(t->server);
        seen = version;
        if (serving != NULL)
            hand_over(t, traffic_table_new(serving));
    } while (wait_a_little(t));
    return NULL;
}

static void on_changed(uv_async_t *async)
{
    struct traffic *t = async->data;
    CHECK(pthread_mutex_lock(&t->mutex) == 0);
    struct traffic_table *table = t->next;
    t->next = NULL;
    const bool stopping = t->stopping;
    CHECK(pthread_mutex_unlock(&t->mutex) == 0);
    if (stopping) {
        traffic_table_free(table);
        traffic_gateway_close(t->gateway);
        traffic_listener_close(t->metrics);
        uv_close((uv_handle_t *)async, NULL);
    } else if (table != NULL) {
        traffic_gateway_adopt(t->gateway, table, now_ms());
    }
}

static void on_metrics(void *closure, struct traffic_call *call)
{
    struct traffic *t = closure;
    if (traffic_slice_is(call->message.target, "/metrics")) {
        size_t length;
        char *text = hubble_text(t->counts, &length);
        traffic_call_say(call, 200, "", "text/plain; version=0.0.4; charset=utf-8", text, length);
        free(text);
    } else if (traffic_slice_is(call->message.target, "/traffic")) {
        json_t *shown = traffic_counts_show(t->counts);
        char *text = json_dumps(shown, JSON_COMPACT);
        CHECK(text != NULL);
        traffic_call_say(call, 200, "", "application/json", text, strlen(text));
        free(text);
        json_decref(shown);
    } else {
        traffic_call_say(call, 404, "", "text/plain", "/metrics or /traffic\n", 21);
    }
}

static void *run(void *closure)
{
    struct traffic *t = closure;
    CHECK(uv_run(&t->loop, UV_RUN_DEFAULT) == 0);
    return NULL;
}

/* On the caller's thread: nobody runs the loop yet. */
static bool listen_on(struct traffic *t, const struct traffic_options *o,
                      char ret_error[static 256])
{
    int status = 0;
    t->gateway = traffic_gateway_new(&t->loop, o->gateway_address, o->gateway_port, o->seed,
                                     t->counts, t->log, &status);
    if (t->gateway == NULL) {
        snprintf(ret_error, 256, "cannot listen on %.64s port %u: %s", o->gateway_address,
                 (unsigned)o->gateway_port, uv_strerror(status));
        return false;
    }
    t->metrics =
        traffic_listener_new(&t->loop, o->metrics_address, o->metrics_port, on_metrics, t, &status);
    if (t->metrics == NULL) {
        snprintf(ret_error, 256, "cannot listen on %.64s port %u: %s", o->metrics_address,
                 (unsigned)o->metrics_port, uv_strerror(status));
        return false;
    }
    t->gateway_port = traffic_gateway_port(t->gateway);
    t->metrics_port = traffic_listener_port(t->metrics);
    return true;
}

struct traffic *traffic_start(struct platform_server *server, const struct traffic_options *options,
                              char ret_error[static 256])
{
    FILE *log = NULL;
    if (options->log != NULL && (log = fopen(options->log, "ae")) == NULL) {
        snprintf(ret_error, 256, "cannot open %.200s: %s", options->log, strerror(errno));
        return NULL;
    }
    struct traffic *t = calloc(1, sizeof(*t));
    CHECK(t != NULL);
    t->server = server;
    t->log = log;
    t->counts = traffic_counts_new();
    CHECK(pthread_mutex_init(&t->mutex, NULL) == 0);
    pthread_condattr_t attributes;
    CHECK(pthread_condattr_init(&attributes) == 0);
    CHECK(pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC) == 0);
    CHECK(pthread_cond_init(&t->wake, &attributes) == 0);
    CHECK(pthread_condattr_destroy(&attributes) == 0);
    CHECK(uv_loop_init(&t->loop) == 0);
    t->changed.data = t;
    CHECK(uv_async_init(&t->loop, &t->changed, on_changed) == 0);
    const bool listening = listen_on(t, options, ret_error);
    CHECK(pthread_create(&t->runner, NULL, run, t) == 0);
    if (!listening)
        return traffic_stop(t);
    CHECK(pthread_create(&t->looker, NULL, look, t) == 0);
    t->looking = true;
    return t;
}

struct traffic *traffic_stop(struct traffic *t)
{
    if (t == NULL)
        return NULL;
    CHECK(pthread_mutex_lock(&t->mutex) == 0);
    t->stopping = true;
    CHECK(pthread_cond_signal(&t->wake) == 0);
    CHECK(pthread_mutex_unlock(&t->mutex) == 0);
    if (t->looking)
        CHECK(pthread_join(t->looker, NULL) == 0);
    CHECK(uv_async_send(&t->changed) == 0);
    CHECK(pthread_join(t->runner, NULL) == 0);
    CHECK(uv_loop_close(&t->loop) == 0);
    traffic_counts_free(t->counts);
    if (t->log != NULL)
        fclose(t->log);
    pthread_cond_destroy(&t->wake);
    pthread_mutex_destroy(&t->mutex);
    free(t);
    return NULL;
}

uint16_t traffic_gateway_port_of(const struct traffic *t)
{
    return t->gateway_port;
}

uint16_t traffic_metrics_port_of(const struct traffic *t)
{
    return t->metrics_port;
}
