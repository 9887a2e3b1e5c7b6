/* One component on one target: its stable release and, while there is one, the rollout to the next.
 *
 * A pure machine. It never sends anything: it says what the bindings should be right now (the
 * wants), and the engine makes them so and shows it what came of it (the view). Wants are a
 * function of the journaled state and the step alone, so a lost write or a drifted binding comes
 * back by itself, and a restart goes on where it stood.
 *
 * One round of the engine: rollout_wants(); compare the live bindings with them and fill the view;
 * rollout_advance(); when the result says `changed`, persist the rollout; then carry out
 * result.wants. One advance makes at most one move that changes what is wanted, because the view
 * tells nothing about the new wants; then wants.wake is `now`, and the engine goes round again.
 *
 * The state diagram is at the top of rollout.c. */
#pragma once

#include "config/base/digest.h"
#include "config/base/error.h"
#include "config/base/packed.h"
#include "config/base/text.h"
#include "config/base/time.h"
#include "config/manifest/model.h"
#include "reconciler/judge/verdict.h"
#include "reconciler/tree/gate.h"

#include <jansson.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum rollout_state {
    ROLLOUT_IDLE,     /* the stable release (if any) is what is wanted */
    ROLLOUT_PREPARE,  /* component, workload and release of the new content are made */
    ROLLOUT_NARROW,   /* the route stops offering endpoints that the new content does not have */
    ROLLOUT_DEPLOY,   /* the new content stands on its slot's binding; waiting for the tree gate */
    ROLLOUT_STEP,     /* two slots: weight moved, verified, soaking, judged */
    ROLLOUT_ROUTE,    /* the route becomes the new content's own, with all traffic on it */
    ROLLOUT_PAUSED,   /* waits for a person; wants are those of `from` */
    ROLLOUT_BAKE,     /* all traffic on the new content, the old one still warm */
    ROLLOUT_CLEANUP,  /* it is the stable one now; the old slot goes */
    ROLLOUT_ROLLBACK, /* traffic back first, then the slot */
    ROLLOUT_WITHDRAW, /* a first release that failed: route off, then the slot */
    ROLLOUT_HELD,     /* nothing moves by itself; `hold` and `reason` say why */
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
#define ROLLOUT_OUTCOME_COUNT (OUTCOME_WITHDRAWN + 1)

/* Why a rollout is HELD, or an attempt goes back. */
enum rollout_hold {
    HOLD_NONE,
    HOLD_QUARANTINED,  /* the content is condemned on this target */
    HOLD_ABORTED,      /* an operator stopped it; sticks until `retry` or newer content */
    HOLD_CANCELLED,    /* the primary region, or the rollback of the whole cell, stopped it */
    HOLD_PLATFORM,     /* the control plane did not get it ready; not the content's fault */
    HOLD_UNREADABLE,   /* the data plane cannot be read */
    HOLD_STABLE_SICK,  /* the stable release suffers as well: nobody can tell whose fault it is */
    HOLD_WEIGHT,       /* the traffic did not follow the weights */
    HOLD_NO_METRICS,   /* the judge got no data for too long */
    HOLD_INSUFFICIENT, /* too little evidence to promote, and the policy says hold */
    HOLD_GUARD,        /* above the absolute limit, the stable release too */
    HOLD_FORBIDDEN,    /* it failed, and its rollback is forbidden: stands as it stood */
    HOLD_STUCK,        /* the way back that an operator ordered does not work out */
    HOLD_REFUSED,      /* its content must not get traffic: a consumer would lose an endpoint */
};
#define ROLLOUT_HOLD_COUNT (HOLD_REFUSED + 1)

/* Content of a slot: enough to write its binding again without the manifest that made it. */
struct rollout_content {
    char release_digest[DIGEST_SHORT + 1];
    char deployment_digest[DIGEST_SHORT + 1];
    char route_digest[DIGEST_SHORT + 1];
    char revision[41];
    struct packed *slot_spec[2]; /* ReleaseBinding spec on slot a, b as written; a single component
                                    uses [0]; owned */
    struct packed *route_spec;   /* of the route; NULL when there is none; owned */
    /* Endpoint name -> whatever consumers and route see of it (type, port, basePath, visibility);
     * NULL when not routed; owned. Decides in which order slot and route are changed. */
    struct packed *endpoints;
    /* What it connects to (array, see deployment_needs()); NULL = nothing; owned. */
    struct packed *needs;
    /* Names of the SecretReferences of ours that it uses (array); NULL = none; owned. */
    struct packed *secrets;
    int64_t baked_wall_ms; /* when its bake ended well; 0 = it has not */
    /* 'a', 'b': where it stood when it became stable. Only there its release is sure to exist, and
     * of content that git has left behind no other can be made. 0 = not routed, or not yet. */
    char slot;
    bool unproven; /* promoted without the proof that was wanted: stays marked */
    bool accepted; /* ... and a person said that it may go on to what comes after */
};

