/* The mirror's directory as a thing that can be made, cleaned, put aside and exchanged. Used by the
 * fetch worker only, which holds the directory's lock ("<mirror>.lock", released by the kernel when
 * the worker dies). A mirror is a cache: nothing in it is lost that a fetch cannot bring again,
 * but for commits that a forced push removed. */
#pragma once

#include "config/base/error.h"

#include <stdint.h>

/* Returns 0 and an open fd that holds the lock; -EBUSY when another process holds it. */
int mirror_dir_lock(const char *mirror, int *ret_fd, struct error *err)
    __attribute__((warn_unused_result));

/* Makes an empty bare repository at `path` when nothing is there. */
int mirror_dir_create(const char *path, struct error *err) __attribute__((warn_unused_result));

/* Refuses a directory that is a symbolic link or belongs to another user. -ENOENT when missing. */
int mirror_dir_check(const char *path, struct error *err) __attribute__((warn_unused_result));

/* Removes what killed workers left: *.lock files (not those of pins, which are made outside the
 * lock) and half-written packs and objects. */
void mirror_dir_clean(const char *path);

/* Renames the mirror to "<mirror>.damaged", for a person to look at; an earlier one is removed. */
int mirror_dir_quarantine(const char *path, struct error *err) __attribute__((warn_unused_result));

/* Puts the directory at `fresh` in the mirror's place in one step, and removes the old one. */
int mirror_dir_exchange(const char *path, const char *fresh, struct error *err)
    __attribute__((warn_unused_result));

/* Removes a directory and all that is in it, following no links. Missing is fine. */
int mirror_dir_remove(const char *path) __attribute__((warn_unused_result));

/* Number of packs; 0 when it cannot be read. */
uint32_t mirror_dir_packs(const char *path);
