#include "daemon/http/listing.h"

#include "config/base/check.h"
#include "config/base/json.h"
#include "config/base/owned.h"
#include "config/base/text.h"
#include "daemon/http/backoff.h"
#include "daemon/http/filter.h"
#include "daemon/http/pages.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define BACKOFF_BASE DURATION_MS(250)
#define BACKOFF_CAP DURATION_S(10)

/* The page after the one that is being read is asked for by this id besides, until it is its turn.
 */
#define AHEAD (UINT64_C(1) << 63)

/* Owned by its requests in the client: freed with the last of them. */
struct listing {
    struct client *client;
    uint64_t id;
    char *path;
    size_t body_cap;
    unsigned page_limit, max_pages, restarts_left;
    struct pages *pages;
    struct backoff backoff;
    listing_progress *progress;
    void (*dropped)(void *context);
    void *context;
    unsigned requests; /* in the client */
    bool is_over;      /* the owner has heard the last word */
    bool turns_back;   /* the request ahead is being dropped by us */
    char *ahead;       /* cursor of the page that was asked for ahead; NULL = none */
    bool is_held;      /* ... its answer came before its turn: */
    struct client_result held;
    json_t *held_body;
};

static void listing_free(struct listing *listing)
{
    if (listing->requests > 0)
        return;
    json_decref(listing->held_body);
    pages_free(listing->pages);
    free(listing->ahead);
    free(listing->path);
    free(listing);
}

static void on_dropped(void *context)
{
    struct listing *listing = context;
    listing->requests--;
    if (listing->turns_back)
        return;
    if (!listing->is_over && listing->dropped != NULL)
        listing->dropped(listing->context);
    listing->is_over = true;
    listing_free(listing);
}

/* What was asked for ahead is not wanted. */
static void turn_back(struct listing *listing)
{
    if (listing->ahead != NULL && !listing->is_held) {
        listing->turns_back = true;
        client_cancel(listing->client, listing->id | AHEAD);
        listing->turns_back = false;
    }
    free(TAKE(listing->ahead));
    json_decref(TAKE(listing->held_body));
    listing->is_held = false;
}

static void on_page(void *context, uint64_t id, const struct client_result *result);
static void on_arrived(void *context, uint64_t id, const char *body, size_t length);

/* Asks for the page at the cursor, or for the first one. */
static int ask(struct listing *listing, uint64_t id, const char *cursor, struct duration delay,
               struct error *err)
{
    OWNED_TEXT path;
    text_init(&path, (size_t)32 * 1024);
    text_format(&path, "%s%climit=%u", listing->path, strchr(listing->path, '?') ? '&' : '?',
                listing->page_limit);
    if (cursor != NULL) {
        text_add(&path, "&cursor=");
        text_add_encoded(&path, cursor);
    }
    if (text_status(&path) < 0)
        return error_set(err, ERROR_LIMIT, ERR_LIMIT, "the list's path is too long");
    char request_id[24];
    (void)snprintf(request_id, sizeof(request_id), "%" PRIu64, listing->id);
    const struct client_request request = {
        .id = id,
        .method = HTTP_GET,
        .path = text_get(&path),
        .request_id = request_id,
        .body_cap = listing->body_cap,
        .delay = delay,
        .dropped = on_dropped,
        .arrived = on_arrived,
    };
    const int result = client_send(listing->client, &request, on_page, listing, err);
    listing->requests += result == 0;
    return result;
}

/* A long page takes a while to be read: the next one is on its way meanwhile. What it leads to is
 * only used when the page, once read, names the same. */
static void on_arrived(void *context, uint64_t id, const char *body, size_t length)
{
    struct listing *listing = context;
    if (id != listing->id || listing->is_over || listing->ahead != NULL)
        return;
    OWNED(owned_free) char *cursor = pages_peek(body, length);
    struct error ignored;
    if (cursor != NULL && ask(listing, id | AHEAD, cursor, DURATION_MS(0), &ignored) == 0)
        listing->ahead = TAKE(cursor);
}

static struct listing_event event_of(const struct listing *listing, enum listing_event_kind kind)
{
    return (struct listing_event){.kind = kind,
                                  .pages = pages_count(listing->pages),
                                  .count = pages_items(listing->pages),
                                  .duplicates = pages_duplicates(listing->pages),
                                  .error = {.retry_after_ms = -1}};
}

/* The last word; the listing is gone before its owner hears it, so that the id is free. */
static void end(struct listing *listing, struct listing_event *event)
{
    listing_progress *progress = listing->progress;
    void *context = listing->context;
    const uint64_t id = listing->id;
    turn_back(listing);
    listing->is_over = true;
    listing_free(listing);
    progress(context, id, event);
}

static void fail(struct listing *listing, const struct error *error)
{
    struct listing_event event = event_of(listing, LISTING_INCOMPLETE);
    event.error = *error;
    end(listing, &event);
}

/* Starts the next step first: it is what a cancellation in the owner's callback ends, and the
 * listing with it. */
static void go_on(struct listing *listing, int started, const struct error *problem,
                  const struct listing_event *event)
{
    if (started < 0)
        fail(listing, problem);
    else
        listing->progress(listing->context, listing->id, event);
}

