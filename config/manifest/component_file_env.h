/* The variables of .choreo/component.yaml: those that a connection gives, and plain ones. */
#pragma once

#include "config/manifest/component_file_model.h"
#include "config/manifest/decode.h"

/* Adds them to the component's own; what cell.yaml says wins, but for plain texts, which must
 * agree. The component's connections are complete by then. */
void component_file_add_env(struct decoder *decoder, const struct cell *cell,
                            struct component *component, const struct component_file *file);

/* The connection of this name, NULL when there is none. */
const struct connection *component_file_connection(const struct layer *layer, const char *name);
