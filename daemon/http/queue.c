#include "daemon/http/queue.h"

#include "config/base/check.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PATH_LIMIT ((size_t)32 * 1024)

void queue_init(struct queue *queue)
{
    *queue = (struct queue){.count = 0};
}

void queue_fini(struct queue *queue)
{
    CHECK(queue->count == 0);
}

static struct queue_entry **find_bucket(struct queue *queue, uint64_t id)
{
    return &queue->buckets[id % QUEUE_BUCKET_COUNT];
}

static int copy_text(const char *text, char **ret_copy)
{
    if (text == NULL)
        return 0;
    *ret_copy = strdup(text);
    return *ret_copy == NULL ? -ENOMEM : 0;
}

static int copy_body(struct queue_entry *entry, const struct client_request *request)
{
    if (request->body == NULL)
        return 0;
    entry->body = malloc(request->body_length + 1);
    if (entry->body == NULL)
        return -ENOMEM;
    memcpy(entry->body, request->body, request->body_length);
    entry->body[request->body_length] = '\0';
    return 0;
}

static int copy_request(struct queue_entry *entry, const struct client_request *request,
                        const struct address *server)
{
    entry->url = address_join(server, request->path);
    if (entry->url == NULL || copy_text(request->path, &entry->path) < 0 ||
        copy_text(request->header, &entry->header) < 0 ||
        copy_text(request->expect_name, &entry->expect_name) < 0 ||
        copy_text(request->expect_namespace, &entry->expect_namespace) < 0 ||
        copy_text(request->expect_uid, &entry->expect_uid) < 0 || copy_body(entry, request) < 0)
        return -ENOMEM;
    if (request->request_id != NULL)
        (void)snprintf(entry->request_id, sizeof(entry->request_id), "%s", request->request_id);
    else
        (void)snprintf(entry->request_id, sizeof(entry->request_id), "%" PRIu64, request->id);
    entry->request.path = entry->path;
    entry->request.body = entry->body;
    entry->request.header = entry->header;
    entry->request.expect_name = entry->expect_name;
    entry->request.expect_namespace = entry->expect_namespace;
    entry->request.expect_uid = entry->expect_uid;
    entry->request.request_id = entry->request_id;
    return 0;
}

struct queue_entry *queue_entry_new(const struct client_request *request,
                                    const struct address *server, client_done *done, void *context)
{
    struct queue_entry *entry = calloc(1, sizeof(*entry));
    if (entry == NULL)
        return NULL;
    entry->request = *request;
    if (entry->request.body_cap == 0)
        entry->request.body_cap = CLIENT_OBJECT_CAP;
    entry->done = done;
    entry->context = context;
    if (copy_request(entry, request, server) < 0) {
        queue_entry_free(entry);
        return NULL;
    }
    return entry;
}

void queue_entry_free(struct queue_entry *entry)
{
    reading_fini(&entry->reading);
    exchange_free(entry->exchange);
    secret_free(entry->token);
    if (entry->body != NULL)
        secret_wipe(entry->body, entry->request.body_length);
    free(entry->body);
    free(entry->url);
    free(entry->path);
    free(entry->header);
    free(entry->expect_name);
    free(entry->expect_namespace);
    free(entry->expect_uid);
    free(entry);
}

void queue_entry_drop(struct queue_entry *entry)
{
    if (entry->request.dropped != NULL)
        entry->request.dropped(entry->context);
    entry->is_abandoned = true;
    if (entry->reading.is_running)
        reading_hurry(&entry->reading);
    else
        queue_entry_free(entry);
}

int queue_entry_keep_token(struct queue_entry *entry, const struct secret *token)
{
    secret_free(entry->token);
    entry->token = token == NULL ? NULL : secret_prefixed("", token);
    return token != NULL && entry->token == NULL ? -ENOMEM : 0;
}