#define ROLLOUT_STEPS_LIMIT 32
#define ROLLOUT_GOOD_LIMIT 4

/* What is said and planned only while there is something to do. */
struct rollout_room {
    struct rollout_stage {
        int64_t soak_ms;
        int16_t weight;
        bool pause, analysis;
    } stages[ROLLOUT_STEPS_LIMIT];
    char reason[256]; /* of HELD, ROLLBACK, WITHDRAW and the last outcome */
    char evidence[256];
};

struct rollout {
    const char *cell, *component, *target; /* owned by the engine */
    bool routed;
    enum rollout_state state;
    enum rollout_state from; /* PAUSED, or HELD with has_next: the state that goes on */
    uint64_t attempt;        /* number of the current or last attempt; requests carry it */
    char stable_slot;        /* 'a', 'b', or 0 for a single component or before the first release */
    char next_slot;          /* == stable_slot: in place */
    bool has_stable, has_next, has_previous;
    struct rollout_content stable, next;
    struct rollout_content previous; /* was stable before: where `rollback` by an operator leads */

    /* The attempt. Its plan is fixed when it starts. */
    enum strategy strategy;
    size_t stage_count;
    size_t step; /* index into the stages; stage_count = all traffic */
    int weight;  /* percent on the next slot that was last decided */
    int64_t bake_ms;
    bool returning;     /* goes back to `previous` because an operator said so */
    bool fast;          /* known good content: no steps, no judge, a short bake */
    bool unproven;      /* promoted without proof; stays marked */
    bool verified;      /* the weight of this step was seen to stand */
    bool soaking;       /* the last look found nothing that stops the soak */
    bool skip_soak;     /* an operator's promote */
    bool drained;       /* ROLLBACK, WITHDRAW, CLEANUP: the first half is done */
    bool warming;       /* ROLLBACK: the stable side is cold, so traffic stays a little longer */
    bool touched;       /* content other than stable's may stand on the stable slot */
    bool route_touched; /* the route may have been written with content other than stable's */
    bool settle_due; /* IDLE, HELD: what is wanted was changed by us and has not been seen to stand
                      */
    bool drifted;    /* IDLE, HELD: told already */
    bool scaled[2];  /* the route's autoscaler has taken the slot over */
    int64_t
        replicas; /* that both sides keep at least during the attempt; -1 = as the content says */

    struct wall_time started, state_since;
    int64_t judged_from_ms;       /* view.judged_ms when the weight of this step stood */
    int64_t soaked_ms;            /* credit in this step or bake */
    struct instant soaked_at;     /* until when it was credited */
    int64_t progress;             /* high-water mark of gate_answer.progress in this state */
    struct wall_time progress_at; /* when it last rose */
    int64_t waited_ms;            /* credit since then: the deadline is measured with it */
    int64_t fault_ms;             /* credit of an unbroken weight fault, of missing metrics, or of
                                     resources that cannot be applied */
    int64_t sick_ms;              /* credit of an unbroken sickness of the stable release */
    struct instant counted_at;    /* until when these were credited */
    struct {
        int64_t waited_ms, fault_ms, sick_ms;
    } kept;                 /* what the journal says of these; not journaled itself */
    unsigned failure_looks; /* consecutive looks that showed a failure */
    uint64_t failure_look;  /* the last of them */

