/* What the engine's tests against the model expect again and again. */
#pragma once

#include "tests/reconciler/engine/repository.h"

#define MINUTES(n) (INT64_C(60000) * (n))

/* Makes an object on the control plane, as somebody else would: POST, which must be taken. */
void expect_created(struct world *world, const char *path, const char *body);

/* Changes an object behind celld's back; it must be there. `namespace_name` NULL = of the cluster.
 * Takes `patch`, which is merged into the object. */
void expect_changed(struct world *world, const char *collection, const char *namespace_name,
                    const char *name, json_t *patch);

void expect_no_dangers(const struct world *world);

/* In that condition within 20 minutes; otherwise the test fails and shows why. */
void expect_condition(struct world *world, enum engine_condition condition);

/* Nothing is written for ten minutes, and the journal is what the engine says it is. */
void expect_silence(struct world *world);

void expect_why(const struct world *world, const char *cell, const char *target, const char *part);

/* The deployment of a component runs this image, and is ready. */
void expect_runs(const struct world *world, const char *component, const char *environment,
                 const char *image);
