/* One seed: a platform, a script of commits, drift and operator's words, the weather, and the law
 * over all of it. */
#pragma once

#include "tests/simulation/weather.h"

#include <stdbool.h>
#include <stdint.h>

/* Situations that the seeds together must have seen. */
enum sight {
    SIGHT_CONVERGED,
    SIGHT_SEVERAL_TARGETS,
    SIGHT_SECOND_REGION,
    SIGHT_SEVERAL_PHASES,
    SIGHT_CONNECTION,
    SIGHT_RING,
    SIGHT_WORKER,
    SIGHT_TASK,
    SIGHT_MANUAL_GATE,
    SIGHT_WORKFLOW_GATE,
    SIGHT_APPROVED,
    SIGHT_ROLLED_BACK,
    SIGHT_WITHDRAWN,
    SIGHT_QUARANTINED,
    SIGHT_SUPERSEDED,
    SIGHT_HELD_AT_THE_END,
    SIGHT_UNREADABLE_CELL,
    SIGHT_CELL_REMOVED,
    SIGHT_CELL_ADDED,
    SIGHT_COMPONENT_REMOVED,
    SIGHT_COMPONENT_ADDED,
    SIGHT_PRUNE_APPROVED,
    SIGHT_REVERTED,
    SIGHT_FORCE_PUSHED,
    SIGHT_REPLICAS_CHANGED,
    SIGHT_DRIFT_FOUND,
    SIGHT_DELETED,
    SIGHT_KILLED_TWICE,
    SIGHT_FAULT_FREE,
    SIGHT_EXTREME,
    SIGHT_CANARY_BAKED,
    SIGHT_BLUE_GREEN_BAKED,
    SIGHT_JUDGED_GOOD,
    SIGHT_JUDGED_BAD,
    SIGHT_POLICY_CHANGED,
    SIGHT_FROZEN,
    SIGHT_SAME_CONTENT,
    SIGHT_SCOPE,
    SIGHT_BUILT,
    SIGHT_SECRET,
    SIGHT_PRESET,
    SIGHT_PAUSED_BY_HAND,
    SIGHT_RESUMED,
    SIGHT_PROMOTED_BY_HAND,
    SIGHT_ABORTED,
    SIGHT_RETRIED,
    SIGHT_HELD_FOR_METRICS,
    SIGHT_HELD_FOR_WEIGHT,
    SIGHT_HELD_FOR_EVIDENCE,
};
#define SIGHT_COUNT (SIGHT_HELD_FOR_EVIDENCE + 1)

const char *sight_name(enum sight sight);

struct run_result {
    uint64_t trace;         /* digest of everything that the engine did */
    uint64_t steps, checks; /* events of the world; assertions */
    int64_t simulated_ms;
    uint64_t hits[FAULT_COUNT];
    bool seen[SIGHT_COUNT];
    char violation[1024]; /* "" = the law held */
};

struct run_wish {
    uint64_t seed;
    const bool *allowed; /* FAULT_COUNT flags; NULL = faults of all kinds */
    bool trace;          /* effects go to standard output */
    bool bytes;          /* see struct world_options */
};

void run_seed(const struct run_wish *wish, struct run_result *ret_result);
