/* .choreo/component.yaml beside a component's source: what Choreo itself reads. Its endpoints and
 * connections count as the component's, and where it contradicts cell.yaml both places are shown.
 * Private to this folder. */
#pragma once

#include "config/manifest/loader.h"

/* The file beside a source directory, NULL when there is none. */
const struct manifest_file *component_file_find(const struct loader *loader, const char *source);

/* Reads it, if there is one, and adds to the component what it says. */
void component_file_add(struct loader *loader, struct decoder *decoder, struct cell *cell,
                        struct component *component);

/* Warns of those that belong to no component. */
void component_file_check_unused(struct loader *loader);
