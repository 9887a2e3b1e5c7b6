/* The parts of loader_check(). Private to this folder. */
#pragma once

#include "config/manifest/loader.h"

void check_overrides(struct loader *loader);  /* environments, targets and components exist */
void check_order(struct loader *loader);      /* phases and dependsOn */
void check_names(struct loader *loader);      /* uniqueness and length of all names, routes */
void check_components(struct loader *loader); /* each component, on each target */
void check_secrets(struct loader *loader);    /* keys of the repository's SecretReferences */
void check_stages(struct loader *loader);     /* the pipeline against the platform's */

struct merge;

/* Of one component, with all layers laid over each other. */
void check_analysis(struct loader *loader, struct manifest_cell *entry,
                    const struct component *component, const struct merge *merged);

/* Cells that are checked: those that can be read. Calls `check` for each. */
void check_each_cell(struct loader *loader,
                     void (*check)(struct loader *loader, struct manifest_cell *entry));
