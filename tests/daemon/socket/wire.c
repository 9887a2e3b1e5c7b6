#include "tests/daemon/socket/wire.h"

#include "config/base/check.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

int wire_connect(const char *path)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    (void)snprintf(address.sun_path, sizeof(address.sun_path), "%s", path);
    const int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    CHECK(fd >= 0);
    CHECK(connect(fd, (const struct sockaddr *)&address, sizeof(address)) == 0);
    return fd;
}

int wire_connect_port(unsigned port)
{
    const struct sockaddr_in address = {.sin_family = AF_INET,
                                        .sin_port = htons((uint16_t)port),
                                        .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    CHECK(fd >= 0);
    CHECK(connect(fd, (const struct sockaddr *)&address, sizeof(address)) == 0);
    return fd;
}

void wire_send(int fd, const char *bytes, size_t length)
{
    while (length > 0) {
        const ssize_t sent = send(fd, bytes, length, MSG_NOSIGNAL);
        if (sent <= 0)
            return; /* the other side had enough: its answer says why */
        bytes += sent;
        length -= (size_t)sent;
    }
}

void wire_text(int fd, const char *text)
{
    wire_send(fd, text, strlen(text));
}

char *wire_read_until(int fd, const char *part)
{
    size_t length = 0;
    size_t capacity = 65536;
    char *bytes = malloc(capacity + 1);
    bytes[0] = '\0';
    while (part == NULL || strstr(bytes, part) == NULL) {
        struct pollfd wait = {.fd = fd, .events = POLLIN};
        if (poll(&wait, 1, 20000) != 1)
            break;
        if (length == capacity) {
            capacity *= 2;
            bytes = realloc(bytes, capacity + 1);
        }
        const ssize_t got = recv(fd, bytes + length, capacity - length, 0);
        if (got <= 0)
            break;
        length += (size_t)got;
        bytes[length] = '\0';
    }
    return bytes;
}

char *wire_read_all(int fd)
{
    return wire_read_until(fd, NULL);
}

static char *ask(int fd, const char *method, const char *target, const char *body)
{
    char head[2048];
    (void)snprintf(head, sizeof(head),
                   "%s %s HTTP/1.1\r\nHost: celld\r\nConnection: close\r\nContent-Length: %zu\r\n"
                   "X-Celld-Operator: alice\r\n\r\n",
                   method, target, body == NULL ? 0 : strlen(body));
    wire_text(fd, head);
    if (body != NULL)
        wire_text(fd, body);
    char *answer = wire_read_all(fd);
    (void)close(fd);
    return answer;
}

char *wire_request(const char *path, const char *method, const char *target, const char *body)
{
    return ask(wire_connect(path), method, target, body);
}

char *wire_request_port(unsigned port, const char *method, const char *target)
{
    return ask(wire_connect_port(port), method, target, NULL);
}

int wire_status(const char *answer)
{
    return strncmp(answer, "HTTP/1.1 ", 9) == 0 ? (int)strtol(answer + 9, NULL, 10) : 0;
}

const char *wire_body(const char *answer)
{
    const char *end = strstr(answer, "\r\n\r\n");
    return end == NULL ? "" : end + 4;
}
