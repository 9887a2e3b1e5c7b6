/* The schema tables, by the name of what they describe. */
#pragma once

#include "config/manifest/schema.h"

extern const struct shape platform_shape;       /* struct platform */
extern const struct shape cell_shape;           /* struct cell */
extern const struct shape component_file_shape; /* struct component_file */

extern const struct shape layer_shape;   /* struct layer: what may stand on each level */
extern const struct shape run_shape;     /* struct layer: what is one component's */
extern const struct shape rollout_shape; /* struct rollout_policy */
extern const struct shape requests_shape, limits_shape; /* struct resource_amounts */
extern const struct shape readiness_shape;
extern const struct shape connection_shape;
extern const struct shape configuration_shape;
extern const struct shape endpoint_shape;
extern const struct shape component_shape;
extern const struct shape workflow_shape; /* struct workflow_reference */

extern const struct word drift_words[];
extern const struct word endpoint_type_words[];
extern const struct word protocol_words[]; /* of enum endpoint_type */

/* Number of elements of an array. */
#define SHAPE_COUNT(array) (sizeof(array) / sizeof((array)[0]))
