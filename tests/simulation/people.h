/* The operators of the simulated platform: they approve, and speak to rollouts, wisely when all is
 * calm and at any time otherwise. */
#pragma once

#include "tests/simulation/law.h"
#include "tests/simulation/script.h"

struct people {
    struct chance chance;
    struct world *world;
    struct law *law;
    bool *seen; /* by enum sight */
    struct {
        char track[120];
        unsigned count;
    } retries[LAW_TRACKS];
    size_t retry_count;
};

/* Gates and removals; returns whether there was something to approve. */
bool people_approve(struct people *people);

/* Promotes what is paused and tries again what is held, a few times; returns whether there was
 * something. */
bool people_mind(struct people *people);

/* Any word to any rollout. */
bool people_meddle(struct people *people);
