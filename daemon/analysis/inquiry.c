#include "daemon/analysis/inquiry.h"

#include "config/base/check.h"
#include "config/base/json.h"
#include "daemon/analysis/observer.h"
#include "daemon/analysis/prometheus.h"
#include "daemon/analysis/webhook.h"

#include <stdlib.h>
#include <string.h>

#define ANSWER_CAP ((size_t)4 * 1024 * 1024)
#define FORM_TYPE "application/x-www-form-urlencoded"

/* A request under way. */
struct call {
    struct call *next, *previous;
    struct inquiry *inquiry;
    uint64_t id;
    size_t index; /* of a Prometheus' requests */
};

struct inquiry {
    struct source *source;
    json_t *json;
    struct question question;
    inquiry_ended *ended;
    void *context;
    struct prometheus *prometheus;
    size_t sent; /* of its requests */
    struct call *calls;
    json_t *answer;
};

struct inquiry *inquiry_new(struct source *source, const json_t *json, inquiry_ended *ended,
                            void *context)
{
    struct inquiry *inquiry = calloc(1, sizeof(*inquiry));
    if (inquiry == NULL)
        return NULL;
    inquiry->source = source;
    inquiry->json = json_incref(json_unconst(json));
    inquiry->ended = ended;
    inquiry->context = context;
    return inquiry;
}

const json_t *inquiry_answer(const struct inquiry *inquiry)
{
    return inquiry->answer;
}

static void call_free(struct call *call)
{
    if (call->previous != NULL)
        call->previous->next = call->next;
    else
        call->inquiry->calls = call->next;
    if (call->next != NULL)
        call->next->previous = call->previous;
    free(call);
}

static void call_dropped(void *context)
{
    call_free(context);
}

static void cancel_calls(struct inquiry *inquiry)
{
    while (inquiry->calls != NULL)
        client_cancel(inquiry->source->client, inquiry->calls->id);
}

struct inquiry *inquiry_free(struct inquiry *inquiry)
{
    if (inquiry == NULL)
        return NULL;
    cancel_calls(inquiry);
    prometheus_free(inquiry->prometheus);
    json_decref(inquiry->json);
    json_decref(inquiry->answer);
    free(inquiry);
    return NULL;
}

/* --- requests ------------------------------------------------------------------------------- */

static void on_answer(void *context, uint64_t id, const struct client_result *result);

/* `request` is filled but for its id and what is the same for all. */
static int send_call(struct inquiry *inquiry, struct client_request *request, size_t index,
                     struct error *err)
{
    /* Unique among the requests of all clients. */
    static uint64_t last_id;
    struct call *call = calloc(1, sizeof(*call));
    if (call == NULL)
        return error_no_memory(err);
    *call =
        (struct call){.next = inquiry->calls, .inquiry = inquiry, .id = ++last_id, .index = index};
    if (call->next != NULL)
        call->next->previous = call;
    inquiry->calls = call;
    request->id = call->id;
    request->method = HTTP_POST;
    request->is_read = true;
    request->body_length = strlen(request->body);
    request->body_cap = ANSWER_CAP;
    request->prospect = "";
    request->dropped = call_dropped;
    const int result = client_send(inquiry->source->client, request, on_answer, call, err);
    if (result < 0)
        call_free(call);
    return result;
}

/* Those requests of a Prometheus that are not sent yet. */
static int send_round(struct inquiry *inquiry, struct error *err)
{
    int result = 0;
    while (result == 0 && inquiry->sent < prometheus_count(inquiry->prometheus)) {
        const struct prometheus_request each =
            prometheus_request(inquiry->prometheus, inquiry->sent);
        struct client_request request = {
            .path = each.path, .body = each.form, .content_type = FORM_TYPE};
        result = send_call(inquiry, &request, inquiry->sent++, err);
    }
    return result;
}

