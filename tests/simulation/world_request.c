#include "tests/simulation/world_request.h"

#include "config/base/check.h"
#include "config/base/json.h"
#include "reconciler/resource/object.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PAGES_LIMIT 1000

static bool is_before(const struct world_request *a, const struct world_request *b)
{
    return a->due_ms != b->due_ms ? a->due_ms < b->due_ms : a->id < b->id;
}

static void insert(struct world *world, struct world_request *request)
{
    if (world->request_count == world->request_capacity) {
        world->request_capacity = world->request_capacity == 0 ? 16 : world->request_capacity * 2;
        world->requests =
            reallocarray(world->requests, world->request_capacity, sizeof(struct world_request *));
        CHECK(world->requests != NULL);
    }
    size_t at = world->request_count++;
    for (; at > 0 && is_before(request, world->requests[at - 1]); at--)
        world->requests[at] = world->requests[at - 1];
    world->requests[at] = request;
}

static void take_out(struct world *world, const struct world_request *request)
{
    size_t at = 0;
    while (world->requests[at] != request)
        at++;
    world->request_count--;
    memmove(&world->requests[at], &world->requests[at + 1],
            (world->request_count - at) * sizeof(struct world_request *));
}

static int64_t latency(const struct world *world, const struct world_request *request)
{
    return world->options.latency_ms +
           (world->options.delay == NULL ? 0
                                         : world->options.delay(world->options.context, request));
}

void world_request_send(struct world *world, const struct world_request *order)
{
    struct world_request *request = calloc(1, sizeof *request);
    CHECK(request != NULL);
    *request = *order;
    request->path = strdup(order->path);
    request->body = order->body == NULL ? NULL : json_deep_copy(order->body);
    CHECK(request->path != NULL);
    request->due_ms = world->now_ms + latency(world, request);
    insert(world, request);
}

void world_request_lose(struct world *world, uint64_t write)
{
    for (size_t i = 0; i < world->request_count; i++) {
        struct world_request *request = world->requests[i];
        if (request->write == write) {
            take_out(world, request);
            world_request_free(request);
            return;
        }
    }
}

struct world_request *world_request_take(struct world *world)
{
    struct world_request *request = world->requests[0];
    take_out(world, request);
    return request;
}

void world_request_free(struct world_request *request)
{
    free(request->path);
    json_decref(request->body);
    json_decref(request->answer_body);
    free(request);
}

void world_request_abandon(struct world *world, uint64_t id)
{
    for (size_t i = 0; i < world->request_count; i++) {
        if (world->requests[i]->id == id)
            world->requests[i]->abandoned = true;
    }
}

void world_request_orphan(struct world *world)
{
    struct world_request **requests = world->requests;
    const size_t count = world->request_count;
    for (size_t i = 0; i < count; i++) {
        requests[i]->abandoned = true;
        /* The connection is cut: what has left is there before anything that comes later. */
        requests[i]->due_ms = world->now_ms;
    }
}

void world_request_free_all(struct world *world)
{
    while (world->request_count > 0)
        world_request_free(world_request_take(world));
    free(world->requests);
}

/* --- at the control plane -----------------------------------------------------------------------
 */

static json_t *ask(struct world *world, const char *method, const char *path, const json_t *body,
                   int *ret_status, bool *ret_lost, int64_t *ret_delay)
{
    const bool bytes = world->options.bytes;
    char *text = body == NULL || !bytes ? NULL : json_dumps(body, JSON_COMPACT);
    const struct platform_request request = {
        .method = method,
        .path = path,
        .body = text,
        .body_length = text == NULL ? 0 : strlen(text),
        .document = bytes ? NULL : body,
        .wants_document = !bytes,
    };
    struct platform_response response;
    platform_handle(world->platform, &request, world_platform_now(world), &response);
    free(text);
    json_t *answer =
        response.document != NULL ? json_incref(response.document)
        : response.body == NULL
            ? NULL
            : json_loadb(response.body,
                         response.length < response.cut ? response.length : response.cut,
                         JSON_DECODE_ANY, NULL);
    *ret_status = response.status;
    *ret_lost = response.lost || response.cut < response.length;
    *ret_delay += response.delay_ms;
    platform_response_fini(&response);
    return answer;
}

static void set_error(struct world_request *request, int status)
{
    const char *text = json_text_or(json_object_get(request->answer_body, "error"), "no text");
    const enum error_kind kind = status == 404                    ? ERROR_NOT_FOUND
                                 : status == 409                  ? ERROR_CONFLICT
                                 : status == 401 || status == 403 ? ERROR_DENIED
                                 : status < 500                   ? ERROR_INVALID
                                                                  : ERROR_UNAVAILABLE;
    error_set(&request->error, kind, ERR_HTTP, "%s", text);
    request->error.http_status = status;
    request->error.retry_after_ms = -1;
}

/* The daemon puts values in where a request leaves, and lets none come back. */
static void put_secrets(const struct world *world, struct world_request *request)
{
    const char *key;
    json_t *value;
    if (world->options.secret == NULL || request->body == NULL)
        return;
    json_t *data = json_object_get(request->body, "data");
    json_object_foreach(data, key, value)
    {
        CHECK(json_object_get(value, CREDENTIAL_PLACEHOLDER) != NULL);
        CHECK(json_object_set_new(data, key, json_string(world->options.secret)) == 0);
    }
}

