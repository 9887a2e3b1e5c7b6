#include "daemon/http/multi.h"

#include "config/base/check.h"

#include <stdlib.h>

#define MULTI_MAGIC 0x6d756c74U
#define WATCH_MAGIC 0x77617463U

/* Idle connections are dropped before a server that keeps them for 60 s drops them: a request that
 * meets the server's close half-way has an unknown outcome. Seconds. */
#define IDLE_CONNECTION_LIMIT 64L

struct multi {
    unsigned magic;
    uv_loop_t *loop;
    CURLM *curl;
    long host_connections;
    uv_timer_t timer;
    size_t handles; /* not closed yet */
    bool closing;
    bool draining;
    struct multi_transfer *transfers;
    void (*closed)(void *context);
    void *closed_context;
};

/* One socket of libcurl's that is being watched. */
struct watch {
    unsigned magic;
    uv_poll_t poll;
    curl_socket_t socket;
    struct multi *multi;
};

static void handle_closed(struct multi *multi)
{
    CHECK(multi->handles > 0);
    if (--multi->handles > 0)
        return;
    void (*closed)(void *) = multi->closed;
    void *context = multi->closed_context;
    multi->magic = 0;
    free(multi);
    closed(context);
}

static void on_watch_closed(uv_handle_t *handle)
{
    struct watch *watch = handle->data;
    struct multi *multi = watch->multi;
    watch->magic = 0;
    free(watch);
    handle_closed(multi);
}

static void on_timer_closed(uv_handle_t *handle)
{
    handle_closed(handle->data);
}

static void unlink_transfer(struct multi *multi, struct multi_transfer *transfer)
{
    if (transfer->previous != NULL)
        transfer->previous->next = transfer->next;
    else
        multi->transfers = transfer->next;
    if (transfer->next != NULL)
        transfer->next->previous = transfer->previous;
    transfer->previous = transfer->next = NULL;
    transfer->running = false;
}

static int open_curl(struct multi *multi);

static struct multi_transfer *find_broken(const struct multi *multi)
{
    struct multi_transfer *each = multi->transfers;
    while (each != NULL && !each->broken)
        each = each->next;
    return each;
}

/* After an error from libcurl the state of all its transfers is uncertain: all of them fail, and a
 * new handle takes over, on which `done` may start others already. */
static void rebuild(struct multi *multi)
{
    for (struct multi_transfer *each = multi->transfers; each != NULL; each = each->next) {
        (void)curl_multi_remove_handle(multi->curl, each->easy);
        each->broken = true;
    }
    (void)curl_multi_cleanup(multi->curl);
    multi->curl = NULL;
    (void)open_curl(multi);
    struct multi_transfer *broken = find_broken(multi);
    while (broken != NULL) {
        unlink_transfer(multi, broken);
        broken->done(broken->context, CURLE_SEND_ERROR);
        broken = find_broken(multi);
    }
}

static void drain(struct multi *multi)
{
    if (multi->draining)
        return;
    multi->draining = true;
    int left = 0;
    while (!multi->closing && multi->curl != NULL) {
        CURLMsg *message = curl_multi_info_read(multi->curl, &left);
        if (message == NULL)
            break;
        if (message->msg != CURLMSG_DONE)
            continue;
        /* The message is gone after the removal. */
        const CURLcode code = message->data.result;
        CURL *easy = message->easy_handle;
        struct multi_transfer *transfer = NULL;
        (void)curl_easy_getinfo(easy, CURLINFO_PRIVATE, (char **)&transfer);
        CHECK(transfer != NULL && transfer->easy == easy && transfer->running);
        (void)curl_multi_remove_handle(multi->curl, easy);
        unlink_transfer(multi, transfer);
        transfer->done(transfer->context, code);
    }
    multi->draining = false;
}

static void act(struct multi *multi, curl_socket_t socket, int flags)
{
    int running = 0;
    if (multi->closing || multi->curl == NULL)
        return;
    if (curl_multi_socket_action(multi->curl, socket, flags, &running) != CURLM_OK)
        rebuild(multi);
    drain(multi);
}

static void on_timer(uv_timer_t *timer)
{
    struct multi *multi = timer->data;
    CHECK(multi->magic == MULTI_MAGIC);
    act(multi, CURL_SOCKET_TIMEOUT, 0);
}

static void on_poll(uv_poll_t *poll, int status, int events)
{
    struct watch *watch = poll->data;
    CHECK(watch->magic == WATCH_MAGIC);
    int flags = 0;
    if (status < 0)
        flags = CURL_CSELECT_ERR;
    if ((events & UV_READABLE) != 0)
        flags |= CURL_CSELECT_IN;
    if ((events & UV_WRITABLE) != 0)
        flags |= CURL_CSELECT_OUT;
    act(watch->multi, watch->socket, flags);
}

static void watch_close(struct watch *watch)
{
    (void)uv_poll_stop(&watch->poll);
    uv_close((uv_handle_t *)&watch->poll, on_watch_closed);
}

static struct watch *watch_new(struct multi *multi, curl_socket_t socket)
{
    struct watch *watch = calloc(1, sizeof(*watch));
    if (watch == NULL)
        return NULL;
    watch->magic = WATCH_MAGIC;
    watch->multi = multi;
    watch->socket = socket;
    if (uv_poll_init_socket(multi->loop, &watch->poll, socket) < 0) {
        free(watch);
        return NULL;
    }
    watch->poll.data = watch;
    multi->handles++;
    return watch;
}

