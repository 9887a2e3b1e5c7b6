/* Lays one layer over another: lists by name, mappings by field, the nearer wins. */
#pragma once

#include "config/manifest/model.h"

/* Lists that grow by laying layers over each other. */
struct merge {
    struct arena *arena;
    struct layer layer; /* what is laid together so far; its lists are sorted by name */
    size_t env_capacity, connection_capacity, configuration_capacity;
    int status; /* -ENOMEM once memory was short */
};

void merge_layer(struct merge *merge, const struct layer *nearer);
