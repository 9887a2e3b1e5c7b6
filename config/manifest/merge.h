/* Lays one layer over another: lists by name, mappings by field, the nearer wins. */
#pragma once

#include "config/manifest/model.h"

/* What is laid together so far. Stays where it is: the layer points into it. */
struct merge {
    struct arena *arena; /* of the lists */
    struct layer layer;  /* its lists are sorted by name, its mappings are those below */
    struct resources resources;
    struct scaling scaling;
    struct readiness readiness;
    struct rollout_policy rollout;
    int status; /* -ENOMEM once memory was short */
};

void merge_init(struct merge *merge, struct arena *arena);

void merge_layer(struct merge *merge, const struct layer *nearer);