/* Inside libcurl: it must not be called from here, except for curl_multi_assign(). */
static int on_socket(CURL *easy, curl_socket_t socket, int what, void *context,
                     void *socket_context)
{
    (void)easy;
    struct multi *multi = context;
    struct watch *watch = socket_context;
    if (what == CURL_POLL_REMOVE) {
        if (watch != NULL)
            watch_close(watch);
        return 0;
    }
    if (watch == NULL) {
        watch = watch_new(multi, socket);
        if (watch == NULL)
            return -1;
        (void)curl_multi_assign(multi->curl, socket, watch);
    }
    int events = 0;
    if (what != CURL_POLL_OUT)
        events |= UV_READABLE;
    if (what != CURL_POLL_IN)
        events |= UV_WRITABLE;
    return uv_poll_start(&watch->poll, events, on_poll) < 0 ? -1 : 0;
}

/* Inside libcurl, as above. */
static int on_timeout(CURLM *curl, long timeout_ms, void *context)
{
    (void)curl;
    struct multi *multi = context;
    if (multi->closing)
        return 0;
    if (timeout_ms < 0)
        return uv_timer_stop(&multi->timer) < 0 ? -1 : 0;
    uv_update_time(multi->loop);
    return uv_timer_start(&multi->timer, on_timer, (uint64_t)timeout_ms, 0) < 0 ? -1 : 0;
}

static int open_curl(struct multi *multi)
{
    CURLM *curl = curl_multi_init();
    if (curl == NULL)
        return -1;
    if (curl_multi_setopt(curl, CURLMOPT_SOCKETFUNCTION, on_socket) != CURLM_OK ||
        curl_multi_setopt(curl, CURLMOPT_SOCKETDATA, multi) != CURLM_OK ||
        curl_multi_setopt(curl, CURLMOPT_TIMERFUNCTION, on_timeout) != CURLM_OK ||
        curl_multi_setopt(curl, CURLMOPT_TIMERDATA, multi) != CURLM_OK ||
        curl_multi_setopt(curl, CURLMOPT_PIPELINING, (long)CURLPIPE_NOTHING) != CURLM_OK ||
        curl_multi_setopt(curl, CURLMOPT_MAXCONNECTS, IDLE_CONNECTION_LIMIT) != CURLM_OK ||
        curl_multi_setopt(curl, CURLMOPT_MAX_HOST_CONNECTIONS, multi->host_connections) !=
            CURLM_OK) {
        (void)curl_multi_cleanup(curl);
        return -1;
    }
    multi->curl = curl;
    return 0;
}

int multi_new(uv_loop_t *loop, long host_connections, struct multi **ret_multi, struct error *err)
{
    struct multi *multi = calloc(1, sizeof(*multi));
    if (multi == NULL)
        return error_no_memory(err);
    multi->magic = MULTI_MAGIC;
    multi->loop = loop;
    multi->host_connections = host_connections;
    if (open_curl(multi) < 0) {
        free(multi);
        return error_no_memory(err);
    }
    CHECK(uv_timer_init(loop, &multi->timer) == 0);
    multi->timer.data = multi;
    multi->handles = 1;
    *ret_multi = multi;
    return 0;
}

int multi_start(struct multi *multi, struct multi_transfer *transfer, struct error *err)
{
    CHECK(multi->magic == MULTI_MAGIC && !multi->closing && !transfer->running);
    if (multi->curl == NULL && open_curl(multi) < 0)
        return error_no_memory(err);
    if (curl_easy_setopt(transfer->easy, CURLOPT_PRIVATE, transfer) != CURLE_OK)
        return error_no_memory(err);
    const CURLMcode code = curl_multi_add_handle(multi->curl, transfer->easy);
    if (code != CURLM_OK)
        return error_set(err, ERROR_INTERNAL, ERR_HTTP, "the request could not be started: %s",
                         curl_multi_strerror(code));
    transfer->running = true;
    transfer->broken = false;
    transfer->previous = NULL;
    transfer->next = multi->transfers;
    if (multi->transfers != NULL)
        multi->transfers->previous = transfer;
    multi->transfers = transfer;
    return 0;
}

void multi_stop(struct multi *multi, struct multi_transfer *transfer)
{
    if (!transfer->running)
        return;
    if (multi->curl != NULL && !transfer->broken)
        (void)curl_multi_remove_handle(multi->curl, transfer->easy);
    unlink_transfer(multi, transfer);
}

void multi_close(struct multi *multi, void (*closed)(void *context), void *context)
{
    CHECK(multi->magic == MULTI_MAGIC && !multi->closing);
    while (multi->transfers != NULL)
        multi_stop(multi, multi->transfers);
    multi->closing = true;
    multi->closed = closed;
    multi->closed_context = context;
    /* May still call on_socket() for idle connections. */
    if (multi->curl != NULL)
        (void)curl_multi_cleanup(multi->curl);
    multi->curl = NULL;
    (void)uv_timer_stop(&multi->timer);
    uv_close((uv_handle_t *)&multi->timer, on_timer_closed);
}
