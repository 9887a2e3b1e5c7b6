#include "daemon/http/client.h"

#include "config/base/check.h"
#include "daemon/http/address.h"
#include "daemon/http/answer.h"
#include "daemon/http/authority.h"
#include "daemon/http/exchange.h"
#include "daemon/http/queue.h"
#include "daemon/http/rate.h"

#include <errno.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#define CLIENT_MAGIC 0x636c6e74U

/* A pause that the server asks for is waited out up to here; in a longer one requests end at once,
 * as not sent, so that their owners can plan. */
#define PATIENCE INT64_C(10000)

/* Life of a request: WAITING -> RUNNING -> gone, with one way back to WAITING after a 401; or
 * WAITING -> FAILED -> gone, where `failure` is delivered from the loop. See queue.h. */

struct client {
    unsigned magic;
    uv_loop_t *loop;
    uv_timer_t timer;
    struct multi *multi;
    struct authority *authority;
    struct address server;
    char *ca_file, *user_agent;
    struct exchange_settings settings;
    struct duration total_timeout;
    clock_reader *clock;
    struct rate rate;
    struct queue queue;
    unsigned connections, queue_limit;
    bool closing;
    unsigned parts_open; /* the timer, the multi, and answers that are being read */
    void (*closed)(void *context);
    void *closed_context;
};

static void pump(struct client *client);

static int64_t number_or(int64_t number, int64_t otherwise)
{
    return number == 0 ? otherwise : number;
}

static struct duration duration_or(struct duration duration, struct duration otherwise)
{
    return duration.ms == 0 ? otherwise : duration;
}

static void on_token_changed(void *context)
{
    struct client *client = context;
    if (!client->closing)
        pump(client);
}

/* Removes the entry and tells its owner. Anything may have happened to the client afterwards, but
 * its memory is valid until the loop turns. */
static void deliver(struct client *client, struct queue_entry *entry, struct client_result *result)
{
    result->took.ms = entry->started.ms == 0 ? 0 : client->clock().mono.ms - entry->started.ms;
    queue_remove(&client->queue, entry);
    entry->done(entry->context, entry->request.id, result);
    queue_entry_free(entry);
}

static void deliver_failure(struct client *client, struct queue_entry *entry)
{
    struct client_result result;
    answer_not_sent(&entry->failure, &result);
    deliver(client, entry, &result);
}

static void on_timer(uv_timer_t *timer)
{
    struct client *client = timer->data;
    CHECK(client->magic == CLIENT_MAGIC);
    /* Only those of now: a callback may add to them. */
    size_t count = client->queue.lists[QUEUE_FAILED].count;
    for (; count > 0 && !client->closing; count--) {
        if (client->queue.lists[QUEUE_FAILED].first != NULL)
            deliver_failure(client, client->queue.lists[QUEUE_FAILED].first);
    }
    if (!client->closing)
        pump(client);
}

static int copy_options(struct client *client, const struct client_options *options,
                        struct error *err)
{
    client->clock = options->clock == NULL ? clock_now : options->clock;
    client->connections = (unsigned)number_or(options->connections, 6);
    client->queue_limit = (unsigned)number_or(options->queue_limit, 4096);
    client->total_timeout = duration_or(options->total_timeout, DURATION_S(30));
    client->user_agent =
        strdup(options->user_agent == NULL ? "celld/" CELLD_VERSION : options->user_agent);
    client->ca_file = options->ca_file == NULL ? NULL : strdup(options->ca_file);
    if (client->user_agent == NULL || (options->ca_file != NULL && client->ca_file == NULL))
        return error_no_memory(err);
    client->settings = (struct exchange_settings){
        .ca_file = client->ca_file,
        .user_agent = client->user_agent,
        .connect_timeout = duration_or(options->connect_timeout, DURATION_S(5)),
        .low_speed_time = duration_or(options->low_speed_time, DURATION_S(20)),
        .low_speed_bytes_per_second = number_or(options->low_speed_bytes_per_second, 64),
    };
    const int64_t per_second = number_or(options->requests_per_second, 200);
    rate_init(&client->rate, per_second < 0 ? 0 : per_second, number_or(options->burst, 400),
              client->clock().mono);
    return address_init(&client->server, options->base_url, options->allow_plaintext,
                        "the server's address", err);
}

