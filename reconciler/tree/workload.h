/* How far one rendered workload (Deployment, StatefulSet, DaemonSet, Job, ...) has come. Asked only
 * for a live object that holds everything rendered. */
#pragma once

#include "reconciler/tree/pods.h"

#include <jansson.h>

#include <stdbool.h>
#include <stdint.h>

enum workload_standing {
    WORKLOAD_SETTLED,
    WORKLOAD_PROGRESSING,
    WORKLOAD_FAILED,  /* by its own controller's word */
    WORKLOAD_FAILING, /* by its pods: counts when two looks show it */
};

struct workload_state {
    enum workload_standing standing;
    bool has_replicas;
    int wanted, ready, available;
    int64_t progress; /* grows while it advances */
    char reason[64];
    char text[256];
};

/* degraded  the binding's conditions say so too, for the last write */
void workload_judge(const json_t *live, const struct pods *pods, bool degraded,
                    struct workload_state *ret_state);
