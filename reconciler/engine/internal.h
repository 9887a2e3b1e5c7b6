/* The engine's tables, shared by the files of this folder and by nobody else.
 *
 *   unit      one cell (or the platform itself): its manifest, its objects, its tracks and nodes
 *   object    one object of the control plane: object_state.h
 *   operation the work on one object that is not yet as it should be: there, too
 *   track     one component on one target: its rollout and its bindings
 *   source    one OpenChoreo component from which releases are made
 *   node      one cell on one target: what the plan orders
 *
 * Everything durable is marked so, and changes only in record.c, where a row is applied. */
#pragma once

#include "config/base/json.h"
#include "config/base/text.h"
#include "reconciler/compile/compile.h"
#include "reconciler/engine/engine.h"
#include "reconciler/engine/object_state.h"
#include "reconciler/plan/plan.h"
#include "reconciler/plan/zone.h"
#include "reconciler/resource/diff.h"
#include "reconciler/rollout/rollout.h"

#define NAME_SIZE 64
#define KEY_SIZE 400
#define MESSAGE_SIZE 256
#define NEVER INT64_MAX

struct unit;
struct node;
struct track;
struct trial;

/* --- requests --------------------------------------------------------------------------------- */

enum request_purpose {
    REQUEST_OBJECT,     /* a step of an object's operation; owner: object */
    REQUEST_DUPLICATES, /* bindings of a component, before the first POST of one; owner: object */
    REQUEST_LOOK,       /* binding, then tree; owner: binding of a track */
    REQUEST_RELEASE,    /* generate-release; owner: source */
    REQUEST_LIST,       /* of the complete look; owner: none */
    REQUEST_PROBE,      /* an object of ours while the list of its kind is empty */
    REQUEST_GATE,       /* a workflow run; owner: gate */
    REQUEST_BUILD,      /* a workflow run; owner: build */
};

struct request {
    uint64_t id;
    enum request_purpose purpose;
    void *owner;
    const char *method; /* static; NULL = a list */
    enum resource_kind kind;
    char *path;
    json_t *body;
    bool large, sent;
    struct request *next;
};

/* --- components on targets -------------------------------------------------------------------- */

/* In the order of badness. */
enum health {
    HEALTH_WELL,
    HEALTH_DOUBTFUL, /* the control plane complains; celld is looking */
    HEALTH_SICK,
};

enum binding_role { BINDING_A, BINDING_B, BINDING_ROUTE };
#define BINDING_COUNT (BINDING_ROUTE + 1)

/* What a slot is called on the data plane; "" = it has none. */
struct data_names {
    char space[NAME_SIZE], workload[254], service[254];
};

struct binding {
    struct track *track;
    enum binding_role role;
    struct object *object;
    uint64_t request; /* a look under way */
    json_t *live;     /* binding read by it, while the tree is read */
    uint64_t epoch;   /* object->epoch when it began */
    struct mono_time due;
    unsigned calm;  /* looks in a row without news: they become rarer */
    uint64_t looks; /* answered ones */
    bool look;      /* wanted */
    bool complains; /* of the stable slot: the control plane says it is not Ready */
    bool watched;   /* ... and nobody but health.c looks why */
    struct mono_time complains_since;
    int failed_runs;          /* of a task, since its last good one: no condition ever shows them */
    bool answered;            /* `gate` was judged at object->epoch, for the present wants */
    bool autoscaled[2];       /* route: the slot's autoscaler stands and acts */
    struct data_names *names; /* of a slot; owned; NULL = not seen yet, or at rest */
    struct gate_answer *gate;
    /* What a look asks for, of the object's goal. */
    uint64_t judged;      /* object->desired when `gate` was asked for */
    char *release;        /* owned; NULL = none yet */
    struct object *needs; /* the release: it must stand before the binding is written */
    const char *image;    /* borrowed from the deployment; NULL = not looked at */
    int weight[2];
    json_t *matches; /* of the rule in front; owned; NULL = none */
    char match_slot;
    bool undeploy;
    struct packed *found; /* spec and revision read before the journal knew of it; owned */
};

