/* What people do in one seed: the commits, and what somebody does behind celld's back. */
#pragma once

#include "tests/simulation/law.h"
#include "tests/simulation/monorepo.h"

#define SCRIPT_HISTORY 16

struct script {
    struct chance chance;
    struct monorepo wanted; /* what the newest commit says */
    struct monorepo good;   /* ... with unreadable cells as they were when last readable */
    struct monorepo history[SCRIPT_HISTORY];
    int history_count;
    unsigned commits; /* numbers them */
    int changes;      /* still to come */
    bool rewritten;   /* the next commit is a forced push */
    bool heals;       /* the last commit puts all right; otherwise something bad stays */
    bool healed;
};

void script_init(struct script *script, uint64_t seed);

/* What the platform's people have installed: the workflow of the gates. */
void script_install(const struct script *script, struct world *world);

/* Pushes what is wanted now; `seen` by enum sight. */
void script_commit(struct script *script, struct world *world, struct law *law, bool *seen);

/* The next change of the repository; false = there is none left. */
bool script_change(struct script *script, const struct world *world, bool *seen);

/* The last change: true when there is one to be pushed. */
bool script_heal(struct script *script);

/* Somebody edits or deletes an object; false when there is none to be had. */
bool script_drift(const struct script *script, struct law *law, struct chance *chance);

/* Somebody who took celld's mark from a component puts it back, or removes it when git does not
 * name it: celld rightly does not touch what it had let go of meanwhile. */
void script_mend(const struct script *script, struct world *world);

/* Pods that were ready begin to die: of the release that comes, or of the stable one beside it.
 * False when nothing rolls out where the dice fell. */
bool script_crash(struct script *script, struct world *world, struct chance *chance, bool stable);

/* What the last step of a build does: it tells its image. */
void script_build(struct world *world);

/* The cell has to do with what is bad in git: it is, or needs what is, or waits for it. */
bool script_is_concerned(const struct script *script, int plot);
