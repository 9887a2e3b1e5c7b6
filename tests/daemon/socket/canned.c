#include "tests/daemon/socket/canned.h"

#include "config/base/check.h"
#include "config/base/json.h"
#include "config/base/packed.h"

#include <errno.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

json_t *canned_answer(const char *name)
{
    char path[512];
    json_error_t problem;
    (void)snprintf(path, sizeof(path), "%s/tests/daemon/socket/answers/%s.json", TEST_SOURCE_DIR,
                   name);
    json_t *value = json_load_file(path, 0, &problem);
    CHECK(value != NULL);
    return value;
}

static json_t *status(void *context)
{
    struct canned *canned = context;
    json_t *value = canned_answer("status");
    canned->statuses++;
    if (canned->padding > 0) {
        char *text = malloc(canned->padding + 1);
        memset(text, 'p', canned->padding);
        text[canned->padding] = '\0';
        (void)json_object_set_new(json_object_get(value, "platform"), "message", json_string(text));
        free(text);
    }
    return value;
}

static json_t *quarantine(void *context)
{
    (void)context;
    return canned_answer("quarantine");
}

static json_t *diff(void *context, const char *cell)
{
    (void)context;
    json_t *value = canned_answer("diff");
    if (cell != NULL && strcmp(cell, "cart") != 0)
        (void)json_array_clear(json_object_get(value, "objects"));
    return value;
}

static json_t *render(void *context, const char *cell, const char *target)
{
    (void)context;
    (void)cell;
    (void)target;
    return canned_answer("render");
}

/* --- rollouts, picked from the canned status ------------------------------------------------- */

struct picked {
    const char *component, *target;
    bool active;
};

static bool fits(const char *wanted, const json_t *object, const char *key)
{
    return wanted == NULL || strcmp(json_text_or(json_object_get(object, key), ""), wanted) == 0;
}

static bool is_active(const json_t *component)
{
    return json_is_true(json_object_get(json_object_get(component, "rollout"), "active")) ||
           json_is_true(json_object_get(component, "quarantined")) ||
           !fits("idle", component, "state");
}

static void pick(json_t *entries, const json_t *cell, const struct picked *picked)
{
    size_t at;
    size_t index;
    const json_t *node;
    json_t *component;
    json_array_foreach(json_object_get(cell, "targets"), at, node)
    {
        json_array_foreach(json_object_get(node, "components"), index, component)
        {
            if (!fits(picked->target, node, "target") ||
                !fits(picked->component, component, "name") ||
                (picked->active && !is_active(component)))
                continue;
            (void)json_array_append_new(
                entries,
                json_pack("{s:O?, s:O?, s:O?, s:O?, s:{s:O?, s:O?, s:O?}, s:O}", "cell",
                          json_object_get(cell, "name"), "target", json_object_get(node, "target"),
                          "environment", json_object_get(node, "environment"), "region",
                          json_object_get(node, "region"), "node", "state",
                          json_object_get(node, "state"), "wait", json_object_get(node, "wait"),
                          "message", json_object_get(node, "message"), "component", component));
        }
    }
}

static json_t *rollouts(void *context, const char *cell, const char *component, const char *target,
                        bool active)
{
    (void)context;
    OWNED_JSON *all = canned_answer("status");
    const struct picked picked = {component, target, active};
    json_t *entries = json_array();
    bool found = cell == NULL;
    size_t index;
    const json_t *one;
    json_array_foreach(json_object_get(all, "cells"), index, one)
    {
        if (!fits(cell, one, "name"))
            continue;
        found = true;
        pick(entries, one, &picked);
    }
    if (found)
        return entries;
    json_decref(entries);
    return json_null();
}

static json_t *rollout(void *context, const char *cell, const char *component, const char *target,
                       double requests_per_second)
{
    (void)context;
    if (strcmp(cell, "order") != 0 || strcmp(component, "checkoutservice") != 0 ||
        strcmp(target, "production") != 0)
        return NULL;
    json_t *value = canned_answer("rollout");
    if (requests_per_second > 0) {
        (void)json_object_set_new(value, "requests_per_second", json_real(requests_per_second));
        (void)json_object_set_new(value, "measured", json_null());
    }
    return value;
}

