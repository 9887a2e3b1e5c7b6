/* The watched repository as the daemon sees it: has it fetched when that is due, has a new revision
 * read, and hands the checked set over; and looks at other revisions when somebody asks. Decides
 * nothing about cells.
 *
 * Everything happens on the loop's thread except reading, which has its own copy of all it needs.
 */
#pragma once

#include "config/base/error.h"
#include "config/manifest/load.h"
#include "config/settings/settings.h"
#include "gitwatch/object_id.h"
#include "reconciler/engine/event.h"

#include <uv.h>

#include <stdbool.h>
#include <stdint.h>

struct repository;

struct repository_hooks {
    void *context;
    /* EVENT_REVISION or EVENT_REPOSITORY_FAILED, for the engine. */
    void (*deliver)(void *context, struct engine_event *event);
};

struct repository_options {
    const struct settings *settings; /* borrowed; outlives the repository */
    const char *state_directory;
    const char *worker; /* program of the fetch worker; NULL = this one */
    uint64_t seed;
};

/* Starts watching; the first fetch is due at once. ERR_INVALID for settings that cannot be used
 * (credential missing), -ENOMEM, or libuv's code. */
int repository_start(uv_loop_t *loop, const struct repository_options *options,
                     const struct repository_hooks *hooks, struct repository **ret_repository,
                     struct error *err) __attribute__((warn_unused_result));

/* Looks at the remote now; a request during a fetch is served by the next one. */
void repository_sync(struct repository *repository);

/* Keeps a commit readable under a name; NULL = no longer. Done on a worker thread, in order. */
void repository_pin(struct repository *repository, const char *name, const char *commit);

/* A commit at which the cell was last sound, from the journal: what is read when it is broken now.
 * The newest call is the newest commit. */
void repository_last_good(struct repository *repository, const char *commit);

/* For metrics: fetches that ended, and those among them that ended badly. */
struct repository_counters {
    uint64_t fetches, failures;
};
struct repository_counters repository_counters(const struct repository *repository);

/* Reads another revision for a plan: a branch, a tag or a commit of the repository. A commit that
 * is in the mirror is read there; everything else is fetched first, and kept readable until it was
 * answered. `done` is called once, later, with the commit and its set (borrowed) or an error.
 * Returns 0, -EBUSY when too many wait, or -ENOMEM. */
typedef void repository_read_done(void *context, const struct object_id *commit,
                                  struct manifest_set *set, const struct error *err);
int repository_read(struct repository *repository, const char *ref, repository_read_done *done,
                    void *context, struct error *err) __attribute__((warn_unused_result));

/* Stops; `stopped` is the last call, then the repository is gone. */
void repository_stop(struct repository *repository, void (*stopped)(void *context), void *context);
