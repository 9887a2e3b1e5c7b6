/* What differs between two commits, found by comparing object ids of directories: the cost grows
 * with what changed, not with the repository. Order of commits, authors and times play no part.
 *
 * Blocks on disk: call from a worker thread. */
#pragma once

#include "config/base/error.h"
#include "gitwatch/mirror.h"
#include "gitwatch/object_id.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum change_kind { CHANGE_ADDED, CHANGE_REMOVED, CHANGE_MODIFIED };

struct change {
    enum change_kind kind;
    char *path;                  /* a file, symbolic link or submodule; raw bytes of the tree */
    uint32_t old_mode, new_mode; /* git modes in octal 0100644…; 0 = absent */
    struct object_id old_id, new_id;
};

struct changes {
    struct change *items; /* in the order of git's trees */
    size_t count;
    bool truncated;          /* a limit was reached: take everything for changed */
    uint32_t trees_compared; /* what it cost */
};

struct changes_limits {
    uint32_t count;      /* 50 000 */
    uint32_t depth;      /* 64 */
    uint32_t entries;    /* looked at: 2 million */
    uint64_t tree_bytes; /* of one directory: 8 MiB */
};
struct changes_limits changes_limits_default(void);

/* Renames are a removal and an addition. `old_commit` NULL: everything is an addition.
 * Returns 0 and an owned list; -ENOENT when a commit is not in the mirror (then take everything for
 * changed), MIRROR_DAMAGED, -ENOMEM. */
int changes_between(struct mirror *mirror, const struct object_id *old_commit,
                    const struct object_id *new_commit, const struct changes_limits *limits,
                    struct changes **ret_changes, struct error *err)
    __attribute__((warn_unused_result));

/* Whether anything at or below `path` is in the list ("" = anything); true when truncated. */
bool changes_touch(const struct changes *changes, const char *path);

struct changes *changes_free(struct changes *changes);
void changes_freep(struct changes **changes);

/* The cheap question: for each path, is the object there another one (or gone, or new)? Reads only
 * the directories on the way. ret_differ has `count` places. */
int changes_at(struct mirror *mirror, const struct object_id *old_commit,
               const struct object_id *new_commit, const char *const *paths, size_t count,
               bool *ret_differ, struct error *err) __attribute__((warn_unused_result));
