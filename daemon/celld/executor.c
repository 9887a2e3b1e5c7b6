#include "daemon/celld/executor.h"

#include "config/base/check.h"
#include "config/base/json.h"
#include "config/base/owned.h"
#include "config/base/text.h"
#include "daemon/http/listing.h"
#include "daemon/http/secret.h"

#include <jansson.h>

#include <stdlib.h>
#include <string.h>
#include <time.h>

/* One engine step's effects, and how far they are done. */
struct batch {
    struct batch *next;
    struct effect_list effects;
    size_t done;
};

/* Outlives the executor while the journal or the client may still call back. */
struct executor {
    struct journal *journal;
    struct client *client;
    const struct credentials *credentials;
    struct executor_hooks hooks;
    struct batch *first, *last;
    struct exchange *exchanges;
    bool waiting;   /* for a row to become durable */
    bool running;   /* inside run_queue(): no recursion */
    bool abandoned; /* freed, or storage failed: do nothing any more */
    bool freed;
};

/* A request or a list under way. */
struct exchange {
    struct exchange *next, *previous;
    struct executor *executor;
    uint64_t id;
    bool write;
    bool guarded;  /* values of secrets may stand in the answer */
    json_t *items; /* of a list */
};

static void run_queue(struct executor *executor);

static struct instant at_clock(clockid_t mono, clockid_t wall)
{
    struct timespec a, b;
    CHECK(clock_gettime(mono, &a) == 0 && clock_gettime(wall, &b) == 0);
    return (struct instant){
        .mono.ms = (int64_t)a.tv_sec * 1000 + a.tv_nsec / 1000000,
        .wall.ms = (int64_t)b.tv_sec * 1000 + b.tv_nsec / 1000000,
    };
}

struct instant executor_now(void)
{
    return at_clock(CLOCK_BOOTTIME, CLOCK_REALTIME);
}

struct executor *executor_new(struct journal *journal, struct client *client,
                              const struct credentials *credentials,
                              const struct executor_hooks *hooks)
{
    struct executor *executor = calloc(1, sizeof(*executor));
    if (executor == NULL)
        return NULL;
    executor->journal = journal;
    executor->client = client;
    executor->credentials = credentials;
    executor->hooks = *hooks;
    return executor;
}

static void batch_free(struct batch *batch)
{
    effect_list_fini(&batch->effects);
    free(batch);
}

static void drop_queue(struct executor *executor)
{
    while (executor->first != NULL) {
        struct batch *next = executor->first->next;
        batch_free(executor->first);
        executor->first = next;
    }
    executor->last = NULL;
}

static void exchange_free(struct exchange *exchange)
{
    struct executor *executor = exchange->executor;
    if (exchange->previous != NULL)
        exchange->previous->next = exchange->next;
    else
        executor->exchanges = exchange->next;
    if (exchange->next != NULL)
        exchange->next->previous = exchange->previous;
    json_decref(exchange->items);
    free(exchange);
}

static void exchange_dropped(void *context)
{
    exchange_free(context);
}

static struct exchange *exchange_new(struct executor *executor, uint64_t id, bool write)
{
    struct exchange *exchange = calloc(1, sizeof(*exchange));
    if (exchange == NULL)
        return NULL;
    exchange->executor = executor;
    exchange->id = id;
    exchange->write = write;
    exchange->next = executor->exchanges;
    if (exchange->next != NULL)
        exchange->next->previous = exchange;
    executor->exchanges = exchange;
    return exchange;
}

struct executor *executor_free(struct executor *executor)
{
    if (executor == NULL)
        return NULL;
    executor->abandoned = true;
    drop_queue(executor);
    while (executor->exchanges != NULL)
        client_cancel(executor->client, executor->exchanges->id);
    executor->freed = true;
    if (!executor->waiting && !executor->running)
        free(executor);
    return NULL;
}

bool executor_is_idle(const struct executor *executor)
{
    return executor->first == NULL && !executor->waiting;
}

/* --- the control plane ---------------------------------------------------------------------- */

static void deliver(struct executor *executor, struct engine_event *event)
{
    event->now = executor_now();
    executor->hooks.deliver(executor->hooks.context, event);
}

static enum answer_outcome answer_outcome(const struct client_result *result, bool write)
{
    const bool no_proof =
        result->status >= 200 && result->status < 300 && result->error.kind != ERROR_NONE;
    if (result->outcome == CLIENT_NOT_SENT)
        return ANSWER_NOT_SENT;
    if (result->outcome == CLIENT_UNKNOWN || no_proof)
        return write ? ANSWER_UNKNOWN : ANSWER_NOT_SENT;
    return write && result->verdict == VERDICT_READ_BACK ? ANSWER_UNKNOWN : ANSWER_RECEIVED;
}

