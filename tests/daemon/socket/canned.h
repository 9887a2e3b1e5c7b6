/* Both sockets on a loop and a thread of their own, with an engine whose answers are files. */
#pragma once

#include "daemon/socket/socket.h"

#include <stdbool.h>
#include <stddef.h>

struct canned {
    char directory[128];
    char status_path[108], admin_path[108];
    struct socket_options options; /* may be changed before canned_start() */
    struct metrics *metrics;
    size_t padding; /* of the status: makes it large */
    bool silent;    /* commands and plans are never answered */
    bool not_ready;
    /* NULL = the files; otherwise who answers, and (borrowed) the events to be published. */
    const struct socket_backend *backend;
    const json_t *events;
    /* What the last command was. */
    char verb[64], arguments[1024], operator_name[160];
    size_t statuses; /* how often the status was built */
    /* Inside. */
    uv_thread_t thread;
    uv_loop_t loop;
    uv_async_t wake;
    uv_mutex_t mutex;
    uv_cond_t changed;
    struct socket_server *server;
    uint64_t published, wanted;
    bool stops, started, stopped, ended;
    int start_result;
    struct error error;
};

/* Fills the defaults and makes the directory. */
void canned_init(struct canned *canned);
/* Returns what socket_start() said. */
int canned_start(struct canned *canned);
/* Publishes events up to this sequence number; returns when it is done. */
void canned_publish(struct canned *canned, uint64_t newest);
/* Stops the server; aborts when the loop does not close. */
void canned_stop(struct canned *canned);
void canned_fini(struct canned *canned);

/* The file of an answer. Owned. */
json_t *canned_answer(const char *name);