static int create_authority(struct client *client, const struct client_options *options,
                            struct error *err)
{
    const struct authority_options authority = {
        .source = options->token,
        .server = &client->server,
        .allow_plaintext = options->allow_plaintext,
        .settings = &client->settings,
        .total_timeout = client->total_timeout,
        .clock = client->clock,
        .seed = options->seed,
        .changed = on_token_changed,
        .context = client,
    };
    return authority_new(&authority, &client->authority, err);
}

/* What needs no loop any more. */
static void free_parts(struct client *client)
{
    authority_free(client->authority);
    address_fini(&client->server);
    queue_fini(&client->queue);
    free(client->ca_file);
    free(client->user_agent);
    client->magic = 0;
    free(client);
}

int client_new(uv_loop_t *loop, const struct client_options *options, struct client **ret_client,
               struct error *err)
{
    struct client *client = calloc(1, sizeof(*client));
    if (client == NULL)
        return error_no_memory(err);
    json_object_seed(0); /* before the first worker reads JSON */
    client->magic = CLIENT_MAGIC;
    client->loop = loop;
    queue_init(&client->queue);
    int result = copy_options(client, options, err);
    if (result == 0)
        result = create_authority(client, options, err);
    /* Last, since it cannot be undone at once. One connection more than our own limit, for the
     * token's requests. */
    if (result == 0)
        result = multi_new(loop, (long)client->connections + 1, &client->multi, err);
    if (result < 0) {
        free_parts(client);
        return result;
    }
    authority_attach(client->authority, client->multi);
    CHECK(uv_timer_init(loop, &client->timer) == 0);
    client->timer.data = client;
    client->parts_open = 2;
    *ret_client = client;
    return 0;
}

/* Takes a checked copy of the request into the queue. */
static int enqueue(struct client *client, const struct client_request *request, client_done *done,
                   void *context, struct queue_entry **ret_entry, struct error *err)
{
    CHECK(client->magic == CLIENT_MAGIC && !client->closing);
    const int result = queue_admit(&client->queue, client->queue_limit, request, err);
    if (result < 0)
        return result;
    struct queue_entry *entry = queue_entry_new(request, &client->server, done, context);
    if (entry == NULL)
        return error_no_memory(err);
    entry->client = client;
    entry->not_before.ms = client->clock().mono.ms + request->delay.ms;
    if (entry->request.total_timeout.ms == 0)
        entry->request.total_timeout = client->total_timeout;
    queue_add(&client->queue, entry);
    *ret_entry = entry;
    return 0;
}

int client_send(struct client *client, const struct client_request *request, client_done *done,
                void *context, struct error *err)
{
    struct queue_entry *entry = NULL;
    const int result = enqueue(client, request, done, context, &entry, err);
    if (result == 0)
        pump(client);
    return result;
}

static void fail_later(struct client *client, struct queue_entry *entry,
                       const struct error *failure)
{
    entry->failure = *failure;
    queue_move(&client->queue, entry, QUEUE_FAILED);
}

int client_defer(struct client *client, uint64_t id, client_done *done,
                 void (*dropped)(void *context), void *context, struct error *err)
{
    const struct client_request request = {.id = id, .path = "/", .dropped = dropped};
    struct queue_entry *entry = NULL;
    const int result = enqueue(client, &request, done, context, &entry, err);
    if (result < 0)
        return result;
    CHECK(entry != NULL);
    struct error nothing_sent;
    (void)error_set(&nothing_sent, ERROR_CANCELLED, -ECANCELED, "nothing was to be sent");
    fail_later(client, entry, &nothing_sent);
    pump(client);
    return 0;
}

static void part_closed(struct client *client);

static void on_read(struct reading *reading)
{
    struct queue_entry *entry =
        (struct queue_entry *)((char *)reading - offsetof(struct queue_entry, reading));
    struct client *client = entry->client;
    CHECK(client->magic == CLIENT_MAGIC);
    if (entry->is_abandoned) {
        queue_entry_free(entry);
    } else {
        struct client_result *result = &reading->result;
        entry->exchange = exchange_free(entry->exchange);
        if ((result->status == 429 || result->status == 503) && result->error.retry_after_ms > 0)
            rate_pause(&client->rate, client->clock().mono,
                       DURATION_MS(result->error.retry_after_ms));
        deliver(client, entry, result);
        if (!client->closing)
            pump(client);
    }
    part_closed(client);
}

