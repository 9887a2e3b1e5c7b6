#include "tests/daemon/http/raw_server.h"

#include "config/base/check.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <unistd.h>

#define CONNECTION_LIMIT 64
#define REQUEST_LIMIT 64
#define REQUEST_SIZE 8192

struct connection {
    struct raw_server *server;
    pthread_t thread;
    int fd;
    unsigned number;
    char text[REQUEST_SIZE + 1];
    size_t length;
};

struct raw_server {
    raw_script *script;
    bool reads;
    int fd, port;
    pthread_t thread;
    pthread_mutex_t lock;
    atomic_bool stopping;
    unsigned connection_count, request_count;
    struct connection *connections[CONNECTION_LIMIT];
    char *requests[REQUEST_LIMIT];
};

/* Waits until the socket can be read or has ended; false after `ms` (-1 = for ever). */
static bool wait_readable(int fd, int ms)
{
    struct pollfd poll_fd = {.fd = fd, .events = POLLIN | POLLRDHUP};
    int result = 0;
    do
        result = poll(&poll_fd, 1, ms);
    while (result < 0 && errno == EINTR);
    return result > 0;
}

void raw_send(struct raw_exchange *exchange, const char *bytes, size_t length)
{
    while (length > 0 && !exchange->is_over) {
        const ssize_t sent = send(exchange->fd, bytes, length, MSG_NOSIGNAL);
        if (sent < 0 && errno == EINTR)
            continue;
        if (sent < 0) {
            exchange->is_over = true;
            return;
        }
        bytes += sent;
        length -= (size_t)sent;
    }
}

void raw_text(struct raw_exchange *exchange, const char *text)
{
    raw_send(exchange, text, strlen(text));
}

void raw_answer(struct raw_exchange *exchange, int status, const char *content_type,
                const char *body)
{
    char head[512];
    (void)snprintf(head, sizeof(head),
                   "HTTP/1.1 %d Text\r\nContent-Type: %s\r\nContent-Length: %zu\r\n\r\n", status,
                   content_type, strlen(body));
    raw_text(exchange, head);
    raw_text(exchange, body);
}

void raw_finish(struct raw_exchange *exchange)
{
    (void)shutdown(exchange->fd, SHUT_RDWR);
    exchange->is_over = true;
}

void raw_reset(struct raw_exchange *exchange)
{
    /* RST is what close() sends without lingering; the descriptor itself is closed at the end. */
    const struct linger linger = {.l_onoff = 1, .l_linger = 0};
    (void)setsockopt(exchange->fd, SOL_SOCKET, SO_LINGER, &linger, sizeof(linger));
    const struct sockaddr nowhere = {.sa_family = AF_UNSPEC};
    (void)connect(exchange->fd, &nowhere, sizeof(nowhere));
    exchange->is_over = true;
}

bool raw_pause(struct raw_exchange *exchange, int ms)
{
    if (!exchange->is_over && wait_readable(exchange->fd, ms))
        exchange->is_over = true;
    return !exchange->is_over;
}

void raw_wait(struct raw_exchange *exchange)
{
    char ignored[1024];
    ssize_t got = 0;
    do
        got = recv(exchange->fd, ignored, sizeof(ignored), 0);
    while (got > 0 || (got < 0 && errno == EINTR));
    exchange->is_over = true;
}

/* The length of the first request in the text, or 0 when it is not complete. */
static size_t request_length(const char *text, size_t length, size_t *ret_head)
{
    const char *end = memmem(text, length, "\r\n\r\n", 4);
    if (end == NULL)
        return 0;
    const size_t head = (size_t)(end - text) + 4;
    size_t body = 0;
    const char *field = strcasestr(text, "\r\nContent-Length:");
    if (field != NULL && field < end)
        body = strtoul(field + strlen("\r\nContent-Length:"), NULL, 10);
    *ret_head = head;
    return length >= head + body ? head + body : 0;
}

static size_t read_request(struct connection *connection, size_t *ret_head)
{
    for (;;) {
        const size_t length = request_length(connection->text, connection->length, ret_head);
        if (length > 0)
            return length;
        CHECK(connection->length < REQUEST_SIZE);
        const ssize_t got = recv(connection->fd, connection->text + connection->length,
                                 REQUEST_SIZE - connection->length, 0);
        if (got <= 0)
            return 0;
        connection->length += (size_t)got;
        connection->text[connection->length] = '\0';
    }
}

