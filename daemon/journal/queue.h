/* What waits between the loop and the journal's thread: plain linked lists of jobs, without a lock
 * of their own. */
#pragma once

#include "config/base/error.h"
#include "daemon/journal/journal.h"
#include "daemon/journal/store.h"

#include <stddef.h>

enum job_kind { JOB_OPEN, JOB_APPEND, JOB_ADOPTED, JOB_STOP };

struct job {
    struct job *next;
    enum job_kind kind;
    void *context;
    journal_opened *opened;   /* JOB_OPEN */
    journal_durable *durable; /* JOB_APPEND, JOB_ADOPTED */
    journal_stopped *stopped; /* JOB_STOP */
    int result;
    struct error error;
    struct store_found found; /* of JOB_OPEN */
    size_t bytes;
    size_t change_count;
    struct store_change changes[]; /* texts owned */
};

struct job_list {
    struct job *first, *last;
};

/* NULL without memory. */
struct job *job_new(enum job_kind kind, size_t change_count);
struct job *job_free(struct job *job);

void job_list_add(struct job_list *list, struct job *job);
struct job *job_list_take(struct job_list *list);

/* Copies an entry as the job's change number `index`. Returns 0, -ENOMEM, -EINVAL (a key that is
 * empty, too long or holds a control character) or ERR_LIMIT. */
int job_set_change(struct job *job, size_t index, const struct journal_entry *entry,
                   size_t value_bytes, struct error *err) __attribute__((warn_unused_result));
