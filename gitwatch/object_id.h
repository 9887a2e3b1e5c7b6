/* The name of a git object (commit, tree, blob) as plain data: 40 lower-case hex digits. Knows
 * nothing of libgit2, so that results can leave the thread that read them. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#define OBJECT_ID_TEXT_SIZE 41

/* All zero bytes ("") means none. */
struct object_id {
    char hex[OBJECT_ID_TEXT_SIZE];
};

/* Returns 0, or -EINVAL when `text` is not exactly 40 lower-case hex digits (then *ret_id is
 * untouched). */
int object_id_parse(const char *text, struct object_id *ret_id) __attribute__((warn_unused_result));

bool object_id_is_set(const struct object_id *id);
bool object_id_equal(const struct object_id *a, const struct object_id *b);