static int cell_status(void *context, const char *cell, json_t **ret_status)
{
    (void)context;
    OWNED_JSON *all = canned_answer("status");
    size_t index;
    json_t *one;
    json_array_foreach(json_object_get(all, "cells"), index, one)
    {
        if (strcmp(json_text_or(json_object_get(one, "name"), ""), cell) == 0) {
            (void)json_object_set_new(one, "objects", canned_answer("objects"));
            *ret_status = json_incref(one);
            return 0;
        }
    }
    return -ENOENT;
}

static int why(void *context, const char *cell, const char *target, struct text *out)
{
    (void)context;
    if (strcmp(cell, "order") != 0)
        return -ENOENT;
    text_format(out, "order on %s waits for fulfillment: emailservice is progressing since 40 s",
                target == NULL ? "testing" : target);
    return 0;
}

static uint64_t version(void *context)
{
    (void)context;
    return 7;
}

static const char *absent(void *context)
{
    (void)context;
    return NULL;
}

static bool ready(void *context, struct text *reason)
{
    const struct canned *canned = context;
    text_add(reason, canned->not_ready ? "no complete look at the live state yet" : "");
    return !canned->not_ready;
}

static int plan(void *context, uint64_t id, const char *ref, struct error *err)
{
    struct canned *canned = context;
    if (ref != NULL && strcmp(ref, "nowhere") == 0)
        return error_set(err, ERROR_NOT_FOUND, -ENOENT, "there is no revision \"nowhere\"");
    json_t *value = canned_answer("plan");
    if (ref != NULL && strcmp(ref, "same") == 0)
        (void)json_object_set_new(value, "changes", json_integer(0));
    if (ref != NULL && strcmp(ref, "unknown") == 0)
        (void)json_object_set_new(value, "complete", json_false());
    if (!canned->silent)
        socket_reply(canned->server, id, true, value);
    else
        json_decref(value);
    return 0;
}

static int command(void *context, uint64_t id, const char *verb, const json_t *arguments,
                   const char *operator_name, struct error *err)
{
    struct canned *canned = context;
    char *text = json_canonical(arguments);
    (void)snprintf(canned->verb, sizeof(canned->verb), "%s", verb);
    (void)snprintf(canned->arguments, sizeof(canned->arguments), "%s", text);
    (void)snprintf(canned->operator_name, sizeof(canned->operator_name), "%s", operator_name);
    free(text);
    if (strcmp(verb, "reload") == 0)
        return error_set(err, ERROR_INVALID, -EINVAL, "celld.yaml:3:1: unknown field");
    if (canned->silent)
        return 0;
    OWNED_JSON *given = json_deep_copy(arguments);
    const bool refused = strcmp(json_text_or(json_object_get(arguments, "hash"), ""), "old") == 0;
    socket_reply(canned->server, id, !refused,
                 refused ? json_pack("{s:s}", "message", "the world has moved since that plan")
                         : json_pack("{s:s, s:s, s:O}", "message", "it will be done", "verb", verb,
                                     "arguments", given));
    return 0;
}

void canned_init(struct canned *canned)
{
    const char *base = getenv("TMPDIR");
    memset(canned, 0, sizeof(*canned));
    (void)snprintf(canned->directory, sizeof(canned->directory), "%s/celld-XXXXXX",
                   base == NULL || strlen(base) > 60 ? "/tmp" : base);
    CHECK(mkdtemp(canned->directory) != NULL);
    (void)snprintf(canned->status_path, sizeof(canned->status_path), "%.90s/celld.sock",
                   canned->directory);
    (void)snprintf(canned->admin_path, sizeof(canned->admin_path), "%.90s/admin.sock",
                   canned->directory);
    canned->options = socket_options_default;
    canned->options.status.path = canned->status_path;
    canned->options.admin.path = canned->admin_path;
    canned->metrics = metrics_new(100);
    canned->options.metrics = canned->metrics;
    metric_add(metrics_family(canned->metrics, METRICS_COUNTER, "celld_writes", "Writes", NULL),
               NULL, 14);
}

static void on_stopped(void *context)
{
    struct canned *canned = context;
    canned->stopped = true;
    uv_close((uv_handle_t *)&canned->wake, NULL);
}

static void publish_as(struct canned *canned, uint64_t sequence, json_t *event)
{
    struct packed *packed = packed_take(event);
    socket_publish(canned->server, sequence, packed);
    (void)packed_unref(packed);
}

