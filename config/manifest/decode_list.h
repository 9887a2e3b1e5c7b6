/* The parts of decode.h that read many: lists of texts, lists of mappings, mappings from names. */
#pragma once

#include "config/manifest/decode.h"

void decode_texts(struct decoder *decoder, const struct field *field, const struct yaml_node *value,
                  struct manifest_texts *ret_texts);
void decode_list(struct decoder *decoder, const struct field *field, const struct yaml_node *value,
                 void *object);
void decode_table(struct decoder *decoder, const struct field *field, const struct yaml_node *value,
                  void *object);

/* Reports entries (of `size` bytes, each beginning with its struct manifest_text name) that bear
 * the same name. `what` is the entry's kind: "endpoint". */
void decode_check_unique(struct decoder *decoder, const char *what, const void *entries,
                         size_t count, size_t size);
