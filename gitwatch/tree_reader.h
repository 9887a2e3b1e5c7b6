/* Reads chosen files of one commit from the object database. There is never a checkout, so nothing
 * can be followed, run or overwritten. Trees are hostile input: names, modes, sizes, depth and
 * numbers are checked before anything is loaded, and what is wrong becomes a finding with a path.
 *
 * Blocks on disk; uses only its arguments, so one call fits uv_queue_work. */
#pragma once

#include "config/base/error.h"
#include "gitwatch/mirror.h"
#include "gitwatch/object_id.h"
#include "gitwatch/tree_listing.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct tree_limits {
    uint32_t depth;       /* directories below each other */
    uint32_t entries;     /* looked at, in all */
    uint32_t files;       /* selected */
    uint32_t findings;    /* kept; further ones are counted only */
    uint64_t tree_bytes;  /* of one directory object */
    uint64_t file_bytes;  /* of one selected file */
    uint64_t total_bytes; /* of all contents that are read */
};

/* 32 deep, 1 million entries, 20 000 files, 200 findings, 8 MiB, 256 KiB, 256 MiB. */
struct tree_limits tree_limits_default(void);

/* Which files: patterns as tree_path_match() reads them. A file belongs to the first one that
 * selects it. */
struct tree_selection {
    const char *const *patterns;
    size_t count;
};

/* Lists and reads the selected files of `commit`.
 *
 * previous  NULL, or a listing of an earlier commit with the same selection and limits: directories
 *           that did not change are taken from it without being read, and contents only of changed
 *           files are loaded (`unchanged` files have no bytes)
 * Returns 0 and an owned listing, also with findings; ERR_LIMIT when the tree as a whole is too
 * large, -ENOENT for an unknown commit, MIRROR_DAMAGED, -ENOMEM. */
int tree_reader_load(struct mirror *mirror, const struct object_id *commit,
                     const struct tree_listing *previous, const struct tree_selection *selection,
                     const struct tree_limits *limits, struct tree_listing **ret_listing,
                     struct error *err) __attribute__((warn_unused_result));

/* The same with everything that a worker thread needs: opens the mirror, loads, closes it. */
int tree_reader_load_at(const char *mirror_path, const struct object_id *commit,
                        const struct tree_listing *previous, const struct tree_selection *selection,
                        const struct tree_limits *limits, struct tree_listing **ret_listing,
                        struct error *err) __attribute__((warn_unused_result));

/* Like tree_reader_load() without contents. */
int tree_reader_list(struct mirror *mirror, const struct object_id *commit,
                     const struct tree_listing *previous, const struct tree_selection *selection,
                     const struct tree_limits *limits, struct tree_listing **ret_listing,
                     struct error *err) __attribute__((warn_unused_result));

/* One blob's content, NUL-terminated, owned; at most `limit` bytes (ERR_LIMIT, nothing loaded). */
int tree_reader_blob(struct mirror *mirror, const struct object_id *blob, uint64_t limit,
                     char **ret_bytes, size_t *ret_length, struct error *err)
    __attribute__((warn_unused_result));

/* The object at a path of a commit: the tree of a directory, the blob of a file; "" is the root.
 * A build is named by this id: same id, same sources. -ENOENT when there is none; ERR_INVALID for
 * an unsafe path, and for a symbolic link or submodule at it or on the way. */
int tree_reader_id_at(struct mirror *mirror, const struct object_id *commit, const char *path,
                      struct object_id *ret_id, struct error *err)
    __attribute__((warn_unused_result));
