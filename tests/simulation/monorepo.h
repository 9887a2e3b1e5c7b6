/* The repository of a simulated platform team: what it says, as values that a script can change and
 * that the invariants compare the control plane with. It knows nothing of the engine. */
#pragma once

#include "tests/simulation/chance.h"
#include "tests/simulation/world.h"

#include <stdbool.h>
#include <stddef.h>

#define MONOREPO_CELLS 6
#define MONOREPO_COMPONENTS 3
#define MONOREPO_TARGETS 6

enum part_type { PART_SERVICE, PART_WORKER, PART_TASK };

/* How releases fare. */
enum quality {
    QUALITY_GOOD,
    QUALITY_BROKEN, /* its image never becomes ready */
    QUALITY_WORSE,  /* four times as many errors */
    QUALITY_BAD,    /* ten times as many */
};

/* How a new release takes over; the words are in monorepo_policy.c. */
enum policy {
    POLICY_ROLLING,
    POLICY_BLUE_GREEN,
    POLICY_BLUE_GREEN_JUDGED,
    POLICY_CANARY,
    POLICY_CANARY_JUDGED,
    POLICY_CANARY_LATENCY,
    POLICY_CANARY_PAUSED,
    POLICY_CANARY_CHEAP, /* promotes what cannot be proven */
    POLICY_PRESET,
};
#define POLICY_COUNT (POLICY_PRESET + 1)

struct part {
    enum part_type type;
    bool present;
    enum quality quality;
    bool crashed;       /* its pods became ready, and die since then */
    enum policy policy; /* of services */
    bool forbidden;     /* its rollback is */
    bool built, secret; /* from sources; with a credential in its environment */
    int version, configuration, replicas;
    char name[24]; /* of the manifest's component */
};

struct plot {
    char name[16];
    bool present;
    bool unreadable; /* its manifest is broken */
    int phase;
    int depends;    /* index of a cell of an earlier or the same phase; -1 = none */
    bool connected; /* ... and calls it */
    int back;       /* index of a cell that it calls against all order; -1 = none */
    int scope;      /* of its rollbacks: component, cell, phase */
    struct part parts[MONOREPO_COMPONENTS];
};

struct monorepo {
    int environments; /* 1–3: development, testing, production */
    int regions;      /* of the last environment */
    int phases;
    bool manual;   /* a gate before the last environment */
    bool workflow; /* a gate before the second one */
    bool rings;    /* some cells call each other */
    struct plot plots[MONOREPO_CELLS];
    int plot_count;
    int version;                          /* last one that was given to an image */
    int64_t freeze_from_ms, freeze_to_ms; /* wall clock; of the last environment; 0 = none */
};

void monorepo_found(struct monorepo *repository, struct chance *chance);

/* A commit with this content; `number` makes its id. */
void monorepo_commit(const struct monorepo *repository, struct world *world, unsigned number);

/* Targets in the order of promotion. */
int monorepo_target_count(const struct monorepo *repository);
const char *monorepo_target(const struct monorepo *repository, int index);
/* The environment and whether it is another region than the primary. */
const char *monorepo_environment(const struct monorepo *repository, int index);
bool monorepo_is_secondary(const struct monorepo *repository, int index);
int monorepo_target_find(const struct monorepo *repository, const char *name); /* -1 = none */

/* The image that a part wants. */
void monorepo_image(const struct plot *plot, const struct part *part, char ret_image[96]);
enum quality monorepo_image_quality(const char *image);

/* The OpenChoreo component that runs it; slot 'a' or 'b', 0 = the first. */
void monorepo_component(const struct part *part, char slot, char ret_name[32]);

/* What it is built from: the id of a git tree. */
void monorepo_tree(const struct part *part, char ret_tree[41]);

/* It cannot be what runs in the end. */
bool monorepo_is_bad(const struct part *part);

/* Its releases are judged by metrics. */
bool monorepo_is_judged(const struct part *part);

/* ---- monorepo_policy.c ---- */

/* `rollout:` of a component, as YAML; "" for a rolling one. */
const char *monorepo_policy(enum policy policy, bool forbidden, char ret_text[512]);

/* A part by the name of its OpenChoreo component (slot or not); NULL = none. */
const struct part *monorepo_part(const struct monorepo *repository, const char *component,
                                 const struct plot **ret_plot);

const struct plot *monorepo_plot(const struct monorepo *repository, const char *name);
bool monorepo_has_dependents(const struct monorepo *repository, int plot);
