#include "config/base/json.h"
#include "daemon/socket/server.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define WHY_BYTES ((size_t)64 * 1024)
#define METRICS_BYTES ((size_t)4 << 20)
#define PAGE_EVENTS 500

/* A status that says how long something has taken is written anew after this. */
#define STATUS_KEPT_MS 500

int answers_status_of(const char *kind)
{
    static const struct {
        const char *kind;
        int status;
    } statuses[] = {
        {"invalid", MHD_HTTP_BAD_REQUEST},
        {"denied", MHD_HTTP_FORBIDDEN},
        {"not-found", MHD_HTTP_NOT_FOUND},
        {"unavailable", MHD_HTTP_SERVICE_UNAVAILABLE},
        {"timeout", MHD_HTTP_GATEWAY_TIMEOUT},
        {"limit", MHD_HTTP_CONTENT_TOO_LARGE},
        {"internal", MHD_HTTP_INTERNAL_SERVER_ERROR},
    };
    for (size_t i = 0; i < sizeof(statuses) / sizeof(statuses[0]); i++) {
        if (strcmp(kind, statuses[i].kind) == 0)
            return statuses[i].status;
    }
    return MHD_HTTP_CONFLICT;
}

void answers_error(struct call *call, const struct error *err)
{
    const char *kind = error_kind_name(err->kind);
    call_answer(call, answers_status_of(kind),
                json_pack("{s:s, s:s}", "kind", kind, "message", err->detail));
}

bool answers_query(struct call *call, const char *name, char ret_text[static ANSWERS_QUERY_BYTES])
{
    ret_text[0] = '\0';
    if (call_query(call, name, ret_text, ANSWERS_QUERY_BYTES) >= 0)
        return true;
    call_message(call, MHD_HTTP_BAD_REQUEST, "the parameter \"%s\" is malformed or too long", name);
    return false;
}

static bool query_number(struct call *call, const char *name, uint64_t otherwise,
                         uint64_t *ret_number)
{
    char text[ANSWERS_QUERY_BYTES];
    if (!answers_query(call, name, text))
        return false;
    *ret_number = otherwise;
    if (text[0] == '\0')
        return true;
    if (strlen(text) > 18 || text[strspn(text, "0123456789")] != '\0') {
        call_message(call, MHD_HTTP_BAD_REQUEST, "the parameter \"%s\" is no number", name);
        return false;
    }
    *ret_number = strtoull(text, NULL, 10);
    return true;
}

static const char *or_null(const char *text)
{
    return text[0] == '\0' ? NULL : text;
}

void answers_version(struct socket_server *server, struct call *call)
{
    (void)server;
    call_answer(call, MHD_HTTP_OK, json_pack("{s:s, s:s}", "version", CELLD_VERSION, "api", "v1"));
}

void answers_health(struct socket_server *server, struct call *call)
{
    (void)server;
    call_answer(call, MHD_HTTP_OK, json_pack("{s:b}", "ok", 1));
}

void answers_ready(struct socket_server *server, struct call *call)
{
    OWNED_TEXT reason;
    text_init(&reason, 1024);
    const bool ready = server->backend.ready(server->backend.context, &reason);
    call_answer(call, ready ? MHD_HTTP_OK : MHD_HTTP_SERVICE_UNAVAILABLE,
                json_pack("{s:b, s:s%}", "ok", ready, "message", text_get(&reason), reason.length));
}

void answers_metrics(struct socket_server *server, struct call *call)
{
    if (server->metrics == NULL) {
        call_message(call, MHD_HTTP_NOT_FOUND, "metrics are off");
        return;
    }
    OWNED_TEXT text;
    text_init(&text, METRICS_BYTES);
    metrics_write(server->metrics, &text);
    if (text_status(&text) != 0) {
        call_message(call, MHD_HTTP_SERVICE_UNAVAILABLE, "the metrics are too large");
        return;
    }
    call_text(call, MHD_HTTP_OK, "application/openmetrics-text; version=1.0.0; charset=utf-8",
              text_get(&text), text.length);
}