struct track {
    struct unit *unit;
    char component[NAME_SIZE], target[NAME_SIZE];
    const struct component *manifest; /* NULL: git does not name it any more */
    const struct target *place;       /* NULL: the platform has no such target any more */
    struct node *node;
    struct deployment *deployment;  /* while at work */
    struct rollout_content content; /* what git wants; specs only while at work */
    bool has_content;
    bool needs_image;           /* with `note`: it waits for a build */
    struct object **references; /* SecretReferences of ours that must stand first */
    size_t reference_count;
    struct binding bindings[BINDING_COUNT];
    struct rollout_wants wants;
    struct mono_time due;
    char *note; /* why it cannot be compiled; owned; NULL = it can */
    char command_by[NAME_SIZE], command_digest[DIGEST_SHORT + 1]; /* whose, and on what */
    enum rollout_command command; /* an operator's, for the next advance */
    uint64_t command_id;          /* to be answered with what became of it; 0 = not */
    char *refusal;                /* a live consumer would lose an endpoint; NULL = none would */
    bool yields;                  /* ... but is just about to do without it: wait for that */
    bool waits;                   /* for the live release of something that it connects to */
    bool ahead;                   /* it goes ahead of one of those: provider.h */
    bool awaited;                 /* somebody goes ahead of its first release, to its address */
    bool known;                   /* ... which can be resolved */
    bool recalled;                /* what git wants here is to go back, or to stay back: scope.h */
    bool marked;                  /* while scope.c decides about `recalled` */
    uint64_t refused;             /* fingerprint of the manifest that could not be compiled */
    struct trial *trial;          /* durable; NULL = there is no judge */
    bool sick;                    /* durable: the release that was good; it was told */
    struct wall_time sick_since;
    /* Durable: */
    bool recorded;
    struct rollout rollout;
};

struct source {
    struct unit *unit;
    char name[NAME_SIZE]; /* of the OpenChoreo component */
    enum component_role role;
    struct track *track; /* whose content Component and Workload bear now */
    struct object *component, *workload;
    struct object *release; /* being made */
    uint64_t request;       /* generate-release in flight */
    struct mono_time due;
    unsigned failures;
    char *message; /* owned; NULL = all is well */
};

struct quarantine {
    char cell[NAME_SIZE], component[NAME_SIZE], target[NAME_SIZE];
    char digest[DIGEST_SHORT + 1];
    int64_t since_ms, gone_ms; /* gone: since when git names no such component; 0 = it does */
    char reason[MESSAGE_SIZE], evidence[MESSAGE_SIZE];
    bool by_operator;
};

/* What goes back together with a component that failed. */
struct recall {
    char cell[NAME_SIZE], component[NAME_SIZE], target[NAME_SIZE]; /* the failed one */
    /* Durable: */
    char digest[DIGEST_SHORT + 1]; /* its content */
    char revision[41];
    json_t *members; /* [{cell, component, digest}] */
    /* Not: */
    char reason[MESSAGE_SIZE]; /* one sentence for the others */
};

struct gate_record {
    char cell[NAME_SIZE], environment[NAME_SIZE], name[NAME_SIZE];
    /* Durable: */
    char digests[DIGEST_SHORT + 1];
    enum gate_state state;
    char by[NAME_SIZE];
    char run[NAME_SIZE], uid[40];
    int64_t since_ms, started_ms;
    uint64_t attempt;
    char message[MESSAGE_SIZE];
    /* Not: */
    bool recorded;
    bool wanted; /* a node waits for it: then there is a manifest */
    uint64_t request;
    const struct gate *manifest;
    json_t *parameters; /* of the run, checked */
    struct mono_time due;
    unsigned failures;
    enum { GATE_STEP_SCHEMA, GATE_STEP_READ, GATE_STEP_POST, GATE_STEP_DELETE } step;
};

enum build_state {
    BUILD_NONE,    /* nothing was built yet, or an outcome was unknown: to be tried again */
    BUILD_RUNNING, /* the run is named; it may have to be posted yet */
    BUILD_DONE,    /* `image` is that of `tree` */
    BUILD_FAILED,  /* until another tree, or a person's word */
};

struct build_record {
    char cell[NAME_SIZE], component[NAME_SIZE];
    /* Durable: */
    bool recorded;
    char tree[NAME_SIZE + 1]; /* what `run` is made from, and how: "<tree>-<digest>" */
    enum build_state state;
    char run[2 * NAME_SIZE], uid[40];
    char *image; /* of the last good run, be it of an older tree; NULL = none yet */
    int64_t started_ms;
    uint64_t attempt; /* at this tree */
    char message[MESSAGE_SIZE];
    /* Not: */
    char wanted[NAME_SIZE + 1]; /* the same in git; "" = not known */
    char commit[41];            /* at which that tree was seen */
    uint64_t request;
    json_t *parameters; /* of the run, checked */
    bool missing;       /* its workflow is not there */
    struct mono_time due;
    unsigned failures;
    enum { BUILD_STEP_SCHEMA, BUILD_STEP_READ, BUILD_STEP_POST, BUILD_STEP_DELETE } step;
};

