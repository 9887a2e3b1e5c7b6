/* One object of the control plane as the engine holds it: what is known of the live one, what it
 * should be, and the work on it while it is not. Shared by the files of this folder and by nobody
 * else: object.h has the table of them, operation.h does the work.
 *
 * Of contents mostly the fingerprints are kept: there are many objects, and what is desired is a
 * body only while there is work. Everything durable is marked so, and changes only in record.c. */
#pragma once

#include "config/base/time.h"
#include "reconciler/resource/kind.h"

#include <jansson.h>

#include <stdbool.h>
#include <stdint.h>

struct unit;

enum presence { PRESENCE_UNKNOWN, PRESENCE_ABSENT, PRESENCE_PRESENT, PRESENCE_TERMINATING };
enum object_goal { GOAL_NONE, GOAL_PRESENT, GOAL_ABSENT };

enum operation_state {
    OPERATION_IDLE,
    OPERATION_READING,
    OPERATION_SEARCHING, /* for a second binding of the same component and environment */
    OPERATION_WRITING,
    OPERATION_DELETING,
    OPERATION_WAITING, /* until `due` */
    OPERATION_HELD,    /* until what is desired, or what is live, changes */
};

struct operation {
    enum operation_state state;
    const char *verb;     /* of the last write: static */
    uint64_t request;     /* in flight */
    struct mono_time due; /* OPERATION_WAITING */
    unsigned failures;    /* in a row: backoff */
    unsigned echoes;      /* accepted writes that did not read back as written */
    bool tried_again;     /* the retry at once of a lost race is used up */
    bool unpermitted;     /* OPERATION_HELD only because it may not be written */
    bool searched;        /* no duplicate binding was found */
    uint64_t held_live;   /* OPERATION_HELD: against this content */
    json_t *body;         /* what GOAL_PRESENT wants */
    json_t *differences;  /* at the last comparison; NULL = none */
    char *message;        /* owned; NULL = there was no trouble yet */
};

struct object {
    struct object_key key; /* texts are owned, behind the struct */
    struct unit *unit;     /* whose desired state it belongs to; NULL = nobody's */
    struct operation *operation;
    uint64_t live, equal_live, equal_desired, desired;
    uint64_t going;     /* fingerprint of the uid that was seen to be deleted, or that we deleted */
    uint64_t epoch;     /* counts our writes that were answered: older looks are stale */
    int64_t generation; /* of bindings: observedGeneration of the (Release)Synced condition as
                           last seen; -1 */
    int64_t before;     /* durable: the same before our last write */
    struct mono_time poll_at; /* `poll`: when to read it again */
    unsigned polls;
    uint32_t holders; /* pointers to it elsewhere: it is not freed */
    uint8_t doubts;   /* views in a row that show what is `going` whole */
    enum presence presence : 3;
    enum object_goal goal : 3;
    bool managed : 1;
    bool adopt : 1;
    bool permit : 1;    /* it may be written now */
    bool wanted : 1;    /* the current manifests name it: it is not pruned */
    bool poll : 1;      /* read it again and again until its owner is content */
    bool drifted : 1;   /* live changed though what is desired did not */
    bool missing : 1;   /* not in the last complete list: to be confirmed */
    bool seen : 1;      /* in the list that is being read */
    bool answered : 1;  /* by name, since the list that is awaited was asked for: what that shows
                           may be older, and older than a write of ours */
    bool sound : 1;     /* a release: its content was compared */
    bool condemned : 1; /* pruning has come to it: it is deleted now */
    bool complain : 1;  /* the last list showed it not Ready */
    bool making : 1;    /* a release: generate-release is in flight, and would overtake a read */
    bool routine : 1;   /* a release: it is read in its turn, and nobody waits for that */
    bool astray : 1;    /* a release that celld made: it is gone, or another stands in its place */
    /* Durable: */
    bool route : 1;     /* a binding that carries traffic to slots */
    bool inventory : 1; /* ours: created by us or adopted */
    bool handed : 1;    /* its unit took it over from another, whose mark it may still bear */
    bool intent : 1;    /* a write is under way, or its outcome is unknown */
    char intent_verb;   /* 'P'OST, P'U'T, 'D'ELETE, 'G'enerate */
    char uid[40];
    const char *target; /* of bindings, for pruning: words_target(); "" = none */
    uint64_t written;   /* fingerprint of the desired content that was confirmed last */
    uint64_t made;      /* order of entry into the inventory */
    json_t *sealed;     /* of a credential's reference: the data that the secrets API gave it
                           (names, no values); owned; NULL = none */
};
