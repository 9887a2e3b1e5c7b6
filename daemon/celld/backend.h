/* What the sockets ask, answered from the core; what they want done, handed to it. */
#pragma once

#include "daemon/celld/core.h"
#include "daemon/socket/socket.h"

#include <stdbool.h>

struct backend_hooks {
    void *context;
    /* The core now; NULL while there is none (then `missing` says why). */
    const struct core *(*core)(void *context);
    const char *(*missing)(void *context);
    int (*plan)(void *context, uint64_t id, const char *ref, struct error *err);
    int (*command)(void *context, uint64_t id, const char *verb, const json_t *arguments,
                   const char *operator_name, struct error *err);
};

/* `hooks` is kept. */
struct socket_backend backend_make(const struct backend_hooks *hooks);
