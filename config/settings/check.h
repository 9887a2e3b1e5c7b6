/* What the settings' table cannot say: secrets, permissions, addresses, relations. Private to this
 * folder. */
#pragma once

#include "config/manifest/decode.h"

void settings_read_secret(struct decoder *decoder, const struct field *field,
                          const struct yaml_node *key, const struct yaml_node *value, void *object);
void settings_read_mode(struct decoder *decoder, const struct field *field,
                        const struct yaml_node *key, const struct yaml_node *value, void *object);

void settings_check_secret(struct decoder *decoder, void *object, const struct yaml_node *mapping,
                           uint64_t seen);
void settings_check_repository(struct decoder *decoder, void *object,
                               const struct yaml_node *mapping, uint64_t seen);
void settings_check_platform(struct decoder *decoder, void *object, const struct yaml_node *mapping,
                             uint64_t seen);
void settings_check_all(struct decoder *decoder, void *object, const struct yaml_node *mapping,
                        uint64_t seen);
