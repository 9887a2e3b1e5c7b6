/* Reads revisions from the mirror on a worker thread, one at a time and in order, and keeps pins in
 * the same order. Calls back on the loop's thread. */
#pragma once

#include "config/base/error.h"
#include "config/settings/settings.h"
#include "daemon/celld/revision.h"

#include <uv.h>

struct reader;

/* `settings` is kept; `mirror` is copied. NULL without memory. */
struct reader *reader_new(uv_loop_t *loop, const struct repository_settings *settings,
                          const char *mirror);

/* Against which revisions are read from now on: the newest one that was handed over, borrowed until
 * the next call, which must come before it is freed. */
void reader_base(struct reader *reader, const struct revision *revision);

/* See repository_last_good(). */
void reader_last_good(struct reader *reader, const struct object_id *commit);

/* The revision is taken with TAKE(*revision), or freed afterwards; NULL without memory. */
typedef void reader_done(void *context, struct revision **revision);

/* Returns 0 or -ENOMEM: then `done` is not called. */
int reader_read(struct reader *reader, const struct object_id *commit, reader_done *done,
                void *context) __attribute__((warn_unused_result));

/* An unset commit = no longer. Without memory nothing is done: a pin that is missing costs only the
 * last good content of a cell that breaks later. */
void reader_pin(struct reader *reader, const char *name, const struct object_id *commit);

/* Drops what waits; no `done` any more. `stopped` is the last call (perhaps in this one), then the
 * reader is gone. */
void reader_stop(struct reader *reader, void (*stopped)(void *context), void *context);
