#include "daemon/socket/stream.h"

#include "daemon/socket/httpd.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Handed to the library at a time. */
#define BLOCK_BYTES 8192

struct stream {
    struct call *call;
    const struct backlog *history;
    const struct stream_limits *limits;
    uint64_t after; /* the last one that was taken */
    char *pending;  /* being sent */
    size_t pending_length, pending_sent;
    uint64_t read_ms; /* when the library last wanted something */
    bool beat;
};

/* Takes `text`; without one it is tried again at the next wake-up. */
static void set_pending(struct stream *stream, char *text)
{
    free(stream->pending);
    stream->pending_sent = 0;
    stream->pending_length = text == NULL ? 0 : strlen(text);
    stream->pending = text;
}

/* The client's place is no longer, or not yet, in the history: it is told, and goes on with the
 * oldest that there is. */
static bool fill_gap(struct stream *stream)
{
    const uint64_t oldest = backlog_oldest(stream->history);
    const bool unknown = stream->after > stream->history->newest;
    if (!unknown && (stream->after == 0 || stream->after + 1 >= oldest))
        return false;
    const uint64_t from = oldest == 0 ? 0 : oldest - 1;
    char text[192];
    (void)snprintf(text, sizeof(text),
                   "event: gap\ndata: {\"after\":%llu,\"oldest\":%llu,"
                   "\"message\":\"%s\"}\n\n",
                   (unsigned long long)stream->after, (unsigned long long)oldest,
                   unknown ? "unknown sequence" : "events were dropped");
    set_pending(stream, strdup(text));
    stream->after = from;
    return true;
}

static void fill(struct stream *stream)
{
    if (fill_gap(stream))
        return;
    const struct backlog_event *event = backlog_next(stream->history, stream->after);
    if (event != NULL) {
        set_pending(stream, backlog_stream(event));
        if (stream->pending != NULL)
            stream->after = event->sequence;
    } else if (stream->beat) {
        stream->beat = false;
        set_pending(stream, strdup(":\n\n"));
    }
}

static ssize_t read_stream(void *context, uint64_t position, char *buffer, size_t room)
{
    struct stream *stream = context;
    (void)position;
    stream->read_ms = httpd_now(stream->call->httpd);
    if (stream->pending_sent == stream->pending_length) {
        if (httpd_is_closing(stream->call->httpd))
            return MHD_CONTENT_READER_END_OF_STREAM;
        stream->pending_sent = stream->pending_length = 0;
        fill(stream);
    }
    size_t length = stream->pending_length - stream->pending_sent;
    if (length == 0) {
        httpd_suspend(stream->call);
        return 0;
    }
    length = length < room ? length : room;
    memcpy(buffer, stream->pending + stream->pending_sent, length);
    stream->pending_sent += length;
    return (ssize_t)length;
}

static void free_stream(void *context)
{
    struct stream *stream = context;
    free(stream->pending);
    free(stream);
}

void stream_wake(struct call *call)
{
    httpd_wake(call);
}

void stream_tick(struct call *call, uint64_t now_ms)
{
    struct stream *stream = call->stream;
    const uint64_t silent = now_ms - stream->read_ms;
    if (!call->suspended && silent > stream->limits->drain_ms) {
        httpd_cut(call);
    } else if (call->suspended && silent > stream->limits->heartbeat_ms) {
        /* Also how a client that went away is noticed. */
        stream->beat = true;
        httpd_wake(call);
    }
}

void stream_start(struct call *call, const struct backlog *history,
                  const struct stream_limits *limits, uint64_t after)
{
    static const char hello[] = "retry: 2000\n\n";
    struct stream *stream = calloc(1, sizeof(*stream));
    if (stream == NULL) {
        call_answer(call, MHD_HTTP_SERVICE_UNAVAILABLE, NULL);
        return;
    }
    *stream = (struct stream){.call = call, .history = history, .limits = limits, .after = after};
    set_pending(stream, strdup(hello));
    stream->read_ms = httpd_now(call->httpd);
    struct MHD_Response *response = MHD_create_response_from_callback(
        MHD_SIZE_UNKNOWN, BLOCK_BYTES, read_stream, stream, free_stream);
    if (response == NULL) {
        free_stream(stream);
        call_answer(call, MHD_HTTP_SERVICE_UNAVAILABLE, NULL);
        return;
    }
    (void)MHD_add_response_header(response, MHD_HTTP_HEADER_CONTENT_TYPE, "text/event-stream");
    (void)MHD_add_response_header(response, MHD_HTTP_HEADER_CACHE_CONTROL, "no-store");
    (void)MHD_add_response_header(response, "X-Content-Type-Options", "nosniff");
    call->stream = stream;
    call->streams = true;
    call_response(call, MHD_HTTP_OK, response);
}
