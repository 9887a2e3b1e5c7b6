#include "tests/platform/traffic/upstream.h"

#include "config/base/check.h"

#include <stdlib.h>
#include <string.h>

#define ANSWER_LIMIT_MS 30000
#define BUFFER ((size_t)16 * 1024)

struct connection {
    uv_tcp_t tcp;
    uv_timer_t timer;
    uv_connect_t connecting;
    uv_write_t writing;
    struct traffic_upstream *upstream;
    struct connection *next_idle;
    char *out; /* the request under way */
    size_t out_length;
    traffic_answered *answered;
    void *closure;
    char *in;
    size_t length, capacity;
    unsigned handles; /* not yet closed */
    bool used;        /* it has carried an answer before */
    bool idle, closing;
    bool writes; /* `writing` is with the loop */
};

struct traffic_upstream {
    uv_loop_t *loop;
    struct sockaddr_in address;
    struct connection *idle;
    uv_timer_t last; /* tells the end from the loop, so that nobody is called too early */
    void (*closed)(void *closure);
    void *closure;
    size_t open;
    bool closing;
};

static void start(struct traffic_upstream *u, char *out, size_t length, bool fresh,
                  traffic_answered *answered, void *closure);

static void on_end(uv_handle_t *handle)
{
    struct traffic_upstream *u = handle->data;
    if (u->closed != NULL)
        u->closed(u->closure);
    free(u);
}

static void end_upstream(struct traffic_upstream *u)
{
    if (u->closing && u->open == 0)
        uv_close((uv_handle_t *)&u->last, on_end);
}

static void on_closed(uv_handle_t *handle)
{
    struct connection *c = handle->data;
    if (--c->handles > 0)
        return;
    struct traffic_upstream *u = c->upstream;
    free(c->in);
    free(c->out);
    free(c);
    u->open--;
    end_upstream(u);
}

static void close_connection(struct connection *c)
{
    if (c->closing)
        return;
    c->closing = true;
    uv_close((uv_handle_t *)&c->tcp, on_closed);
    uv_close((uv_handle_t *)&c->timer, on_closed);
}

static void drop_idle(struct connection *c)
{
    struct connection **at = &c->upstream->idle;
    while (*at != c)
        at = &(*at)->next_idle;
    *at = c->next_idle;
    c->idle = false;
}

static void fail(struct connection *c, int status)
{
    if (c->closing)
        return;
    if (c->idle) {
        drop_idle(c);
        close_connection(c);
        return;
    }
    close_connection(c);
    struct traffic_upstream *u = c->upstream;
    if (c->used && c->length == 0 && status != UV_ETIMEDOUT) {
        start(u, c->out, c->out_length, true, c->answered, c->closure);
        c->out = NULL;
        return;
    }
    c->answered(c->closure, status, NULL, NULL, 0);
}

static void on_time(uv_timer_t *timer)
{
    fail(timer->data, UV_ETIMEDOUT);
}

static void finish(struct connection *c, const struct traffic_message *message)
{
    struct traffic_upstream *u = c->upstream;
    const size_t length = message->head_length + message->body_length;
    (void)uv_timer_stop(&c->timer);
    const bool keep = message->keep_alive && !u->closing && !c->writes && c->length == length;
    traffic_answered *answered = c->answered;
    void *closure = c->closure;
    char *bytes = c->in;
    c->in = NULL; /* the callback may send the next request over this connection */
    const size_t capacity = c->capacity;
    c->capacity = c->length = 0;
    free(c->out);
    c->out = NULL;
    if (keep) {
        c->used = c->idle = true;
        c->next_idle = u->idle;
        u->idle = c;
    } else {
        close_connection(c);
    }
    answered(closure, message->status, message, bytes, length);
    if (c->in == NULL && !c->closing) {
        c->in = bytes;
        c->capacity = capacity;
    } else {
        free(bytes);
    }
}

static void on_room(uv_handle_t *handle, size_t wanted, uv_buf_t *ret)
{
    (void)wanted;
    struct connection *c = handle->data;
    if (c->capacity - c->length < BUFFER / 4) {
        c->capacity = c->capacity == 0 ? BUFFER : c->capacity * 2;
        c->in = realloc(c->in, c->capacity);
        CHECK(c->in != NULL);
    }
    *ret = uv_buf_init(c->in + c->length, (unsigned)(c->capacity - c->length));
}

