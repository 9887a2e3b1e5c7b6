/* What the files of the core share: core.c (steps, questions, start and stop), assembly.c (its
 * parts) and performance.c (effects that are its own). Private to them. */
#pragma once

#include "daemon/celld/core.h"
#include "daemon/celld/credentials.h"
#include "daemon/celld/executor.h"
#include "daemon/http/client.h"

struct core {
    uv_loop_t *loop;
    struct core_hooks hooks;
    const struct settings *settings;
    struct engine *engine;
    struct executor *executor;
    struct credentials *credentials;
    struct client *client;
    struct repository *repository;
    struct sources *sources; /* of metrics */
    struct notices *notices;
    uv_timer_t wake;
    uv_timer_t failure; /* tells of a failure outside of any call */
    struct error error;
    bool failed;
    struct plan_question *questions; /* waiting for another revision to be read */
    unsigned parts;                  /* still to be stopped */
    void (*stopped)(void *context);
    void *stopped_context;
};

struct plan_question {
    struct plan_question *next;
    struct core *core;
    uint64_t id;
};

/* One event for the engine; its effects are carried out. */
void core_step(void *context, const struct engine_event *event);

/* Nothing can be relied on any more: hooks.failed is told, soon. */
void core_fail(void *context, const struct error *err);