static void read_answer(struct client *client, struct queue_entry *entry,
                        const struct exchange_answer *raw)
{
    const struct answer_question question = {
        .method = entry->request.method,
        .is_read = entry->request.is_read,
        .path = entry->request.path,
        .prospect = entry->request.prospect,
        .body_cap = entry->request.body_cap,
        .expect_name = entry->request.expect_name,
        .expect_namespace = entry->request.expect_namespace,
        .expect_uid = entry->request.expect_uid,
        .hidden = entry->token,
        .now = client->clock().wall,
    };
    reading_start(&entry->reading, client->loop, raw, &question, on_read);
}

static void on_answer(void *context, const struct exchange_answer *raw)
{
    struct queue_entry *entry = context;
    struct client *client = entry->client;
    CHECK(client->magic == CLIENT_MAGIC && entry->state == QUEUE_RUNNING);
    if (raw->status == 401 && !entry->is_repeated &&
        authority_refused(client->authority, entry->generation)) {
        /* A refused token proves that nothing happened: the only thing that is sent twice. */
        entry->is_repeated = true;
        entry->exchange = exchange_free(entry->exchange);
        queue_move(&client->queue, entry, QUEUE_WAITING);
        pump(client);
        return;
    }
    if (raw->status >= 200 && raw->status < 300)
        authority_accepted(client->authority, entry->generation);
    queue_move(&client->queue, entry, QUEUE_READING);
    client->parts_open++;
    if (entry->request.arrived != NULL && raw->code == CURLE_OK && raw->status == 200 &&
        reading_is_long(raw))
        entry->request.arrived(entry->context, entry->request.id, raw->body, raw->body_length);
    read_answer(client, entry, raw);
}

static const char *content_type_of(const struct client_request *request)
{
    if (request->method != HTTP_POST && request->method != HTTP_PUT)
        return NULL;
    return request->content_type == NULL ? "application/json" : request->content_type;
}

static void start(struct client *client, struct queue_entry *entry, const struct secret *token)
{
    const struct exchange_request request = {
        .method = entry->request.method,
        .is_read = entry->request.is_read,
        .url = entry->url,
        .request_id = entry->request_id,
        .content_type = content_type_of(&entry->request),
        .header = entry->request.header,
        .body = entry->request.body,
        .body_length = entry->request.body_length,
        .body_cap = entry->request.body_cap,
        .total_timeout = entry->request.total_timeout,
        .authorization = token,
        .is_basic = authority_is_basic(client->authority),
    };
    struct error failure = {.kind = ERROR_NONE};
    if (queue_entry_keep_token(entry, token) < 0) {
        (void)error_no_memory(&failure);
        fail_later(client, entry, &failure);
        return;
    }
    uv_update_time(client->loop);
    entry->started = client->clock().mono;
    queue_move(&client->queue, entry, QUEUE_RUNNING);
    if (exchange_start(client->multi, &client->settings, &request, on_answer, entry,
                       &entry->exchange, &failure) < 0)
        fail_later(client, entry, &failure);
}

/* Fails what waits while the server wants a long pause. */
static void fail_waiting(struct client *client, struct duration pause)
{
    struct error failure;
    (void)error_set(&failure, ERROR_UNAVAILABLE, ERR_HTTP,
                    "the server asked for a pause: nothing is sent for another %lld s",
                    (long long)((pause.ms + 999) / 1000));
    failure.retry_after_ms = pause.ms;
    while (client->queue.lists[QUEUE_WAITING].first != NULL)
        fail_later(client, client->queue.lists[QUEUE_WAITING].first, &failure);
}

static void wake_no_later_than(int64_t *wait_ms, int64_t ms)
{
    if (*wait_ms < 0 || ms < *wait_ms)
        *wait_ms = ms < 1 ? 1 : ms;
}

