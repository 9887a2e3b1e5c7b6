/* What one component is on one target: all layers of the cell laid over each other.
 *
 * Pure. The result borrows from the cell and the given arena. */
#pragma once

#include "config/manifest/model.h"

struct manifest_set;
struct merge;

/* Where a connection leads. */
struct connection_end {
    const struct connection *connection;
    bool external;
    const char *cell;      /* the provider's */
    const char *project;   /* "ecommerce-cart" */
    const char *component; /* the provider's component: its route, in OpenChoreo */
    const struct endpoint *endpoint;
    bool same_cell; /* then `project` visibility is enough, else `namespace` is needed */
};

struct effective {
    const struct cell *cell;
    const struct component *component;
    const struct target *target;    /* NULL: what all targets have in common */
    struct manifest_text image;     /* text NULL: built by celld, see component->build */
    const struct env_variable *env; /* by name, each once */
    size_t env_count;
    const struct connection_end *connections;
    size_t connection_count;
    const struct configuration *configurations; /* by name, each once */
    size_t configuration_count;
    struct resources resources; /* defaults filled in */
    struct scaling scaling;     /* set = false: a fixed number of replicas */
    int64_t replicas;
    struct readiness readiness;
    struct rollout_policy
        rollout; /* strategy, steps (from the preset too), bake, deadline: filled in */
    struct manifest_text schedule, time_zone;
};

/* Lays the layers over each other.
 *
 * target  NULL gives what is common to all targets (cell and component layers only)
 * Returns 0 and *ret_effective (in `arena`), or -ENOMEM. The set must be free of errors for this
 * cell; connections that lead nowhere are left out. */
int effective_component(const struct manifest_set *set, const struct platform *platform,
                        const struct cell *cell, const struct component *component,
                        const struct target *target, struct arena *arena,
                        struct effective **ret_effective) __attribute__((warn_unused_result));

/* The layers alone, without defaults and with connections that lead nowhere. NULL as above. Returns
 * 0 or -ENOMEM. */
int effective_layers(const struct cell *cell, const struct component *component,
                     const struct target *target, struct arena *arena, struct merge *ret_merge)
    __attribute__((warn_unused_result));
