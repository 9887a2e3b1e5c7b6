/* The schema tables for editors and for people: JSON Schema and the tables of the manual. */
#pragma once

#include "config/base/text.h"
#include "config/manifest/schema.h"

#define PUBLISH_SHAPE_LIMIT 64

/* All shapes that can be reached from one, itself first, each once, in the order of the tables. */
struct publish_shapes {
    const struct shape *items[PUBLISH_SHAPE_LIMIT];
    size_t count;
};
void publish_collect(const struct shape *root, struct publish_shapes *ret_shapes);

/* A JSON Schema (draft 2020-12) for files of this shape. Owned; NULL without memory. */
json_t *publish_json_schema(const struct shape *root);

/* Markdown: a section with a table of fields for each shape. */
void publish_reference(const struct shape *root, struct text *out);
