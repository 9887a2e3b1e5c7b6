/* A simulated world around one real engine: the model of the control plane, a journal in memory,
 * a repository of manifests, and a clock that stands still between events. No threads, no I/O, no
 * real time: the same options and calls give the same run, effect by effect.
 *
 * The world does what the daemon does, in the same order: effects are carried out one by one, a row
 * is durable before the next effect; a request reaches the control plane after `latency`, its
 * answer comes back after another. Killing throws the engine away at any effect or event; what has
 * left still arrives at the control plane, and a new engine is made from the rows. */
#pragma once

#include "reconciler/engine/engine.h"
#include "tests/platform/model.h"

#include <jansson.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct world;

/* What people and servers say is cut where it is kept, wherever that falls in a character: these
 * are of two and three bytes, and longer than any place. */
#define WORLD_TEN_WORDS "é→é→é→é→é→é→é→é→é→é→"
#define WORLD_LONG_WORDS                                                                           \
    WORLD_TEN_WORDS WORLD_TEN_WORDS WORLD_TEN_WORDS WORLD_TEN_WORDS WORLD_TEN_WORDS                \
        WORLD_TEN_WORDS WORLD_TEN_WORDS WORLD_TEN_WORDS WORLD_TEN_WORDS WORLD_TEN_WORDS            \
            WORLD_TEN_WORDS

struct world_request {
    uint64_t id;
    const char *method; /* "LIST" for a whole collection, "METRICS" for a query of metrics */
    char *path;
    json_t *body;
    enum resource_kind kind;
    uint64_t write;             /* its number among all writes; 0 = a read */
    int64_t due_ms;             /* of its next move: arrival, then answer */
    bool arrived;               /* the control plane has answered; the answer is on its way */
    bool abandoned;             /* its engine died, or it was cancelled: nobody hears the answer */
    struct engine_event answer; /* once arrived; owns body and error below */
    json_t *answer_body;
    struct error error;
};

/* What may happen to a request. */
enum world_fate {
    WORLD_ARRIVES,
    WORLD_NOT_SENT,    /* the connection is refused */
    WORLD_ANSWER_LOST, /* it takes effect, and nobody hears of it */
    WORLD_NEVER_SEEN,  /* it gets lost on the way: the outcome is unknown, too */
};

/* Points at which the process dies. */
enum world_crash {
    WORLD_CRASH_NEVER,
    WORLD_CRASH_UNSENT,      /* instead of sending the n-th write */
    WORLD_CRASH_SENT,        /* after it left; it gets lost on the way */
    WORLD_CRASH_APPLIED,     /* the control plane has carried it out, the answer is on its way */
    WORLD_CRASH_ANSWERED,    /* instead of hearing its answer */
    WORLD_CRASH_UNPERSISTED, /* instead of making the n-th row durable: the storage fails */
    WORLD_CRASH_PERSISTED,   /* after that */
};
#define WORLD_CRASH_COUNT (WORLD_CRASH_PERSISTED + 1)

struct world_options {
    struct engine_options engine;
    struct platform_options platform;
    const char *secret; /* what stands for every credential at the control plane; NULL = none */
    int64_t latency_ms; /* each way */
    /* Requests, answers and rows go through their bytes, as they do in the daemon. Without, they
     * are handed over as documents, which is quicker and must not make a difference. */
    bool bytes;
    /* More of it for this request, each way; NULL = none. */
    int64_t (*delay)(void *context, const struct world_request *request);
    /* Asked for each request that leaves; NULL = all arrive. */
    enum world_fate (*fate)(void *context, const struct world_request *request);
    /* The source of metrics: an owned answer, or NULL and *ret_err. NULL = there is none, and no
     * query is ever answered. */
    json_t *(*metrics)(void *context, struct world *world, const json_t *query,
                       struct error *ret_err);
    /* Told of each effect before it is carried out; NULL = not wanted. */
    void (*watch)(void *context, const struct effect *effect);
    /* Told of each answer before the engine hears it; NULL = not wanted. */
    void (*heard)(void *context, const struct world_request *request);
    /* Instead of engine_step(), for tests of what may go wrong in it; NULL = not wanted. */
    int (*step)(void *context, struct engine *engine, const struct engine_event *event,
                struct effect_list *effects);
    void *context;
    enum world_crash crash; /* see struct world: from the very first step on */
    uint64_t crash_at;
    enum world_crash crash_again; /* the next one, counted on from the very first step as well */
    uint64_t crash_again_at;
};
void world_options_default(struct world_options *ret_options);

struct world_row {
    uint64_t sequence;
    char *key;
    json_t *value;
};

