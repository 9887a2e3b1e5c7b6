/* Paths inside a git tree: which are safe to use, and which a pattern selects. Pure. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#define TREE_PATH_LIMIT 1024
#define TREE_NAME_LIMIT 255

/* NULL when `name` may be one step of a path, otherwise what is wrong with it ("holds a control
 * character"): empty, '.', '..', anything that some system takes for .git, '/', '\\', control,
 * invisible and direction characters, not UTF-8, decomposed accents (NFD), too long. */
const char *tree_path_name_problem(const char *name, size_t length);

/* The same for a whole relative path ("cells/cart/src"); "" is the root. */
const char *tree_path_problem(const char *path);

/* Writes `bytes` so that it can be printed: what is not printable UTF-8 becomes \xNN. Cut to
 * `size`. Returns `ret_text`. */
char *tree_path_escape(const char *bytes, size_t length, char *ret_text, size_t size);

/* Bits. */
enum {
    TREE_MATCH_FULL = 1,
    TREE_MATCH_BELOW = 2,      /* something below may match: the pattern names this directory */
    TREE_MATCH_BELOW_WILD = 4, /* something below may match, but only by a double asterisk */
};

/* Matches a path against a pattern of at most 32 steps: '*' for any part of one step, '**' as a
 * whole step for any number of steps (none included), everything else literally. 0 = nothing
 * matches. */
unsigned tree_path_match(const char *pattern, const char *path);
