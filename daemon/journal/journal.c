#include "daemon/journal/journal.h"

#include "config/base/check.h"
#include "daemon/journal/queue.h"
#include "daemon/journal/store.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define JOURNAL_MAGIC 0x4a524e4cu

/* A transaction is closed when it has this much, so that the first of many need not wait for all.
 */
#define BATCH_CHANGES 4096

const struct journal_options journal_options_default = {
    .directory = NULL,
    .machine = "",
    .value_bytes = (size_t)1 << 20,
    .batch_bytes = (size_t)64 << 20,
    .file_bytes = UINT64_C(1) << 30,
    .check_ms = 10000,
    .checkpoint_ms = UINT64_C(24) * 3600 * 1000,
};

struct journal {
    unsigned magic;
    struct journal_options options;
    bool writable; /* as far as the loop has heard */
    uint64_t appended;
    uv_thread_t thread;
    uv_async_t wake; /* the thread has finished jobs */
    struct job *stop;

    uv_mutex_t mutex; /* guards what follows */
    uv_cond_t work;
    struct job_list todo, done;
    size_t waiting_bytes;
    struct journal_counters counters;

    struct store *store; /* the thread's alone, once it runs */
};

/* --- on the journal's thread ------------------------------------------------------------------ */

static void finish(struct journal *journal, struct job *job)
{
    uv_mutex_lock(&journal->mutex);
    job_list_add(&journal->done, job);
    uv_mutex_unlock(&journal->mutex);
    (void)uv_async_send(&journal->wake);
}

static void finish_all(struct journal *journal, struct job_list *list, int result,
                       const struct error *error)
{
    for (struct job *job = job_list_take(list); job != NULL; job = job_list_take(list)) {
        job->result = result;
        if (result != 0)
            job->error = *error;
        finish(journal, job);
    }
}

/* The jobs at the head of the queue that go into one transaction. */
static void take_batch(struct journal *journal, struct job_list *batch)
{
    size_t changes = 0;
    uv_mutex_lock(&journal->mutex);
    while (journal->todo.first != NULL && journal->todo.first->kind == JOB_APPEND &&
           changes < BATCH_CHANGES) {
        struct job *job = job_list_take(&journal->todo);
        changes += job->change_count;
        job_list_add(batch, job);
    }
    uv_mutex_unlock(&journal->mutex);
}

static int write_batch(struct store *store, const struct job_list *batch, struct error *err)
{
    int result = store_begin(store, err);
    for (const struct job *job = batch->first; job != NULL && result == 0; job = job->next) {
        for (size_t i = 0; i < job->change_count && result == 0; i++)
            result = store_put(store, &job->changes[i], err);
    }
    return result == 0 ? store_commit(store, err) : result;
}

static void note(struct journal *journal, int result, uint64_t took_us)
{
    uv_mutex_lock(&journal->mutex);
    if (result == 0)
        journal->counters.commits++;
    else
        journal->counters.failures++;
    journal->counters.file_bytes = store_file_bytes(journal->store);
    if (took_us > journal->counters.slowest_commit_us)
        journal->counters.slowest_commit_us = took_us;
    uv_mutex_unlock(&journal->mutex);
}

static void append(struct journal *journal)
{
    struct job_list batch = {.first = NULL};
    struct error error;
    take_batch(journal, &batch);
    const uint64_t before = uv_hrtime();
    const int result = write_batch(journal->store, &batch, &error);
    note(journal, result, (uv_hrtime() - before) / 1000);
    /* Whatever was wrong, the caller's state may be ahead of the disk now. */
    finish_all(journal, &batch, result == 0 ? 0 : ERR_STORAGE, &error);
}

static void carry_out(struct journal *journal, struct job *job)
{
    switch (job->kind) {
    case JOB_OPEN:
        job->result = store_open(journal->store, &job->found, &job->error);
        note(journal, job->result, 0);
        break;
    case JOB_ADOPTED:
        job->result = store_adopted(journal->store, &job->error) == 0 ? 0 : ERR_STORAGE;
        break;
    case JOB_STOP:
        store_close(journal->store);
        break;
    case JOB_APPEND:
        CHECK_UNREACHABLE();
    }
}

/* Waits for work. Returns false when it was time to fold the log back instead. */
static bool wait_for_work(struct journal *journal, enum job_kind *ret_kind)
{
    bool in_time = true;
    uv_mutex_lock(&journal->mutex);
    while (journal->todo.first == NULL && in_time) {
        in_time = uv_cond_timedwait(&journal->work, &journal->mutex,
                                    journal->options.checkpoint_ms * UINT64_C(1000000)) == 0;
    }
    const bool has_work = journal->todo.first != NULL;
    if (has_work)
        *ret_kind = journal->todo.first->kind;
    uv_mutex_unlock(&journal->mutex);
    return has_work;
}

