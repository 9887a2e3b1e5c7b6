/* The schema of the variables and files in .choreo/component.yaml, and what its other parts share
 * with it. */
#pragma once

#include "config/manifest/decode.h"
#include "config/manifest/shapes.h"

/* struct file_settings. */
extern const struct shape component_file_settings_shape;

/* A field's `read`: a name as OpenChoreo can have it. Choreo's may have capitals, spaces and _. */
void component_file_read_name(struct decoder *decoder, const struct field *field,
                              const struct yaml_node *key, const struct yaml_node *value,
                              void *object);

/* A field's `read`: takes nothing, and warns. */
void component_file_pass_over(struct decoder *decoder, const struct field *field,
                              const struct yaml_node *key, const struct yaml_node *value,
                              void *object);
