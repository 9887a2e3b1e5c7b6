#include "reconciler/engine/request.h"

#include "config/base/splitmix.h"
#include "reconciler/engine/emit.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* The longest wait that a server may ask for. */
#define ASKED_LONGEST_MS ((int64_t)5 * 60 * 1000)

struct request *request_free(struct request *request)
{
    free(request->path);
    json_decref(request->body);
    free(request);
    return NULL;
}

static void free_chain(struct request *request)
{
    while (request != NULL) {
        struct request *next = request->next;
        request_free(request);
        request = next;
    }
}

void request_free_all(struct engine *engine)
{
    free_chain(engine->requests);
    free_chain(engine->urgent);
    free_chain(engine->flying);
}

uint64_t request_add(struct engine *engine, const struct request_order *order)
{
    struct request *request = calloc(1, sizeof *request);
    if (request == NULL || (request->path = strdup(order->path)) == NULL) {
        json_decref(order->body);
        free(request);
        engine->status = -ENOMEM;
        return 0;
    }
    request->id = ++engine->last_request;
    request->purpose = order->purpose;
    request->owner = order->owner;
    request->method = order->method;
    request->kind = order->kind;
    request->body = order->body;
    request->large = order->large;
    struct request ***end = order->urgent ? &engine->urgent_end : &engine->requests_end;
    **end = request;
    *end = &request->next;
    engine->queued++;
    return request->id;
}

static void emit(struct engine *engine, struct request *request)
{
    struct effect effect = {.kind = EFFECT_LIST};
    if (request->method == NULL) {
        effect.as.list.id = request->id;
        effect.as.list.kind = request->kind;
        effect.as.list.path = emit_text(engine, request->path);
    } else {
        effect.kind = EFFECT_REQUEST;
        effect.as.request.id = request->id;
        effect.as.request.method = request->method;
        effect.as.request.path = emit_text(engine, request->path);
        effect.as.request.body = TAKE(request->body);
        effect.as.request.write = strcmp(request->method, "GET") != 0;
        effect.as.request.large = request->large;
    }
    const bool write = request->method != NULL && strcmp(request->method, "GET") != 0;
    engine->reads += !write;
    engine->writes += write;
    emit_effect(engine, &effect);
}

static struct request *next_of(struct engine *engine)
{
    struct request **head = engine->urgent != NULL ? &engine->urgent : &engine->requests;
    struct request ***end = engine->urgent != NULL ? &engine->urgent_end : &engine->requests_end;
    struct request *request = *head;
    if (request == NULL)
        return NULL;
    *head = request->next;
    if (*head == NULL)
        *end = head;
    request->next = NULL;
    engine->queued--;
    return request;
}

void request_pump(struct engine *engine)
{
    while (engine->in_flight < (size_t)engine->options.parallel_requests) {
        struct request *request = next_of(engine);
        if (request == NULL)
            return;
        emit(engine, request);
        request->next = engine->flying;
        engine->flying = request;
        engine->in_flight++;
    }
}

struct request *request_take(struct engine *engine, uint64_t id)
{
    for (struct request **at = &engine->flying; *at != NULL; at = &(*at)->next) {
        if ((*at)->id != id)
            continue;
        struct request *request = *at;
        *at = request->next;
        request->next = NULL;
        engine->in_flight--;
        return request;
    }
    return NULL;
}

static bool drop_queued(struct engine *engine, struct request **head, struct request ***end,
                        uint64_t id)
{
    for (struct request **at = head; *at != NULL; at = &(*at)->next) {
        if ((*at)->id != id)
            continue;
        struct request *request = *at;
        *at = request->next;
        if (*at == NULL)
            *end = at;
        request_free(request);
        engine->queued--;
        return true;
    }
    return false;
}

void request_give(struct engine *engine, uint64_t id, void *owner)
{
    struct request *const lists[] = {engine->requests, engine->urgent, engine->flying};
    for (size_t i = 0; i < sizeof lists / sizeof *lists; i++) {
        for (struct request *request = lists[i]; request != NULL; request = request->next) {
            if (request->id == id)
                request->owner = owner;
        }
    }
}

void request_cancel(struct engine *engine, uint64_t id)
{
    if (id == 0 || drop_queued(engine, &engine->urgent, &engine->urgent_end, id) ||
        drop_queued(engine, &engine->requests, &engine->requests_end, id))
        return;
    struct request *request = request_take(engine, id);
    if (request == NULL)
        return;
    request_free(request);
    struct effect effect = {.kind = EFFECT_CANCEL};
    effect.as.cancel.id = id;
    emit_effect(engine, &effect);
}

const char *request_complaint(const struct error *err)
{
    return err == NULL ? "no reason was given" : err->detail;
}

struct mono_time request_backoff(struct engine *engine, unsigned failures, const struct error *err)
{
    int64_t limit = engine->options.retry_first.ms;
    for (unsigned i = 1; i < failures && limit < engine->options.retry_slowest.ms; i++)
        limit *= 2;
    if (limit > engine->options.retry_slowest.ms)
        limit = engine->options.retry_slowest.ms;
    int64_t delay =
        1 + (int64_t)(splitmix_next(&engine->random) % (uint64_t)(limit < 1 ? 1 : limit));
    /* What the server asks for counts, within reason. */
    if (err != NULL && err->retry_after_ms > delay)
        delay = err->retry_after_ms < ASKED_LONGEST_MS ? err->retry_after_ms : ASKED_LONGEST_MS;
    return (struct mono_time){engine->now.mono.ms + delay};
}
