#include "daemon/celld/reader.h"

#include "config/base/check.h"
#include "config/base/owned.h"
#include "gitwatch/mirror.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

struct task {
    struct task *next;
    uv_work_t work;
    struct reader *reader;
    struct revision_request request;
    struct revision *revision;
    reader_done *done; /* NULL = a pin is set */
    void *context;
    char *pin;
    bool started;
};

struct reader {
    uv_loop_t *loop;
    const struct repository_settings *settings;
    char *mirror;
    const char **cell_files, **native_files;
    const struct revision *base;
    struct object_id last_good[REVISION_LAST_GOOD_LIMIT];
    size_t last_good_count;
    struct task *first, *last;
    void (*stopped)(void *context); /* set = stopping */
    void *stopped_context;
};

static void start_next(struct reader *reader);

static const char **texts_of(const struct manifest_texts *texts)
{
    const char **list = calloc(texts->count + 1, sizeof(*list));
    for (size_t i = 0; list != NULL && i < texts->count; i++)
        list[i] = texts->items[i].text;
    return list;
}

static void reader_free(struct reader *reader)
{
    free(reader->mirror);
    free(reader->cell_files);
    free(reader->native_files);
    free(reader);
}

struct reader *reader_new(uv_loop_t *loop, const struct repository_settings *settings,
                          const char *mirror)
{
    struct reader *reader = calloc(1, sizeof(*reader));
    if (reader == NULL)
        return NULL;
    reader->loop = loop;
    reader->settings = settings;
    reader->mirror = strdup(mirror);
    reader->cell_files = texts_of(&settings->cell_files);
    reader->native_files = texts_of(&settings->native_files);
    if (reader->mirror == NULL || reader->cell_files == NULL || reader->native_files == NULL) {
        reader_free(reader);
        return NULL;
    }
    return reader;
}

void reader_base(struct reader *reader, const struct revision *revision)
{
    reader->base = revision;
}

void reader_last_good(struct reader *reader, const struct object_id *commit)
{
    size_t kept = 0;
    for (size_t i = 0; i < reader->last_good_count; i++) {
        if (!object_id_equal(&reader->last_good[i], commit))
            reader->last_good[kept++] = reader->last_good[i];
    }
    if (kept == REVISION_LAST_GOOD_LIMIT) {
        kept--;
        memmove(&reader->last_good[0], &reader->last_good[1], kept * sizeof(reader->last_good[0]));
    }
    reader->last_good[kept++] = *commit;
    reader->last_good_count = kept;
}

/* --- the worker thread ---------------------------------------------------------------------- */

static void do_task(uv_work_t *work)
{
    struct task *task = work->data;
    if (task->done != NULL) {
        task->revision = revision_read(&task->request);
        return;
    }
    struct mirror *mirror = NULL;
    if (mirror_open(task->request.mirror, &mirror, NULL) < 0)
        return;
    if (object_id_is_set(&task->request.commit))
        (void)!mirror_pin(mirror, task->pin, &task->request.commit, NULL);
    else
        (void)!mirror_unpin(mirror, task->pin, NULL);
    (void)mirror_free(mirror);
}

/* --- the queue ------------------------------------------------------------------------------ */

static void task_free(struct task *task)
{
    (void)revision_free(task->revision);
    (void)manifest_set_unref(task->request.fallback);
    free(task->pin);
    free(task);
}

static void finish_stop(struct reader *reader)
{
    void (*stopped)(void *context) = reader->stopped;
    void *context = reader->stopped_context;
    reader_free(reader);
    stopped(context);
}

static void on_task_done(uv_work_t *work, int status)
{
    struct task *task = work->data;
    struct reader *reader = task->reader;
    (void)status;
    CHECK(reader->first == task);
    /* It stays the first one meanwhile, so that who is told may stop us. */
    if (reader->stopped == NULL && task->done != NULL)
        task->done(task->context, &task->revision);
    reader->first = task->next;
    if (reader->first == NULL)
        reader->last = NULL;
    task_free(task);
    if (reader->stopped != NULL)
        finish_stop(reader);
    else
        start_next(reader);
}

static void start_next(struct reader *reader)
{
    struct task *task = reader->first;
    if (task == NULL || task->started)
        return;
    task->started = true;
    /* Only what is current when it starts: tasks may have waited. */
    if (reader->base != NULL) {
        task->request.fallback = manifest_set_ref(reader->base->set);
        task->request.previous = reader->base->commit;
    }
    task->request.last_good_count = reader->last_good_count;
    memcpy(task->request.last_good, reader->last_good, sizeof(reader->last_good));
    CHECK(uv_queue_work(reader->loop, &task->work, do_task, on_task_done) == 0);
}

static struct task *add_task(struct reader *reader, const struct object_id *commit)
{
    const struct repository_settings *settings = reader->settings;
    struct task *task = calloc(1, sizeof(*task));
    if (task == NULL)
        return NULL;
    task->reader = reader;
    task->work.data = task;
    task->request = (struct revision_request){
        .mirror = reader->mirror,
        .commit = *commit,
        .patterns = {.platform_file = settings->platform_file.text,
                     .cell_files = reader->cell_files,
                     .cell_file_count = settings->cell_files.count,
                     .native_files = reader->native_files,
                     .native_file_count = settings->native_files.count},
        .file_bytes = (uint64_t)settings->max_file_kib.value * 1024,
        .tree_entries = (uint32_t)settings->max_tree_entries.value,
    };
    return task;
}

static void queue(struct reader *reader, struct task *task)
{
    if (reader->last != NULL)
        reader->last->next = task;
    else
        reader->first = task;
    reader->last = task;
    start_next(reader);
}

int reader_read(struct reader *reader, const struct object_id *commit, reader_done *done,
                void *context)
{
    struct task *task = add_task(reader, commit);
    if (task == NULL)
        return -ENOMEM;
    task->done = done;
    task->context = context;
    queue(reader, task);
    return 0;
}

void reader_pin(struct reader *reader, const char *name, const struct object_id *commit)
{
    struct task *task = add_task(reader, commit);
    if (task == NULL)
        return;
    task->pin = strdup(name);
    if (task->pin == NULL)
        task_free(task);
    else
        queue(reader, task);
}

void reader_stop(struct reader *reader, void (*stopped)(void *context), void *context)
{
    struct task *running = reader->first;
    reader->stopped = stopped;
    reader->stopped_context = context;
    if (running == NULL) {
        finish_stop(reader);
        return;
    }
    while (running->next != NULL) {
        struct task *task = running->next;
        running->next = task->next;
        task_free(task);
    }
    reader->last = running;
}
