#include "daemon/http/listing.h"

#include "config/base/check.h"
#include "config/base/json.h"
#include "config/base/text.h"
#include "daemon/http/backoff.h"
#include "daemon/http/filter.h"
#include "daemon/http/pages.h"

#include <stdlib.h>
#include <string.h>

#define BACKOFF_BASE DURATION_MS(250)
#define BACKOFF_CAP DURATION_S(10)

/* Owned by its one request in the client: freed at the end, or when that request is dropped. */
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
};

static void listing_free(struct listing *listing)
{
    pages_free(listing->pages);
    free(listing->path);
    free(listing);
}

static void on_dropped(void *context)
{
    struct listing *listing = context;
    if (listing->dropped != NULL)
        listing->dropped(listing->context);
    listing_free(listing);
}

static void on_page(void *context, uint64_t id, const struct client_result *result);

/* Asks for the page at the cursor, or for the first one. */
static int ask(struct listing *listing, struct duration delay, struct error *err)
{
    OWNED_TEXT path;
    text_init(&path, (size_t)32 * 1024);
    text_format(&path, "%s%climit=%u", listing->path, strchr(listing->path, '?') ? '&' : '?',
                listing->page_limit);
    const char *cursor = pages_cursor(listing->pages);
    if (cursor != NULL) {
        text_add(&path, "&cursor=");
        text_add_encoded(&path, cursor);
    }
    if (text_status(&path) < 0)
        return error_set(err, ERROR_LIMIT, ERR_LIMIT, "the list's path is too long");
    const struct client_request request = {
        .id = listing->id,
        .method = HTTP_GET,
        .path = text_get(&path),
        .body_cap = listing->body_cap,
        .delay = delay,
        .dropped = on_dropped,
    };
    return client_send(listing->client, &request, on_page, listing, err);
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
    pages_free(listing->pages);
    listing->pages = pages;
    struct error problem = {.kind = ERROR_NONE};
    const int started = ask(listing, backoff_next(&listing->backoff), &problem);
    go_on(listing, started, &problem, &event);
}

static void on_complete(void *context, uint64_t id, const struct client_result *result)
{
    (void)id;
    (void)result;
    struct listing *listing = context;
    struct listing_event event = event_of(listing, LISTING_COMPLETE);
    end(listing, &event);
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
    const int started = pages_cursor(listing->pages) != NULL
                            ? ask(listing, DURATION_MS(0), &problem)
                            : client_defer(listing->client, listing->id, on_complete, on_dropped,
                                           listing, &problem);
    go_on(listing, started, &problem, &event);
}

static void on_page(void *context, uint64_t id, const struct client_result *result)
{
    struct listing *listing = context;
    CHECK(listing->id == id);
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
    result = ask(listing, DURATION_MS(0), err);
    if (result < 0)
        listing_free(listing);
    return result;
}