struct world {
    struct world_options options;
    struct platform *platform;
    struct engine *engine;
    int64_t now_ms;         /* boot clock; the control plane's clock runs with it */
    int64_t wall_offset_ms; /* our wall clock = boot clock + this: set it to let it jump */
    struct world_row *rows; /* newest per key, by sequence */
    size_t row_count, row_capacity;
    uint64_t sequence;
    struct world_request **requests; /* by due time, then id */
    size_t request_count, request_capacity;
    int64_t wake_ms; /* INT64_MAX = none asked for */
    struct manifest_set *set, *good;
    const struct manifest_problem *problems; /* of the next revisions; borrowed */
    size_t problem_count;
    char commit[41];
    const struct source_tree *trees; /* of the next revisions; borrowed */
    size_t tree_count;
    const struct zone_file *zones; /* ... and these; borrowed */
    size_t zone_count;
    bool rewritten;    /* the next commit is no descendant of the one before */
    bool fetch;        /* EFFECT_FETCH came; the test looks and clears */
    json_t *replies;   /* id as text -> {"ok", "body"} */
    json_t *published; /* array of {"type", "cell", "target", "message", ...}, the newest 1000 */
    uint64_t events, effects, writes, persists, kills;
    enum world_crash crash; /* once, at the write or row with this number */
    uint64_t crash_at;
    enum world_crash crash_again; /* after that death */
    uint64_t crash_again_at;
    uint64_t died_writes, died_persists; /* writes and rows at the first death */
    int64_t downtime_ms;                 /* how long the next death lasts */
    int64_t down_ms;                     /* ... and all so far together */
    uint64_t
        kill_at_effect;     /* die instead of carrying out the effect with this number; 0 = never */
    uint64_t kill_at_event; /* die instead of handing over the event with this number */
    uint64_t here;          /* events since the clock moved */
    uint64_t trace;         /* digest of all effects so far */
    uint64_t command;       /* id of the last one */
};

struct world *world_new(const struct world_options *options);
struct world *world_free(struct world *world);

/* One file of a revision. */
struct world_file {
    const char *path, *text;
};

/* The tracked branch points at a revision with these files. The kind of each follows from its path:
 * platform.yaml, cells/…/cell.yaml, …/.choreo/component.yaml, native/…. */
void world_commit(struct world *world, const char *commit, const struct world_file *files,
                  size_t count);

/* The next event, if it is due until `until_ms` of the boot clock. False = none; then the clock
 * stands there. */
bool world_step(struct world *world, int64_t until_ms);

/* Lets `ms` go by. */
void world_run(struct world *world, int64_t ms);

/* Until the engine is in that condition and nothing is in flight; false = not within `limit_ms`. */
bool world_run_until(struct world *world, enum engine_condition condition, int64_t limit_ms);

/* The tracked branch is read again and points where it did. */
void world_seen_again(struct world *world);

/* The repository cannot be read. */
void world_repository_failed(struct world *world, const char *reason);

/* kill -9, `downtime_ms`, and a start: restore, start, revision. */
void world_kill(struct world *world);

/* The same, and the state directory is gone with all its rows. */
void world_lose_journal(struct world *world);

/* An operator's word; arguments as json_pack() makes them, taken. Returns the reply's body
 * (borrowed; NULL = none came within a minute); *ret_ok (may be NULL) whether it was done. */
const json_t *world_command(struct world *world, const char *verb, json_t *arguments, bool *ret_ok);

/* The status of a node, borrowed text: "converged", ...; "" when there is none. */
const char *world_node_state(const struct world *world, const char *cell, const char *target);

/* Owned: engine_why(). */
char *world_why(const struct world *world, const char *cell, const char *target);

/* A published event of this type came (about this cell; NULL = any). */
bool world_published(const struct world *world, const char *type, const char *cell);

/* So many of this type did, of the newest. */
size_t world_times_published(const struct world *world, const char *type);

/* The journal has this row; one whose key begins so. */
bool world_has_row(const struct world *world, const char *key);
bool world_has_rows(const struct world *world, const char *prefix);

/* An object of namespace acme is there, perhaps on its way out. */
bool world_stands(const struct world *world, const char *collection, const char *name);

/* Requests of that method that arrived, for paths with that part in them. */
size_t world_asked(const struct world *world, const char *method, const char *part);

/* Requests to delete, all told. */
size_t world_deletes(const struct world *world);

/* A request of somebody else; `body` is taken. Returns the status. */
int world_handle(struct world *world, const char *method, const char *path, json_t *body);

/* The rows of the journal are exactly engine_rows(): otherwise the first key that differs (owned),
 * NULL = they are equal. */
char *world_rows_differ(const struct world *world);

struct instant world_now(const struct world *world);

/* Our wall clock shows the control plane's time. */
bool world_clock_is_right(const struct world *world);

/* The control plane's wall clock, which never jumps; it has done all that was due until now. */
int64_t world_platform_now(struct world *world);
