/* The refs of a mirror: the watched tip (refs/celld/watched/…) and the pins (refs/celld/keep/…).
 * Inside gitwatch only: speaks libgit2. */
#pragma once

#include "config/base/error.h"

#include <git2.h>

#define MIRROR_REFS_SIZE 320
#define MIRROR_REFS_KEEP "refs/celld/keep/"

/* refs/heads/main -> refs/celld/watched/heads/main */
void mirror_refs_tracking(const char *ref, char ret_name[static MIRROR_REFS_SIZE]);

/* Before a commit or tag is loaded: at most 1 MiB. 0 or GIT_ERROR with libgit2's text set. */
int mirror_refs_check_size(git_repository *repository, const git_oid *id)
    __attribute__((warn_unused_result));

/* Follows annotated tags (at most 8) to a commit. ERR_INVALID when it is a tree or blob;
 * MIRROR_DAMAGED when an object on the way cannot be read. */
int mirror_refs_peel(git_repository *repository, const git_oid *id, git_oid *ret_commit,
                     struct error *err) __attribute__((warn_unused_result));

/* -ENOENT when there is no such ref; MIRROR_DAMAGED when it cannot be read. */
int mirror_refs_get(git_repository *repository, const char *name, git_oid *ret_id,
                    struct error *err) __attribute__((warn_unused_result));
int mirror_refs_set(git_repository *repository, const char *name, const git_oid *id,
                    struct error *err) __attribute__((warn_unused_result));

/* Whether the commit and its root directory can be read. */
int mirror_refs_readable(git_repository *repository, const git_oid *commit, struct error *err)
    __attribute__((warn_unused_result));

/* Pins of the mirror at `from` whose commits are in `to` too are set there. */
void mirror_refs_carry_pins(const char *from, git_repository *to);

/* Copies all refs and what they reach into the empty repository at `to`, as one pack. */
int mirror_refs_copy(const char *from, const char *to, struct error *err)
    __attribute__((warn_unused_result));

/* Held while pins are set and while a mirror is packed anew; waits. 0 and an fd to close. */
int mirror_refs_lock_pins(const char *mirror, int *ret_fd, struct error *err)
    __attribute__((warn_unused_result));
