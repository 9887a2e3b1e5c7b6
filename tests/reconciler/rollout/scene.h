/* A rollout that stands somewhere, and a view of it that may be bent before it meets it. */
#pragma once

#include "reconciler/rollout/machine.h"

#define NOW_MONO INT64_C(5000000)
#define NOW_WALL INT64_C(1800000000000)
#define LONG_MS INT64_C(1000000)

enum place { IN_PLACE, TWO_SLOTS, FIRST, SINGLE };

struct stand {
    const char *name;
    enum rollout_state state;
    enum place place;
    enum rollout_state from;
    enum rollout_hold hold;
    size_t step;
    int weight;
    bool verified, drained, next, narrow, untouched, retry;
    /* A letter per situation, see below; a small one: it stays, but something was persisted. */
    const char *becomes;
};

struct scene {
    struct rollout rollout;
    struct rollout_view view;
    struct rollout_plan plan;
    struct rollout_content stable, next, newer;
};

/* All stands that tests know. */
extern const struct stand scene_stands[];
extern const size_t scene_stand_count;

/* Everything is known and matches, nothing was seen yet; git wants `next`, and it may start. */
struct scene *scene_new(const struct stand *stand);
/* At the stand of that name, which must be there. */
struct scene *scene_at(const char *name);
void scene_free(struct scene *scene);

/* Owned. */
json_t *scene_row(const struct scene *scene);

/* What holds after any advance; a failed check ends the test. */
void scene_check_row(const struct scene *scene);
void scene_check_wants(const struct rollout_wants *wants, const char *stand, const char *situation);
void scene_check_explained(const struct scene *scene);
/* What must survive is announced: without `changed` only clocks may have moved. */
void scene_check_announced(const struct scene *scene, const struct rollout *before,
                           const struct rollout_result *result);
