/* Finds nodes in constant time during one pass of the plan. Private to this folder. */
#pragma once

#include "reconciler/plan/plan.h"

struct plan_index {
    const struct plan_input *input;
    size_t *order; /* nodes by target index, phase, cell name */
    size_t cell_count, target_count;
    /* Open addressing: cell name -> ordinal. */
    struct plan_cell {
        const char *name;
        size_t ordinal;
    } * cells;
    size_t cell_mask;
    size_t *nodes;     /* [target index * cell_count + ordinal], SIZE_MAX = none */
    size_t *ordinals;  /* of each node's cell */
    size_t *primaries; /* target index of each environment's primary target */
    size_t environment_count;
    /* Open addressing: (target, train) -> first node that was rolled back. */
    struct plan_train {
        size_t target;
        uint64_t train;
        size_t node; /* SIZE_MAX = free */
    } * trains;
    size_t train_mask;
};

/* Returns 0 or -ENOMEM (then there is nothing to free). */
int plan_index_init(struct plan_index *index, const struct plan_input *input)
    __attribute__((warn_unused_result));
void plan_index_fini(struct plan_index *index);

/* The cell's node on a target; SIZE_MAX = there is none. */
size_t plan_index_find(const struct plan_index *index, size_t target, const char *cell);

/* The node of the same cell on the primary target of an environment. */
size_t plan_index_primary(const struct plan_index *index, size_t node, size_t environment);

void plan_index_add_train(struct plan_index *index, size_t target, uint64_t train, size_t node);
size_t plan_index_train(const struct plan_index *index, size_t target, uint64_t train);
