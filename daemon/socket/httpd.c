#include "daemon/socket/httpd.h"

#include "config/base/check.h"
#include "config/base/text.h"
#include "daemon/log/log.h"
#include "daemon/socket/visitors.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define SWEEP_MS UINT64_C(500)

/* All headers of a request must fit. */
#define CONNECTION_MEMORY ((size_t)32 * 1024)

#define HANDLES 4

struct httpd {
    struct httpd_options options;
    struct MHD_Daemon *daemon;
    uv_loop_t *loop;
    uv_poll_t poll;
    uv_timer_t timer, sweep;
    struct visitors visitors;
    struct call *calls;
    unsigned handles; /* not yet closed */
    bool running, closing, finished;
    uint64_t stop_deadline_ms;
    void (*stopped)(void *context);
    void *stopped_context;
};

uint64_t httpd_now(const struct httpd *httpd)
{
    return uv_now(httpd->loop);
}

bool httpd_is_closing(const struct httpd *httpd)
{
    return httpd->closing;
}

struct call *httpd_calls(struct httpd *httpd)
{
    return httpd->calls;
}

unsigned httpd_connections(const struct httpd *httpd)
{
    return httpd->visitors.count;
}

/* --- driving the library ---------------------------------------------------------------------- */

static void on_timer(uv_timer_t *timer);

/* Its client sockets are edge-triggered: without asking for the timeout after each run, data that
 * came in the meantime would be forgotten. */
static void drive(struct httpd *httpd)
{
    if (httpd->running || httpd->finished)
        return;
    httpd->running = true;
    (void)MHD_run(httpd->daemon);
    httpd->running = false;
    MHD_UNSIGNED_LONG_LONG wait_ms = 0;
    if (MHD_get_timeout(httpd->daemon, &wait_ms) == MHD_YES) {
        uv_update_time(httpd->loop);
        (void)uv_timer_start(&httpd->timer, on_timer, wait_ms, 0);
    } else {
        (void)uv_timer_stop(&httpd->timer);
    }
    if (!httpd->closing)
        listener_pause(httpd->options.listener,
                       httpd->visitors.count >= httpd->options.connections);
}

static void on_timer(uv_timer_t *timer)
{
    drive(timer->data);
}

static void on_event(uv_poll_t *poll, int status, int events)
{
    (void)status;
    (void)events;
    drive(poll->data);
}

/* Soon, but not from inside one of the library's callbacks. */
static void drive_soon(struct httpd *httpd)
{
    (void)uv_timer_start(&httpd->timer, on_timer, 0, 0);
}

void httpd_suspend(struct call *call)
{
    CHECK(!call->suspended);
    call->suspended = true;
    MHD_suspend_connection(call->connection);
}

void httpd_wake(struct call *call)
{
    if (!call->suspended)
        return;
    call->suspended = false;
    MHD_resume_connection(call->connection);
    drive_soon(call->httpd);
}

void httpd_answered(struct call *call)
{
    call->started_ms = httpd_now(call->httpd);
    httpd_wake(call);
}

void httpd_cut(struct call *call)
{
    visitors_cut_one(call->connection);
    httpd_wake(call);
}

/* --- connections ------------------------------------------------------------------------------ */

static void on_connection(void *context, struct MHD_Connection *connection, void **socket_context,
                          enum MHD_ConnectionNotificationCode code)
{
    struct httpd *httpd = context;
    if (code == MHD_CONNECTION_NOTIFY_STARTED)
        visitors_add(&httpd->visitors, connection, socket_context, httpd_now(httpd));
    else
        visitors_remove(&httpd->visitors, socket_context);
}

