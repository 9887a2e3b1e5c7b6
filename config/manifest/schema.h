/* The schema tables: for each mapping that people write, its fields, and for each field its name,
 * type, limits, default, meaning and place in the struct.
 *
 * The same tables drive the reader (decode.h), the hints at unknown fields, the defaults, the JSON
 * Schemas for editors and the tables of the reference manual (publish.h). There is no other list
 * of fields. */
#pragma once

#include "config/manifest/form.h"

#include <jansson.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct decoder;
struct yaml_node;
struct shape;

/* What a field's value is, and the member that takes it. */
enum field_kind {
    FIELD_TEXT,     /* struct manifest_text */
    FIELD_NUMBER,   /* struct manifest_number */
    FIELD_FLAG,     /* struct manifest_flag */
    FIELD_DURATION, /* struct manifest_duration; limits in milliseconds */
    FIELD_WORD,     /* an enum; `extra` is the bool that says it was written */
    FIELD_TEXTS,    /* struct manifest_texts */
    FIELD_MAPPING,  /* the shape's struct, at `offset` */
    FIELD_APART,    /* the same, but a pointer to it at `offset`: mostly nobody writes it */
    FIELD_LIST,     /* of mappings: a pointer at `offset`, a size_t at `extra` */
    FIELD_TABLE,    /* a mapping from names to mappings: as FIELD_LIST; an entry begins with the
                       struct manifest_text that takes the name */
    FIELD_JSON,     /* any mapping, typed as YAML 1.2 does: a json_t pointer at `offset` */
    FIELD_OTHER,    /* what `read` says */
};

struct word {
    const char *name; /* NULL ends the list */
    int value;
};

struct field {
    const char *name;
    const char *doc; /* one line */
    enum field_kind kind;
    enum text_form form; /* of texts, of the entries of FIELD_TEXTS, of the names of FIELD_TABLE */
    bool required;
    bool unique;     /* FIELD_LIST: entries begin with a struct manifest_text that names them */
    bool is_default; /* the reader itself fills in `fallback` */
    size_t offset, extra;
    int64_t min, max;     /* numbers, durations; lists and tables: entries. 0 and 0 = no limits */
    const char *fallback; /* the default as one would write it; NULL = none */
    const struct shape *shape;
    const struct word *words; /* FIELD_WORD; FIELD_TEXT: the only texts allowed */
    /* Reads the value in another way than `kind` says. NULL = as `kind` says. */
    void (*read)(struct decoder *decoder, const struct field *field, const struct yaml_node *key,
                 const struct yaml_node *value, void *object);
    /* What the JSON Schema and the manual say about a value that `read` takes; NULL = as `kind`. */
    const char *json_schema;
    const char *type_doc;
};

/* Another shape whose fields stand in the same mapping. */
struct shape_part {
    const struct shape *shape; /* NULL ends the list */
    size_t offset;             /* of its struct in this one */
};

#define SHAPE_PART_LIMIT 3

struct shape {
    const char *name; /* in the manual and the JSON Schema: "rollout" */
    const char *doc;  /* one line */
    size_t size;      /* of the struct that it fills */
    const struct field *fields;
    size_t field_count;
    struct shape_part parts[SHAPE_PART_LIMIT];
    size_t at;              /* offset of a struct source_pos, 0 = none */
    size_t set;             /* offset of a bool, 0 = none */
    bool fill;              /* defaults are filled in as soon as it is read: it is not layered */
    size_t shorthand;       /* 1 + index of the field that a bare text stands for, 0 = none */
    const char *json_rules; /* of the JSON Schema: what holds between fields; NULL = nothing */
    /* Called when all fields are read: what holds between fields. `seen` has a bit per field, in
     * the order of shape_field(). */
    void (*finish)(struct decoder *decoder, void *object, const struct yaml_node *mapping,
                   uint64_t seen);
};

/* Number of fields with those of the parts. At most 64. */
size_t shape_field_count(const struct shape *shape);

/* The field at `index`, own ones first; *ret_base is where its struct begins in the shape's. */
const struct field *shape_field(const struct shape *shape, size_t index, size_t *ret_base);

/* Index of the field with this name, -1 when there is none. `expected` is where to look first. */
int shape_find(const struct shape *shape, const char *name, size_t length, size_t expected);

/* Whether the field was written. */
bool shape_saw(const struct shape *shape, uint64_t seen, const char *name);

/* The name nearest to `name`; NULL when none is near enough to be meant. */
const char *shape_nearest(const struct shape *shape, const char *name);

/* Of any list of names: the nearest, or NULL. */
const char *schema_nearest(const char *const *names, size_t count, const char *name);
const char *schema_nearest_word(const struct word *words, const char *name);

/* "{name: ..., value: ...}": what has to be written, cut to fit. */
void shape_sample(const struct shape *shape, char *ret_text, size_t size);

/* The default of a field, as text; the field must exist. */
const char *shape_fallback(const struct shape *shape, const char *field);