static void run(void *argument)
{
    struct journal *journal = argument;
    const uint64_t fold_ns = journal->options.checkpoint_ms * UINT64_C(1000000);
    uint64_t folded = uv_hrtime();
    for (;;) {
        enum job_kind kind = JOB_OPEN;
        const bool has_work = wait_for_work(journal, &kind);
        if (!has_work || uv_hrtime() - folded > fold_ns) {
            store_fold(journal->store);
            folded = uv_hrtime();
        }
        if (!has_work)
            continue;
        if (kind == JOB_APPEND) {
            append(journal);
            continue;
        }
        uv_mutex_lock(&journal->mutex);
        struct job *job = job_list_take(&journal->todo);
        uv_mutex_unlock(&journal->mutex);
        carry_out(journal, job);
        finish(journal, job);
        if (kind == JOB_STOP)
            return;
    }
}

/* --- on the loop ------------------------------------------------------------------------------ */

static struct journal *checked(struct journal *journal)
{
    CHECK(journal != NULL && journal->magic == JOURNAL_MAGIC);
    return journal;
}

static void tell_opened(struct journal *journal, struct job *job)
{
    journal->writable = job->result == 0;
    struct journal_row *rows = NULL;
    if (job->result == 0 && job->found.row_count > 0) {
        rows = reallocarray(NULL, job->found.row_count, sizeof(*rows));
        if (rows == NULL) {
            journal->writable = false;
            job->result = error_no_memory(&job->error);
        }
    }
    for (size_t i = 0; rows != NULL && i < job->found.row_count; i++)
        rows[i] = (struct journal_row){.sequence = job->found.rows[i].sequence,
                                       .key = job->found.rows[i].key,
                                       .value = job->found.rows[i].value};
    const struct journal_opening opening = {
        .fresh = job->found.fresh,
        .adopt = job->found.adopt,
        .kept_aside = job->found.kept_aside,
        .checked = job->found.checked,
        .instance = job->found.instance,
        .rows = rows,
        .row_count = job->found.row_count,
    };
    job->opened(job->context, job->result, job->result == 0 ? &opening : NULL,
                job->result == 0 ? NULL : &job->error);
    free(rows);
}

static void free_closed(uv_handle_t *handle)
{
    struct journal *journal = handle->data;
    struct job *stop = journal->stop;
    store_free(journal->store);
    uv_mutex_destroy(&journal->mutex);
    uv_cond_destroy(&journal->work);
    journal->magic = 0;
    free(journal);
    stop->stopped(stop->context);
    job_free(stop);
}

static void tell(struct journal *journal, struct job *job)
{
    switch (job->kind) {
    case JOB_OPEN:
        tell_opened(journal, job);
        break;
    case JOB_APPEND:
    case JOB_ADOPTED:
        if (job->result != 0)
            journal->writable = false;
        if (job->durable != NULL)
            job->durable(job->context, job->result, job->result == 0 ? NULL : &job->error);
        break;
    case JOB_STOP:
        (void)uv_thread_join(&journal->thread);
        journal->stop = job;
        uv_close((uv_handle_t *)&journal->wake, free_closed);
        return;
    }
    job_free(job);
}

static void on_wake(uv_async_t *wake)
{
    struct journal *journal = checked(wake->data);
    uv_mutex_lock(&journal->mutex);
    struct job_list done = journal->done;
    journal->done = (struct job_list){.first = NULL};
    for (const struct job *job = done.first; job != NULL; job = job->next) {
        journal->waiting_bytes -= job->bytes;
        journal->counters.waiting--;
    }
    uv_mutex_unlock(&journal->mutex);
    for (struct job *job = job_list_take(&done); job != NULL; job = job_list_take(&done))
        tell(journal, job);
}

static int make(struct journal *journal, uv_loop_t *loop, struct error *err)
{
    int result = store_new(&journal->options, &schema_current, &journal->store, err);
    if (result != 0)
        return result;
    if (uv_mutex_init(&journal->mutex) != 0)
        goto fail_mutex;
    if (uv_cond_init(&journal->work) != 0)
        goto fail_cond;
    result = uv_async_init(loop, &journal->wake, on_wake);
    if (result != 0)
        goto fail_async;
    journal->wake.data = journal;
    return 0;

fail_async:
    uv_cond_destroy(&journal->work);
fail_cond:
    uv_mutex_destroy(&journal->mutex);
fail_mutex:
    journal->store = store_free(journal->store);
    return error_set(err, ERROR_INTERNAL, result != 0 ? result : -ENOMEM,
                     "cannot make the journal's thread");
}

