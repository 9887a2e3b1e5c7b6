/* What the engine wants done, in this order. A persist is durable before any later effect of the
 * list, or of a later list, is carried out. */
#pragma once

#include "config/base/error.h"
#include "config/base/time.h"
#include "reconciler/resource/kind.h"

#include <jansson.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum effect_kind {
    EFFECT_PERSIST,       /* one journal row: the newest value of a key, or its removal */
    EFFECT_REQUEST,       /* send it; answer with EVENT_ANSWER and the same id */
    EFFECT_LIST,          /* read a whole collection; answer with EVENT_LISTED */
    EFFECT_CANCEL,        /* the answer is not wanted any more; none comes */
    EFFECT_WAKE,          /* send EVENT_TICK then; replaces the wake before */
    EFFECT_FETCH,         /* look at the repository now */
    EFFECT_PIN,           /* keep a commit readable under a name; commit NULL = no longer */
    EFFECT_PUBLISH,       /* an event for operators (history, stream, log) */
    EFFECT_COMMIT_STATUS, /* for notification sinks: how a revision fares */
    EFFECT_REPLY,         /* answer to a command */
    EFFECT_QUERY_METRICS, /* ask a source of metrics; answer with EVENT_METRICS and the same id */
};
#define EFFECT_KIND_COUNT (EFFECT_QUERY_METRICS + 1)

enum publish_level { PUBLISH_INFO, PUBLISH_NOTICE, PUBLISH_WARNING, PUBLISH_ERROR };

struct effect {
    enum effect_kind kind;
    union {
        struct {
            char *key;
            json_t *value; /* NULL removes the key */
        } persist;
        struct {
            uint64_t id;
            const char *method; /* static: "GET", "POST", "PUT", "DELETE" */
            char *path;         /* with query */
            json_t *body;       /* NULL = none */
            bool write;         /* not a GET */
            bool large;         /* the answer may be as large as a tree */
        } request;
        struct {
            uint64_t id;
            enum resource_kind kind;
            char *path; /* without paging parameters */
        } list;
        struct {
            uint64_t id;
        } cancel;
        struct {
            struct mono_time at;
        } wake;
        struct {
            char *name;
            char *commit;
        } pin;
        struct {
            enum publish_level level;
            const char *type; /* static, stable: "rollout-started", "drift-found", ... */
            char *cell, *component, *target, *revision, *rollout; /* NULL = does not apply */
            char *message;                                        /* one sentence for people */
            json_t *data; /* NULL, or what machines want to know */
        } publish;
        struct {
            char *revision;
            const char *state; /* static: "pending", "success", "failure" */
            char *context;     /* "celld/cart/production" */
            char *message;
        } commit_status;
        struct {
            uint64_t id;
            bool ok;
            json_t *body; /* {"message": ...} and what the command gives */
        } reply;
        struct {
            uint64_t id;
            json_t *query;
        } metrics;
    } as;
};

/* Owns the effects' texts and values. */
struct effect_list {
    struct effect *items;
    size_t count, capacity;
    int status; /* -ENOMEM sticks: the step failed, see engine_step() */
};

void effect_list_init(struct effect_list *list);
void effect_list_fini(struct effect_list *list);

/* Takes what *effect owns, also on failure. */
void effect_list_add(struct effect_list *list, const struct effect *effect);
