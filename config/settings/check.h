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
void settings_check_metrics_server(struct decoder *decoder, void *object,
                                   const struct yaml_node *mapping, uint64_t seen);
void settings_check_prometheus(struct decoder *decoder, void *object,
                               const struct yaml_node *mapping, uint64_t seen);
/* What the sources need of the rest of the settings. */
struct settings;
void settings_check_metrics(struct decoder *decoder, const struct settings *settings);
void settings_check_all(struct decoder *decoder, void *object, const struct yaml_node *mapping,
                        uint64_t seen);