/* The bytes are shared by all who read them meanwhile, however slowly. */
static struct MHD_Response *status_response(struct socket_server *server, uint64_t now)
{
    const uint64_t version = server->backend.version(server->backend.context);
    if (server->status_response != NULL && server->status_version == version &&
        now - server->status_ms < STATUS_KEPT_MS)
        return server->status_response;
    OWNED_JSON *status = server->backend.status(server->backend.context);
    char *bytes = status == NULL ? NULL : json_escaped(status);
    struct MHD_Response *response =
        bytes == NULL ? NULL : call_make_response(bytes, strlen(bytes), "application/json");
    if (response == NULL)
        return NULL;
    if (server->status_response != NULL)
        MHD_destroy_response(server->status_response);
    server->status_response = response;
    server->status_version = version;
    server->status_ms = now;
    return response;
}

void answers_status(struct socket_server *server, struct call *call)
{
    struct MHD_Response *response = status_response(server, httpd_now(call->httpd));
    call->shares_response = response != NULL;
    call_response(call, MHD_HTTP_OK, response);
}

void answers_cell(struct socket_server *server, struct call *call)
{
    const char *cell = call->path.segments[2];
    json_t *status = NULL;
    const int result = server->backend.cell(server->backend.context, cell, &status);
    if (result == -ENOENT || json_is_null(status)) {
        call_message(call, MHD_HTTP_NOT_FOUND, "there is no cell \"%s\"", cell);
        return;
    }
    if (result == 0)
        (void)json_object_set_new(
            status, "version",
            json_integer((json_int_t)server->backend.version(server->backend.context)));
    call_answer(call, MHD_HTTP_OK, result == 0 ? status : NULL);
}

void answers_why(struct socket_server *server, struct call *call)
{
    const char *cell = call->path.segments[2];
    char target[ANSWERS_QUERY_BYTES];
    if (!answers_query(call, "target", target))
        return;
    OWNED_TEXT text;
    text_init(&text, WHY_BYTES);
    const int result = server->backend.why(server->backend.context, cell, or_null(target), &text);
    if (result == -ENOENT && target[0] != '\0')
        call_message(call, MHD_HTTP_NOT_FOUND, "there is no cell \"%s\" on a target \"%s\"", cell,
                     target);
    else if (result == -ENOENT)
        call_message(call, MHD_HTTP_NOT_FOUND, "there is no cell \"%s\"", cell);
    else
        call_answer(call, MHD_HTTP_OK,
                    result != 0 || text_status(&text) != 0
                        ? NULL
                        : json_pack("{s:s, s:s?, s:s%}", "cell", cell, "target", or_null(target),
                                    "message", text_get(&text), text.length));
}

void answers_diff(struct socket_server *server, struct call *call)
{
    char cell[ANSWERS_QUERY_BYTES];
    if (answers_query(call, "cell", cell))
        call_answer(call, MHD_HTTP_OK,
                    server->backend.diff(server->backend.context, or_null(cell)));
}

void answers_render(struct socket_server *server, struct call *call)
{
    char cell[ANSWERS_QUERY_BYTES];
    char target[ANSWERS_QUERY_BYTES];
    if (answers_query(call, "cell", cell) && answers_query(call, "target", target))
        call_answer(
            call, MHD_HTTP_OK,
            server->backend.render(server->backend.context, or_null(cell), or_null(target)));
}

void answers_gates(struct socket_server *server, struct call *call)
{
    OWNED_JSON *status = server->backend.status(server->backend.context);
    json_t *gates = json_array();
    size_t index;
    json_t *hold;
    json_array_foreach(json_object_get(status, "holds"), index, hold)
    {
        if (strcmp(json_text_or(json_object_get(hold, "kind"), ""), "gate") == 0)
            (void)json_array_append(gates, hold);
    }
    call_answer(call, MHD_HTTP_OK, status == NULL ? NULL : json_pack("{s:o}", "gates", gates));
    if (status == NULL)
        json_decref(gates);
}

void answers_quarantine(struct socket_server *server, struct call *call)
{
    call_answer(call, MHD_HTTP_OK, server->backend.quarantine(server->backend.context));
}

/* --- events ----------------------------------------------------------------------------------- */

