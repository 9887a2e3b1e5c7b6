/* The frame of every document of celld's own: apiVersion, kind, metadata, spec. */
#pragma once

#include "config/manifest/decode.h"
#include "config/manifest/schema.h"

extern const struct word document_table_versions[];

/* Checks the word that is written, and keeps nothing of it. */
void document_table_read_word(struct decoder *decoder, const struct field *field,
                              const struct yaml_node *key, const struct yaml_node *value,
                              void *object);

/* The fields of such a document; `kinds` are the words for its one kind. */
#define DOCUMENT_TABLE_FIELDS(kind_name, kinds, metadata, metadata_doc, content, content_doc)      \
    {.name = "apiVersion",                                                                         \
     .kind = FIELD_TEXT,                                                                           \
     .words = document_table_versions,                                                             \
     .required = true,                                                                             \
     .read = document_table_read_word,                                                             \
     .doc = "celld.dev/v1"},                                                                       \
        {.name = "kind",                                                                           \
         .kind = FIELD_TEXT,                                                                       \
         .words = (kinds),                                                                         \
         .required = true,                                                                         \
         .read = document_table_read_word,                                                         \
         .doc = (kind_name)},                                                                      \
        {.name = "metadata",                                                                       \
         .kind = FIELD_MAPPING,                                                                    \
         .shape = (metadata),                                                                      \
         .required = true,                                                                         \
         .doc = (metadata_doc)},                                                                   \
    {                                                                                              \
        .name = "spec", .kind = FIELD_MAPPING, .shape = (content), .required = true,               \
        .doc = (content_doc)                                                                       \
    }