static void on_accepted(void *context, int fd)
{
    struct httpd *httpd = context;
    struct sockaddr_storage peer = {.ss_family = AF_UNIX};
    socklen_t size = sizeof(peer);
    if (getpeername(fd, (struct sockaddr *)&peer, &size) != 0 || size < sizeof(sa_family_t))
        size = sizeof(sa_family_t); /* gone already: the library finds out */
    /* Closes the descriptor when it fails. */
    (void)MHD_add_connection(httpd->daemon, fd, (const struct sockaddr *)&peer, size);
    listener_pause(httpd->options.listener, httpd->visitors.count >= httpd->options.connections);
    drive_soon(httpd);
}

/* --- requests --------------------------------------------------------------------------------- */

static void refuse(struct call *call)
{
    if (call->too_large)
        call_message(call, MHD_HTTP_CONTENT_TOO_LARGE,
                     "the body is larger than the limit of %zu bytes",
                     call->httpd->options.body_bytes);
    else if (call->httpd->closing)
        call_message(call, MHD_HTTP_SERVICE_UNAVAILABLE, "celld is stopping");
    else
        call_message(call, call->refusal, "the request's path is malformed");
}

static bool says_too_large(const struct call *call)
{
    const char *length = call_header(call, MHD_HTTP_HEADER_CONTENT_LENGTH);
    return length != NULL && strtoull(length, NULL, 10) > call->httpd->options.body_bytes;
}

static struct call *begin(struct httpd *httpd, struct MHD_Connection *connection, const char *url,
                          const char *method)
{
    struct call *call = calloc(1, sizeof(*call));
    if (call == NULL)
        return NULL;
    call->httpd = httpd;
    call->connection = connection;
    call->started_ms = httpd_now(httpd);
    (void)text_put(call->method, sizeof(call->method), "%s", method);
    if (target_parse(&call->path, url) != 0)
        call->refusal = MHD_HTTP_BAD_REQUEST;
    call->too_large = says_too_large(call);
    call->next = httpd->calls;
    httpd->calls = call;
    visitors_busy(connection, true, call->started_ms);
    return call;
}

static void take_body(struct call *call, const char *bytes, size_t length)
{
    if (call->too_large || call->body_length + length > call->httpd->options.body_bytes) {
        call->too_large = true;
        return;
    }
    if (call->body_length + length >= call->body_capacity) {
        const size_t capacity = call->body_length + length + 4096;
        char *body = realloc(call->body, capacity);
        if (body == NULL) {
            call->too_large = true;
            return;
        }
        call->body = body;
        call->body_capacity = capacity;
    }
    memcpy(call->body + call->body_length, bytes, length);
    call->body_length += length;
    call->body[call->body_length] = '\0';
}

static void drop_response(struct call *call)
{
    if (call->response != NULL && !call->shares_response)
        MHD_destroy_response(call->response);
    call->response = NULL;
}

static enum MHD_Result queue(struct call *call)
{
    if (call->httpd->closing && !call->shares_response)
        (void)MHD_add_response_header(call->response, MHD_HTTP_HEADER_CONNECTION, "close");
    const enum MHD_Result result =
        MHD_queue_response(call->connection, (unsigned)call->status, call->response);
    drop_response(call);
    call->queued = true;
    call->started_ms = httpd_now(call->httpd);
    return result;
}

static enum MHD_Result on_access(void *context, struct MHD_Connection *connection, const char *url,
                                 const char *method, const char *version, const char *upload,
                                 size_t *upload_length, void **request_context)
{
    struct httpd *httpd = context;
    struct call *call = *request_context;
    (void)version;
    if (call == NULL) {
        call = begin(httpd, connection, url, method);
        *request_context = call;
        if (call == NULL)
            return MHD_NO;
        if (!call->too_large && call->refusal == 0 && !httpd->closing)
            return MHD_YES;
        call->handled = true;
        refuse(call);
        return queue(call);
    }
    if (*upload_length > 0) {
        take_body(call, upload, *upload_length);
        *upload_length = 0;
        return MHD_YES;
    }
    if (!call->handled) {
        call->handled = true;
        if (call->too_large || httpd->closing)
            refuse(call);
        else
            httpd->options.handle(httpd->options.context, call);
    }
    if (call->response == NULL && httpd->closing)
        refuse(call);
    if (call->response != NULL)
        return queue(call);
    call->started_ms = httpd_now(httpd);
    httpd_suspend(call);
    return MHD_YES;
}

