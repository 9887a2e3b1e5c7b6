/* Who may go forward, and who waits for whom: nodes are (cell, target), edges mean "wait until
 * settled". Pure and deterministic; only forward steps wait, repair and rollback never do. */
#pragma once

#include "config/base/digest.h"
#include "config/base/text.h"
#include "config/base/time.h"
#include "config/manifest/load.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum node_state {
    NODE_CONVERGED, /* what git wants stands, settled and baked */
    NODE_FORWARD,   /* something new is to be brought here */
    NODE_ROLLING,   /* it is being brought */
    NODE_BAKING,
    NODE_REPAIRING,   /* only drift is being corrected */
    NODE_ROLLED_BACK, /* the wanted content failed here: quarantined or held */
    NODE_UNKNOWN,     /* the live state is not known */
};
#define NODE_STATE_COUNT (NODE_UNKNOWN + 1)

enum wait_kind {
    WAIT_NONE,
    WAIT_PHASE,      /* a cell of an earlier phase is not settled on this target */
    WAIT_DEPENDENCY, /* a cell it depends on is not */
    WAIT_PROMOTION,  /* the same cell's previous target does not have these digests baked */
    WAIT_GATE,
    WAIT_REGION, /* the primary region has not baked */
    WAIT_FREEZE,
    WAIT_SUSPENDED,
    WAIT_BROKEN, /* its manifest cannot be read: the last good state stays */
    WAIT_QUARANTINE,
    WAIT_CANCELLED, /* the primary region failed */
    WAIT_CAPACITY,  /* enough others are under way */
    WAIT_PLATFORM,  /* namespace, environment or type is not there yet */
    WAIT_APPROVAL,  /* prune budget, held plan */
    WAIT_UNKNOWN,   /* the live state is not known */
};
#define WAIT_KIND_COUNT (WAIT_UNKNOWN + 1)

enum gate_state {
    GATE_STATE_CLOSED,
    GATE_STATE_RUNNING,
    GATE_STATE_PASSED,
    GATE_STATE_FAILED,
    GATE_STATE_UNKNOWN
};

/* What the engine knows about a node. */
struct node_facts {
    const struct cell *cell;
    const char *cell_name;
    const struct target *target;
    /* Number of the revision that brought what is wanted here; 0 = not known. A node that was
     * rolled back holds up later phases of the same train, not of others. */
    uint64_t train;
    int phase;
    bool broken, suspended;
    bool healthy;  /* whatever runs there now is settled: what a cell that depends on it needs to
                      know */
    bool failed;   /* its last attempt for what is wanted failed */
    bool unproven; /* what is baked here lacks the proof that was wanted: it is not promoted */
    enum node_state state;
    bool waits; /* NODE_FORWARD, and all that would begin waits for releases of others */
    /* Digest over the release digests of all its components: wanted here, and baked here. "" =
     * none. */
    char wanted_digests[DIGEST_SHORT + 1];
    char baked_digests[DIGEST_SHORT + 1];
    char release_digests[DIGEST_SHORT + 1]; /* as wanted_digests, but of release digests only: what
                                               promotion compares */
    char baked_release_digests[DIGEST_SHORT + 1];
};

struct node_verdict {
    /* What is wanted may begin here; also told for a node where older content is under way.
     * Never true for a converged one. */
    bool may_start;
    bool place; /* ... at once: it has one of the places under the limit. What waits for releases of
                   others may prepare itself, and leaves the places to them. */
    bool cancel; /* an attempt under way is to be stopped: the primary region failed */
    enum wait_kind wait;
    size_t waits_for;        /* index of the node that it waits for; SIZE_MAX = none */
    const struct gate *gate; /* WAIT_GATE: the first that is not passed */
    const struct freeze_window *freeze;
};

/* State of a gate for (cell, environment, release digests). */
typedef enum gate_state plan_gate_lookup(void *context, const char *cell,
                                         const struct environment *environment,
                                         const struct gate *gate, const char *release_digests);

struct plan_input {
    const struct platform *platform;
    /* In any order; each (cell, target) once. Who gets a place under the limit is decided by target
     * index, phase, cell name. */
    const struct node_facts *nodes;
    size_t node_count;
    struct wall_time now;
    int parallel_nodes;
    plan_gate_lookup *gate_state;
    void *context;
};

/* One verdict per node, same order. Returns 0 or -ENOMEM. */
int plan_decide(const struct plan_input *input, struct node_verdict *ret_verdicts)
    __attribute__((warn_unused_result));

const char *plan_wait_name(enum wait_kind wait);

/* The chain of waits from a node, one clause each, ended by `explain` of the last:
 * "order on testing waits for fulfillment: emailservice is progressing since 40 s". A node that is
 * under way tells of that first: its wait is for what comes after. `through` = the
 * wait that led there; WAIT_NONE = it is the one that was asked about. */
typedef void plan_explainer(void *context, size_t node, enum wait_kind through, struct text *out);
int plan_explain(const struct plan_input *input, const struct node_verdict *verdicts, size_t node,
                 plan_explainer *explain, void *context, struct text *out)
    __attribute__((warn_unused_result));
