/* Whole lists, from servers that page well, badly, and without end. */
#include "tests/daemon/http/probe.h"
#include "tests/daemon/http/web.h"

#include <criterion/criterion.h>

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PATH "/api/v1/namespaces/acme/components"

enum habit {
    HABIT_GOOD,
    HABIT_OVERLAP,      /* the last item of a page comes again on the next */
    HABIT_LOOP,         /* the third page leads back to the second */
    HABIT_SAME,         /* every page names itself as the next */
    HABIT_ENDLESS,      /* always another page */
    HABIT_EXPIRES_ONCE, /* one cursor expires: 500 */
    HABIT_EXPIRES,      /* every cursor expires */
    HABIT_HTML_ONCE,    /* a proxy answers the second page */
    HABIT_CHANGES_ONCE, /* an object is made anew between two pages */
    HABIT_MISSING,      /* 404 */
    HABIT_FORBIDDEN,    /* 403 */
    HABIT_EMPTY,        /* 200, no items */
    HABIT_NO_LIST,      /* 200, another document */
    HABIT_MISLEADS,     /* the last cursor in the text is not the page's */
};

/* Bytes in each item that make a page so long that it is read apart. */
#define LONG 2000u

struct paging {
    enum habit habit;
    unsigned total, per_page; /* items */
    unsigned padding;         /* bytes of each item that say nothing */
    atomic_uint first_pages;
};

static void write_items(struct text *body, unsigned from, unsigned to, unsigned changed,
                        unsigned padding)
{
    for (unsigned i = from; i < to; i++)
        text_format(body, "%s{\"metadata\":{\"name\":\"c%u\",\"uid\":\"%s%u\"},\"spec\":\"%*s\"}",
                    i == from ? "" : ",", i, i == changed ? "new-" : "", i, (int)padding, "");
}

static bool misbehave(struct paging *paging, unsigned page, struct web_reply *reply)
{
    const bool is_first_try = atomic_load(&paging->first_pages) == 1;
    switch (paging->habit) {
    case HABIT_EXPIRES_ONCE:
    case HABIT_EXPIRES:
        if (page == 0 || (paging->habit == HABIT_EXPIRES_ONCE && !is_first_try))
            return false;
        reply->status = 500;
        text_add(&reply->body, "{\"error\":\"Internal server error\",\"code\":\"INTERNAL_ERROR\"}");
        return true;
    case HABIT_HTML_ONCE:
        if (page != 1 || !is_first_try)
            return false;
        reply->content_type = "text/html";
        text_add(&reply->body, "<html>log in</html>");
        return true;
    case HABIT_MISSING:
    case HABIT_FORBIDDEN:
        reply->status = paging->habit == HABIT_MISSING ? 404 : 403;
        text_add(&reply->body, "{\"error\":\"no\",\"code\":\"X\"}");
        return true;
    case HABIT_NO_LIST:
        text_add(&reply->body, "{\"status\":\"ok\"}");
        return true;
    case HABIT_GOOD:
    case HABIT_OVERLAP:
    case HABIT_LOOP:
    case HABIT_SAME:
    case HABIT_ENDLESS:
    case HABIT_CHANGES_ONCE:
    case HABIT_EMPTY:
    case HABIT_MISLEADS:
        return false;
    }
    return false;
}

static void page_of(void *context, const struct web_request *request, struct web_reply *reply)
{
    struct paging *paging = context;
    const unsigned page =
        request->cursor == NULL ? 0 : (unsigned)strtoul(request->cursor + 5, NULL, 10);
    if (page == 0)
        (void)atomic_fetch_add(&paging->first_pages, 1);
    if (misbehave(paging, page, reply))
        return;
    unsigned from = page * paging->per_page;
    const unsigned to =
        from + paging->per_page < paging->total ? from + paging->per_page : paging->total;
    unsigned next = to < paging->total ? page + 1 : 0;
    unsigned changed = UINT32_MAX;
    if (paging->habit == HABIT_OVERLAP && page > 0)
        from--;
    if (paging->habit == HABIT_CHANGES_ONCE && page == 1 && atomic_load(&paging->first_pages) == 1)
        changed = --from;
    if (paging->habit == HABIT_LOOP && page == 2)
        next = 1;
    if (paging->habit == HABIT_SAME)
        next = 1;
    if (paging->habit == HABIT_ENDLESS)
        next = page + 1;
    text_add(&reply->body, "{\"items\":[");
    write_items(&reply->body, from, to, changed, paging->padding);
    text_add(&reply->body, "],\"pagination\":{");
    if (next > 0)
        text_format(&reply->body, "\"nextCursor\":\"p/=+ %u\"", next);
    text_add(&reply->body,
             paging->habit == HABIT_MISLEADS ? "},\"more\":{\"nextCursor\":\"p/=+ 9\"}}" : "}}");
}

