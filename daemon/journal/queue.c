#include "daemon/journal/queue.h"

#include "config/base/json.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define KEY_BYTES 512

struct job *job_new(enum job_kind kind, size_t change_count)
{
    struct job *job = calloc(1, sizeof(*job) + change_count * sizeof(job->changes[0]));
    if (job == NULL)
        return NULL;
    job->kind = kind;
    job->change_count = change_count;
    return job;
}

/* The texts are const for SQLite's sake; they are ours. */
static void free_text(const char *text)
{
    void *pointer;
    memcpy(&pointer, &text, sizeof(pointer));
    free(pointer);
}

struct job *job_free(struct job *job)
{
    if (job == NULL)
        return NULL;
    for (size_t i = 0; i < job->change_count; i++) {
        free_text(job->changes[i].key);
        free_text(job->changes[i].value);
    }
    store_found_fini(&job->found);
    free(job);
    return NULL;
}

void job_list_add(struct job_list *list, struct job *job)
{
    job->next = NULL;
    if (list->last == NULL)
        list->first = job;
    else
        list->last->next = job;
    list->last = job;
}

struct job *job_list_take(struct job_list *list)
{
    struct job *job = list->first;
    if (job == NULL)
        return NULL;
    list->first = job->next;
    if (list->first == NULL)
        list->last = NULL;
    job->next = NULL;
    return job;
}

static bool is_key(const char *key, size_t length)
{
    if (length == 0 || length > KEY_BYTES)
        return false;
    for (size_t i = 0; i < length; i++) {
        if ((unsigned char)key[i] < 0x20 || key[i] == 0x7F)
            return false;
    }
    return true;
}

int job_set_change(struct job *job, size_t index, const struct journal_entry *entry,
                   size_t value_bytes, struct error *err)
{
    const size_t key_length = strlen(entry->key);
    if (!is_key(entry->key, key_length))
        return error_set(err, ERROR_INVALID, -EINVAL,
                         "a journal key must have 1 to %d printable bytes, this has %zu", KEY_BYTES,
                         key_length);
    struct store_change *change = &job->changes[index];
    change->key = strdup(entry->key);
    if (change->key == NULL)
        return error_no_memory(err);
    job->bytes += sizeof(*change) + key_length;
    if (entry->value == NULL)
        return 0;
    change->value = json_canonical(entry->value);
    if (change->value == NULL)
        return error_no_memory(err);
    change->length = strlen(change->value);
    job->bytes += change->length;
    if (change->length > value_bytes)
        return error_set(err, ERROR_LIMIT, ERR_LIMIT,
                         "the journal row %s has %zu bytes, the limit is %zu", entry->key,
                         change->length, value_bytes);
    return 0;
}