/* --- cells ------------------------------------------------------------------------------------ */

struct node {
    struct unit *unit;
    char name[NAME_SIZE]; /* the target's */
    const struct target *target;
    size_t index;           /* into engine->nodes, facts and verdicts */
    struct object *binding; /* ProjectReleaseBinding */
    bool binding_ready;
    char binding_release[NAME_SIZE]; /* live spec.projectRelease */
    uint8_t looks, looks_wanted;     /* that showed it Ready on that one, and how many it takes */
    enum node_state state;           /* since `since`: the facts are made anew with each revision */
    struct wall_time since;
    bool reported; /* its convergence on the current revision was told */
    enum health health;
};

enum commit_state { COMMIT_UNTOLD, COMMIT_PENDING, COMMIT_SUCCESS, COMMIT_FAILURE };

/* How a revision of a cell fares in an environment, as it was told last. */
struct commit_status {
    char environment[NAME_SIZE];
    char commit[41];
    enum commit_state state;
    /* Durable: */
    bool recorded;
    char recorded_commit[41];
    enum commit_state recorded_state;
};

struct unit {
    char name[NAME_SIZE]; /* "" = the platform */
    struct cell *cell;    /* last good content; referenced; NULL = none yet */
    struct cell *tracked; /* that the tracks point into; referenced; another while `problem` */
    int phase;
    bool removed;  /* a complete revision does not name it */
    bool broken;   /* the newest manifest of it cannot be used */
    bool stale;    /* to be compiled again */
    bool changed;  /* by the revision that is being taken */
    bool resting;  /* nothing to do: bodies and deployments are let go */
    bool ready;    /* the platform: all its objects stand */
    bool foreign;  /* its project stands without our mark, and nobody said to take it over */
    bool moving;   /* a component of it still stands in another cell */
    bool queued;   /* in the list of units to reconcile */
    char *reason;  /* of broken */
    char *problem; /* why it could not be compiled; NULL = it was */
    char *trouble; /* "NAME: why" its project or one of its bindings is not Ready; NULL = none is
                      known */
    char project[NAME_SIZE];
    char project_release[NAME_SIZE];           /* status.latestRelease.name */
    struct object *release;                    /* that one, once a binding is to move to it */
    uint64_t project_content, release_content; /* of type and parameters: project.c */
    struct desired_list desired;               /* while at work */
    bool compiled;
    struct object **objects; /* once for all targets, in the order of writing; a project first */
    size_t object_count;
    struct track **tracks; /* by component, then target */
    size_t track_count, track_capacity;
    struct source **sources;
    size_t source_count;
    struct node **nodes; /* by target index */
    size_t node_count;
    struct object **attached; /* references, bindings, all others with work to do */
    size_t attached_count, attached_capacity;
    struct commit_status *statuses; /* one per environment at most */
    size_t status_count;
    bool status_due; /* one of them may have changed */
    struct mono_time due;
    size_t heap; /* position + 1 in the timer heap; 0 = not in it */
    struct unit *next;
    /* Durable: */
    bool suspended;
    char good_commit[41], good_digest[DIGEST_TEXT_SIZE];
    int good_phase;
    uint64_t train; /* number of the revision that brought its content */
    bool recorded;
};

/* --- the whole -------------------------------------------------------------------------------- */

enum look_state { LOOK_NEVER, LOOK_RUNNING, LOOK_DONE };

struct kind_look {
    uint64_t request;
    bool listed;  /* part of the running look */
    bool done;    /* in the running look: complete */
    bool failed;  /* in the running look: could not be read */
    bool unknown; /* empty while the inventory says otherwise, or forbidden */
    size_t count; /* items of the last complete list */
};

/* Who was seen in a list, by fingerprint: one that is somebody else's too only keeps more. */
struct census {
    uint64_t *seen; /* sorted; NULL = there was no list yet */
    size_t count;
};

