/* Reading and writing JSON with limits. The values themselves are jansson's. */
#pragma once

#include "config/base/error.h"
#include "config/base/owned.h"

#include <jansson.h>

#include <stddef.h>
#include <stdint.h>

/* Nesting that any JSON from outside may have. */
#define JSON_DEPTH_LIMIT 64

/* Reads one JSON document: UTF-8 without BOM, no duplicate keys, nothing behind it, no NUL, depth
 * at most JSON_DEPTH_LIMIT. `what` names the document in messages.
 * Returns 0 and an owned value in *ret_value; ERR_SYNTAX, ERR_LIMIT or -ENOMEM otherwise. */
int json_read(const char *bytes, size_t length, const char *what, json_t **ret_value,
              struct error *err) __attribute__((warn_unused_result));

/* Sorted keys, no white space: the same value gives the same bytes. Owned, malloc's whatever
 * jansson allocates with; NULL without memory. */
char *json_canonical(const json_t *value);

/* No white space, slashes escaped, so that no text of a repository can end a script element. Owned
 * as json_canonical(). */
char *json_escaped(const json_t *value);

/* The member at a path of keys, ending with NULL; NULL when a step is missing or no object.
 * Borrowed from `value`. */
const json_t *json_at(const json_t *value, ...) __attribute__((sentinel));

/* Text, or `otherwise` when `value` is NULL or no string. Borrowed. */
const char *json_text_or(const json_t *value, const char *otherwise);

/* The members of both in `to`; those of `from` win. Takes both, always. Owned; NULL when one of
 * them is NULL, and without memory. */
json_t *json_join(json_t *to, json_t *from);

/* As json_copy(), which leaves out members when memory runs out: here it is NULL then. */
json_t *json_copy_whole(const json_t *object);

/* The same value for jansson's iterators and json_incref(), which do not take const. Only for
 * reading. */
static inline json_t *json_unconst(const json_t *value)
{
    return (json_t *)(uintptr_t)value;
}

#define OWNED_JSON OWNED(json_decrefp) json_t
