/* What must hold after each step, whatever happens. Judged from the effects, the durable rows and
 * the model of the control plane: never from what the engine says about itself, except where that
 * is what is judged (I19). The functions bear the invariants' names. */
#pragma once

#include "tests/simulation/monorepo.h"
#include "tests/simulation/weather.h"

#include <stdint.h>

#define LAW_PRUNED 128
#define LAW_SECRET "canary-4711-value" /* the value of the one credential */
#define LAW_TRIES 512
#define LAW_TRACKS 128
#define LAW_LOSSES 64
#define LAW_OPEN 64

/* What the law remembers of one component on one target. */
struct law_track {
    char key[120];             /* "cell/component/target" */
    uint64_t aborted, by_hand; /* attempts that a person stopped, or spoke to */
    uint64_t spoken, before;   /* while a word is under way */
    bool under_way;
    uint64_t stood_attempt; /* since when the weight of this step stands */
    int64_t stood_step, stood_ms, wall_offset_ms;
    int64_t minute_ms;
    unsigned rows; /* since then */
    char hold[24]; /* when a person said abort */
    size_t condemned;
    unsigned tries; /* automatic ones of the same content, in a row */
    bool page;      /* it is given up: somebody must be told in this step */
    bool wrong;     /* the last answer about metrics was */
    int64_t waits_from_ms, waits_down_ms, waits_offset_ms; /* since it last came on */
    uint64_t window_attempt;                               /* the last one that was asked for */
    int64_t window_from_ms, window_to_ms;
};

/* A binding that somebody else deleted, and that was not made again yet. */
struct law_loss {
    char binding[96];
    int64_t seen_ms; /* since when the engine knows; INT64_MAX = it cannot know yet */
};

struct law {
    struct world *world;
    const struct weather *weather;
    const struct traffic *traffic;
    const struct monorepo *wanted; /* of the newest commit */
    const struct monorepo *good;   /* the same, unreadable cells as they were */
    char commit[41];               /* for the budget of this train */
    char pruned[LAW_PRUNED][160];  /* objects that it removed */
    size_t pruned_count;
    int64_t managed;     /* objects in the inventory when the train began */
    bool prune_approved; /* by the operator, in this train */
    struct {
        char key[120], digest[16];
        unsigned count;
    } returns[LAW_TRIES]; /* rollbacks per content */
    size_t return_count;
    struct law_track tracks[LAW_TRACKS];
    size_t track_count;
    char open[LAW_OPEN][160]; /* objects whose last write was not heard of yet */
    size_t open_count;
    struct law_loss losses[LAW_LOSSES];
    size_t loss_count;
    unsigned missing;   /* times that weight was seen to go to what is not there */
    int64_t drifted_ms; /* boot time of the last tampering */
    uint64_t looks;
    uint64_t checks;      /* assertions that were evaluated */
    char violation[1024]; /* the first one; "" = none */
};

void law_init(struct law *law, struct world *world, const struct weather *weather,
              const struct monorepo *wanted, const struct monorepo *good);

/* A new revision was handed over. */
void law_new_train(struct law *law);

/* Before an effect is carried out. */
void law_watch(struct law *law, const struct effect *effect);

/* Nothing has disturbed the live state for a while. */
bool law_is_calm(const struct law *law);

/* Pods died that had been ready: their releases may be blamed for it. */
bool law_has_crashed(const struct law *law);

/* The OpenChoreo component that runs the stable release of a part. */
void law_component(const struct law *law, const struct plot *plot, const struct part *part,
                   const char *target, char ret_name[32]);

/* After a step: cheap. */
void law_step(struct law *law);

/* Now and then: rows, status, serving. */
void law_look(struct law *law);

/* Everything that git wants runs, as the data plane has it: "" or what is not so. */
void law_expect_live(struct law *law, char *ret_problem, size_t size);

void law_break(struct law *law, const char *invariant, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* The newest row of a key; NULL = none. Borrowed. */
const json_t *law_row(const struct law *law, const char *key);
