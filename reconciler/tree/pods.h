/* The pods of the newest ReplicaSet: what they say about a rollout that does not advance. */
#pragma once

#include <jansson.h>

#include <stdbool.h>

struct pods {
    int count, ready; /* of the newest ReplicaSet, with the wanted image */
    int restarts;
    bool failing;    /* one of them will not come up by itself: `reason` says why */
    char reason[64]; /* of the worst one; "" = none waits for anything */
    char pod[64];    /* its name */
    char message[160];
};

/* image  wanted in the main container; NULL = any */
void pods_look(const json_t *tree, const char *image, struct pods *ret_pods);