/* Only for a journal whose thread never ran. */
static void free_unstarted(uv_handle_t *handle)
{
    struct journal *journal = handle->data;
    uv_mutex_destroy(&journal->mutex);
    uv_cond_destroy(&journal->work);
    store_free(journal->store);
    free(journal);
}

int journal_start(const struct journal_options *options, uv_loop_t *loop,
                  struct journal **ret_journal, struct error *err)
{
    struct journal *journal = calloc(1, sizeof(*journal));
    if (journal == NULL)
        return error_no_memory(err);
    journal->magic = JOURNAL_MAGIC;
    journal->options = *options;
    int result = make(journal, loop, err);
    if (result != 0) {
        free(journal);
        return result;
    }
    /* The texts belong to the caller and are copied where they are needed. */
    journal->options.directory = NULL;
    journal->options.machine = NULL;
    result = uv_thread_create(&journal->thread, run, journal);
    if (result != 0) {
        uv_close((uv_handle_t *)&journal->wake, free_unstarted);
        return error_set(err, ERROR_INTERNAL, result, "cannot start the journal's thread: %s",
                         uv_strerror(result));
    }
    *ret_journal = journal;
    return 0;
}

static void queue_locked(struct journal *journal, struct job *job)
{
    job_list_add(&journal->todo, job);
    journal->waiting_bytes += job->bytes;
    journal->counters.waiting++;
    uv_cond_signal(&journal->work);
}

static void queue(struct journal *journal, struct job *job)
{
    uv_mutex_lock(&journal->mutex);
    queue_locked(journal, job);
    uv_mutex_unlock(&journal->mutex);
}

void journal_open(struct journal *journal, journal_opened *opened, void *context)
{
    checked(journal)->writable = false;
    struct job *job = job_new(JOB_OPEN, 0);
    CHECK(job != NULL); /* a few hundred bytes; without them nothing at all goes on */
    job->opened = opened;
    job->context = context;
    queue(journal, job);
}

static int refuse(struct error *err)
{
    return error_set(err, ERROR_UNAVAILABLE, ERR_STORAGE,
                     "the journal is not open: nothing may be changed before it is");
}

int journal_append(struct journal *journal, const struct journal_entry *entries, size_t count,
                   journal_durable *durable, void *context, struct error *err)
{
    if (!checked(journal)->writable)
        return refuse(err);
    struct job *job = job_new(JOB_APPEND, count);
    if (job == NULL)
        return error_no_memory(err);
    job->durable = durable;
    job->context = context;
    int result = 0;
    for (size_t i = 0; i < count && result == 0; i++)
        result = job_set_change(job, i, &entries[i], journal->options.value_bytes, err);
    if (result != 0) {
        job_free(job);
        return result;
    }
    uv_mutex_lock(&journal->mutex);
    const size_t waiting = journal->waiting_bytes;
    const bool fits = waiting + job->bytes <= journal->options.batch_bytes;
    if (fits)
        queue_locked(journal, job);
    uv_mutex_unlock(&journal->mutex);
    if (!fits) {
        job_free(job);
        return error_set(err, ERROR_LIMIT, ERR_LIMIT,
                         "%zu bytes wait for the disk already, the limit is %zu", waiting,
                         journal->options.batch_bytes);
    }
    journal->appended += count;
    return 0;
}

int journal_adopted(struct journal *journal, journal_durable *durable, void *context,
                    struct error *err)
{
    if (!checked(journal)->writable)
        return refuse(err);
    struct job *job = job_new(JOB_ADOPTED, 0);
    if (job == NULL)
        return error_no_memory(err);
    job->durable = durable;
    job->context = context;
    queue(journal, job);
    return 0;
}

bool journal_is_writable(const struct journal *journal)
{
    return journal->writable;
}

struct journal_counters journal_counters(struct journal *journal)
{
    uv_mutex_lock(&checked(journal)->mutex);
    struct journal_counters counters = journal->counters;
    uv_mutex_unlock(&journal->mutex);
    counters.appended = journal->appended;
    return counters;
}

void journal_stop(struct journal *journal, journal_stopped *stopped, void *context)
{
    checked(journal)->writable = false;
    struct job *job = job_new(JOB_STOP, 0);
    CHECK(job != NULL);
    job->stopped = stopped;
    job->context = context;
    queue(journal, job);
}
