/* Which fields of an object celld owns, and how completely. Known to comparison and merge alike,
 * so that what one calls different the other puts right. */
#pragma once

#include "reconciler/resource/kind.h"

#include <jansson.h>

#include <stdbool.h>

enum ownership {
    OWNS_NAMED, /* the fields that are written; others beside them are left alone */
    OWNS_WHOLE, /* everything below: what is not wanted goes, except defaults of the server */
    OWNS_RAW,   /* likewise, and the server keeps it byte by byte: false and 0 stand as written */
};

/* How the member `key` of an object that is itself owned as `above` is owned. `depth` counts the
 * objects from `spec`, which is 0. */
enum ownership ownership_of_member(enum resource_kind kind, enum ownership above, int depth,
                                   const char *key);

/* A list that several write, each its own entries: what others put there stays. `depth` as above.
 */
bool ownership_is_shared(enum resource_kind kind, int depth, const char *key);

/* Whether such a list has the entry; a kind that the server fills in may be left out. */
bool ownership_list_has(const json_t *list, const json_t *entry);

/* A value that the server drops: null, false, 0, "", an empty list, an object of such values. */
bool ownership_value_is_empty(const json_t *value);

/* A value that the server fills in where nothing was written. */
bool ownership_value_is_default(const char *key, const json_t *value);
