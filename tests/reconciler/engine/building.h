/* What tests of builds have in common: a cell that is built, its source trees, its workflow. */
#pragma once

#include "tests/reconciler/engine/repository.h"

#define BUILDING_TREE_1 "1111111111111111111111111111111111111111"
#define BUILDING_TREE_2 "2222222222222222222222222222222222222222"
#define BUILDING_RUN_1 "shop-api-build-111111111111"
#define BUILDING_RUN_2 "shop-api-build-222222222222"

/* Manifest of a cell shop of other components; for repository_commit(), too. */
#define BUILDING_HEAD                                                                              \
    "raw:apiVersion: celld.dev/v1\nkind: Cell\nmetadata: {name: shop}\nspec:\n  components:\n"
#define BUILDING_WORKER(name_, more_) "    - {name: " name_ ", type: worker, " more_ "}\n"
#define BUILDING_FROM(source_) "source: " source_ ", build: {workflow: {name: image}}"
#define BUILDING_IMAGE(image_) "image: registry.example/" image_

extern const struct source_tree building_first, building_second;

/* Cell shop with the one component shop-api, to be built; for repository_commit(). */
extern const char building_cell[];

/* ClusterWorkflow "image" with that schema of its parameters; NULL = one that asks for the
 * repository. */
void building_add_workflow(struct world *world, const char *schema);

/* A new world with the usual one. */
struct world *building_world(void);

/* Commits that cell; tree NULL = its source is not there. */
void building_commit(struct world *world, int revision, const struct source_tree *tree);

/* Commits cell shop with this manifest. */
void building_commit_cell(struct world *world, int revision, const char *cell);

/* Runs that stand, and those that were asked for. */
size_t building_runs(const struct world *world);
size_t building_posts(const struct world *world);

/* Waits for a run, which must come within ten minutes. */
void building_await(struct world *world, const char *run);

/* What the last step of the workflow does. */
void building_announce(struct world *world, const char *run, const char *image);

/* Until the engine is in that condition; every run that stands announces this image. False = not
 * within `limit_ms`. */
bool building_until(struct world *world, enum engine_condition condition, const char *image,
                    int64_t limit_ms);

/* A world in which the first tree is built, and its image, registry.example/shop:1, runs. */
struct world *building_built(void);