static void on_read(uv_stream_t *stream, ssize_t count, const uv_buf_t *buffer)
{
    (void)buffer;
    struct connection *c = stream->data;
    if (count < 0 || c->idle) { /* an idle connection has nothing to say */
        fail(c, count < 0 ? (int)count : UV_EPROTO);
        return;
    }
    c->length += (size_t)count;
    struct traffic_message message;
    const int got = traffic_message_read(c->in, c->length, false, &message);
    if (got < 0 || c->length > TRAFFIC_HEAD_LIMIT + TRAFFIC_BODY_LIMIT)
        fail(c, UV_EPROTO);
    else if (got > 0 && c->length >= message.head_length + message.body_length)
        finish(c, &message);
}

static void on_written(uv_write_t *request, int status)
{
    struct connection *c = request->data;
    c->writes = false;
    if (status < 0)
        fail(c, status);
}

static void send_request(struct connection *c)
{
    uv_buf_t buffer = uv_buf_init(c->out, (unsigned)c->out_length);
    const int sent = uv_try_write((uv_stream_t *)&c->tcp, &buffer, 1);
    if (sent == (int)c->out_length)
        return;
    const size_t done = sent > 0 ? (size_t)sent : 0;
    buffer = uv_buf_init(c->out + done, (unsigned)(c->out_length - done));
    c->writing.data = c;
    const int status = uv_write(&c->writing, (uv_stream_t *)&c->tcp, &buffer, 1, on_written);
    c->writes = status == 0;
    if (status < 0)
        fail(c, status);
}

static void on_connected(uv_connect_t *request, int status)
{
    struct connection *c = request->data;
    if (c->closing)
        return;
    if (status == 0)
        status = uv_read_start((uv_stream_t *)&c->tcp, on_room, on_read);
    if (status < 0)
        fail(c, status);
    else
        send_request(c);
}

static struct connection *new_connection(struct traffic_upstream *u)
{
    struct connection *c = calloc(1, sizeof(*c));
    CHECK(c != NULL);
    c->upstream = u;
    c->handles = 2;
    c->tcp.data = c->timer.data = c->connecting.data = c;
    CHECK(uv_tcp_init(u->loop, &c->tcp) == 0);
    CHECK(uv_timer_init(u->loop, &c->timer) == 0);
    u->open++;
    return c;
}

/* Takes `out`. */
static void start(struct traffic_upstream *u, char *out, size_t length, bool fresh,
                  traffic_answered *answered, void *closure)
{
    struct connection *c = fresh ? NULL : u->idle;
    const bool kept = c != NULL;
    if (kept)
        drop_idle(c);
    else
        c = new_connection(u);
    c->out = out;
    c->out_length = length;
    c->answered = answered;
    c->closure = closure;
    CHECK(uv_timer_start(&c->timer, on_time, ANSWER_LIMIT_MS, 0) == 0);
    if (kept) {
        send_request(c);
        return;
    }
    const int status =
        uv_tcp_connect(&c->connecting, &c->tcp, (const struct sockaddr *)&u->address, on_connected);
    if (status < 0)
        fail(c, status);
    else
        (void)uv_tcp_nodelay(&c->tcp, 1);
}

struct traffic_upstream *traffic_upstream_new(uv_loop_t *loop, const struct sockaddr_in *address)
{
    struct traffic_upstream *u = calloc(1, sizeof(*u));
    CHECK(u != NULL);
    u->loop = loop;
    u->address = *address;
    u->last.data = u;
    CHECK(uv_timer_init(loop, &u->last) == 0);
    return u;
}

void traffic_upstream_send(struct traffic_upstream *u, const char *bytes, size_t length,
                           traffic_answered *answered, void *closure)
{
    char *out = malloc(length);
    CHECK(out != NULL);
    memcpy(out, bytes, length);
    start(u, out, length, false, answered, closure);
}

void traffic_upstream_close(struct traffic_upstream *u, void (*closed)(void *closure),
                            void *closure)
{
    CHECK(!u->closing);
    u->closed = closed;
    u->closure = closure;
    u->closing = true;
    while (u->idle != NULL) {
        struct connection *c = u->idle;
        drop_idle(c);
        close_connection(c);
    }
    end_upstream(u);
}
