/* The directory that a journal lives in: whose it is, whether it may hold one, and where a damaged
 * file goes. Blocks on the disk. */
#pragma once

#include "config/base/error.h"
#include "config/base/time.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define PLACE_PATH_SIZE 4096

struct place {
    char database[PLACE_PATH_SIZE];
    char directory[PLACE_PATH_SIZE];
    int lock_fd; /* -1 = not held */
};

/* Returns 0, or -ENAMETOOLONG. Touches nothing. */
int place_init(struct place *place, const char *directory, struct error *err)
    __attribute__((warn_unused_result));
void place_fini(struct place *place);

/* Takes the lock of the directory and makes the file when it is missing, readable for us only.
 * Returns 0; -EBUSY when another process holds it (CONFLICT), -ENOTSUP on a network file system
 * (INVALID), otherwise what the system said (UNAVAILABLE). Does nothing when the lock is held. */
int place_take(struct place *place, struct error *err) __attribute__((warn_unused_result));

/* A note beside the file that rows were once written here: a file that is empty or gone all the
 * same has been lost, and is not a first start. */
bool place_is_marked(const struct place *place);
int place_mark(const struct place *place) __attribute__((warn_unused_result));

/* Identity of the file on this machine; 0 = unknown. It changes when the file is copied. */
uint64_t place_file_id(const struct place *place);

/* Renames the file and what belongs to it to "<name>.corrupt-<time>", never over another file.
 * Returns 0 and the new path. */
int place_set_aside(const struct place *place, struct wall_time now,
                    char ret_path[static PLACE_PATH_SIZE], struct error *err)
    __attribute__((warn_unused_result));

/* Makes names in the directory durable. */
int place_sync(const struct place *place) __attribute__((warn_unused_result));

/* "<database>.<word>-<time>" into `ret_path`; the time is written without colons. */
int place_name(const struct place *place, const char *word, struct wall_time now,
               char ret_path[static PLACE_PATH_SIZE]) __attribute__((warn_unused_result));
