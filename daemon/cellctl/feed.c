#include "daemon/cellctl/feed.h"

#include "config/base/json.h"
#include "daemon/cellctl/client.h"
#include "daemon/cellctl/sse.h"

#include <curl/curl.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

/* Between two attempts to open the stream. */
#define AGAIN_MS 1000

/* What follows an event closely is shown with it. */
#define GATHER_MS 100

struct feed {
    const struct invocation *invocation;
    CURLM *multi;
    CURL *easy;
    bool open;
    struct curl_slist *headers;
    struct sse sse;
    json_int_t after; /* the last event; -1 = none yet */
    bool news;
    long long again; /* when to open it */
};

static long long now(void)
{
    struct timespec clock;
    (void)clock_gettime(CLOCK_MONOTONIC, &clock);
    return (long long)clock.tv_sec * 1000 + clock.tv_nsec / 1000000;
}

static bool on_event(void *context, const char *type, const json_t *event)
{
    struct feed *feed = context;
    feed->news = true;
    if (strcmp(type, "gap") != 0)
        feed->after = json_integer_value(json_object_get(event, "sequence"));
    return true;
}

static size_t on_bytes(char *bytes, size_t size, size_t count, void *context)
{
    struct feed *feed = context;
    long status = 0;
    (void)curl_easy_getinfo(feed->easy, CURLINFO_RESPONSE_CODE, &status);
    if (status == 200 && !sse_feed(&feed->sse, bytes, size * count))
        return 0;
    return size * count;
}

static void close_stream(struct feed *feed)
{
    if (!feed->open)
        return;
    if (feed->easy != NULL)
        (void)curl_multi_remove_handle(feed->multi, feed->easy);
    curl_easy_cleanup(feed->easy);
    feed->easy = NULL;
    feed->open = false;
    curl_slist_free_all(feed->headers);
    feed->headers = NULL;
    sse_fini(&feed->sse);
    feed->again = now() + AGAIN_MS;
}

static void open_stream(struct feed *feed)
{
    char path[64] = "/v1/events";
    if (feed->after >= 0)
        (void)snprintf(path, sizeof(path), "/v1/events?after=%lld", (long long)feed->after);
    sse_init(&feed->sse, on_event, feed);
    feed->open = true;
    feed->easy = client_easy(feed->invocation->socket_path, path);
    feed->headers = curl_slist_append(NULL, "Accept: text/event-stream");
    if (feed->easy == NULL || feed->headers == NULL) {
        close_stream(feed);
        return;
    }
    (void)curl_easy_setopt(feed->easy, CURLOPT_WRITEFUNCTION, on_bytes);
    (void)curl_easy_setopt(feed->easy, CURLOPT_WRITEDATA, feed);
    (void)curl_easy_setopt(feed->easy, CURLOPT_HTTPHEADER, feed->headers);
    (void)curl_easy_setopt(feed->easy, CURLOPT_LOW_SPEED_LIMIT, 1L);
    (void)curl_easy_setopt(feed->easy, CURLOPT_LOW_SPEED_TIME, CLIENT_SILENCE_S);
    (void)curl_multi_add_handle(feed->multi, feed->easy);
}

struct feed *feed_new(const struct invocation *invocation)
{
    struct feed *feed = calloc(1, sizeof(*feed));
    CURLM *multi = curl_multi_init();
    if (feed == NULL || multi == NULL) {
        (void)curl_multi_cleanup(multi);
        free(feed);
        return NULL;
    }
    *feed = (struct feed){.invocation = invocation, .multi = multi, .after = -1};
    return feed;
}

struct feed *feed_free(struct feed *feed)
{
    if (feed == NULL)
        return NULL;
    close_stream(feed);
    (void)curl_multi_cleanup(feed->multi);
    free(feed);
    return NULL;
}

void feed_freep(struct feed **feed)
{
    *feed = feed_free(*feed);
}

static void turn(struct feed *feed)
{
    int running = 0;
    if (!feed->open && now() >= feed->again)
        open_stream(feed);
    (void)curl_multi_perform(feed->multi, &running);
    if (running == 0)
        close_stream(feed);
}

void feed_wait(struct feed *feed, long milliseconds)
{
    long long end = now() + milliseconds;
    bool gathering = false;
    feed->news = false;
    for (;;) {
        turn(feed);
        const long long present = now();
        if (feed->news && !gathering) {
            gathering = true;
            end = end < present + GATHER_MS ? end : present + GATHER_MS;
        }
        if (present >= end)
            return;
        long long until = end;
        if (!feed->open && feed->again < until)
            until = feed->again;
        (void)curl_multi_poll(feed->multi, NULL, 0, (int)(until > present ? until - present : 0),
                              NULL);
    }
}
