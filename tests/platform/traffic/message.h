/* Heads of HTTP/1.1 messages. What is read points into the bytes it was read from. Bodies have a
 * Content-Length or are empty: nobody in the stand-in's data plane sends chunks. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#define TRAFFIC_HEADER_LIMIT 64
#define TRAFFIC_HEAD_LIMIT ((size_t)16 * 1024)
#define TRAFFIC_BODY_LIMIT ((size_t)1024 * 1024)

struct traffic_slice {
    const char *at;
    size_t length;
};

struct traffic_header {
    struct traffic_slice name, value;
};

struct traffic_message {
    struct traffic_slice method, target; /* of requests */
    int status;                          /* of answers */
    bool keep_alive;
    size_t head_length, body_length;
    size_t header_count;
    struct traffic_header headers[TRAFFIC_HEADER_LIMIT];
};

/* Returns 1 and a message when the head is complete, 0 when more bytes are needed, -1 when this is
 * no such message or breaks a limit. */
int traffic_message_read(const char *bytes, size_t length, bool request,
                         struct traffic_message *ret);

/* The value of the first header of that name, in any case; {NULL, 0} without one. */
struct traffic_slice traffic_message_header(const struct traffic_message *message,
                                            const char *name);

bool traffic_slice_is(struct traffic_slice slice, const char *text);
bool traffic_slice_is_name(struct traffic_slice slice, const char *text); /* in any case */
