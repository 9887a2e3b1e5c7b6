/* Reads those values of a platform that are more than a text or a number, and checks what holds
 * between them. */
#pragma once

#include "config/manifest/decode.h"

void platform_read_days(struct decoder *decoder, const struct field *field,
                        const struct yaml_node *key, const struct yaml_node *value, void *object);
void platform_read_clock(struct decoder *decoder, const struct field *field,
                         const struct yaml_node *key, const struct yaml_node *value, void *object);
void platform_read_time(struct decoder *decoder, const struct field *field,
                        const struct yaml_node *key, const struct yaml_node *value, void *object);
void platform_read_percent(struct decoder *decoder, const struct field *field,
                           const struct yaml_node *key, const struct yaml_node *value,
                           void *object);
void platform_read_minimum(struct decoder *decoder, const struct field *field,
                           const struct yaml_node *key, const struct yaml_node *value,
                           void *object);

void platform_finish_window(struct decoder *decoder, void *object, const struct yaml_node *mapping,
                            uint64_t seen);
void platform_finish_gate(struct decoder *decoder, void *object, const struct yaml_node *mapping,
                          uint64_t seen);
void platform_finish_freeze(struct decoder *decoder, void *object, const struct yaml_node *mapping,
                            uint64_t seen);
/* Resolves regions by name and lists the targets. */
void platform_finish_spec(struct decoder *decoder, void *object, const struct yaml_node *mapping,
                          uint64_t seen);
