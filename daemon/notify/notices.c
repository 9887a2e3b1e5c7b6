#include "daemon/notify/notices.h"

#include "config/base/check.h"
#include "config/base/digest.h"
#include "config/base/json.h"
#include "config/base/owned.h"
#include "daemon/http/backoff.h"
#include "daemon/log/log.h"

#include <stdlib.h>
#include <string.h>

#define LONGEST_WAIT DURATION_S(60)

struct notice {
    struct notice *next;
    char *body;
    unsigned tries;
};

struct sink {
    struct notices *notices;
    struct source source;
    uv_timer_t timer;
    struct backoff backoff;
    struct notice *first, *last; /* the first is the one under way */
    size_t waiting;
    bool is_under_way;
};

struct notices {
    uv_loop_t *loop;
    struct sink *sinks;
    size_t count;
    uint64_t last_id;
    struct notices_counters counters;
    bool is_closing;
    size_t parts; /* still to be closed */
    void (*closed)(void *context);
    void *closed_context;
};

static void send_first(struct sink *sink);

static void remove_first(struct sink *sink)
{
    struct notice *notice = sink->first;
    sink->first = notice->next;
    if (sink->first == NULL)
        sink->last = NULL;
    sink->waiting--;
    sink->notices->counters.waiting--;
    free(notice->body);
    free(notice);
}

/* --- sending -------------------------------------------------------------------------------- */

static void on_timer(uv_timer_t *timer)
{
    send_first(timer->data);
}

static void wake(struct sink *sink, struct duration wait)
{
    uv_update_time(sink->notices->loop);
    CHECK(uv_timer_start(&sink->timer, on_timer, (uint64_t)wait.ms, 0) == 0);
}

/* A request that is wrong stays wrong; rights and servers come back. */
static bool may_help(const struct error *err)
{
    return err->kind != ERROR_INVALID && err->kind != ERROR_NOT_FOUND && err->kind != ERROR_LIMIT;
}

static void failed(struct sink *sink, const struct error *err)
{
    struct notice *notice = sink->first;
    struct duration wait = backoff_next(&sink->backoff);
    if (notice->tries >= NOTICES_TRIES || !may_help(err)) {
        log_write(LOG_LEVEL_WARNING, NULL, "a notice is given up after %u tries: %s", notice->tries,
                  err->detail);
        sink->notices->counters.lost++;
        remove_first(sink);
    } else if (err->retry_after_ms > wait.ms) {
        wait.ms = err->retry_after_ms;
    }
    wake(sink, wait);
}

/* Whatever a sink says with its success is its own affair. */
static void on_answer(void *context, uint64_t id, const struct client_result *result)
{
    struct sink *sink = context;
    (void)id;
    sink->is_under_way = false;
    if (result->status < 200 || result->status > 299) {
        failed(sink, &result->error);
        return;
    }
    backoff_reset(&sink->backoff);
    sink->notices->counters.sent++;
    remove_first(sink);
    send_first(sink);
}

static int send_request(struct sink *sink, struct error *err)
{
    OWNED(owned_free) char *header = NULL;
    const int result = source_sign(&sink->source, sink->first->body, &header, err);
    if (result < 0)
        return result;
    const struct client_request request = {
        .id = ++sink->notices->last_id,
        .method = HTTP_POST,
        .path = sink->source.path,
        .body = sink->first->body,
        .body_length = strlen(sink->first->body),
        .header = header,
        .prospect = "a notice is tried a few times",
    };
    return client_send(sink->source.client, &request, on_answer, sink, err);
}

static void send_first(struct sink *sink)
{
    struct error err = {.kind = ERROR_NONE};
    if (sink->first == NULL || sink->is_under_way || sink->notices->is_closing)
        return;
    sink->first->tries++;
    if (send_request(sink, &err) < 0)
        failed(sink, &err);
    else
        sink->is_under_way = true;
}

/* --- posting -------------------------------------------------------------------------------- */

static void push_out_oldest(struct sink *sink)
{
    struct notice *oldest = sink->is_under_way ? sink->first->next : sink->first;
    if (oldest == sink->first) {
        remove_first(sink);
    } else {
        sink->first->next = oldest->next;
        if (sink->last == oldest)
            sink->last = sink->first;
        sink->waiting--;
        sink->notices->counters.waiting--;
        free(oldest->body);
        free(oldest);
    }
    sink->notices->counters.lost++;
}

