/* A server that misbehaves on purpose: a script writes the bytes of each answer, slowly, wrongly,
 * or not at all. Threads, on a loopback port that the kernel picks. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

struct raw_exchange {
    struct raw_server *server;
    int fd;
    unsigned number;     /* of the request, over all connections, from 0 */
    unsigned connection; /* from 0 */
    const char *head;    /* request line and header; "" when requests are not read */
    const char *body;
    bool is_over; /* the connection is closed or to be closed */
};

/* Runs on a thread of the server's. */
typedef void raw_script(struct raw_exchange *exchange);

/* With `reads` the script runs once per request that was read, otherwise once per connection. */
struct raw_server *raw_server_start(raw_script *script, bool reads);
void raw_server_stop(struct raw_server *server);
unsigned raw_server_port(const struct raw_server *server);

/* Requests that were read to their end so far, and their text (head and body). */
unsigned raw_server_count(struct raw_server *server);
const char *raw_server_request(struct raw_server *server, unsigned number);

void raw_send(struct raw_exchange *exchange, const char *bytes, size_t length);
void raw_text(struct raw_exchange *exchange, const char *text);

/* "HTTP/1.1 <status> …", Content-Type, Content-Length and body. */
void raw_answer(struct raw_exchange *exchange, int status, const char *content_type,
                const char *body);

/* Ends the connection: with FIN, or with RST. */
void raw_finish(struct raw_exchange *exchange);
void raw_reset(struct raw_exchange *exchange);

/* Waits until the client ends the connection, or the server stops. */
void raw_wait(struct raw_exchange *exchange);

/* Waits that long, or until the client ends the connection: false then. */
bool raw_pause(struct raw_exchange *exchange, int ms);