static unsigned streams_of(const struct server_door *door)
{
    unsigned count = 0;
    if (door->httpd == NULL)
        return 0;
    for (const struct call *call = httpd_calls(door->httpd); call != NULL; call = call->next)
        count += call->streams;
    return count;
}

static json_t *page(const struct socket_server *server, uint64_t after, uint64_t limit)
{
    json_t *events = json_array();
    const struct backlog_event *event = backlog_next(&server->history, after);
    for (uint64_t i = 0; event != NULL && i < limit; i++) {
        (void)json_array_append_new(events, backlog_value(event));
        after = event->sequence;
        event = backlog_next(&server->history, after);
    }
    return json_pack("{s:o, s:I, s:I, s:I}", "events", events, "next", (json_int_t)after, "oldest",
                     (json_int_t)backlog_oldest(&server->history), "newest",
                     (json_int_t)server->history.newest);
}

static bool wants_stream(const struct call *call)
{
    const char *accept = call_header(call, MHD_HTTP_HEADER_ACCEPT);
    return accept != NULL && strstr(accept, "text/event-stream") != NULL;
}

/* Where a client goes on: its last event, as it says or as the browser says; a stream that names
 * none begins with what comes now. */
static bool place_of(struct socket_server *server, struct call *call, bool streams,
                     uint64_t *ret_after)
{
    uint64_t last = 0;
    const char *header = call_header(call, "Last-Event-ID");
    uint64_t otherwise = streams ? server->history.newest : 0;
    if (header != NULL && header[0] != '\0' && strlen(header) <= 18 &&
        header[strspn(header, "0123456789")] == '\0')
        otherwise = strtoull(header, NULL, 10);
    if (!query_number(call, "after", otherwise, ret_after) ||
        !query_number(call, "last", UINT64_MAX, &last))
        return false;
    if (last != UINT64_MAX)
        *ret_after = backlog_before_last(&server->history, (size_t)last);
    return true;
}

void answers_events(struct socket_server *server, struct call *call)
{
    const bool streams = wants_stream(call);
    uint64_t after = 0;
    uint64_t limit = 0;
    if (!place_of(server, call, streams, &after) ||
        !query_number(call, "limit", PAGE_EVENTS, &limit))
        return;
    if (!streams)
        call_answer(call, MHD_HTTP_OK,
                    page(server, after, limit < PAGE_EVENTS ? limit : PAGE_EVENTS));
    else if (streams_of(&server->status) + streams_of(&server->admin) >= server->streams_most)
        call_message(call, MHD_HTTP_SERVICE_UNAVAILABLE,
                     "%u streams are open already, which is the limit", server->streams_most);
    else
        stream_start(call, &server->history, &server->stream_limits, after);
}

static bool is_about(const json_t *event, const char *key, const char *wanted)
{
    return wanted[0] == '\0' || strcmp(json_text_or(json_object_get(event, key), ""), wanted) == 0;
}

/* The newest `limit` that match, oldest first. */
static json_t *select_events(const struct socket_server *server, const char *cell,
                             const char *target, uint64_t before, uint64_t limit)
{
    json_t *events = json_array();
    const struct backlog_event *event = backlog_next(&server->history, 0);
    for (; event != NULL && event->sequence < before;
         event = backlog_next(&server->history, event->sequence)) {
        OWNED_JSON *value = backlog_value(event);
        if (!is_about(value, "cell", cell) || !is_about(value, "target", target))
            continue;
        if (json_array_size(events) >= limit)
            (void)json_array_remove(events, 0);
        (void)json_array_append(events, value);
    }
    return json_pack("{s:o}", "events", events);
}

void answers_history(struct socket_server *server, struct call *call)
{
    char cell[ANSWERS_QUERY_BYTES];
    char target[ANSWERS_QUERY_BYTES];
    uint64_t limit = 0;
    uint64_t before = 0;
    if (!answers_query(call, "cell", cell) || !answers_query(call, "target", target) ||
        !query_number(call, "limit", PAGE_EVENTS, &limit) ||
        !query_number(call, "before", UINT64_MAX, &before))
        return;
    limit = limit == 0 ? 1 : limit < PAGE_EVENTS ? limit : PAGE_EVENTS;
    call_answer(call, MHD_HTTP_OK, select_events(server, cell, target, before, limit));
}
