#include "gitwatch/frame.h"

#include "config/base/json.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

enum { FRAME_HEAD = 4 };

void frame_wipe(char *bytes, size_t length)
{
    if (bytes == NULL)
        return;
    explicit_bzero(bytes, length);
    free(bytes);
}

void frame_reader_init(struct frame_reader *reader)
{
    *reader = (struct frame_reader){.bytes = NULL};
}

void frame_reader_fini(struct frame_reader *reader)
{
    frame_wipe(reader->bytes, reader->capacity);
    frame_reader_init(reader);
}

/* One fixed allocation: realloc would leave copies of a secret behind. */
static bool frame_reader_has_room(struct frame_reader *reader)
{
    if (reader->bytes == NULL) {
        reader->bytes = malloc(FRAME_LIMIT + FRAME_HEAD);
        reader->capacity = reader->bytes == NULL ? 0 : FRAME_LIMIT + FRAME_HEAD;
    }
    return reader->bytes != NULL;
}

int frame_reader_fill(struct frame_reader *reader, int fd)
{
    if (!frame_reader_has_room(reader))
        return -ENOMEM;
    if (reader->length == reader->capacity)
        return 1;
    ssize_t got = 0;
    do
        got = recv(fd, reader->bytes + reader->length, reader->capacity - reader->length, 0);
    while (got < 0 && errno == EINTR);
    if (got < 0)
        return errno == EWOULDBLOCK ? -EAGAIN : -errno;
    reader->length += (size_t)got;
    return got == 0 ? 0 : 1;
}

int frame_reader_next(struct frame_reader *reader, json_t **ret_value, struct error *err)
{
    uint32_t head = 0;
    if (reader->length < FRAME_HEAD)
        return 0;
    memcpy(&head, reader->bytes, FRAME_HEAD);
    const size_t size = ntohl(head);
    if (size == 0 || size > FRAME_LIMIT)
        return error_set(err, ERROR_INTERNAL, ERR_LIMIT,
                         "a message between celld and its fetch worker has %zu bytes; 1 to %zu "
                         "are possible",
                         size, FRAME_LIMIT);
    if (reader->length < FRAME_HEAD + size)
        return 0;
    json_t *value = NULL;
    const int status = json_read(reader->bytes + FRAME_HEAD, size, "the message", &value, err);
    if (status < 0)
        return status;
    const size_t rest = reader->length - FRAME_HEAD - size;
    memmove(reader->bytes, reader->bytes + FRAME_HEAD + size, rest);
    explicit_bzero(reader->bytes + rest, FRAME_HEAD + size);
    reader->length = rest;
    *ret_value = value;
    return 1;
}

int frame_encode(const json_t *value, char **ret_bytes, size_t *ret_length)
{
    const size_t size = json_dumpb(value, NULL, 0, JSON_COMPACT);
    if (size == 0)
        return -ENOMEM;
    if (size > FRAME_LIMIT)
        return ERR_LIMIT;
    char *bytes = malloc(FRAME_HEAD + size);
    if (bytes == NULL)
        return -ENOMEM;
    const uint32_t head = htonl((uint32_t)size);
    memcpy(bytes, &head, FRAME_HEAD);
    if (json_dumpb(value, bytes + FRAME_HEAD, size, JSON_COMPACT) != size) {
        frame_wipe(bytes, FRAME_HEAD + size);
        return -ENOMEM;
    }
    *ret_bytes = bytes;
    *ret_length = FRAME_HEAD + size;
    return 0;
}

int frame_write(int fd, const json_t *value)
{
    char *bytes = NULL;
    size_t length = 0;
    int status = frame_encode(value, &bytes, &length);
    if (status < 0)
        return status;
    for (size_t sent = 0; sent < length && status == 0;) {
        const ssize_t count = send(fd, bytes + sent, length - sent, MSG_NOSIGNAL);
        if (count >= 0)
            sent += (size_t)count;
        else if (errno != EINTR)
            status = -errno;
    }
    frame_wipe(bytes, length);
    return status;
}
