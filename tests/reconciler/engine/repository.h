/* Small repositories for the engine's tests, and a world that is ready to work on them. */
#pragma once

#include "tests/simulation/world.h"

#define PLATFORM_HEAD                                                                              \
    "apiVersion: celld.dev/v1\n"                                                                   \
    "kind: Platform\n"                                                                             \
    "metadata: {name: acme}\n"                                                                     \
    "spec:\n"                                                                                      \
    "  namespace: acme\n"                                                                          \
    "  projectPrefix: acme-\n"                                                                     \
    "  regions:\n"                                                                                 \
    "    - {name: us, dataPlane: {kind: ClusterDataPlane, name: us}}\n"                            \
    "    - {name: eu, dataPlane: {kind: ClusterDataPlane, name: eu}}\n"

/* One environment, one cell. */
extern const char platform_small[];

/* development, testing, production (manual gate; us and eu); phases billing, then shop. */
extern const char platform_large[];

/* A cell with one routed component, "<name>-api". `extra` stands at the end of its spec. */
char *cell_text(const char *name, const char *image, const char *extra);

/* Commits platform and cells; `revision` numbers the commit. Cells: name, image, extra, …, NULL. */
void repository_commit(struct world *world, int revision, const char *platform, ...)
    __attribute__((sentinel));

/* The same with these files. */
void repository_commit_files(struct world *world, int revision, const struct world_file *files,
                             size_t count);

/* Cell shop and a manifest at `path`, as it is; `text` NULL = without. */
void repository_commit_native(struct world *world, int revision, const char *platform,
                              const char *path, const char *text);

/* A world with quick polls. */
struct world *repository_world(void);

/* spec.releaseName of a live binding; "" when there is none. Borrowed until the next call. */
const char *repository_release(const struct world *world, const char *binding);
