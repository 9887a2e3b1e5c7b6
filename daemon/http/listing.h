/* One complete list of a collection: all pages, no item twice, or the statement that it is not
 * complete. "Absent" means nothing unless the listing ended with LISTING_COMPLETE, and even then a
 * GET should confirm it: what the caller may not view is left out silently. */
#pragma once

#include "daemon/http/client.h"

enum listing_event_kind {
    LISTING_ITEMS,      /* the next items */
    LISTING_RESTART,    /* the list was torn: forget what was handed over so far; more will come */
    LISTING_COMPLETE,   /* the end: all items were handed over */
    LISTING_INCOMPLETE, /* the end: `error` says why; conclude nothing from absence */
};

struct listing_event {
    enum listing_event_kind kind;
    const json_t *items; /* LISTING_ITEMS: an array of objects, each with
                            metadata.name; borrowed for the callback */
    struct error error;  /* LISTING_INCOMPLETE, and the reason of LISTING_RESTART */
    unsigned pages;      /* of this attempt so far */
    size_t count;        /* items of this attempt so far */
    size_t duplicates;   /* items that came twice and were handed over once */
};

/* Called any number of times with the first two kinds, then once with one of the last two, unless
 * the listing is cancelled. */
typedef void listing_progress(void *context, uint64_t id, const struct listing_event *event);

struct listing_request {
    uint64_t id;         /* below 2^63; shares the client's id space, and the same with the highest
                            bit set is the listing's own; client_cancel() ends the listing */
    const char *path;    /* of the collection, may carry filters that work; no limit, no cursor */
    size_t body_cap;     /* of a page; 0 = CLIENT_LIST_CAP */
    unsigned page_limit; /* items per page; 0 = 100 */
    unsigned max_pages;  /* 0 = 1000 */
    unsigned restarts;   /* 0 = 3 */
    uint64_t seed;       /* of the jitter between restarts */
    void (*dropped)(void *context); /* as in struct client_request */
};

/* Returns 0; ERR_INVALID for a path with a filter that the server would ignore, or what
 * client_send() returns; then nothing is called. */
int listing_start(struct client *client, const struct listing_request *request,
                  listing_progress *progress, void *context, struct error *err)
    __attribute__((warn_unused_result));