int queue_admit(const struct queue *queue, size_t limit, const struct client_request *request,
                struct error *err)
{
    const size_t length = strnlen(request->path, PATH_LIMIT + 1);
    if (length > PATH_LIMIT || request->path[0] != '/')
        return error_set(err, ERROR_INVALID, ERR_INVALID,
                         "a request's path does not begin with '/' or is too long");
    for (size_t i = 0; i < length; i++) {
        if (request->path[i] <= ' ' || request->path[i] > '~' || request->path[i] == '#')
            return error_set(err, ERROR_INVALID, ERR_INVALID,
                             "a request's path contains characters that are not encoded");
    }
    for (const char *c = request->header; c != NULL && *c != '\0'; c++) {
        if (*c < ' ' || *c > '~')
            return error_set(err, ERROR_INVALID, ERR_INVALID,
                             "a request's header has characters that cannot stand in one");
    }
    if (request->body != NULL && request->body_length > CLIENT_BODY_CAP)
        return error_set(err, ERROR_LIMIT, ERR_LIMIT,
                         "a request's body has %zu bytes, more than %zu", request->body_length,
                         CLIENT_BODY_CAP);
    if (request->request_id != NULL &&
        (request->request_id[0] == '\0' ||
         strspn(request->request_id, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
                                     "0123456789._-") != strlen(request->request_id) ||
         strlen(request->request_id) > QUEUE_REQUEST_ID_LIMIT))
        return error_set(err, ERROR_INVALID, ERR_INVALID, "a request's id cannot be a header");
    if (queue_find(queue, request->id) != NULL)
        return error_set(err, ERROR_INVALID, ERR_INVALID, "a request with this id runs already");
    if (queue->count >= limit)
        return error_set(err, ERROR_LIMIT, ERR_LIMIT, "%zu requests wait already", queue->count);
    return 0;
}

static void append(struct queue *queue, struct queue_entry *entry, enum queue_state state)
{
    struct queue_list *list = &queue->lists[state];
    entry->state = state;
    entry->next = NULL;
    entry->previous = list->last;
    if (list->last != NULL)
        list->last->next = entry;
    else
        list->first = entry;
    list->last = entry;
    list->count++;
}

static void detach(struct queue *queue, struct queue_entry *entry)
{
    struct queue_list *list = &queue->lists[entry->state];
    if (entry->previous != NULL)
        entry->previous->next = entry->next;
    else
        list->first = entry->next;
    if (entry->next != NULL)
        entry->next->previous = entry->previous;
    else
        list->last = entry->previous;
    entry->previous = entry->next = NULL;
    list->count--;
}

static void enlist(struct queue *queue, struct queue_entry *entry)
{
    struct queue_entry **bucket = find_bucket(queue, entry->request.id);
    entry->same_bucket = *bucket;
    *bucket = entry;
}

static void strike(struct queue *queue, struct queue_entry *entry)
{
    struct queue_entry **link = find_bucket(queue, entry->request.id);
    while (*link != entry) {
        CHECK(*link != NULL);
        link = &(*link)->same_bucket;
    }
    *link = entry->same_bucket;
}

void queue_rename(struct queue *queue, struct queue_entry *entry, uint64_t id)
{
    CHECK(queue_find(queue, id) == NULL);
    strike(queue, entry);
    entry->request.id = id;
    enlist(queue, entry);
}

void queue_add(struct queue *queue, struct queue_entry *entry)
{
    enlist(queue, entry);
    append(queue, entry, QUEUE_WAITING);
    queue->count++;
}

void queue_move(struct queue *queue, struct queue_entry *entry, enum queue_state state)
{
    detach(queue, entry);
    append(queue, entry, state);
}

void queue_remove(struct queue *queue, struct queue_entry *entry)
{
    strike(queue, entry);
    detach(queue, entry);
    queue->count--;
}

struct queue_entry *queue_find(const struct queue *queue, uint64_t id)
{
    struct queue_entry *entry = queue->buckets[id % QUEUE_BUCKET_COUNT];
    while (entry != NULL && entry->request.id != id)
        entry = entry->same_bucket;
    return entry;
}

struct queue_entry *queue_any(const struct queue *queue)
{
    for (size_t i = 0; i < QUEUE_STATE_COUNT; i++) {
        if (queue->lists[i].first != NULL)
            return queue->lists[i].first;
    }
    return NULL;
}
