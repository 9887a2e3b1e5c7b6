/* The sockets and what they share. For the files of this folder only. */
#pragma once

#include "daemon/socket/backlog.h"
#include "daemon/socket/httpd.h"
#include "daemon/socket/listener.h"
#include "daemon/socket/socket.h"
#include "daemon/socket/stream.h"

struct socket_server;

/* One of the sockets. */
struct server_door {
    struct socket_server *server;
    struct listener listener;
    struct httpd *httpd;
    bool acts;    /* the admin socket */
    bool scrapes; /* the port for monitoring */
};

struct socket_server {
    struct socket_backend backend;
    struct metrics *metrics;
    struct backlog history;
    struct stream_limits stream_limits;
    unsigned streams_most;
    struct server_door status, admin, scrape;
    uint64_t last_id;
    /* The status as last written: many readers cost one writing. */
    struct MHD_Response *status_response;
    uint64_t status_version, status_ms;
    unsigned doors_open;
    socket_stopped *stopped;
    void *stopped_context;
};

/* Finds the route of a call and answers it: the handler of all doors. */
void routes_handle(void *context, struct call *call);

/* The answers; each takes the call's path and query as checked by its route. */
void answers_version(struct socket_server *server, struct call *call);
void answers_health(struct socket_server *server, struct call *call);
void answers_ready(struct socket_server *server, struct call *call);
void answers_metrics(struct socket_server *server, struct call *call);
void answers_status(struct socket_server *server, struct call *call);
void answers_cell(struct socket_server *server, struct call *call);
void answers_why(struct socket_server *server, struct call *call);
void answers_plan(struct socket_server *server, struct call *call);
void answers_diff(struct socket_server *server, struct call *call);
void answers_render(struct socket_server *server, struct call *call);
void answers_gates(struct socket_server *server, struct call *call);
void answers_quarantine(struct socket_server *server, struct call *call);
void answers_events(struct socket_server *server, struct call *call);
void answers_history(struct socket_server *server, struct call *call);
void rollouts_answer_all(struct socket_server *server, struct call *call);
void rollouts_answer_cell(struct socket_server *server, struct call *call);
void rollouts_answer_prospect(struct socket_server *server, struct call *call);
void answers_command(struct socket_server *server, struct call *call);

/* A value of the query, "" when it is not there. Answers the call and returns false when it is
 * malformed. */
#define ANSWERS_QUERY_BYTES 256
bool answers_query(struct call *call, const char *name, char ret_text[static ANSWERS_QUERY_BYTES]);

/* Refuses a call by the kind of an error. */
void answers_error(struct call *call, const struct error *err);

/* HTTP status for the name of an error kind. */
int answers_status_of(const char *kind);
