/* What happens to the engine. Each event carries the time at which the shell saw it. */
#pragma once

#include "config/base/error.h"
#include "config/base/time.h"
#include "config/manifest/load.h"

#include <jansson.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum engine_event_kind {
    EVENT_RESTORE,           /* one row of the journal, in its order; before EVENT_START */
    EVENT_START,             /* the journal is read: look at the world */
    EVENT_TICK,              /* the time of the last EFFECT_WAKE has come */
    EVENT_REVISION,          /* the tracked branch points at this revision, and it was read */
    EVENT_REPOSITORY_FAILED, /* it could not be fetched or read: the desired state stays */
    EVENT_ANSWER,            /* to EFFECT_REQUEST */
    EVENT_LISTED,            /* to EFFECT_LIST */
    EVENT_COMMAND,           /* an operator's */
    EVENT_METRICS,           /* to EFFECT_QUERY_METRICS; see reconciler/engine/trial.h */
};
#define EVENT_KIND_COUNT (EVENT_METRICS + 1)

enum answer_outcome {
    ANSWER_RECEIVED, /* status and body are the server's */
    ANSWER_NOT_SENT, /* it certainly had no effect */
    ANSWER_UNKNOWN,  /* it may have had one: read back */
};

struct engine_event {
    enum engine_event_kind kind;
    struct instant now;
    union {
        struct {
            const char *key;
            const json_t *value; /* NULL = the key was removed */
        } restore;
        struct {
            struct manifest_set *set; /* borrowed; the engine takes a reference */
            const char *commit;       /* 40 hex digits */
            const char *subject;      /* first line of its message, for people; never NULL */
            bool rewritten;           /* not a descendant of the one before */
            /* Time zones that the platform's window gates name, as TZif files; borrowed. */
            const struct zone_file {
                const char *name;
                const void *bytes;
                size_t length;
            } * zones;
            size_t zone_count;
            /* What components with a build are built from: ids of git trees; borrowed. */
            const struct source_tree {
                const char *cell, *component, *tree;
            } * trees;
            size_t tree_count;
        } revision;
        struct {
            const char *reason;        /* "RefMissing", "Unreachable", ... */
            const struct error *error; /* never NULL */
        } repository_failed;
        struct {
            uint64_t id;
            enum answer_outcome outcome;
            int status;                /* 0 when none was received */
            const json_t *body;        /* NULL when there is none, or it is no JSON */
            const struct error *error; /* NULL when the status is 2xx */
        } answer;
        struct {
            uint64_t id;
            bool complete;       /* all pages, no anomaly: absence means something */
            const json_t *items; /* array; NULL when incomplete */
            const struct error *error;
        } listed;
        struct {
            uint64_t id;               /* for EFFECT_REPLY */
            const char *verb;          /* "approve", "suspend", "rollback", ... */
            const json_t *arguments;   /* object */
            const char *operator_name; /* who, for the record */
        } command;
        struct {
            uint64_t id;
            const json_t *answer;      /* borrowed; NULL with an error */
            const struct error *error; /* the source could not be asked: nobody's fault here */
        } metrics;
    } as;
};
