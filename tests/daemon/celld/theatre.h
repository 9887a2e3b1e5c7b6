/* An executor with a real journal and a real control plane that a test plays, on a loop of its own.
 * What it does and delivers is written down in order. */
#pragma once

#include "config/base/text.h"
#include "daemon/celld/executor.h"
#include "tests/daemon/http/web.h"

#include <stdatomic.h>
#include <stdbool.h>

#define CANARY_SECRET "canary-4711"

struct theatre {
    uv_loop_t loop;
    uv_timer_t tick;
    uint64_t deadline_ms;
    bool is_late;
    char directory[64];
    struct journal *journal;
    struct client *client;
    struct executor *executor;
    struct credentials *credentials; /* one: secret-a, CANARY_SECRET */
    bool canary_sent;                /* a request to the secrets API held the value */
    bool canary_back;                /* an answer showed it to the engine */
    struct web *web;
    atomic_uint asked; /* requests that reached the server */
    atomic_uint first_pages;
    /* "wake publish answer:1:200 …" */
    struct text trace;
    uint64_t commits_at_publish; /* the journal's, when the last event was published */
    json_t *items;               /* of the last complete list */
    unsigned failures;           /* of the storage */
    struct error failure;
    unsigned steps_open; /* parts that close */
    /* What a publish queues at once, from inside the executor. */
    const struct effect_list *next;
};

/* `file_bytes` = how large the journal may grow; 0 = its default. */
void theatre_open(struct theatre *theatre, uint64_t file_bytes);
void theatre_close(struct theatre *theatre);

/* Runs the loop until the trace ends with `text`. */
void theatre_run_until(struct theatre *theatre, const char *text);
void theatre_run_until_failed(struct theatre *theatre);
void theatre_expect(const struct theatre *theatre, const char *trace);

/* Hands over what was built; the list is empty again. */
void theatre_do(struct theatre *theatre, struct effect_list *effects);

void theatre_persist(struct effect_list *effects, const char *key, size_t value_bytes);
void theatre_request(struct effect_list *effects, uint64_t id, const char *method,
                     const char *path);
void theatre_list(struct effect_list *effects, uint64_t id, const char *path);
void theatre_cancel(struct effect_list *effects, uint64_t id);
void theatre_publish(struct effect_list *effects);
void theatre_wake(struct effect_list *effects);