static const struct {
    const char *name;
    enum habit habit;
    unsigned total;
    enum listing_event_kind end;
    size_t items;
    unsigned restarts;
    enum error_kind kind; /* of the incomplete ones */
    const char *text;     /* of the error, or of the last restart */
} rows[] = {
    {"good", HABIT_GOOD, 35, LISTING_COMPLETE, 35, 0, ERROR_NONE, ""},
    {"good, one page", HABIT_GOOD, 10, LISTING_COMPLETE, 10, 0, ERROR_NONE, ""},
    {"empty", HABIT_EMPTY, 0, LISTING_COMPLETE, 0, 0, ERROR_NONE, ""},
    {"items twice", HABIT_OVERLAP, 35, LISTING_COMPLETE, 35, 0, ERROR_NONE, ""},
    {"cursor expires once", HABIT_EXPIRES_ONCE, 35, LISTING_COMPLETE, 35, 1, ERROR_NONE,
     "answered 500"},
    {"a proxy's page", HABIT_HTML_ONCE, 35, LISTING_COMPLETE, 35, 1, ERROR_NONE,
     "text/html instead of JSON"},
    {"made anew meanwhile", HABIT_CHANGES_ONCE, 35, LISTING_COMPLETE, 35, 1, ERROR_NONE,
     "made anew"},
    {"cursor loop", HABIT_LOOP, 35, LISTING_INCOMPLETE, 0, 2, ERROR_UNAVAILABLE, "leads back"},
    {"same cursor", HABIT_SAME, 35, LISTING_INCOMPLETE, 0, 2, ERROR_UNAVAILABLE, "leads back"},
    {"cursors expire", HABIT_EXPIRES, 35, LISTING_INCOMPLETE, 0, 2, ERROR_UNAVAILABLE,
     "answered 500"},
    {"endless", HABIT_ENDLESS, 10, LISTING_INCOMPLETE, 0, 0, ERROR_LIMIT, "more than 8 pages"},
    {"missing", HABIT_MISSING, 10, LISTING_INCOMPLETE, 0, 0, ERROR_NOT_FOUND, "answered 404"},
    {"forbidden", HABIT_FORBIDDEN, 10, LISTING_INCOMPLETE, 0, 0, ERROR_DENIED, "answered 403"},
    {"another cursor behind", HABIT_MISLEADS, 35, LISTING_COMPLETE, 35, 0, ERROR_NONE, ""},
    {"no list", HABIT_NO_LIST, 10, LISTING_INCOMPLETE, 0, 2, ERROR_UNAVAILABLE,
     "/items is missing"},
};

static void check_row(size_t row, unsigned padding)
{
    struct paging paging = {
        .habit = rows[row].habit, .total = rows[row].total, .per_page = 10, .padding = padding};
    struct web *web = web_start(&(struct web_options){.handler = page_of, .context = &paging});
    struct probe probe;
    probe_open_port(&probe, web_port(web));
    probe_list(&probe,
               &(struct listing_request){.path = PATH, .max_pages = 8, .restarts = 2, .seed = row});
    cr_expect_eq(probe.end.kind, rows[row].end, "%s: %s", rows[row].name, probe.end.error.detail);
    cr_expect_eq(probe.restarts, rows[row].restarts, "%s", rows[row].name);
    const char *text =
        probe.end.kind == LISTING_COMPLETE ? probe.restart_error.detail : probe.end.error.detail;
    cr_expect_not_null(strstr(text, rows[row].text), "%s: %s", rows[row].name, text);
    if (rows[row].end == LISTING_COMPLETE) {
        cr_expect_eq(json_array_size(probe.items), rows[row].items, "%s", rows[row].name);
        cr_expect_eq(probe.end.count, rows[row].items, "%s", rows[row].name);
        cr_expect_eq(probe.end.duplicates, rows[row].habit == HABIT_OVERLAP ? 3 : 0);
    } else {
        cr_expect_eq(probe.end.error.kind, rows[row].kind, "%s: %s", rows[row].name,
                     error_kind_name(probe.end.error.kind));
    }
    cr_expect_eq(client_pending(probe.client), 0);
    probe_close(&probe);
    web_stop(web);
}

Test(listing, is_complete_or_says_why_not)
{
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        check_row(i, 0);
}

Test(listing, of_long_pages_is_complete_or_says_why_not)
{
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        check_row(i, LONG);
}

Test(listing, of_long_pages_asks_for_each_once)
{
    struct paging paging = {.habit = HABIT_GOOD, .total = 75, .per_page = 10, .padding = LONG};
    struct web *web = web_start(&(struct web_options){.handler = page_of, .context = &paging});
    struct probe probe;
    probe_open_port(&probe, web_port(web));
    probe_list(&probe, &(struct listing_request){.path = PATH});
    cr_expect_eq(probe.end.kind, LISTING_COMPLETE, "%s", probe.end.error.detail);
    cr_expect_eq(web_count(web), 8);
    probe_close(&probe);
    web_stop(web);
}

