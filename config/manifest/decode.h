/* From a YAML tree to structs, as the schema tables say. Finds everything that is wrong and goes
 * on; what was wrong stays unset. */
#pragma once

#include "config/manifest/diagnostic.h"
#include "config/manifest/model.h"
#include "config/manifest/schema.h"
#include "config/yaml/node.h"

#include <stdbool.h>
#include <stddef.h>

struct decoder {
    const char *path;    /* of the file; lives as long as what is decoded */
    struct arena *arena; /* what is decoded lives here; scalars' texts do already */
    struct diagnostics *found;
    const char *cell; /* whom the problems condemn; NULL = the file */
    size_t errors;
    size_t others; /* warnings and notes */
    int status;    /* -ENOMEM once memory was short */
    /* Where the array goes that owns the JSON values of fields of kind FIELD_JSON; made with the
     * first one. May be NULL when the tables have no such field. */
    json_t **json;
    void *context; /* of the callbacks in the tables */
};

/* Reads a mapping into a zeroed struct. */
void decode_mapping(struct decoder *decoder, const struct shape *shape,
                    const struct yaml_node *node, void *object);

/* Reads one field's value as its kind says, without its `read`. */
void decode_value(struct decoder *decoder, const struct field *field, const struct yaml_node *key,
                  const struct yaml_node *value, void *object);

/* Reads a text of the field's form. Returns false when it is none (reported). */
bool decode_text(struct decoder *decoder, const struct field *field, const struct yaml_node *value,
                 struct manifest_text *ret_text);

/* Reads a whole number between the field's limits. */
bool decode_number(struct decoder *decoder, const struct field *field,
                   const struct yaml_node *value, struct manifest_number *ret_number);

/* Reads one of the words. Returns false when it is none (reported, with the nearest). */
bool decode_word(struct decoder *decoder, const char *field, const struct word *words,
                 const struct yaml_node *value, int *ret_value);

/* Fills each unset text, number, flag, duration and word of the object, nested mappings too, with
 * the tables' defaults. */
void decode_defaults(struct decoder *decoder, const struct shape *shape, void *object);

struct source_pos decode_place(const struct decoder *decoder, const struct yaml_node *node);

/* Zeroed; NULL and a remembered -ENOMEM when memory is short. */
void *decode_array(struct decoder *decoder, size_t count, size_t size);

/* Adds a problem. `hint` may be NULL. */
void decode_report(struct decoder *decoder, enum diagnostic_severity severity, const char *code,
                   struct source_pos at, const char *hint, const char *format, ...)
    __attribute__((format(printf, 6, 7)));

/* An error with a second place. */
void decode_conflict(struct decoder *decoder, const char *code, struct source_pos at,
                     struct source_pos related, const char *related_message, const char *format,
                     ...) __attribute__((format(printf, 6, 7)));

#define DECODE_ERROR(decoder, code, at, ...)                                                       \
    decode_report((decoder), DIAGNOSTIC_ERROR, (code), (at), NULL, __VA_ARGS__)
