/* What a YAML file says, as a tree with positions. Untyped: a scalar is text, and whoever knows the
 * schema decides what it means. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

enum yaml_kind { YAML_KIND_SCALAR, YAML_KIND_MAPPING, YAML_KIND_SEQUENCE };

struct yaml_node {
    uint8_t kind;          /* of enum yaml_kind */
    bool plain;            /* a scalar without quotes and not a block */
    bool literal;          /* a block scalar of the form `|`: its lines are the file's lines */
    bool invisible;        /* has characters that are not seen or that turn the text's direction */
    uint32_t line, column; /* 1-based, in characters */
    uint32_t length;       /* scalar: bytes; mapping: pairs; sequence: entries */
    union {
        const char *text;              /* scalar: UTF-8, NUL-terminated, no NUL inside */
        const struct yaml_node *first; /* mapping: key, its value, next key, ...; sequence */
    };
    const struct yaml_node *next; /* the next one beside it; NULL at the end */
};

/* A key's value. */
static inline const struct yaml_node *yaml_value(const struct yaml_node *key)
{
    return key->next;
}

/* The value of `name` in a mapping; NULL when `node` is no mapping or has no such key. */
const struct yaml_node *yaml_find(const struct yaml_node *node, const char *name);

/* Nothing written, or `~`. Whether the words null, Null and NULL mean it too is the schema's to
 * say. */
bool yaml_is_empty(const struct yaml_node *node);