static void on_answer(void *context, uint64_t id, const struct client_result *result)
{
    struct exchange *exchange = context;
    struct executor *executor = exchange->executor;
    struct engine_event event = {.kind = EVENT_ANSWER};
    event.as.answer.id = id;
    event.as.answer.outcome = answer_outcome(result, exchange->write);
    event.as.answer.status = result->status;
    event.as.answer.body = exchange->guarded ? NULL : result->body;
    struct error said = result->error;
    /* Its text may repeat what was sent. */
    if (exchange->guarded && said.kind != ERROR_NONE)
        (void)text_put(said.detail, sizeof(said.detail),
                       "the secrets API answered %d (its words are not shown)", result->status);
    event.as.answer.error = said.kind == ERROR_NONE ? NULL : &said;
    exchange_free(exchange);
    deliver(executor, &event);
}

/* A request that could not even be queued is answered like one that was never sent. */
static void answer_not_sent(struct executor *executor, uint64_t id, const struct error *err)
{
    struct engine_event event = {.kind = EVENT_ANSWER};
    event.as.answer.id = id;
    event.as.answer.outcome = ANSWER_NOT_SENT;
    event.as.answer.error = err;
    deliver(executor, &event);
}

/* The body as text, with the values of credentials where they belong. NULL and *err unset when
 * there is none. */
static char *body_text(const struct executor *executor, const struct effect *effect,
                       struct error *err)
{
    const json_t *body = effect->as.request.body;
    OWNED_JSON *filled = NULL;
    if (body == NULL || credentials_fill(executor->credentials, effect->as.request.method,
                                         effect->as.request.path, body, &filled, err) < 0)
        return NULL;
    char *text = json_canonical(filled == NULL ? body : filled);
    if (text == NULL)
        (void)error_no_memory(err);
    return text;
}

static void body_free(char *body)
{
    if (body != NULL)
        secret_wipe(body, strlen(body));
    free(body);
}

static void send_request(struct executor *executor, const struct effect *effect)
{
    struct error err = {0};
    enum http_method method = HTTP_GET;
    CHECK(classify_method(effect->as.request.method, &method));
    struct exchange *exchange =
        exchange_new(executor, effect->as.request.id, effect->as.request.write);
    char *body = body_text(executor, effect, &err);
    if (exchange == NULL) {
        (void)error_no_memory(&err);
    } else if (err.kind == ERROR_NONE) {
        exchange->guarded = credentials_guard(effect->as.request.path);
        const struct client_request request = {
            .id = effect->as.request.id,
            .method = method,
            .path = effect->as.request.path,
            .body = body,
            .body_length = body == NULL ? 0 : strlen(body),
            .body_cap = effect->as.request.large ? CLIENT_TREE_CAP : 0,
            .dropped = exchange_dropped,
        };
        if (client_send(executor->client, &request, on_answer, exchange, &err) == 0) {
            body_free(body);
            return;
        }
    }
    body_free(body);
    if (exchange != NULL)
        exchange_free(exchange);
    answer_not_sent(executor, effect->as.request.id, &err);
}

static void finish_listing(struct exchange *exchange, bool complete, const struct error *err)
{
    struct executor *executor = exchange->executor;
    json_t *items = json_incref(exchange->items);
    struct engine_event event = {.kind = EVENT_LISTED};
    event.as.listed.id = exchange->id;
    event.as.listed.complete = complete;
    event.as.listed.items = complete ? items : NULL;
    event.as.listed.error = err;
    exchange_free(exchange);
    deliver(executor, &event);
    json_decref(items);
}

static void on_listing(void *context, uint64_t id, const struct listing_event *progress)
{
    struct exchange *exchange = context;
    (void)id;
    size_t index;
    json_t *item;
    switch (progress->kind) {
    case LISTING_ITEMS:
        json_array_foreach(progress->items, index, item)(void)
            json_array_append(exchange->items, item);
        return;
    case LISTING_RESTART:
        (void)json_array_clear(exchange->items);
        return;
    case LISTING_COMPLETE:
        if (json_array_size(exchange->items) == progress->count) {
            finish_listing(exchange, true, NULL);
        } else {
            struct error err;
            (void)error_no_memory(&err);
            finish_listing(exchange, false, &err);
        }
        return;
    case LISTING_INCOMPLETE:
        finish_listing(exchange, false, &progress->error);
        return;
    }
    CHECK_UNREACHABLE();
}

