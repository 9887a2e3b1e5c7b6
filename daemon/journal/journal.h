/* The journal: the newest value of each key, durable before anybody acts on it. It knows SQLite and
 * nothing of what the rows mean.
 *
 * One connection, owned by one thread. The loop hands in batches; everything that waits while a
 * sync runs goes into the next transaction, in order. After a failed write nothing more is
 * accepted until journal_open() has read the file again: what the caller believes and what is on
 * the disk may differ, so it must build its state anew from the rows.
 *
 * All functions are called on the loop's thread and do not block, except where said. Call
 * json_object_seed() before the first journal_start(). */
#pragma once

#include "config/base/error.h"

#include <jansson.h>
#include <uv.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct journal;

struct journal_options {
    const char *directory;  /* must exist; holds journal.db and journal.lock */
    const char *machine;    /* who we are; another one than in the file = a copied file */
    size_t value_bytes;     /* of one row; default 1 MiB */
    size_t batch_bytes;     /* waiting to be written; more is refused; default 64 MiB */
    uint64_t file_bytes;    /* the file never grows past this; default 1 GiB */
    uint32_t check_ms;      /* time for the check of the whole file at open; default 10 s */
    uint64_t checkpoint_ms; /* the log is folded back and free pages returned; default 24 h */
};
extern const struct journal_options journal_options_default;

/* Makes the thread; opens nothing yet. Copies the options. Returns 0, -ENOMEM or what the system
 * said. */
int journal_start(const struct journal_options *options, uv_loop_t *loop,
                  struct journal **ret_journal, struct error *err)
    __attribute__((warn_unused_result));

enum journal_adopt {
    JOURNAL_TRUSTED,       /* what the rows say was so */
    JOURNAL_ADOPT_CORRUPT, /* the file was damaged and kept aside, or is gone: rows are missing */
    JOURNAL_ADOPT_COPIED,  /* it is a copy from elsewhere or a restored backup: it may be old */
};

struct journal_row {
    uint64_t sequence; /* rises with every append, never reused */
    const char *key;
    const json_t *value;
};

/* What was found. Borrowed during the callback. */
struct journal_opening {
    bool fresh; /* there was no file */
    /* Not JOURNAL_TRUSTED: no deletion and no promotion before one complete, clean look at the
     * world. Every further open says it again until journal_adopted() is durable. */
    enum journal_adopt adopt;
    const char *kept_aside; /* where the damaged file is now; NULL = none was found this time */
    bool checked;           /* the whole file was checked within check_ms */
    const char *instance;   /* random, made with the file: id of this installation */
    const struct journal_row *rows; /* the newest of each key, by sequence; removed keys are not
                                       here */
    size_t row_count;
};

/* `result` 0: *opening is valid. Otherwise *err says why, by kind:
 *   ERROR_CONFLICT     another process holds the journal (leave with status 75)
 *   ERROR_INVALID      written by a newer celld, no journal of celld, or on a network file system:
 *                      a person must act, the file was not touched
 *   ERROR_UNAVAILABLE  no space, read-only, input/output error: try again later */
typedef void journal_opened(void *context, int result, const struct journal_opening *opening,
                            const struct error *err);

/* Opens the file, or closes it and opens it again, after what was queued before. `opened` runs on
 * the loop exactly once. */
void journal_open(struct journal *journal, journal_opened *opened, void *context);

struct journal_entry {
    const char *key;
    const json_t *value; /* NULL removes the key */
};

/* `result` 0: durable. ERR_STORAGE: it may or may not be on the disk. */
typedef void journal_durable(void *context, int result, const struct error *err);

/* Queues entries as one unit: all of them or none. `entries` are copied. `durable` runs on the loop
 * exactly once when this returned 0, in the order of the calls.
 * Returns 0, -ENOMEM, ERR_LIMIT (too large), ERR_STORAGE (not open, or failed). */
int journal_append(struct journal *journal, const struct journal_entry *entries, size_t count,
                   journal_durable *durable, void *context, struct error *err)
    __attribute__((warn_unused_result));

/* The world was looked at completely after an opening with `adopt`: the rows are the truth again.
 */
int journal_adopted(struct journal *journal, journal_durable *durable, void *context,
                    struct error *err) __attribute__((warn_unused_result));

/* Open and without a failed write. */
bool journal_is_writable(const struct journal *journal);

/* For metrics. */
struct journal_counters {
    uint64_t appended, commits, failures;
    uint64_t file_bytes;
    uint64_t waiting; /* units not yet durable */
    uint64_t slowest_commit_us;
};
struct journal_counters journal_counters(struct journal *journal);

typedef void journal_stopped(void *context);

/* Writes what waits, folds the log back, closes, ends the thread. `stopped` is the last call; then
 * the journal is gone. */
void journal_stop(struct journal *journal, journal_stopped *stopped, void *context);
