/* JSON kept as its canonical text: about a fifth of what the tree takes. For values that are kept
 * for long and looked at rarely. Immutable and shared by reference; one thread only. */
#pragma once

#include <jansson.h>

#include <stdbool.h>

struct packed;

/* Takes `value`, always. Owned; NULL for NULL, and without memory. */
struct packed *packed_take(json_t *value);

/* The value as a tree of its own. Owned; NULL for NULL, and without memory. */
json_t *packed_open(const struct packed *packed) __attribute__((warn_unused_result));

/* Borrowed; "" for NULL. */
const char *packed_text(const struct packed *packed);

struct packed *packed_ref(struct packed *packed);
struct packed *packed_unref(struct packed *packed); /* NULL */

bool packed_equal(const struct packed *a, const struct packed *b);
