#include "tests/platform/traffic/listener.h"

#include "config/base/check.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define BACKLOG 512
#define BUFFER ((size_t)16 * 1024)

struct connection {
    uv_tcp_t tcp;
    struct traffic_call call;
    struct traffic_listener *listener;
    struct connection *next, **link; /* among the listener's connections */
    char *in;
    size_t length, capacity;
    bool pending; /* a call is with the handler */
    bool reading; /* read_requests() is at work further up the stack */
    bool closing, closed;
    bool ended;      /* the client sends no more */
    bool last;       /* closes when all is written */
    unsigned writes; /* under way */
};

struct traffic_listener {
    uv_tcp_t tcp;
    traffic_handler *handler;
    void *closure;
    struct connection *connections;
    uint16_t port;
    bool closing, closed;
};

struct sending {
    uv_write_t request;
    struct connection *connection;
    char bytes[];
};

static void free_listener(struct traffic_listener *l)
{
    if (l->closed && l->connections == NULL)
        free(l);
}

static void free_connection(struct connection *c)
{
    if (!c->closed || c->pending)
        return;
    struct traffic_listener *l = c->listener;
    *c->link = c->next;
    if (c->next != NULL)
        c->next->link = c->link;
    free(c->in);
    free(c);
    free_listener(l);
}

static void on_closed(uv_handle_t *handle)
{
    struct connection *c = handle->data;
    c->closed = true;
    free_connection(c);
}

static void close_connection(struct connection *c)
{
    if (c->closing)
        return;
    c->closing = true;
    uv_close((uv_handle_t *)&c->tcp, on_closed);
}

/* What was handed out is still sent. */
static void end_connection(struct connection *c)
{
    c->last = true;
    if (c->writes == 0)
        close_connection(c);
}

static void on_written(uv_write_t *request, int status)
{
    struct sending *sending = request->data;
    struct connection *c = sending->connection;
    c->writes--;
    if (status < 0 || (c->last && c->writes == 0))
        close_connection(c);
    free(sending);
}

static void write_bytes(struct connection *c, const char *bytes, size_t length)
{
    uv_buf_t buffer = uv_buf_init((char *)(uintptr_t)bytes, (unsigned)length);
    const int sent = uv_try_write((uv_stream_t *)&c->tcp, &buffer, 1);
    const size_t done = sent > 0 ? (size_t)sent : 0;
    if (sent < 0 && sent != UV_EAGAIN) {
        close_connection(c);
        return;
    }
    if (done == length)
        return;
    struct sending *sending = malloc(sizeof(*sending) + length - done);
    CHECK(sending != NULL);
    sending->connection = c;
    sending->request.data = sending;
    memcpy(sending->bytes, bytes + done, length - done);
    buffer = uv_buf_init(sending->bytes, (unsigned)(length - done));
    if (uv_write(&sending->request, (uv_stream_t *)&c->tcp, &buffer, 1, on_written) < 0) {
        free(sending);
        close_connection(c);
        return;
    }
    c->writes++;
}

/* Hands out what is complete, one request at a time. */
static void read_requests(struct connection *c)
{
    if (c->reading)
        return;
    c->reading = true;
    while (!c->pending && !c->closing && !c->last) {
        struct traffic_message *m = &c->call.message;
        const int got = traffic_message_read(c->in, c->length, true, m);
        if (got < 0) {
            static const char refused[] = "HTTP/1.1 400 Bad Request\r\nConnection: close\r\n"
                                          "Content-Length: 0\r\n\r\n";
            write_bytes(c, refused, sizeof(refused) - 1);
            end_connection(c);
        } else if (got > 0 && c->length >= m->head_length + m->body_length) {
            c->pending = true;
            c->call.body = c->in + m->head_length;
            c->listener->handler(c->listener->closure, &c->call);
        } else {
            break;
        }
    }
    c->reading = false;
    if ((c->ended || c->listener->closing) && !c->pending)
        end_connection(c);
}

void traffic_call_answer(struct traffic_call *call, const char *bytes, size_t length)
{
    struct connection *c =
        (struct connection *)(void *)((char *)call - offsetof(struct connection, call));
    CHECK(c->pending);
    c->pending = false;
    const struct traffic_message *m = &call->message;
    const size_t used = m->head_length + m->body_length;
    const bool keep = m->keep_alive && !c->listener->closing;
    if (!c->closing)
        write_bytes(c, bytes, length);
    memmove(c->in, c->in + used, c->length - used);
    c->length -= used;
    if (!keep)
        end_connection(c);
    if (c->closed)
        free_connection(c);
    else if (!c->closing)
        read_requests(c);
}