static unsigned keep_request(struct raw_server *server, const char *text, size_t length)
{
    (void)pthread_mutex_lock(&server->lock);
    const unsigned number = server->request_count++;
    CHECK(number < REQUEST_LIMIT);
    server->requests[number] = strndup(text, length);
    (void)pthread_mutex_unlock(&server->lock);
    return number;
}

static void serve_requests(struct connection *connection, struct raw_exchange *exchange)
{
    while (!exchange->is_over) {
        size_t head_length = 0;
        const size_t length = read_request(connection, &head_length);
        if (length == 0)
            return;
        char *head = strndup(connection->text, head_length);
        char *body = strndup(connection->text + head_length, length - head_length);
        exchange->number = keep_request(connection->server, connection->text, length);
        memmove(connection->text, connection->text + length, connection->length - length + 1);
        connection->length -= length;
        exchange->head = head;
        exchange->body = body;
        connection->server->script(exchange);
        free(head);
        free(body);
    }
}

static void *run_connection(void *context)
{
    struct connection *connection = context;
    struct raw_exchange exchange = {.server = connection->server,
                                    .fd = connection->fd,
                                    .connection = connection->number,
                                    .head = "",
                                    .body = ""};
    if (connection->server->reads)
        serve_requests(connection, &exchange);
    else
        connection->server->script(&exchange);
    (void)shutdown(connection->fd, SHUT_RDWR);
    return NULL;
}

static void add_connection(struct raw_server *server, int fd)
{
    struct connection *connection = calloc(1, sizeof(*connection));
    CHECK(connection != NULL);
    connection->server = server;
    connection->fd = fd;
    (void)pthread_mutex_lock(&server->lock);
    CHECK(server->connection_count < CONNECTION_LIMIT);
    connection->number = server->connection_count;
    server->connections[server->connection_count++] = connection;
    (void)pthread_mutex_unlock(&server->lock);
    CHECK(pthread_create(&connection->thread, NULL, run_connection, connection) == 0);
}

static void *run_server(void *context)
{
    struct raw_server *server = context;
    for (;;) {
        const int fd = accept(server->fd, NULL, NULL);
        if (atomic_load(&server->stopping)) {
            if (fd >= 0)
                (void)close(fd);
            return NULL;
        }
        if (fd >= 0)
            add_connection(server, fd);
    }
}

struct raw_server *raw_server_start(raw_script *script, bool reads)
{
    struct raw_server *server = calloc(1, sizeof(*server));
    CHECK(server != NULL);
    server->script = script;
    server->reads = reads;
    CHECK(pthread_mutex_init(&server->lock, NULL) == 0);
    server->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_addr = {.s_addr = htonl(INADDR_LOOPBACK)}};
    socklen_t size = sizeof(address);
    CHECK(bind(server->fd, (const struct sockaddr *)&address, sizeof(address)) == 0);
    CHECK(listen(server->fd, 16) == 0);
    CHECK(getsockname(server->fd, (struct sockaddr *)&address, &size) == 0);
    server->port = ntohs(address.sin_port);
    CHECK(pthread_create(&server->thread, NULL, run_server, server) == 0);
    return server;
}

void raw_server_stop(struct raw_server *server)
{
    atomic_store(&server->stopping, true);
    (void)shutdown(server->fd, SHUT_RDWR);
    (void)pthread_join(server->thread, NULL);
    (void)close(server->fd);
    for (unsigned i = 0; i < server->connection_count; i++) {
        struct connection *connection = server->connections[i];
        (void)shutdown(connection->fd, SHUT_RDWR);
        (void)pthread_join(connection->thread, NULL);
        (void)close(connection->fd);
        free(connection);
    }
    for (unsigned i = 0; i < server->request_count; i++)
        free(server->requests[i]);
    (void)pthread_mutex_destroy(&server->lock);
    free(server);
}

unsigned raw_server_port(const struct raw_server *server)
{
    return (unsigned)server->port;
}

unsigned raw_server_count(struct raw_server *server)
{
    (void)pthread_mutex_lock(&server->lock);
    const unsigned count = server->request_count;
    (void)pthread_mutex_unlock(&server->lock);
    return count;
}

const char *raw_server_request(struct raw_server *server, unsigned number)
{
    (void)pthread_mutex_lock(&server->lock);
    CHECK(number < server->request_count);
    const char *text = server->requests[number];
    (void)pthread_mutex_unlock(&server->lock);
    return text;
}
