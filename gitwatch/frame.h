/* JSON values over a stream socket, each behind its length (4 bytes, big endian). Both ends check
 * the length before they take memory. */
#pragma once

#include "config/base/error.h"

#include <jansson.h>

#include <stdbool.h>
#include <stddef.h>

#define FRAME_LIMIT ((size_t)256 << 10)

struct frame_reader {
    char *bytes;
    size_t length, capacity;
};

void frame_reader_init(struct frame_reader *reader);
/* Wipes what was read: a request holds secrets. */
void frame_reader_fini(struct frame_reader *reader);

/* Reads once from `fd`. Returns 1 when bytes came, 0 at the end of the stream, -EAGAIN when there
 * is nothing yet, -errno otherwise. */
int frame_reader_fill(struct frame_reader *reader, int fd) __attribute__((warn_unused_result));

/* Takes one complete message out. Returns 1 and an owned value, 0 when none is complete; ERR_LIMIT,
 * ERR_SYNTAX, -ENOMEM. */
int frame_reader_next(struct frame_reader *reader, json_t **ret_value, struct error *err)
    __attribute__((warn_unused_result));

/* Owned bytes with the length in front, for a caller that writes in pieces; wipe them after use
 * (frame_wipe). ERR_LIMIT when too large. */
int frame_encode(const json_t *value, char **ret_bytes, size_t *ret_length)
    __attribute__((warn_unused_result));

/* Writes one message, waiting until all is out. 0 or -errno. */
int frame_write(int fd, const json_t *value) __attribute__((warn_unused_result));

/* Overwrites and frees. */
void frame_wipe(char *bytes, size_t length);
