/* One component on one target: its stable release and, while there is one, the rollout to the next.
 *
 * A pure machine. It never sends anything: it says what the bindings should be right now (the
 * wants), and the engine makes them so and shows it what came of it (the view). Wants are a
 * function of the journaled state and the step alone, so a lost write or a drifted binding comes
 * back by itself, and a restart goes on where it stood.
 *
 * Whatever changes in `struct rollout` is persisted by the engine before a want that depends on it
 * is carried out. */
#pragma once

#include "config/base/digest.h"
#include "config/base/error.h"
#include "config/base/text.h"
#include "config/base/time.h"
#include "config/manifest/model.h"
#include "reconciler/tree/gate.h"

#include <jansson.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum rollout_state {
    ROLLOUT_IDLE,     /* the stable release (if any) is what is wanted */
    ROLLOUT_PREPARE,  /* component, workload and release of the new content are made */
    ROLLOUT_DEPLOY,   /* the new content stands on its slot's binding; waiting for the tree gate */
    ROLLOUT_ROUTE,    /* the route is made or changed to what the new slot needs */
    ROLLOUT_STEP,     /* canary and blue-green: weight moved, verified, soaking, judged */
    ROLLOUT_PAUSED,   /* waits for a person */
    ROLLOUT_BAKE,     /* all traffic on the new content, the old one still warm */
    ROLLOUT_CLEANUP,  /* the old slot goes; then IDLE on the new content */
    ROLLOUT_ROLLBACK, /* traffic back first, then the slot */
    ROLLOUT_WITHDRAW, /* a first release that failed: route off, then the slot */
    ROLLOUT_HELD,     /* nothing moves by itself; `reason` says why */
};
#define ROLLOUT_STATE_COUNT (ROLLOUT_HELD + 1)

enum rollout_outcome {
    OUTCOME_NONE,
    OUTCOME_PROMOTED,
    OUTCOME_ROLLED_BACK,
    OUTCOME_SUPERSEDED,
    OUTCOME_ABORTED,
    OUTCOME_WITHDRAWN,
};

/* Content of a slot: enough to write its binding again without the manifest that made it. */
struct rollout_content {
    char release_digest[DIGEST_SHORT + 1];
    char deployment_digest[DIGEST_SHORT + 1];
    char route_digest[DIGEST_SHORT + 1];
    char revision[41];
    json_t *slot_spec;     /* ReleaseBinding spec of the slot (or single) as written; owned */
    json_t *route_spec;    /* of the route; NULL when there is none; owned */
    int64_t baked_wall_ms; /* when its bake ended well; 0 = it has not */
};

struct rollout {
    const char *cell, *component, *target; /* owned by the engine */
    bool routed;
    enum rollout_state state;
    uint64_t attempt; /* number of the current or last attempt; requests carry it */
    char stable_slot; /* 'a', 'b', or 0 for a single component or before the first release */
    bool has_stable, has_next;
    struct rollout_content stable, next;
    char next_slot;
    enum strategy strategy; /* of the attempt */
    size_t step;            /* index into the plan's steps */
    int weight;             /* percent on the next slot that was last decided */
    struct wall_time started, state_since;
    int64_t soaked_ms;            /* credit in this step or bake, journaled */
    struct instant soaked_at;     /* until when it was credited */
    int64_t progress;             /* high-water mark of gate_answer.progress in this attempt */
    struct wall_time progress_at; /* when it last rose: the deadline runs from here */
    unsigned failure_looks;       /* consecutive looks that showed the same failure */
    enum rollout_outcome last_outcome;
    uint64_t last_attempt;
    char reason[256]; /* of HELD, ROLLBACK, WITHDRAW and the last outcome */
    char evidence[256];
};

/* Who sees to it that a digest does not come back. */
struct quarantine_entry {
    const char *component, *target;
    char deployment_digest[DIGEST_SHORT + 1];
    struct wall_time since;
    const char *reason, *evidence;
    bool by_operator; /* a hold by `cellctl rollback` */
};

