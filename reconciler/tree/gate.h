/* The tree gate: whether a ReleaseBinding's resources really run as wanted.
 *
 * Conditions cannot be believed: after a PUT they carry the new generation while the old release
 * still runs, failures included (seen for up to 45 s under load). The rendered tree, compared with
 * the live objects in it, can. Read the binding first, then the tree. */
#pragma once

#include "config/base/error.h"

#include <jansson.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum gate_verdict {
    GATE_UNKNOWN, /* cannot be told: tree unreadable, an answer that does not fit. Hold */
    GATE_STALE,   /* the controllers have not taken up the last write */
    GATE_PROGRESSING,
    GATE_SETTLED,
    GATE_UNDEPLOYED, /* wanted, and gone */
    GATE_FAILED,     /* seen in the tree too, or a failure of rendering */
};
#define GATE_VERDICT_COUNT (GATE_FAILED + 1)

struct gate_question {
    const char *component;    /* the binding's component */
    const char *release_name; /* wanted in spec.releaseName */
    const char *image;        /* wanted in one of the containers; NULL = not looked at */
    /* Variables that connections give to the container: until the rendered release has them,
     * the connections are not resolved, whatever the conditions say. */
    const char *const *variables;
    size_t variable_count;
    bool undeploy;             /* state Undeploy is wanted */
    int64_t generation_before; /* ReleaseSynced.observedGeneration before our last write that
                                  changed the spec; -1 = there was none, or it does not matter */
    bool route;                /* weights are looked at: below */
    int weight_a, weight_b;    /* expected on the backends <component>-a, -b; 0 also when absent */
    const json_t *matches;     /* [{type, name, value}] of a rule in front; NULL = no such rule */
    char match_slot;           /* 'a', 'b': where that leads */
};

struct gate_answer {
    enum gate_verdict verdict;
    /* A failure that only rendering or a pod explains counts when two looks show it; the caller
     * counts. */
    bool needs_second_look;
    /* GATE_PROGRESSING, and a failure if it stays so beyond the caller's grace: the resources could
     * not be applied, for instance because the cell's namespace is not there yet. */
    bool needs_grace;
    /* High-water mark: grows when the rollout advances (updated, available replicas and so on); a
     * deadline runs from its last rise. Comparable within one release. */
    int64_t progress;
    int64_t generation; /* ReleaseSynced.observedGeneration, -1 = absent */
    int replicas_wanted, replicas_ready, replicas_available;
    int restarts;          /* of the newest pods */
    bool weights_verified; /* route: all live routes bear the wanted weights and are accepted */
    char reason[64];       /* "ResourcesProgressing", "CrashLoopBackOff", "ImagePullBackOff" */
    char text[256];        /* one sentence: "2/3 replicas ready; pod x: back-off pulling image" */
};

/* `tree` NULL = it could not be read (then the verdict is GATE_UNKNOWN, except for rendering
 * failures and terminating objects, which the binding alone shows). */
void gate_judge(const struct gate_question *question, const json_t *binding, const json_t *tree,
                struct gate_answer *ret_answer);

const char *gate_verdict_name(enum gate_verdict verdict);

/* A task's last finished runs: failing ones never show in a condition. Counts failed runs behind
 * the last successful one. */
int gate_failed_runs(const json_t *tree);
