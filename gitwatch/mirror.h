/* A bare mirror of the watched repository, open for reading and for pinning commits. Writing
 * objects is the fetch worker's work alone.
 *
 * All functions block on disk: call them on a worker thread. One mirror object is used by one
 * thread at a time; any number of objects may be open on one directory, also while a fetch runs.
 * Results are plain data.
 *
 * When an object of the mirror cannot be read, functions return MIRROR_DAMAGED with
 * ERROR_INTERNAL: nothing is known then; tell watch_damaged() and keep the last good state. */
#pragma once

#include "config/base/error.h"
#include "gitwatch/object_id.h"

#include <errno.h>
#include <stdbool.h>
#include <stdint.h>

enum { MIRROR_DAMAGED = -EBADMSG };

struct mirror;

/* Returns 0 and an owned mirror; -ENOENT (ERROR_NOT_FOUND) when nothing was cloned yet,
 * MIRROR_DAMAGED, ERROR_DENIED when the directory belongs to another user. */
int mirror_open(const char *path, struct mirror **ret_mirror, struct error *err)
    __attribute__((warn_unused_result));
struct mirror *mirror_free(struct mirror *mirror);
void mirror_freep(struct mirror **mirror);

/* The commit that the last fetch brought for `ref` (as in fetch_request). -ENOENT when none. */
int mirror_tip(struct mirror *mirror, const char *ref, struct object_id *ret_commit,
               struct error *err) __attribute__((warn_unused_result));

/* Keeps a commit readable, whatever happens to the branch, under a name of lower-case letters,
 * digits, '-', '.', '/', at most 200 bytes: "cart/production". Pinning again moves the pin.
 * May wait while the mirror is packed anew. -ENOENT when the commit is not there. Unpinning a name
 * that is not pinned is no error. */
int mirror_pin(struct mirror *mirror, const char *name, const struct object_id *commit,
               struct error *err) __attribute__((warn_unused_result));
int mirror_unpin(struct mirror *mirror, const char *name, struct error *err)
    __attribute__((warn_unused_result));

#define COMMIT_TEXT_SIZE 256

/* For display only: texts are cut, invalid UTF-8, control and direction characters are replaced.
 * Times are what the author's clock said: never used for ordering. */
struct commit_info {
    struct object_id id, tree;
    uint32_t parents;
    int64_t author_seconds;
    char subject[COMMIT_TEXT_SIZE];
    char author[COMMIT_TEXT_SIZE];
    char email[COMMIT_TEXT_SIZE];
};

int mirror_commit(struct mirror *mirror, const struct object_id *commit,
                  struct commit_info *ret_info, struct error *err)
    __attribute__((warn_unused_result));

/* Whether `ancestor` is `commit` or reachable from it. */
int mirror_is_ancestor(struct mirror *mirror, const struct object_id *ancestor,
                       const struct object_id *commit, bool *ret_is, struct error *err)
    __attribute__((warn_unused_result));