static void on_completed(void *context, struct MHD_Connection *connection, void **request_context,
                         enum MHD_RequestTerminationCode code)
{
    struct httpd *httpd = context;
    struct call *call = *request_context;
    (void)code;
    if (call == NULL)
        return;
    *request_context = NULL;
    visitors_busy(connection, false, httpd_now(httpd));
    for (struct call **at = &httpd->calls; *at != NULL; at = &(*at)->next) {
        if (*at == call) {
            *at = call->next;
            break;
        }
    }
    drop_response(call);
    free(call->body);
    free(call);
}

/* Escapes stay: the library would cut at %00 and merge %2F with the separators. */
static size_t keep_escapes(void *context, struct MHD_Connection *connection, char *text)
{
    (void)context;
    (void)connection;
    return strlen(text);
}

__attribute__((format(printf, 2, 0))) static void on_complaint(void *context, const char *format,
                                                               va_list arguments)
{
    char text[512];
    (void)context;
    (void)text_vput(text, sizeof(text), format, arguments);
    text[strcspn(text, "\n")] = '\0';
    log_write(LOG_LEVEL_DEBUG, NULL, "status socket: %s", text);
}

/* --- deadlines and stopping ------------------------------------------------------------------- */

static void finish(struct httpd *httpd);

static void sweep_call(struct httpd *httpd, struct call *call, uint64_t now)
{
    const uint64_t waited = now - call->started_ms;
    if (call->streams && call->queued) {
        if (httpd->closing)
            httpd_wake(call);
        else
            httpd->options.stream_tick(httpd->options.context, call, now);
    } else if (call->suspended) {
        if (httpd->closing)
            call_message(call, MHD_HTTP_SERVICE_UNAVAILABLE,
                         "celld is stopping; whether the command was carried out shows after its "
                         "start");
        else if (waited > httpd->options.reply_ms)
            call_message(call, MHD_HTTP_GATEWAY_TIMEOUT,
                         "celld did not answer in time; the command may still be carried out");
    } else if (waited > (call->queued ? httpd->options.drain_ms : httpd->options.idle_ms)) {
        httpd_cut(call);
    }
}

static void sweep(struct httpd *httpd)
{
    const uint64_t now = httpd_now(httpd);
    const bool late = httpd->closing && now >= httpd->stop_deadline_ms;
    for (struct call *call = httpd->calls; call != NULL; call = call->next)
        sweep_call(httpd, call, now);
    /* Who is idle while we close has nothing to wait for; who is late has waited enough. */
    if (httpd->closing)
        visitors_cut(&httpd->visitors, now + 1, 0, late);
    else
        visitors_cut(&httpd->visitors, now, httpd->options.idle_ms, false);
    drive(httpd);
    if (httpd->closing &&
        (httpd->visitors.count == 0 || now > httpd->stop_deadline_ms + 2 * SWEEP_MS))
        finish(httpd);
}

static void on_sweep(uv_timer_t *timer)
{
    sweep(timer->data);
}

/* The last one may be any of them: a stop from inside a timer closes them all in one turn. */
static void handle_closed(struct httpd *httpd)
{
    if (--httpd->handles > 0)
        return;
    void (*stopped)(void *) = httpd->stopped;
    void *context = httpd->stopped_context;
    free(httpd);
    stopped(context);
}

static void on_handle_closed(uv_handle_t *handle)
{
    handle_closed(handle->data);
}