    enum rollout_hold hold;             /* HELD: why; ROLLBACK, WITHDRAW: why it went back */
    char held_digest[DIGEST_SHORT + 1]; /* deployment digest that is not begun again by itself */
    unsigned attempts_used;             /* automatic ones of that digest */
    struct wall_time retry_at;          /* HELD: the next automatic one; ms 0 = none */
    struct {
        char digest[DIGEST_SHORT + 1];
        struct wall_time at;
    } good[ROLLOUT_GOOD_LIMIT];   /* deployment digests that baked well, newest first */
    enum rollout_outcome outcome; /* of the attempt that goes back, until it is done */
    enum rollout_outcome last_outcome;
    uint64_t last_attempt;
    struct rollout_room *room; /* never NULL; owned once it is opened, else empty and shared */
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
    bool matches;         /* the live binding is what the last wants asked for, defaults aside */
    bool has_release;     /* the ComponentRelease of `next` (without a next: of `wanted`) for this
                             slot's or the route's component exists and holds the content */
    bool autoscaler_acts; /* slots: the route's autoscaler of it stands and has scaled */
    uint64_t look;        /* grows with each look at the tree: a failure counts when two show it */
    struct gate_answer gate; /* of a look made after the last write was answered; else GATE_UNKNOWN
                                or GATE_STALE */
};

/* An operator's word, given to one advance only; the result says what became of it. */
enum rollout_command {
    COMMAND_NONE,
    COMMAND_PAUSE,
    COMMAND_RESUME,
    COMMAND_PROMOTE,      /* ends this step's (or bake's) soak */
    COMMAND_PROMOTE_FULL, /* all traffic next; the judge's and the gate's failures still count */
    COMMAND_ABORT,
    COMMAND_RETRY,
    COMMAND_ROLLBACK, /* back to the content that was stable before */
};
#define ROLLOUT_COMMAND_COUNT (COMMAND_ROLLBACK + 1)

/* Everything that a step may know. Built by the engine for each step; borrowed during the call. */
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
        int attempts; /* automatic ones of the same content; then hold */
        bool production;
        bool scaled;   /* an autoscaler is wanted */
        bool analysis; /* there is a judge: promotion needs VERDICT_PASS */
        enum insufficient_policy insufficient;
    } * plan;            /* never NULL */
    bool may_start;      /* the plan lets a forward step begin here; also asked while an attempt of
                            older content is under way: it is superseded when this is true */
    bool quarantined;    /* wanted->deployment_digest is, on this target */
    bool correct_drift;  /* policy: false = only report */
    bool stable_healthy; /* stable's pods are fine, as far as known */
    bool cancel;         /* the primary region or the rollback of the cell says: go back */
    const char *cancel_reason;
    bool undo;           /* the rollback of the whole cell says: `stable` gives way to `previous` */
    bool awaited;        /* others need its address before its first release stands */
    const char *refusal; /* why `wanted` must not get traffic; NULL = it may */
    enum rollout_command command;
    enum judge_verdict verdict; /* on `next`; VERDICT_CONTINUE when there is no judge */
    const char *evidence;       /* the judge's numbers in one sentence; NULL = none */
    const char *blindness; /* why it has nothing to go by, if more is known than the verdict says */
    int64_t judged_ms;     /* length of all windows with data that were judged in this attempt */
    enum share_check share;
    struct binding_view slot[2]; /* a, b; a single component uses [0] */
    struct binding_view route;
};

enum content_choice {
    CONTENT_UNTOUCHED,  /* neither written nor created */
    CONTENT_STABLE,     /* rollout.stable's spec */
    CONTENT_NEXT,       /* rollout.next's spec */
    CONTENT_UNDEPLOYED, /* state Undeploy with the spec that it has; not created for that */
    CONTENT_ADDRESS,    /* route only: what git wants, with no slot behind it */
};

struct slot_want {
    enum content_choice content;
    int64_t replicas; /* at least; -1 = as the content says */
    bool scaled_by_route;
};

struct route_want {
    enum content_choice content;
    int weight[2]; /* sum 100 while the content is stable's or next's */
    bool list[2];
    char active_slot;
    bool scale[2];         /* the slot's autoscaler is rendered */
    int64_t scale_minimum; /* of both, at least; -1 = the manifest's */
    /* Requests that go to the next slot whatever the weight; borrowed from view.plan. */
    const struct header_match *matches;
    size_t match_count;
    char match_slot;
};

struct rollout_wants {
    bool prepare; /* Component, Workload and ComponentRelease of `next` are to be made on next_slot
                   */
    bool prepare_route;
    struct slot_want slot[2];
    struct route_want route;
    bool report_only; /* nothing of ours has changed: what differs is drift, and is not written */
    bool look_slot[2], look_route; /* trees to be read */
    struct instant wake; /* a time at which to step again at the latest; mono.ms INT64_MAX = none */
};

