/* Requests to the control plane: few in flight, the continuation of begun work before new work. */
#pragma once

#include "reconciler/engine/internal.h"

struct request_order {
    enum request_purpose purpose;
    void *owner;
    const char *method; /* static; NULL = a whole list of `kind` */
    const char *path;
    json_t *body; /* taken */
    enum resource_kind kind;
    bool large, urgent;
};

/* Queues it. Returns its id; 0 without memory, remembered. */
uint64_t request_add(struct engine *engine, const struct request_order *order);

/* Sends what the limit allows. */
void request_pump(struct engine *engine);

/* Takes a request that was answered out of the table (owned by the caller); NULL = not known: a
 * late answer. */
struct request *request_take(struct engine *engine, uint64_t id);
struct request *request_free(struct request *request); /* not NULL; returns NULL */

/* Whoever asked for it is another object by now. */
void request_give(struct engine *engine, uint64_t id, void *owner);

/* Its answer is not wanted any more. */
void request_cancel(struct engine *engine, uint64_t id);

void request_free_all(struct engine *engine);

/* What went wrong, for people; *err may be missing. */
const char *request_complaint(const struct error *err);

/* Backoff with full jitter: `failures` in a row so far, 1 or more. */
struct mono_time request_backoff(struct engine *engine, unsigned failures, const struct error *err);