/* The library aborts when it is stopped with a suspended connection: all are woken before. */
static void finish(struct httpd *httpd)
{
    if (httpd->finished)
        return;
    httpd->finished = true;
    (void)uv_poll_stop(&httpd->poll);
    (void)uv_timer_stop(&httpd->timer);
    (void)uv_timer_stop(&httpd->sweep);
    for (struct call *call = httpd->calls; call != NULL; call = call->next) {
        if (call->suspended) {
            call->suspended = false;
            MHD_resume_connection(call->connection);
        }
    }
    MHD_stop_daemon(httpd->daemon);
    uv_close((uv_handle_t *)&httpd->poll, on_handle_closed);
    uv_close((uv_handle_t *)&httpd->timer, on_handle_closed);
    uv_close((uv_handle_t *)&httpd->sweep, on_handle_closed);
}

static void on_listener_closed(uv_handle_t *handle)
{
    const struct listener *listener = handle->data;
    handle_closed(listener->context);
}

void httpd_stop(struct httpd *httpd, void (*stopped)(void *context), void *context)
{
    CHECK(!httpd->closing);
    httpd->closing = true;
    httpd->stopped = stopped;
    httpd->stopped_context = context;
    httpd->stop_deadline_ms = httpd_now(httpd) + httpd->options.drain_ms;
    listener_close(httpd->options.listener, on_listener_closed);
    (void)uv_timer_start(&httpd->sweep, on_sweep, 0, SWEEP_MS / 10);
}

/* --- starting --------------------------------------------------------------------------------- */

static struct MHD_Daemon *start_library(struct httpd *httpd)
{
    return MHD_start_daemon(
        MHD_USE_EPOLL | MHD_ALLOW_SUSPEND_RESUME | MHD_USE_ERROR_LOG | MHD_USE_NO_LISTEN_SOCKET, 0,
        NULL, NULL, on_access, httpd, MHD_OPTION_EXTERNAL_LOGGER, on_complaint, NULL,
        MHD_OPTION_CONNECTION_LIMIT, httpd->options.connections + 4,
        MHD_OPTION_CONNECTION_MEMORY_LIMIT, CONNECTION_MEMORY, MHD_OPTION_CONNECTION_TIMEOUT,
        (unsigned)(httpd->options.idle_ms / 1000 + 1), MHD_OPTION_STRICT_FOR_CLIENT, 1,
        MHD_OPTION_UNESCAPE_CALLBACK, keep_escapes, NULL, MHD_OPTION_NOTIFY_CONNECTION,
        on_connection, httpd, MHD_OPTION_NOTIFY_COMPLETED, on_completed, httpd, MHD_OPTION_END);
}

int httpd_start(const struct httpd_options *options, uv_loop_t *loop, struct httpd **ret_httpd,
                struct error *err)
{
    struct httpd *httpd = calloc(1, sizeof(*httpd));
    if (httpd == NULL)
        return error_no_memory(err);
    httpd->options = *options;
    httpd->loop = loop;
    httpd->daemon = start_library(httpd);
    const union MHD_DaemonInfo *info =
        httpd->daemon == NULL ? NULL : MHD_get_daemon_info(httpd->daemon, MHD_DAEMON_INFO_EPOLL_FD);
    int result = info == NULL ? -ENOMEM : uv_poll_init(loop, &httpd->poll, info->epoll_fd);
    if (result != 0) {
        if (httpd->daemon != NULL)
            MHD_stop_daemon(httpd->daemon);
        free(httpd);
        return error_set(err, ERROR_INTERNAL, result, "cannot start the HTTP server: %s",
                         strerror(-result));
    }
    (void)uv_timer_init(loop, &httpd->timer);
    (void)uv_timer_init(loop, &httpd->sweep);
    httpd->handles = HANDLES;
    httpd->poll.data = httpd->timer.data = httpd->sweep.data = httpd;
    (void)uv_poll_start(&httpd->poll, UV_READABLE, on_event);
    (void)uv_timer_start(&httpd->sweep, on_sweep, SWEEP_MS, SWEEP_MS);
    /* Cannot fail for a socket that could be made: the handle is new and its descriptor too. */
    result = listener_start(options->listener, loop, on_accepted, httpd, err);
    CHECK(result == 0);
    *ret_httpd = httpd;
    return 0;
}
