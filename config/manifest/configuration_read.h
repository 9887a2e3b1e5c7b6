/* Reads values that refer to something: variables of connections, and configurations. */
#pragma once

#include "config/manifest/decode.h"

/* The `value` of an environment variable: a text, also an empty one. */
void configuration_read_value(struct decoder *decoder, const struct field *field,
                              const struct yaml_node *key, const struct yaml_node *value,
                              void *object);

/* Turns "${CHOREO_CONNECTION_x}" into the connection's name. */
void configuration_finish_env(struct decoder *decoder, void *object,
                              const struct yaml_node *mapping, uint64_t seen);