static void begin_again(struct listing *listing, const struct error *reason)
{
    struct listing_event event = event_of(listing, LISTING_RESTART);
    event.error = *reason;
    struct pages *pages = listing->restarts_left == 0 ? NULL : pages_new(listing->max_pages);
    if (pages == NULL) {
        fail(listing, reason);
        return;
    }
    listing->restarts_left--;
    turn_back(listing);
    pages_free(listing->pages);
    listing->pages = pages;
    struct error problem = {.kind = ERROR_NONE};
    const int started = ask(listing, listing->id, NULL, backoff_next(&listing->backoff), &problem);
    go_on(listing, started, &problem, &event);
}

static void on_complete(void *context, uint64_t id, const struct client_result *result)
{
    (void)id;
    (void)result;
    struct listing *listing = context;
    listing->requests--;
    struct listing_event event = event_of(listing, LISTING_COMPLETE);
    end(listing, &event);
}

static int defer(struct listing *listing, client_done *done, struct error *err)
{
    const int result = client_defer(listing->client, listing->id, done, on_dropped, listing, err);
    listing->requests += result == 0;
    return result;
}

static void on_held(void *context, uint64_t id, const struct client_result *result);

/* To the page at the cursor: maybe it was asked for already, and maybe it is here. */
static int go_to(struct listing *listing, const char *cursor, struct error *err)
{
    if (cursor == NULL || listing->ahead == NULL || strcmp(listing->ahead, cursor) != 0) {
        turn_back(listing);
        return cursor == NULL ? defer(listing, on_complete, err)
                              : ask(listing, listing->id, cursor, DURATION_MS(0), err);
    }
    free(TAKE(listing->ahead));
    if (listing->is_held)
        return defer(listing, on_held, err);
    client_rename(listing->client, listing->id | AHEAD, listing->id);
    return 0;
}

static void take_page(struct listing *listing, const json_t *body)
{
    struct error problem = {.kind = ERROR_NONE};
    OWNED_JSON *items = NULL;
    const int result = pages_add(listing->pages, body, &items, &problem);
    if (result == ERR_INVALID) {
        begin_again(listing, &problem);
        return;
    }
    if (result < 0) {
        fail(listing, &problem);
        return;
    }
    struct listing_event event = event_of(listing, LISTING_ITEMS);
    event.items = items;
    const int started = go_to(listing, pages_cursor(listing->pages), &problem);
    go_on(listing, started, &problem, &event);
}

static void take_answer(struct listing *listing, const struct client_result *result)
{
    /* An expired cursor is a 500 here, and a 410 elsewhere. */
    const bool is_anomaly =
        result->verdict == VERDICT_RETRY && (result->status == 500 || result->status == 410 ||
                                             (result->status >= 200 && result->status < 300));
    if (result->verdict == VERDICT_DONE)
        take_page(listing, result->body);
    else if (is_anomaly)
        begin_again(listing, &result->error);
    else
        fail(listing, &result->error);
}

static void on_held(void *context, uint64_t id, const struct client_result *result)
{
    (void)id;
    (void)result;
    struct listing *listing = context;
    listing->requests--;
    listing->is_held = false;
    const struct client_result held = listing->held;
    json_t *body = TAKE(listing->held_body); /* the listing may end with this answer */
    take_answer(listing, &held);
    json_decref(body);
}

static void on_page(void *context, uint64_t id, const struct client_result *result)
{
    struct listing *listing = context;
    listing->requests--;
    if (listing->is_over) {
        listing_free(listing);
    } else if (id == listing->id) {
        take_answer(listing, result);
    } else {
        listing->is_held = true;
        listing->held = *result;
        listing->held_body = json_incref(json_unconst(result->body));
    }
}

static int check_path(const char *path, struct error *err)
{
    char filter[FILTER_NAME_SIZE];
    if (filter_check_path(path, filter))
        return 0;
    return error_set(err, ERROR_INVALID, ERR_INVALID,
                     "the server ignores \"%s\" on this list and would answer with everything",
                     filter);
}

static unsigned or_default(unsigned number, unsigned otherwise)
{
    return number == 0 ? otherwise : number;
}

int listing_start(struct client *client, const struct listing_request *request,
                  listing_progress *progress, void *context, struct error *err)
{
    int result = check_path(request->path, err);
    if (result < 0)
        return result;
    struct listing *listing = calloc(1, sizeof(*listing));
    if (listing == NULL)
        return error_no_memory(err);
    listing->client = client;
    listing->id = request->id;
    listing->body_cap = request->body_cap == 0 ? CLIENT_LIST_CAP : request->body_cap;
    listing->page_limit = or_default(request->page_limit, 100);
    listing->max_pages = or_default(request->max_pages, 1000);
    listing->restarts_left = or_default(request->restarts, 3);
    listing->progress = progress;
    listing->dropped = request->dropped;
    listing->context = context;
    backoff_init(&listing->backoff, request->seed, BACKOFF_BASE, BACKOFF_CAP);
    listing->path = strdup(request->path);
    listing->pages = pages_new(listing->max_pages);
    if (listing->path == NULL || listing->pages == NULL) {
        listing_free(listing);
        return error_no_memory(err);
    }
    result = ask(listing, listing->id, NULL, DURATION_MS(0), err);
    if (result < 0)
        listing_free(listing);
    return result;
}