/* Something that happened, for the history and for the engine's book-keeping. */
enum rollout_note_kind {
    NOTE_STARTED,
    NOTE_STEP,    /* the weight of a step stands; its soak begins */
    NOTE_SETTLED, /* the new content runs as wanted */
    NOTE_PAUSED,
    NOTE_RESUMED,
    NOTE_PROMOTED, /* all traffic on it; the bake begins */
    NOTE_BAKED,    /* it is the stable one */
    NOTE_ROLLBACK,
    NOTE_ROLLED_BACK, /* also the end of a superseded, aborted or cancelled attempt */
    NOTE_SUPERSEDED,
    NOTE_WITHDRAWN,
    NOTE_HELD,
    NOTE_ALARM,      /* a person should look: the way back takes too long, both sides are bad */
    NOTE_QUARANTINE, /* the engine puts `digest` into quarantine on this target */
    NOTE_DRIFT,
};
#define ROLLOUT_NOTE_KIND_COUNT (NOTE_DRIFT + 1)

struct rollout_note {
    enum rollout_note_kind kind;
    char digest[DIGEST_SHORT + 1]; /* deployment digest that it is about */
    char text[256];
};

#define ROLLOUT_NOTES_LIMIT 8
struct rollout_result {
    bool changed; /* *rollout differs from before in a way that must survive: persist it first */
    struct rollout_wants wants;
    struct rollout_note notes[ROLLOUT_NOTES_LIMIT];
    size_t note_count;
    bool command_done; /* the view's command was carried out */
    char command[256]; /* what became of it, or why it was refused; "" without a command */
};

/* Advances as far as the view allows. The rollout must be open. */
void rollout_advance(struct rollout *rollout, const struct rollout_view *view,
                     struct rollout_result *ret_result);

/* The wants of the state as it stands, without a step. */
void rollout_wants(const struct rollout *rollout, const struct rollout_view *view,
                   struct rollout_wants *ret_wants);

/* Why it is where it is, in one clause: "is progressing since 40 s (2/3 replicas)". */
void rollout_explain(const struct rollout *rollout, const struct rollout_view *view,
                     struct text *out);

/* Of the step's soak, or of the bake: milliseconds that are still to be credited. */
int64_t rollout_soak_left(const struct rollout *rollout, const struct rollout_view *view);

void rollout_init(struct rollout *rollout, const char *cell, const char *component,
                  const char *target, bool routed);
void rollout_fini(struct rollout *rollout);

/* Room of its own, before anything is changed; rollout_close() lets go of it when nothing is in it.
 * Returns 0 or -ENOMEM. */
int rollout_open(struct rollout *rollout) __attribute__((warn_unused_result));
void rollout_close(struct rollout *rollout);

/* After EVENT_START: the boot clock of the restored row may be another boot's. */
void rollout_restarted(struct rollout *rollout);

/* Content is a value: copies share the specs, which nobody changes in place. */
void rollout_content_copy(struct rollout_content *content, const struct rollout_content *source);
void rollout_content_fini(struct rollout_content *content);

/* To and from its journal row; cell, component, target and routed stay as they are.
 * rollout_from_json() leaves it open and returns 0, -ENOMEM or ERR_INVALID (then *rollout is
 * untouched). */
json_t *rollout_to_json(const struct rollout *rollout);
int rollout_from_json(const json_t *row, struct rollout *rollout, struct error *err)
    __attribute__((warn_unused_result));

const char *rollout_state_name(enum rollout_state state);
const char *rollout_outcome_name(enum rollout_outcome outcome);
const char *rollout_hold_name(enum rollout_hold hold);
const char *rollout_command_name(enum rollout_command command);
const char *rollout_note_name(enum rollout_note_kind kind);

/* True in all states between the start of an attempt and its end. */
bool rollout_is_active(const struct rollout *rollout);

/* The state whose wants count: of a pause, the one it interrupts. */
static inline enum rollout_state rollout_effective(const struct rollout *rollout)
{
    if (rollout->state == ROLLOUT_PAUSED || (rollout->state == ROLLOUT_HELD && rollout->has_next))
        return rollout->from;
    return rollout->state;
}

/* HELD: the time of its next automatic attempt has come. What is further away than any is planned
 * was planned by a clock that was wrong: it has come, too. */
bool rollout_retry_is_due(const struct rollout *rollout, struct wall_time now);

/* Always-on checks of what must hold in any state. */
void rollout_check(const struct rollout *rollout);