static void keep_query(void *context, const struct web_request *request, struct web_reply *reply)
{
    char *query = context;
    (void)snprintf(query, 64, "limit=%s project=%s", request->limit, request->project);
    text_add(&reply->body, "{\"items\":[]}");
}

Test(listing, asks_for_full_pages_and_keeps_its_filter)
{
    char query[64] = "";
    struct web *web = web_start(&(struct web_options){.handler = keep_query, .context = query});
    struct probe probe;
    probe_open_port(&probe, web_port(web));
    probe_list(&probe, &(struct listing_request){.path = PATH "?project=billing"});
    cr_expect_eq(probe.end.kind, LISTING_COMPLETE);
    cr_expect_str_eq(query, "limit=100 project=billing");
    probe_close(&probe);
    web_stop(web);
}

static void never_called(void *context, uint64_t id, const struct listing_event *event)
{
    (void)context;
    (void)id;
    (void)event;
    cr_assert_fail("a listing that was refused or cancelled went on");
}

Test(listing, a_filter_that_the_server_ignores_is_refused)
{
    struct paging paging = {.habit = HABIT_GOOD, .total = 1, .per_page = 10};
    struct web *web = web_start(&(struct web_options){.handler = page_of, .context = &paging});
    struct probe probe;
    struct error err;
    probe_open_port(&probe, web_port(web));
    const struct listing_request request = {
        .id = 1, .path = "/api/v1/namespaces/acme/releasebindings?project=billing"};
    cr_expect_eq(listing_start(probe.client, &request, never_called, NULL, &err), ERR_INVALID);
    cr_expect_not_null(strstr(err.detail, "ignores \"project\""), "%s", err.detail);
    probe_close(&probe);
    cr_expect_eq(web_count(web), 0);
    web_stop(web);
}

struct cancelling {
    struct client *client;
    int pages, dropped, cancel_at;
};

static void cancel_on_page(void *context, uint64_t id, const struct listing_event *event)
{
    struct cancelling *cancelling = context;
    cr_assert_eq(event->kind, LISTING_ITEMS);
    if (++cancelling->pages == cancelling->cancel_at)
        client_cancel(cancelling->client, id);
}

static void count_dropped(void *context)
{
    struct cancelling *cancelling = context;
    cancelling->dropped++;
}

static void check_cancelling(unsigned padding)
{
    struct paging paging = {
        .habit = HABIT_ENDLESS, .total = 1000, .per_page = 10, .padding = padding};
    struct web *web = web_start(&(struct web_options){.handler = page_of, .context = &paging});
    struct probe probe;
    struct error err;
    probe_open_port(&probe, web_port(web));
    struct cancelling cancelling = {.client = probe.client, .cancel_at = 2};
    const struct listing_request request = {.id = 9, .path = PATH, .dropped = count_dropped};
    cr_assert_eq(listing_start(probe.client, &request, cancel_on_page, &cancelling, &err), 0);
    while (cancelling.dropped == 0)
        (void)uv_run(&probe.loop, UV_RUN_ONCE);
    cr_expect_eq(cancelling.pages, 2);
    /* A page that was asked for ahead comes in vain. */
    while (client_pending(probe.client) > 0)
        (void)uv_run(&probe.loop, UV_RUN_ONCE);
    cr_expect_eq(cancelling.dropped, 1);
    /* Again, and the client is closed under it. */
    cancelling = (struct cancelling){.client = probe.client, .pages = 10};
    cr_assert_eq(listing_start(probe.client, &request, cancel_on_page, &cancelling, &err), 0);
    while (cancelling.pages < 12)
        (void)uv_run(&probe.loop, UV_RUN_ONCE);
    probe_close(&probe);
    cr_expect_eq(cancelling.dropped, 1);
    web_stop(web);
}

Test(listing, can_be_cancelled_between_pages_and_in_a_wait)
{
    check_cancelling(0);
    check_cancelling(LONG);
}

Test(listing, cancelled_on_its_last_page_is_not_complete)
{
    struct paging paging = {.habit = HABIT_GOOD, .total = 25, .per_page = 10};
    struct web *web = web_start(&(struct web_options){.handler = page_of, .context = &paging});
    struct probe probe;
    struct error err;
    probe_open_port(&probe, web_port(web));
    struct cancelling cancelling = {.client = probe.client, .cancel_at = 3};
    const struct listing_request request = {.id = 9, .path = PATH, .dropped = count_dropped};
    cr_assert_eq(listing_start(probe.client, &request, cancel_on_page, &cancelling, &err), 0);
    while (cancelling.dropped == 0)
        (void)uv_run(&probe.loop, UV_RUN_ONCE);
    cr_expect_eq(cancelling.pages, 3);
    for (int i = 0; i < 5; i++)
        (void)uv_run(&probe.loop, UV_RUN_ONCE);
    probe_close(&probe);
    cr_expect_eq(cancelling.dropped, 1);
    web_stop(web);
}
