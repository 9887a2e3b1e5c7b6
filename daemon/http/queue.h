/* The requests of one client: owned copies, found by id, in one list per state and in the order in
 * which they came to it. Decides nothing. */
#pragma once

#include "daemon/http/address.h"
#include "daemon/http/client.h"
#include "daemon/http/exchange.h"
#include "daemon/http/reading.h"

#include <stddef.h>

enum queue_state {
    QUEUE_WAITING, /* for its time, a connection, a token */
    QUEUE_RUNNING, /* has an exchange */
    QUEUE_READING, /* its exchange is over, the answer is being read */
    QUEUE_FAILED,  /* has a failure that is not delivered yet */
};
#define QUEUE_STATE_COUNT (QUEUE_FAILED + 1)

#define QUEUE_REQUEST_ID_LIMIT 64

struct queue_entry {
    enum queue_state state;
    struct queue_entry *previous, *next; /* in the state's list */
    struct queue_entry *same_bucket;
    struct client *client;
    struct client_request request; /* its texts are owned */
    char *url, *path, *body, *header, *expect_name, *expect_namespace, *expect_uid;
    char request_id[QUEUE_REQUEST_ID_LIMIT + 1];
    client_done *done;
    void *context;
    struct mono_time not_before, started;
    struct exchange *exchange;
    struct reading reading;
    bool is_abandoned;    /* out of the queue, but still being read */
    struct secret *token; /* that it was sent with, to be hidden in messages */
    uint64_t generation;  /* of the token */
    bool is_repeated;     /* after a 401 */
    struct error failure;
};

struct queue_list {
    struct queue_entry *first, *last;
    size_t count;
};

#define QUEUE_BUCKET_COUNT 1024

struct queue {
    struct queue_list lists[QUEUE_STATE_COUNT];
    struct queue_entry *buckets[QUEUE_BUCKET_COUNT];
    size_t count;
};

void queue_init(struct queue *queue);

/* The queue must be empty. */
void queue_fini(struct queue *queue);

/* NULL without memory. */
struct queue_entry *queue_entry_new(const struct client_request *request,
                                    const struct address *server, client_done *done, void *context);

/* Frees it with its exchange; it must be in no queue and not being read. */
void queue_entry_free(struct queue_entry *entry);

/* Tells its owner that no answer will come, and frees it, or leaves that to the end of its reading.
 * It must be in no queue. */
void queue_entry_drop(struct queue_entry *entry);

/* Copies the token (NULL = none). 0 or -ENOMEM. */
int queue_entry_keep_token(struct queue_entry *entry, const struct secret *token);

/* Checks that a request can be sent and that there is room for it among `limit`.
 * Returns 0, ERR_INVALID or ERR_LIMIT. */
int queue_admit(const struct queue *queue, size_t limit, const struct client_request *request,
                struct error *err) __attribute__((warn_unused_result));

/* As waiting. */
void queue_add(struct queue *queue, struct queue_entry *entry);
void queue_move(struct queue *queue, struct queue_entry *entry, enum queue_state state);
void queue_remove(struct queue *queue, struct queue_entry *entry);

/* Gives it another id, which must be free. */
void queue_rename(struct queue *queue, struct queue_entry *entry, uint64_t id);

struct queue_entry *queue_find(const struct queue *queue, uint64_t id);

/* Any of them; NULL when empty. */
struct queue_entry *queue_any(const struct queue *queue);