/* One binding as it is now. */
struct binding_view {
    bool known; /* read since the last write, and readable */
    bool exists, terminating;
    bool matches;            /* the live binding is what the last wants asked for, defaults aside */
    bool has_release;        /* the ComponentRelease of the wanted content exists and matches */
    struct gate_answer gate; /* of a look made after the last write was answered; else GATE_UNKNOWN
                                or GATE_STALE */
};

/* Everything that a step may know. Built by the engine for each step. */
struct rollout_view {
    struct instant now;
    /* What git wants here. NULL = nothing (the component is gone, or its manifest cannot be read).
     */
    const struct rollout_content *wanted;
    const struct rollout_plan {
        enum strategy strategy;
        const struct rollout_step *steps;
        size_t step_count;
        struct duration bake, progress_deadline, apply_grace;
        bool rollback_forbidden;
        int attempts; /* automatic ones per window */
        bool production;
    } * plan;
    bool may_start;      /* the plan lets a forward step begin here */
    bool quarantined;    /* wanted->deployment_digest is, on this target */
    bool correct_drift;  /* policy: false = only report */
    bool stable_healthy; /* stable's pods are fine, as far as known */
    bool cancel;         /* the primary region or the operator says: stop and go back */
    const char *cancel_reason;
    struct binding_view slot[2]; /* a, b; a single component uses [0] */
    struct binding_view route;
};

enum content_choice {
    CONTENT_UNTOUCHED,
    CONTENT_STABLE,
    CONTENT_NEXT,
    CONTENT_UNDEPLOYED,
    CONTENT_ABSENT
};

struct slot_want {
    enum content_choice content;
    int64_t replicas; /* -1 = as the content says */
    bool scaled_by_route;
};

struct route_want {
    enum content_choice content;
    int weight[2];
    bool list[2];
    char active_slot;
    bool scale[2];
};

struct rollout_wants {
    bool prepare; /* Component, Workload and ComponentRelease of `next` are to be made on next_slot
                   */
    bool prepare_route;
    struct slot_want slot[2];
    struct route_want route;
    bool look_slot[2], look_route; /* trees to be read */
    struct instant wake; /* a time at which to step again at the latest; mono.ms INT64_MAX = none */
};

/* Something that happened, for the history and for the engine's book-keeping. */
enum rollout_note_kind {
    NOTE_STARTED,
    NOTE_STEP,
    NOTE_SETTLED,
    NOTE_PROMOTED,
    NOTE_BAKED,
    NOTE_ROLLBACK,
    NOTE_ROLLED_BACK,
    NOTE_SUPERSEDED,
    NOTE_WITHDRAWN,
    NOTE_HELD,
    NOTE_QUARANTINE, /* the engine puts next.deployment_digest into quarantine on this target */
    NOTE_DRIFT,
};

struct rollout_note {
    enum rollout_note_kind kind;
    char text[256];
};

#define ROLLOUT_NOTES_LIMIT 8
struct rollout_result {
    bool changed; /* *rollout differs from before: persist it first */
    struct rollout_wants wants;
    struct rollout_note notes[ROLLOUT_NOTES_LIMIT];
    size_t note_count;
};

/* Advances as far as the view allows. */
void rollout_advance(struct rollout *rollout, const struct rollout_view *view,
                     struct rollout_result *ret_result);

/* The wants of the state as it stands, without a step. */
void rollout_wants(const struct rollout *rollout, const struct rollout_view *view,
                   struct rollout_wants *ret_wants);

/* Why it is where it is, in one clause: "is progressing since 40 s (2/3 replicas)". */
void rollout_explain(const struct rollout *rollout, const struct rollout_view *view,
                     struct text *out);

void rollout_init(struct rollout *rollout, const char *cell, const char *component,
                  const char *target, bool routed);
void rollout_fini(struct rollout *rollout);

/* To and from its journal row. Returns 0, ERR_INVALID or -ENOMEM. */
json_t *rollout_to_json(const struct rollout *rollout);
int rollout_from_json(const json_t *row, struct rollout *rollout, struct error *err)
    __attribute__((warn_unused_result));

const char *rollout_state_name(enum rollout_state state);
const char *rollout_outcome_name(enum rollout_outcome outcome);

/* Always-on checks of what must hold in any state. */
void rollout_check(const struct rollout *rollout);