void traffic_call_say(struct traffic_call *call, int status, const char *headers,
                      const char *content_type, const char *body, size_t length)
{
    char *answer = malloc(length + 1024);
    CHECK(answer != NULL);
    const int head = snprintf(answer, 1024,
                              "HTTP/1.1 %d %s\r\n%sContent-Type: %s\r\nContent-Length: %zu\r\n\r\n",
                              status, status < 400 ? "OK" : "Error", headers, content_type, length);
    CHECK(head > 0 && head < 1024);
    memcpy(answer + head, body, length);
    traffic_call_answer(call, answer, (size_t)head + length);
    free(answer);
}

static void on_room(uv_handle_t *handle, size_t wanted, uv_buf_t *ret)
{
    (void)wanted;
    struct connection *c = handle->data;
    if (c->capacity - c->length < BUFFER / 2) {
        c->capacity = c->capacity == 0 ? BUFFER : c->capacity * 2;
        c->in = realloc(c->in, c->capacity);
        CHECK(c->in != NULL);
        if (c->pending) { /* the call looks into memory that may have moved */
            (void)traffic_message_read(c->in, c->length, true, &c->call.message);
            c->call.body = c->in + c->call.message.head_length;
        }
    }
    *ret = uv_buf_init(c->in + c->length, (unsigned)(c->capacity - c->length));
}

static void on_read(uv_stream_t *stream, ssize_t count, const uv_buf_t *buffer)
{
    (void)buffer;
    struct connection *c = stream->data;
    if (count < 0) {
        (void)uv_read_stop(stream);
        c->ended = true;
        if (count != UV_EOF)
            close_connection(c);
        else if (!c->pending)
            end_connection(c);
        return;
    }
    if (c->length + (size_t)count > TRAFFIC_HEAD_LIMIT + TRAFFIC_BODY_LIMIT) {
        close_connection(c);
        return;
    }
    c->length += (size_t)count;
    read_requests(c);
}

static void on_connection(uv_stream_t *stream, int status)
{
    struct traffic_listener *l = stream->data;
    if (status < 0)
        return;
    struct connection *c = calloc(1, sizeof(*c));
    CHECK(c != NULL);
    c->listener = l;
    c->tcp.data = c;
    CHECK(uv_tcp_init(stream->loop, &c->tcp) == 0);
    c->link = &l->connections;
    c->next = l->connections;
    if (c->next != NULL)
        c->next->link = &c->next;
    l->connections = c;
    (void)uv_tcp_nodelay(&c->tcp, 1);
    if (uv_accept(stream, (uv_stream_t *)&c->tcp) < 0 ||
        uv_read_start((uv_stream_t *)&c->tcp, on_room, on_read) < 0)
        close_connection(c);
}

static void on_listener_closed(uv_handle_t *handle)
{
    struct traffic_listener *l = handle->data;
    l->closed = true;
    free_listener(l);
}

uint16_t traffic_listener_port(const struct traffic_listener *l)
{
    return l->port;
}

static int start(struct traffic_listener *l, const char *address, uint16_t port)
{
    struct sockaddr_in at;
    int status = uv_ip4_addr(address, port, &at);
    if (status == 0)
        status = uv_tcp_bind(&l->tcp, (const struct sockaddr *)&at, 0);
    if (status == 0)
        status = uv_listen((uv_stream_t *)&l->tcp, BACKLOG, on_connection);
    int size = sizeof(at);
    if (status == 0)
        status = uv_tcp_getsockname(&l->tcp, (struct sockaddr *)&at, &size);
    l->port = status == 0 ? ntohs(at.sin_port) : 0;
    return status;
}

struct traffic_listener *traffic_listener_new(uv_loop_t *loop, const char *address, uint16_t port,
                                              traffic_handler *handler, void *closure,
                                              int *ret_status)
{
    struct traffic_listener *l = calloc(1, sizeof(*l));
    CHECK(l != NULL);
    l->handler = handler;
    l->closure = closure;
    l->tcp.data = l;
    CHECK(uv_tcp_init(loop, &l->tcp) == 0);
    *ret_status = start(l, address, port);
    if (*ret_status == 0)
        return l;
    traffic_listener_close(l);
    return NULL;
}

void traffic_listener_close(struct traffic_listener *l)
{
    if (l == NULL || l->closing)
        return;
    l->closing = true;
    uv_close((uv_handle_t *)&l->tcp, on_listener_closed);
    for (struct connection *c = l->connections, *next; c != NULL; c = next) {
        next = c->next; /* closing frees later, in a callback */
        if (!c->pending)
            end_connection(c);
    }
}