static void add(struct sink *sink, const char *body)
{
    struct notice *notice = calloc(1, sizeof(*notice));
    if (sink->waiting == NOTICES_WAITING_LIMIT)
        push_out_oldest(sink);
    if (notice != NULL)
        notice->body = strdup(body);
    if (notice == NULL || notice->body == NULL) {
        sink->notices->counters.lost++;
        free(notice);
        return;
    }
    const bool is_alone = sink->first == NULL;
    if (is_alone)
        sink->first = notice;
    else
        sink->last->next = notice;
    sink->last = notice;
    sink->waiting++;
    sink->notices->counters.waiting++;
    /* From the loop, so that nothing happens inside notices_post(). */
    if (is_alone && !uv_is_active((const uv_handle_t *)&sink->timer))
        wake(sink, DURATION_MS(0));
}

void notices_post(struct notices *notices, json_t *notice)
{
    OWNED_JSON *taken = notice;
    struct digest digest;
    if (taken == NULL || digest_json(taken, &digest) < 0)
        return;
    digest.text[DIGEST_SHORT] = '\0';
    json_object_set_new(taken, "id", json_string(digest.text));
    OWNED(owned_free) char *body = json_canonical(taken);
    for (size_t i = 0; body != NULL && i < notices->count; i++)
        add(&notices->sinks[i], body);
}

struct notices_counters notices_counters(const struct notices *notices)
{
    return notices->counters;
}

/* --- life ----------------------------------------------------------------------------------- */

static void ignore_close(void *context)
{
    (void)context;
}

static int open_sink(struct notices *notices, const struct notices_options *options, size_t index,
                     struct error *err)
{
    struct sink *sink = &notices->sinks[index];
    const struct source_options source = {
        .provider = QUESTION_WEBHOOK,
        .server = &options->sinks[index].server,
        .signature = &options->sinks[index].signature,
        .platform = options->platform,
        .find_secret = options->find_secret,
        .clock = options->clock,
        .seed = options->seed + index,
    };
    const int result = source_init(notices->loop, &source, &sink->source, err);
    if (result < 0)
        return result;
    sink->notices = notices;
    backoff_init(&sink->backoff, options->seed + index,
                 options->first_wait.ms == 0 ? DURATION_S(1) : options->first_wait, LONGEST_WAIT);
    CHECK(uv_timer_init(notices->loop, &sink->timer) == 0);
    sink->timer.data = sink;
    notices->count++;
    return 0;
}

int notices_new(uv_loop_t *loop, const struct notices_options *options,
                struct notices **ret_notices, struct error *err)
{
    struct notices *notices = calloc(1, sizeof(*notices));
    if (notices == NULL)
        return error_no_memory(err);
    notices->loop = loop;
    notices->sinks = calloc(options->sink_count + 1, sizeof(*notices->sinks));
    if (notices->sinks == NULL) {
        free(notices);
        return error_no_memory(err);
    }
    int result = 0;
    for (size_t i = 0; result == 0 && i < options->sink_count; i++)
        result = open_sink(notices, options, i, err);
    if (result < 0) {
        (void)error_context(err, "notifications");
        notices_close(notices, ignore_close, NULL);
        return result;
    }
    *ret_notices = notices;
    return 0;
}

static void part_closed(void *context)
{
    struct notices *notices = context;
    if (--notices->parts > 0)
        return;
    void (*closed)(void *) = notices->closed;
    void *closed_context = notices->closed_context;
    free(notices->sinks);
    free(notices);
    closed(closed_context);
}

static void on_timer_closed(uv_handle_t *handle)
{
    const struct sink *sink = handle->data;
    part_closed(sink->notices);
}

void notices_close(struct notices *notices, void (*closed)(void *context), void *context)
{
    notices->is_closing = true;
    notices->closed = closed;
    notices->closed_context = context;
    /* One part more, so that the last call comes even without a sink, after all of this. */
    notices->parts = 2 * notices->count + 1;
    for (size_t i = 0; i < notices->count; i++) {
        struct sink *sink = &notices->sinks[i];
        while (sink->first != NULL)
            remove_first(sink);
        source_close(&sink->source, part_closed, notices);
        uv_close((uv_handle_t *)&sink->timer, on_timer_closed);
    }
    part_closed(notices);
}