static void start_listing(struct executor *executor, const struct effect *effect)
{
    struct error err = {0};
    struct exchange *exchange = exchange_new(executor, effect->as.list.id, false);
    if (exchange != NULL)
        exchange->items = json_array();
    if (exchange == NULL || exchange->items == NULL) {
        (void)error_no_memory(&err);
    } else {
        const struct listing_request request = {
            .id = effect->as.list.id,
            .path = effect->as.list.path,
            .seed = effect->as.list.id,
            .dropped = exchange_dropped,
        };
        if (listing_start(executor->client, &request, on_listing, exchange, &err) == 0)
            return;
    }
    struct engine_event event = {.kind = EVENT_LISTED};
    event.as.listed.id = effect->as.list.id;
    event.as.listed.error = &err;
    if (exchange != NULL)
        exchange_free(exchange);
    deliver(executor, &event);
}

/* --- the queue ------------------------------------------------------------------------------ */

static void on_durable(void *context, int result, const struct error *err)
{
    struct executor *executor = context;
    executor->waiting = false;
    if (executor->freed) {
        free(executor);
        return;
    }
    if (executor->abandoned)
        return;
    if (result < 0) {
        executor->abandoned = true;
        executor->hooks.storage_failed(executor->hooks.context, err);
        return;
    }
    run_queue(executor);
}

#define PERSIST_AT_ONCE 64

/* Hands the run of rows that begins here to the journal as one unit. */
static int persist_run(struct executor *executor, struct batch *batch, struct error *err)
{
    struct journal_entry entries[PERSIST_AT_ONCE];
    size_t count = 0;
    while (count < PERSIST_AT_ONCE && batch->done + count < batch->effects.count) {
        const struct effect *effect = &batch->effects.items[batch->done + count];
        if (effect->kind != EFFECT_PERSIST)
            break;
        entries[count++] = (struct journal_entry){.key = effect->as.persist.key,
                                                  .value = effect->as.persist.value};
    }
    const int result = journal_append(executor->journal, entries, count, on_durable, executor, err);
    if (result == 0) {
        executor->waiting = true;
        batch->done += count;
    }
    return result;
}

static void do_effect(struct executor *executor, const struct effect *effect)
{
    switch (effect->kind) {
    case EFFECT_REQUEST:
        send_request(executor, effect);
        return;
    case EFFECT_LIST:
        start_listing(executor, effect);
        return;
    case EFFECT_CANCEL:
        client_cancel(executor->client, effect->as.cancel.id);
        executor->hooks.perform(executor->hooks.context, effect);
        return;
    case EFFECT_WAKE:
    case EFFECT_FETCH:
    case EFFECT_PIN:
    case EFFECT_PUBLISH:
    case EFFECT_COMMIT_STATUS:
    case EFFECT_REPLY:
    case EFFECT_QUERY_METRICS:
        executor->hooks.perform(executor->hooks.context, effect);
        return;
    case EFFECT_PERSIST:
        break;
    }
    CHECK_UNREACHABLE();
}

/* Does what is queued up to the next row that is not durable. A hook may queue more, or free us. */
static void run_queue(struct executor *executor)
{
    struct error err = {0};
    if (executor->running)
        return;
    executor->running = true;
    while (!executor->waiting && !executor->abandoned && executor->first != NULL) {
        struct batch *batch = executor->first;
        if (batch->done == batch->effects.count) {
            executor->first = batch->next;
            if (executor->first == NULL)
                executor->last = NULL;
            batch_free(batch);
        } else if (batch->effects.items[batch->done].kind != EFFECT_PERSIST) {
            do_effect(executor, &batch->effects.items[batch->done++]);
        } else if (persist_run(executor, batch, &err) < 0) {
            executor->abandoned = true;
            executor->hooks.storage_failed(executor->hooks.context, &err);
        }
    }
    executor->running = false;
    if (executor->freed && !executor->waiting)
        free(executor);
}

void executor_run(struct executor *executor, struct effect_list *effects)
{
    if (effects->count == 0 || executor->abandoned) {
        effect_list_fini(effects);
        effect_list_init(effects);
        return;
    }
    struct batch *batch = calloc(1, sizeof(*batch));
    /* Losing effects would be losing what the engine believes: build it again from its rows. */
    if (batch == NULL) {
        struct error err;
        (void)error_no_memory(&err);
        executor->abandoned = true;
        executor->hooks.storage_failed(executor->hooks.context, &err);
        return;
    }
    batch->effects = *effects;
    effect_list_init(effects);
    if (executor->last != NULL)
        executor->last->next = batch;
    else
        executor->first = batch;
    executor->last = batch;
    run_queue(executor);
}
