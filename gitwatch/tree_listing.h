/* The chosen files of one commit, and what is wrong with it: plain data that outlives the mirror.
 */
#pragma once

#include "gitwatch/object_id.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct tree_file {
    char *path;
    struct object_id blob;
    uint64_t size;
    size_t pattern; /* index into the selection */
    bool unchanged; /* same path and content as in the previous listing */
    char *bytes;    /* NUL-terminated behind `size` bytes; NULL when not read */
};

enum tree_problem {
    TREE_PROBLEM_SYMLINK,
    TREE_PROBLEM_SUBMODULE,
    TREE_PROBLEM_NAME,      /* cannot be a safe path */
    TREE_PROBLEM_COLLISION, /* two names that differ by case only, or not at all */
    TREE_PROBLEM_NOT_A_FILE,
    TREE_PROBLEM_SIZE,
    TREE_PROBLEM_DEPTH,
    TREE_PROBLEM_LFS,
    TREE_PROBLEM_LIMIT, /* too many files, too many bytes in all */
};

/* An error at a path under a manifest pattern. What is at or below `path` is unknown, not gone. */
struct tree_finding {
    enum tree_problem problem;
    char *path;    /* printable */
    char *message; /* one sentence: what, and what would be right */
};

struct tree_listing {
    struct object_id commit, tree;
    struct tree_file *files; /* sorted by path (bytes) */
    size_t file_count;
    struct tree_finding *findings; /* sorted by path */
    size_t finding_count, findings_dropped;
    uint32_t entries_seen; /* what it cost */
    bool complete;         /* false: findings were dropped; what is absent may still exist */
};

/* Borrowed; NULL when the listing has no such file. */
const struct tree_file *tree_listing_find(const struct tree_listing *listing, const char *path);

struct tree_listing *tree_listing_free(struct tree_listing *listing);
void tree_listing_freep(struct tree_listing **listing);

/* For the reader: grow a listing. 0 or -ENOMEM. Texts are copied. Findings above `limit` are
 * counted only. */
int tree_listing_add_file(struct tree_listing *listing, const struct tree_file *file)
    __attribute__((warn_unused_result));
int tree_listing_add_finding(struct tree_listing *listing, enum tree_problem problem,
                             const char *path, const char *message, size_t limit)
    __attribute__((warn_unused_result));

/* Takes what `previous` knows below a directory: files (marked unchanged) and findings. */
int tree_listing_reuse(struct tree_listing *listing, const struct tree_listing *previous,
                       const char *directory, size_t finding_limit)
    __attribute__((warn_unused_result));

/* Removes one file. */
void tree_listing_drop(struct tree_listing *listing, size_t index);

void tree_listing_sort(struct tree_listing *listing);