static void publish(struct canned *canned)
{
    if (canned->events != NULL) {
        json_t *given = json_array_get(canned->events, (size_t)canned->published++);
        const json_t *sequence = json_object_get(given, "sequence");
        publish_as(canned, (uint64_t)json_integer_value(sequence), json_incref(given));
        return;
    }
    json_t *event = canned_answer("event");
    char message[64];
    (void)snprintf(message, sizeof(message), "event %llu", (unsigned long long)++canned->published);
    (void)json_object_set_new(event, "message", json_string(message));
    publish_as(canned, canned->published, event);
}

static void on_wake(uv_async_t *wake)
{
    struct canned *canned = wake->data;
    uv_mutex_lock(&canned->mutex);
    const bool stops = canned->stops;
    const uint64_t wanted = canned->wanted;
    uv_mutex_unlock(&canned->mutex);
    while (canned->server != NULL && canned->published < wanted)
        publish(canned);
    uv_mutex_lock(&canned->mutex);
    uv_cond_broadcast(&canned->changed);
    uv_mutex_unlock(&canned->mutex);
    if (stops && canned->server != NULL) {
        struct socket_server *server = canned->server;
        canned->server = NULL;
        socket_stop(server, on_stopped, canned);
    }
}

static void run(void *context)
{
    struct canned *canned = context;
    const struct socket_backend backend = {
        .context = canned,
        .absent = absent,
        .status = status,
        .quarantine = quarantine,
        .diff = diff,
        .render = render,
        .rollouts = rollouts,
        .rollout = rollout,
        .cell = cell_status,
        .why = why,
        .version = version,
        .ready = ready,
        .plan = plan,
        .command = command,
    };
    CHECK(uv_loop_init(&canned->loop) == 0);
    CHECK(uv_async_init(&canned->loop, &canned->wake, on_wake) == 0);
    canned->wake.data = canned;
    canned->options.backend = canned->backend != NULL ? canned->backend : &backend;
    const int result =
        socket_start(&canned->options, &canned->loop, &canned->server, &canned->error);
    uv_mutex_lock(&canned->mutex);
    canned->start_result = result;
    canned->started = true;
    uv_cond_broadcast(&canned->changed);
    uv_mutex_unlock(&canned->mutex);
    if (result != 0)
        uv_close((uv_handle_t *)&canned->wake, NULL);
    while (uv_run(&canned->loop, UV_RUN_DEFAULT) != 0)
        continue;
    CHECK(uv_loop_close(&canned->loop) == 0);
}

int canned_start(struct canned *canned)
{
    CHECK(uv_mutex_init(&canned->mutex) == 0 && uv_cond_init(&canned->changed) == 0);
    CHECK(uv_thread_create(&canned->thread, run, canned) == 0);
    uv_mutex_lock(&canned->mutex);
    while (!canned->started)
        uv_cond_wait(&canned->changed, &canned->mutex);
    uv_mutex_unlock(&canned->mutex);
    return canned->start_result;
}

void canned_publish(struct canned *canned, uint64_t newest)
{
    uv_mutex_lock(&canned->mutex);
    canned->wanted = newest;
    (void)uv_async_send(&canned->wake);
    while (canned->published < newest)
        uv_cond_wait(&canned->changed, &canned->mutex);
    uv_mutex_unlock(&canned->mutex);
}

void canned_stop(struct canned *canned)
{
    if (canned->start_result == 0) {
        uv_mutex_lock(&canned->mutex);
        canned->stops = true;
        uv_mutex_unlock(&canned->mutex);
        (void)uv_async_send(&canned->wake);
    }
    CHECK(uv_thread_join(&canned->thread) == 0);
    CHECK(canned->start_result != 0 || canned->stopped);
    uv_cond_destroy(&canned->changed);
    uv_mutex_destroy(&canned->mutex);
}

static int remove_one(const char *path, const struct stat *about, int type, struct FTW *where)
{
    (void)about;
    (void)type;
    (void)where;
    return remove(path);
}

void canned_fini(struct canned *canned)
{
    canned->metrics = metrics_free(canned->metrics);
    (void)nftw(canned->directory, remove_one, 8, FTW_DEPTH | FTW_PHYS);
}