static int start_prometheus(struct inquiry *inquiry, struct error *err)
{
    const struct prometheus_settings *settings = inquiry->source->prometheus;
    const struct prometheus_options options = {.lookback_ms = settings->lookback.value.ms,
                                               .stale_ms = settings->stale_after.value.ms};
    const int result = prometheus_new(&inquiry->question, &options, &inquiry->prometheus, err);
    return result < 0 ? result : send_round(inquiry, err);
}

static int start_observer(struct inquiry *inquiry, struct error *err)
{
    OWNED(owned_free) char *body = NULL;
    const int result = observer_request(&inquiry->question, &body, err);
    if (result < 0 || body == NULL)
        return result;
    struct client_request request = {.path = OBSERVER_PATH, .body = body};
    return send_call(inquiry, &request, 0, err);
}

static int start_webhook(struct inquiry *inquiry, struct error *err)
{
    OWNED(owned_free) char *header = NULL;
    OWNED(owned_free) char *body = json_canonical(inquiry->json);
    if (body == NULL)
        return error_no_memory(err);
    const int result = source_sign(inquiry->source, body, &header, err);
    if (result < 0)
        return result;
    struct client_request request = {.path = inquiry->source->path, .body = body, .header = header};
    return send_call(inquiry, &request, 0, err);
}

/* --- answers -------------------------------------------------------------------------------- */

/* All that was sent is answered; `body` is the last one's. */
static int put_together(struct inquiry *inquiry, const json_t *body, struct error *err)
{
    switch (inquiry->question.provider) {
    case QUESTION_PROMETHEUS:
        inquiry->answer = prometheus_answer(inquiry->prometheus);
        return inquiry->answer == NULL ? error_no_memory(err) : 0;
    case QUESTION_OBSERVER:
        return observer_answer(&inquiry->question, body, &inquiry->answer, err);
    case QUESTION_WEBHOOK:
        return webhook_answer(&inquiry->question, body, &inquiry->answer, err);
    }
    CHECK_UNREACHABLE();
}

static int take(struct inquiry *inquiry, size_t index, const json_t *body, struct error *err)
{
    if (inquiry->prometheus == NULL)
        return 0;
    int result = prometheus_take(inquiry->prometheus, index, body, err);
    if (result == 0 && inquiry->calls == NULL)
        result = prometheus_advance(inquiry->prometheus, err);
    return result < 0 ? result : send_round(inquiry, err);
}

static void on_answer(void *context, uint64_t id, const struct client_result *result)
{
    struct call *call = context;
    struct inquiry *inquiry = call->inquiry;
    const size_t index = call->index;
    (void)id;
    call_free(call);
    struct error err = result->error;
    int status = result->verdict == VERDICT_DONE ? 0 : ERR_HTTP;
    if (status == 0)
        status = take(inquiry, index, result->body, &err);
    if (status == 0 && inquiry->calls == NULL)
        status = put_together(inquiry, result->body, &err);
    if (status < 0)
        cancel_calls(inquiry);
    if (status < 0)
        inquiry->ended(inquiry->context, NULL, &err);
    else if (inquiry->calls == NULL)
        inquiry->ended(inquiry->context, inquiry->answer, NULL);
}

static int start(struct inquiry *inquiry, struct error *err)
{
    switch (inquiry->question.provider) {
    case QUESTION_PROMETHEUS:
        return start_prometheus(inquiry, err);
    case QUESTION_OBSERVER:
        return start_observer(inquiry, err);
    case QUESTION_WEBHOOK:
        return start_webhook(inquiry, err);
    }
    CHECK_UNREACHABLE();
}

int inquiry_start(struct inquiry *inquiry, bool *ret_done, struct error *err)
{
    int result = question_read(inquiry->json, &inquiry->question, err);
    if (result == 0)
        result = start(inquiry, err);
    *ret_done = result == 0 && inquiry->calls == NULL;
    if (*ret_done)
        result = put_together(inquiry, NULL, err);
    if (result < 0)
        cancel_calls(inquiry);
    return result;
}