struct pruning {
    /* Durable: */
    char revision[41], hash[DIGEST_SHORT + 1];
    char approved[DIGEST_SHORT + 1]; /* by a person */
    json_t *keys;                    /* objects that may go, {"key": true} */
    /* Not: */
    json_t *held; /* objects over the budget, waiting for approval */
    char held_hash[DIGEST_SHORT + 1];
    struct wall_time held_since;
    json_t *explained; /* [{kind, name, message}]: never deleted by celld */
};

struct engine {
    struct engine_options options;
    char *instance, *repository_url, *branch;
    void *name_key;
    struct arena *credentials; /* that the options' ones are kept in */
    json_t *component_types;
    uint64_t random;
    struct instant now;
    struct effect_list *out; /* during a step */
    int status;              /* -ENOMEM sticks */
    uint64_t version, progress;
    bool started, seeded;

    /* What git wants. */
    struct manifest_set *set;
    struct platform *platform; /* last good; referenced */
    struct compile_context context;
    char commit[41]; /* durable, as the four below */
    char *subject;
    bool rewritten;
    int64_t revision_ms, converged_ms;
    uint64_t number;  /* of the revision; durable */
    char applied[41]; /* revision whose plan an operator applied while all was suspended */
    bool platform_broken, repository_ok;
    char repository_reason[NAME_SIZE], repository_message[MESSAGE_SIZE], platform_reason[512];
    struct wall_time repository_since;
    struct zone {
        char *name;
        struct zone_rules *rules;
    } * zones;
    size_t zone_count;

    /* Tables. */
    struct object **objects; /* hash table by key, open addressing, never iterated */
    size_t object_slots, object_count;
    struct object **object_list; /* in the order of making */
    size_t object_list_capacity;
    struct pool *operations, *tracks, *deployments;
    char **target_names; /* see words.h */
    size_t target_name_count;
    uint64_t made;
    struct unit *base;   /* the platform's */
    struct unit **units; /* by name */
    size_t unit_count, unit_capacity;
    struct node **nodes; /* as plan_input wants them */
    struct node_facts *facts;
    struct node_verdict *verdicts;
    size_t node_count;
    bool plan_dirty;
    struct quarantine **quarantines; /* by cell, component, target, digest */
    size_t quarantine_count, quarantine_capacity;
    struct recall *recalls;
    size_t recall_count;
    bool recall_dirty;          /* rows changed since the marks were made */
    size_t ahead;               /* tracks that are */
    struct gate_record **gates; /* by cell, environment, name */
    size_t gate_count, gate_capacity;
    struct build_record **builds; /* by cell, component */
    size_t build_count, build_capacity;
    struct pruning pruning;
    bool all_suspended; /* durable */
    bool status_due;    /* of some unit */

    /* Work. */
    struct unit *queue, **queue_end;
    struct unit **heap; /* by due time */
    size_t heap_count, heap_capacity;
    struct mono_time woken;            /* the wake last asked for */
    struct request *requests, *urgent; /* waiting and sent ones: see request.c */
    struct request **requests_end, **urgent_end;
    struct request *flying;
    size_t in_flight, queued;
    uint64_t last_request, reads, writes;

    /* Looking. */
    enum look_state look;
    struct kind_look kinds[RESOURCE_KIND_COUNT];
    struct mono_time look_due;
    struct wall_time looked;
    uint64_t looks;
    bool look_again;  /* asked for */
    size_t turn;      /* in object_list: the release that was read last in its turn */
    bool look_broken; /* the last look could not read every kind */
    unsigned look_failures;
    uint64_t look_number; /* of looks that were begun */
    uint64_t prune_look;  /* pruning needs one that began after the revision came */
    bool look_complete;   /* the last look, in every kind */
    bool known;           /* a complete look was had, and no kind is unknown */
    char look_message[MESSAGE_SIZE];
    bool prune_dirty;
    struct census bound;   /* project and environment of all bindings in the last complete list */
    struct census peopled; /* project of all components in it */
    json_t *secrets;       /* outlines of SecretReferences that celld did not write: secret.c */
    json_t *duplicates;    /* bindings that share component and environment with another */
    struct mono_time plan_at;   /* a window or freeze begins or ends */
    struct mono_time gate_due;  /* a gate's run wants to be looked at */
    struct mono_time build_due; /* ... a build's */

    /* History. */
    struct packed **events; /* ring; durable */
    uint64_t event_first, event_next;
    uint64_t event_row; /* the oldest one in the journal: less than event_first when fewer are kept
                           than before a restart */
};