static void ask_one(struct world *world, struct world_request *request, int64_t *delay)
{
    int status = 0;
    bool lost = false;
    struct engine_event *answer = &request->answer;
    answer->kind = EVENT_ANSWER;
    answer->as.answer.id = request->id;
    const bool secret = strstr(request->path, "/secrets") != NULL;
    if (secret)
        put_secrets(world, request);
    request->answer_body =
        ask(world, request->method, request->path, request->body, &status, &lost, delay);
    if (lost || status == 0) {
        const bool write = strcmp(request->method, "GET") != 0;
        error_set(&request->error, ERROR_UNKNOWN, ERR_HTTP, "the connection broke");
        request->error.retry_after_ms = -1;
        answer->as.answer.outcome = write ? ANSWER_UNKNOWN : ANSWER_NOT_SENT;
        answer->as.answer.error = &request->error;
        return;
    }
    answer->as.answer.outcome = ANSWER_RECEIVED;
    answer->as.answer.status = status;
    answer->as.answer.body = secret && status < 300 ? NULL : request->answer_body;
    if (status >= 300) {
        set_error(request, status);
        answer->as.answer.error = &request->error;
    }
}

static bool is_new(json_t *uids, const json_t *item)
{
    const char *uid = json_text_or(json_at(item, "metadata", "uid", NULL), "");
    if (json_object_get(uids, uid) != NULL)
        return false;
    json_object_set_new(uids, uid, json_true());
    return true;
}

/* All pages, each item once. */
static bool ask_pages(struct world *world, const struct world_request *request, json_t *items,
                      int64_t *delay)
{
    json_t *uids = json_object(), *cursors = json_object();
    char cursor[1024] = "";
    bool complete = false;
    for (int page = 0; page < PAGES_LIMIT; page++) {
        char path[4096];
        snprintf(path, sizeof path, "%s%climit=100%s%s", request->path,
                 strchr(request->path, '?') == NULL ? '?' : '&',
                 cursor[0] == '\0' ? "" : "&cursor=", cursor);
        int status = 0;
        bool lost = false;
        json_t *answer = ask(world, "GET", path, NULL, &status, &lost, delay);
        const json_t *list = json_object_get(answer, "items");
        if (lost || status != 200 || !json_is_array(list)) {
            json_decref(answer);
            break;
        }
        for (size_t i = 0; i < json_array_size(list); i++) {
            if (is_new(uids, json_array_get(list, i)))
                json_array_append(items, json_array_get(list, i));
        }
        const char *next = json_text_or(json_at(answer, "pagination", "nextCursor", NULL), "");
        complete = next[0] == '\0';
        const bool again = json_object_get(cursors, next) != NULL;
        json_object_set_new(cursors, next, json_true());
        snprintf(cursor, sizeof cursor, "%s", next);
        json_decref(answer);
        if (complete || again)
            break;
    }
    json_decref(uids);
    json_decref(cursors);
    return complete;
}

static void ask_list(struct world *world, struct world_request *request, int64_t *delay)
{
    struct engine_event *answer = &request->answer;
    answer->kind = EVENT_LISTED;
    answer->as.listed.id = request->id;
    request->answer_body = json_array();
    answer->as.listed.complete = ask_pages(world, request, request->answer_body, delay);
    if (answer->as.listed.complete) {
        answer->as.listed.items = request->answer_body;
        return;
    }
    error_set(&request->error, ERROR_UNAVAILABLE, ERR_HTTP, "the list broke off");
    request->error.retry_after_ms = -1;
    answer->as.listed.error = &request->error;
}

static void ask_metrics(struct world *world, struct world_request *request)
{
    struct engine_event *answer = &request->answer;
    answer->kind = EVENT_METRICS;
    answer->as.metrics.id = request->id;
    request->error.retry_after_ms = -1;
    request->answer_body =
        world->options.metrics(world->options.context, world, request->body, &request->error);
    answer->as.metrics.answer = request->answer_body;
    answer->as.metrics.error = request->answer_body == NULL ? &request->error : NULL;
}

static void fail(struct world_request *request, enum answer_outcome outcome)
{
    error_set(&request->error, outcome == ANSWER_NOT_SENT ? ERROR_UNAVAILABLE : ERROR_UNKNOWN,
              ERR_HTTP, "no answer came");
    request->error.retry_after_ms = -1;
    if (strcmp(request->method, "LIST") == 0) {
        request->answer.kind = EVENT_LISTED;
        request->answer.as.listed.id = request->id;
        request->answer.as.listed.error = &request->error;
        return;
    }
    if (strcmp(request->method, "METRICS") == 0) {
        request->answer.kind = EVENT_METRICS;
        request->answer.as.metrics.id = request->id;
        request->answer.as.metrics.error = &request->error;
        return;
    }
    request->answer.kind = EVENT_ANSWER;
    request->answer.as.answer.id = request->id;
    request->answer.as.answer.outcome = outcome;
    request->answer.as.answer.error = &request->error;
}

void world_request_arrive(struct world *world, struct world_request *request)
{
    const enum world_fate fate = world->options.fate == NULL
                                     ? WORLD_ARRIVES
                                     : world->options.fate(world->options.context, request);
    int64_t delay = 0;
    take_out(world, request);
    if (fate == WORLD_ARRIVES || fate == WORLD_ANSWER_LOST) {
        if (strcmp(request->method, "LIST") == 0)
            ask_list(world, request, &delay);
        else if (strcmp(request->method, "METRICS") == 0)
            ask_metrics(world, request);
        else
            ask_one(world, request, &delay);
    }
    if (fate == WORLD_NOT_SENT) {
        fail(request, ANSWER_NOT_SENT);
    } else if (fate != WORLD_ARRIVES) {
        request->answer = (struct engine_event){0};
        fail(request, ANSWER_UNKNOWN);
    }
    request->arrived = true;
    request->due_ms = world->now_ms + latency(world, request) + delay;
    insert(world, request);
}
