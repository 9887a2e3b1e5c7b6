/* A listening socket: a Unix socket made with the right owner and mode, or taken over from the
 * service manager, or a TCP socket; hands accepted connections on, and stops accepting when there
 * are enough. */
#pragma once

#include "config/base/error.h"

#include <uv.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* Takes the descriptor. */
typedef void listener_accepted(void *context, int fd);

struct listener {
    uv_poll_t poll;
    bool polls; /* the handle is initialised */
    bool paused;
    int fd;
    int reserve_fd; /* given up for a moment when there are no descriptors left */
    char path[108]; /* "" = not ours to remove */
    dev_t device;
    ino_t inode;
    listener_accepted *accepted;
    void *context;
};

/* Binds to `path`, or takes the listening descriptor `given` when that is not negative. `group`
 * NULL = ours. Returns 0 (then listener_close() must be called) or a negative code. */
int listener_open(struct listener *listener, const char *path, const char *group, unsigned mode,
                  int given, struct error *err) __attribute__((warn_unused_result));

/* Binds to "127.0.0.1:9464" or "[::1]:9464": numbers, not names; port 0 = any free one. Returns as
 * above. */
int listener_open_tcp(struct listener *listener, const char *address, struct error *err)
    __attribute__((warn_unused_result));

/* The port of a TCP listener. */
uint16_t listener_port(const struct listener *listener);

/* Begins to accept on the loop. */
int listener_start(struct listener *listener, uv_loop_t *loop, listener_accepted *accepted,
                   void *context, struct error *err) __attribute__((warn_unused_result));

/* Further connections wait in the kernel's queue. */
void listener_pause(struct listener *listener, bool paused);

/* Stops, closes, removes the file when we made it. `closed` may be NULL when it never started. */
void listener_close(struct listener *listener, uv_close_cb closed);