/* Starts one waiting request. False when the rest has to wait, too. */
static bool start_next(struct client *client, struct queue_entry *entry, int64_t *wait_ms)
{
    const struct secret *token = NULL;
    struct error failure = {.kind = ERROR_NONE};
    struct duration wait = {.ms = 0};
    switch (authority_token(client->authority, &token, &entry->generation, &failure)) {
    case AUTHORITY_WAIT:
        return false;
    case AUTHORITY_FAILED:
        fail_later(client, entry, &failure);
        return true;
    case AUTHORITY_READY:
        break;
    }
    if (!rate_take(&client->rate, client->clock().mono, &wait)) {
        wake_no_later_than(wait_ms, wait.ms);
        return false;
    }
    start(client, entry, token);
    return true;
}

/* Starts what may start. *ret_wait_ms: when to look again; -1 = when something happens. */
static void start_waiting(struct client *client, int64_t *ret_wait_ms)
{
    *ret_wait_ms = -1;
    const struct mono_time now = client->clock().mono;
    const struct duration pause = rate_paused(&client->rate, now);
    if (pause.ms > PATIENCE) {
        fail_waiting(client, pause);
        return;
    }
    if (pause.ms > 0) {
        wake_no_later_than(ret_wait_ms, pause.ms);
        return;
    }
    struct queue_entry *next = NULL;
    for (struct queue_entry *entry = client->queue.lists[QUEUE_WAITING].first; entry != NULL;
         entry = next) {
        next = entry->next;
        const size_t running = client->queue.lists[QUEUE_RUNNING].count;
        /* Answers that wait for a reader hold memory: no more of them than connections. */
        if (running >= client->connections ||
            running + client->queue.lists[QUEUE_READING].count >= 2 * (size_t)client->connections)
            return;
        if (entry->not_before.ms > now.ms)
            wake_no_later_than(ret_wait_ms, entry->not_before.ms - now.ms);
        else if (!start_next(client, entry, ret_wait_ms))
            return;
    }
}

/* The one place where requests begin and early failures end. Failures are delivered by the timer
 * alone, so that no callback runs inside client_send(). */
static void pump(struct client *client)
{
    int64_t wait_ms = -1;
    start_waiting(client, &wait_ms);
    if (client->queue.lists[QUEUE_FAILED].first != NULL)
        wait_ms = 0;
    if (wait_ms < 0) {
        (void)uv_timer_stop(&client->timer);
        return;
    }
    uv_update_time(client->loop);
    CHECK(uv_timer_start(&client->timer, on_timer, (uint64_t)wait_ms, 0) == 0);
}

void client_rename(struct client *client, uint64_t id, uint64_t other)
{
    CHECK(client->magic == CLIENT_MAGIC && !client->closing);
    struct queue_entry *entry = queue_find(&client->queue, id);
    CHECK(entry != NULL);
    queue_rename(&client->queue, entry, other);
}

void client_cancel(struct client *client, uint64_t id)
{
    CHECK(client->magic == CLIENT_MAGIC && !client->closing);
    struct queue_entry *entry = queue_find(&client->queue, id);
    if (entry == NULL)
        return;
    queue_remove(&client->queue, entry);
    queue_entry_drop(entry);
    pump(client);
}

size_t client_pending(const struct client *client)
{
    return client->queue.count;
}

bool client_is_plaintext(const struct client *client)
{
    return client->server.plaintext && !client->server.loopback;
}

static void part_closed(struct client *client)
{
    CHECK(client->parts_open > 0);
    if (--client->parts_open > 0)
        return;
    void (*closed)(void *) = client->closed;
    void *context = client->closed_context;
    free_parts(client);
    closed(context);
}

static void on_multi_closed(void *context)
{
    part_closed(context);
}

static void on_timer_closed(uv_handle_t *handle)
{
    part_closed(handle->data);
}

void client_close(struct client *client, void (*closed)(void *context), void *context)
{
    CHECK(client->magic == CLIENT_MAGIC && !client->closing);
    client->closing = true;
    client->closed = closed;
    client->closed_context = context;
    struct queue_entry *entry = NULL;
    while ((entry = queue_any(&client->queue)) != NULL) {
        queue_remove(&client->queue, entry);
        queue_entry_drop(entry);
    }
    client->authority = authority_free(client->authority);
    multi_close(client->multi, on_multi_closed, client);
    uv_close((uv_handle_t *)&client->timer, on_timer_closed);
}
