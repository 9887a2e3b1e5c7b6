/* YAML to JSON with the types of YAML 1.2's core schema. Only for what has no schema of ours:
 * OpenChoreo's own manifests, and parameters of other people's types. */
#pragma once

#include "config/yaml/node.h"

#include <jansson.h>

/* A text stays a text when it is quoted or a block. Owned; NULL without memory. A number that does
 * not fit stays a text. */
json_t *yaml_typed(const struct yaml_node *node);
