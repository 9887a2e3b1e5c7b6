/* The status and the admin socket: HTTP/JSON under /v1 on two Unix sockets, one to read and one to
 * act. And, where it is wanted, a TCP port for monitoring, with /metrics, /healthz and /readyz
 * only. Knows the paths, the limits and the event stream; what celld knows comes through the
 * backend.
 *
 * Everything runs on the loop's thread; nothing blocks. Shapes: daemon/api/openapi.yaml. */
#pragma once

#include "config/base/error.h"
#include "config/base/text.h"
#include "daemon/metrics/metrics.h"

#include <jansson.h>
#include <uv.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct packed;

/* What the socket asks. Each is called on the loop, never after socket_stop() has been called. The
 * JSON is what reconciler/engine/status.h describes. */
struct socket_backend {
    void *context;

    /* NULL, or one sentence that says why nothing can be known yet: then of what follows only
     * status, version, ready, plan and command are called, and the rest is answered with 503. */
    const char *(*absent)(void *context);

    /* Answers at once: owned JSON, or NULL without memory. */
    json_t *(*status)(void *context);
    json_t *(*quarantine)(void *context);
    json_t *(*diff)(void *context, const char *cell);                       /* NULL = all */
    json_t *(*render)(void *context, const char *cell, const char *target); /* NULL = all */

    /* An array of entries as in the answer; NULL = all of that kind. JSON null = no such cell. */
    json_t *(*rollouts)(void *context, const char *cell, const char *component, const char *target,
                        bool active);

    /* NULL also when there is no such component or target. `requests_per_second` 0 = as measured */
    json_t *(*rollout)(void *context, const char *cell, const char *component, const char *target,
                       double requests_per_second);

    /* 0, -ENOENT (a JSON null says the same) or -ENOMEM. */
    int (*cell)(void *context, const char *cell, json_t **ret_status);
    int (*why)(void *context, const char *cell, const char *target, struct text *out);

    /* Moves when an answer above may have changed for another reason than time. */
    uint64_t (*version)(void *context);

    /* True = ready; otherwise one sentence that says why not. */
    bool (*ready)(void *context, struct text *reason);

    /* Answered with socket_reply(id), at once or later: a plan of the current revision (ref NULL)
     * or of another one. Returns 0, or a negative code with *err and never a reply. */
    int (*plan)(void *context, uint64_t id, const char *ref, struct error *err);

    /* Something that acts, by verb: those of the engine ("sync", "apply", "approve", "rollback",
     * "suspend", "resume", "quarantine", "rollout") and "reload". `arguments` is an object,
     * borrowed. Answered with socket_reply(id), at once or later. Returns 0, or a negative code
     * with *err and never a reply. */
    int (*command)(void *context, uint64_t id, const char *verb, const json_t *arguments,
                   const char *operator_name, struct error *err);
};

struct socket_place {
    const char *path;  /* at most 107 bytes; NULL = this socket is not served */
    const char *group; /* name; NULL = ours */
    unsigned mode;     /* 0660 */
    int fd;            /* a listening socket that was handed to us; -1 = bind to `path` ourselves */
};

struct socket_options {
    struct socket_place status, admin;
    const char *scrape;                   /* "127.0.0.1:9464"; NULL = no port for monitoring */
    const struct socket_backend *backend; /* copied; its context is kept */
    struct metrics *metrics;              /* kept; NULL = /v1/metrics says 404 */
    unsigned connections;                 /* per socket; default 64 */
    unsigned scrape_connections;          /* default 8 */
    unsigned streams;                     /* /v1/events -f at a time; default 32 */
    size_t events_kept;                   /* in memory; default 2000 */
    size_t body_bytes;                    /* of a request; default 64 KiB */
    uint64_t idle_ms;      /* between requests, and for a request to arrive; default 30 s */
    uint64_t drain_ms;     /* for an answer to be read; default 10 s */
    uint64_t reply_ms;     /* for the backend to answer; default 60 s */
    uint64_t heartbeat_ms; /* of a silent stream; default 15 s */
};
extern const struct socket_options socket_options_default;

struct socket_server;

/* Binds (or takes over) and serves. A leftover socket file that nobody listens on is replaced;
 * anything else at the path is refused and left alone.
 * Returns 0 and an owned server; -EADDRINUSE, -ENAMETOOLONG, -ENOENT (group), -ENOMEM and others
 * of the system with *err. Blocks for the group look-up: call at start. */
int socket_start(const struct socket_options *options, uv_loop_t *loop,
                 struct socket_server **ret_server, struct error *err)
    __attribute__((warn_unused_result));

/* Of the port for monitoring; 0 without one. */
uint16_t socket_scrape_port(const struct socket_server *server);

/* The answer to plan() or command(). Takes `body`. Unknown ids (client gone, or too late) are
 * ignored. !ok: the status is chosen by body.kind ("not-found" 404, "invalid" 400, "denied" 403,
 * "unavailable" 503, otherwise 409). `body` NULL = out of memory. */
void socket_reply(struct socket_server *server, uint64_t id, bool ok, json_t *body);

/* Nothing moves: what was kept to answer faster is let go. */
void socket_rest(struct socket_server *server);

/* One event for history and streams, durable already; at the start also those of the history,
 * oldest first. `sequence` must rise; one that does not is ignored. `event` is shared. */
void socket_publish(struct socket_server *server, uint64_t sequence, struct packed *event);

typedef void socket_stopped(void *context);

/* Takes no more connections, ends the streams, gives running answers up to `drain_ms`, closes.
 * `stopped` is the last call; then the server is gone. */
void socket_stop(struct socket_server *server, socket_stopped *stopped, void *context);
