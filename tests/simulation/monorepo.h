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

struct part {
    enum part_type type;
    bool present;
    bool broken; /* its image never becomes ready */
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
    struct part parts[MONOREPO_COMPONENTS];
};

struct monorepo {
    int environments; /* 1–3: development, testing, production */
    int regions;      /* of the last environment */
    int phases;
    bool manual;   /* a gate before the last environment */
    bool workflow; /* a gate before the second one */
    struct plot plots[MONOREPO_CELLS];
    int plot_count;
    int version; /* last one that was given to an image */
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

/* The image that a part wants, and the OpenChoreo component that runs it. */
void monorepo_image(const struct plot *plot, const struct part *part, char ret_image[96]);
void monorepo_component(const struct part *part, char ret_name[32]);

/* A part by the name of its OpenChoreo component (slot or not); NULL = none. */
const struct part *monorepo_part(const struct monorepo *repository, const char *component,
                                 const struct plot **ret_plot);

const struct plot *monorepo_plot(const struct monorepo *repository, const char *name);
bool monorepo_has_dependents(const struct monorepo *repository, int plot);
