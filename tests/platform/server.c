#include "tests/platform/server.h"

#include "config/base/check.h"
#include "tests/platform/server_admin.h"

#include <jansson.h>
#include <microhttpd.h>

#include <arpa/inet.h>
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define BODY_LIMIT ((size_t)16 * 1024 * 1024)
#define CONNECTION_LIMIT 512

struct platform_server {
    struct platform *model;
    pthread_mutex_t mutex;
    struct MHD_Daemon *daemon;
    FILE *log;
    uint16_t port;
    char url[64];
    double speed;
    int64_t real_start_ms, virtual_start_ms, last_ms;
};

/* A request while its body arrives. */
struct upload {
    char *bytes;
    size_t length;
};

static int64_t read_clock(clockid_t clock)
{
    struct timespec now;
    CHECK(clock_gettime(clock, &now) == 0);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* Virtual time starts at the real one and never falls. The mutex is held. */
static int64_t virtual_now(struct platform_server *s)
{
    const double passed = (double)(read_clock(CLOCK_MONOTONIC) - s->real_start_ms) * s->speed;
    const int64_t now = s->virtual_start_ms + (int64_t)passed;
    s->last_ms = now > s->last_ms ? now : s->last_ms;
    return s->last_ms;
}

struct platform *platform_server_lock(struct platform_server *s, int64_t *ret_now_ms)
{
    CHECK(pthread_mutex_lock(&s->mutex) == 0);
    *ret_now_ms = virtual_now(s);
    platform_advance(s->model, *ret_now_ms); /* nobody can see that it was not done in time */
    return s->model;
}

void platform_server_unlock(struct platform_server *s)
{
    CHECK(pthread_mutex_unlock(&s->mutex) == 0);
}

static void write_log(struct platform_server *s)
{
    if (s->log == NULL)
        return;
    const struct platform_logged *e = platform_log_at(s->model, platform_log_count(s->model) - 1);
    json_t *body = e->body == NULL ? NULL : json_loads(e->body, JSON_DECODE_ANY, NULL);
    json_t *line =
        json_pack("{s:I,s:I,s:s,s:s,s:i,s:b,s:b,s:o*}", "n", (json_int_t)e->number, "ts",
                  (json_int_t)e->at_ms, "method", e->method, "path", e->path, "status", e->status,
                  "changed", (int)e->changed, "lost", (int)e->lost, "body", body);
    if (line != NULL && json_dumpf(line, s->log, JSON_COMPACT) == 0) {
        fputc('\n', s->log);
        fflush(s->log);
    }
    json_decref(line);
}

static void sleep_ms(int64_t ms)
{
    struct timespec left = {ms / 1000, ms % 1000 * 1000000};
    while (nanosleep(&left, &left) != 0 && errno == EINTR)
        continue;
}

struct torn {
    char *bytes;
    size_t cut;
};

static ssize_t read_torn(void *closure, uint64_t at, char *buffer, size_t most)
{
    const struct torn *torn = closure;
    if (at >= torn->cut)
        return MHD_CONTENT_READER_END_WITH_ERROR;
    const size_t left = torn->cut - (size_t)at, length = left < most ? left : most;
    memcpy(buffer, torn->bytes + at, length);
    return (ssize_t)length;
}

static void free_torn(void *closure)
{
    struct torn *torn = closure;
    free(torn->bytes);
    free(torn);
}

static struct MHD_Response *make_response(struct platform_response *r)
{
    if (r->cut >= r->length)
        return MHD_create_response_from_buffer(r->length, r->body, MHD_RESPMEM_MUST_COPY);
    struct torn *torn = malloc(sizeof(*torn));
    CHECK(torn != NULL);
    *torn = (struct torn){r->body, r->cut};
    r->body = NULL;
    return MHD_create_response_from_callback(r->length, 4096, read_torn, torn, free_torn);
}

static enum MHD_Result send_response(struct MHD_Connection *connection, struct platform_response *r)
{
    if (r->delay_ms > 0)
        sleep_ms(r->delay_ms);
    if (r->lost)
        return MHD_NO; /* closes the connection without an answer */
    struct MHD_Response *response = make_response(r);
    if (response == NULL)
        return MHD_NO;
    if (r->content_type[0] != '\0')
        MHD_add_response_header(response, "Content-Type", r->content_type);
    if (r->retry_after_s >= 0) {
        char seconds[16];
        snprintf(seconds, sizeof(seconds), "%d", r->retry_after_s);
        MHD_add_response_header(response, "Retry-After", seconds);
    }
    const enum MHD_Result result = MHD_queue_response(connection, (unsigned)r->status, response);
    MHD_destroy_response(response);
    return result;
}

static void answer(struct platform_server *s, struct MHD_Connection *connection, const char *method,
                   const char *line, const struct upload *upload, struct platform_response *ret)
{
    const struct platform_request request = {
        .method = method,
        .path = line,
        .authorization = MHD_lookup_connection_value(connection, MHD_HEADER_KIND, "Authorization"),
        .body = upload->length > 0 ? upload->bytes : NULL,
        .body_length = upload->length,
        .request_id = MHD_lookup_connection_value(connection, MHD_HEADER_KIND, "X-Request-ID"),
    };
    int64_t now_ms;
    struct platform *model = platform_server_lock(s, &now_ms);
    if (strncmp(line, "/standin/", 9) == 0) {
        server_admin_answer(model, method, line, upload->bytes == NULL ? "" : upload->bytes,
                            upload->length, now_ms, ret);
    } else {
        platform_handle(model, &request, now_ms, ret);
        write_log(s);
    }
    platform_server_unlock(s);
}

struct call {
    char *line;
    struct upload upload;
    bool began;
};

static enum MHD_Result handle(void *closure, struct MHD_Connection *connection, const char *url,
                              const char *method, const char *version, const char *data,
                              size_t *size, void **state)
{
    (void)url;
    (void)version;
    struct platform_server *s = closure;
    struct call *call = *state; /* made by begin_call */
    if (!call->began) {
        call->began = true;
        return MHD_YES;
    }
    if (*size > 0) {
        struct upload *u = &call->upload;
        if (u->length + *size > BODY_LIMIT)
            return MHD_NO;
        char *larger = realloc(u->bytes, u->length + *size + 1);
        CHECK(larger != NULL);
        memcpy(larger + u->length, data, *size);
        u->bytes = larger;
        u->length += *size;
        u->bytes[u->length] = '\0';
        *size = 0;
        return MHD_YES;
    }
    struct platform_response response;
    answer(s, connection, method, call->line, &call->upload, &response);
    const enum MHD_Result result = send_response(connection, &response);
    platform_response_fini(&response);
    return result;
}

/* Keeps the request line as it came: libmicrohttpd hands path and query out taken apart. */
static void *begin_call(void *closure, const char *uri, struct MHD_Connection *connection)
{
    (void)closure;
    (void)connection;
    struct call *call = calloc(1, sizeof(*call));
    CHECK(call != NULL);
    call->line = strdup(uri);
    CHECK(call->line != NULL);
    return call;
}

static void end_call(void *closure, struct MHD_Connection *connection, void **state,
                     enum MHD_RequestTerminationCode code)
{
    (void)closure;
    (void)connection;
    (void)code;
    struct call *call = *state;
    if (call == NULL)
        return;
    free(call->upload.bytes);
    free(call->line);
    free(call);
    *state = NULL;
}

static bool listen_on(struct platform_server *s, const struct platform_server_options *options)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(options->port)};
    const char *text = options->address == NULL ? "127.0.0.1" : options->address;
    if (inet_pton(AF_INET, text, &address.sin_addr) != 1)
        return false;
    s->daemon = MHD_start_daemon(
        MHD_USE_THREAD_PER_CONNECTION | MHD_USE_INTERNAL_POLLING_THREAD, 0, NULL, NULL, handle, s,
        MHD_OPTION_SOCK_ADDR, (struct sockaddr *)&address, MHD_OPTION_CONNECTION_LIMIT,
        (unsigned)CONNECTION_LIMIT, MHD_OPTION_URI_LOG_CALLBACK, begin_call, s,
        MHD_OPTION_NOTIFY_COMPLETED, end_call, s, MHD_OPTION_END);
    if (s->daemon == NULL)
        return false;
    const union MHD_DaemonInfo *info = MHD_get_daemon_info(s->daemon, MHD_DAEMON_INFO_BIND_PORT);
    s->port = info == NULL ? options->port : info->port;
    snprintf(s->url, sizeof(s->url), "http://%.40s:%u", text, (unsigned)s->port);
    return true;
}

struct platform_server *platform_server_start(const struct platform_server_options *options,
                                              char ret_error[static 256])
{
    struct platform_server *s = calloc(1, sizeof(*s));
    CHECK(s != NULL);
    CHECK(pthread_mutex_init(&s->mutex, NULL) == 0);
    s->speed = options->speed > 0 ? options->speed : 1;
    s->real_start_ms = read_clock(CLOCK_MONOTONIC);
    s->virtual_start_ms = read_clock(CLOCK_REALTIME);
    if (options->request_log != NULL && (s->log = fopen(options->request_log, "ae")) == NULL) {
        snprintf(ret_error, 256, "cannot open %.200s: %s", options->request_log, strerror(errno));
        return platform_server_stop(s);
    }
    CHECK(pthread_mutex_lock(&s->mutex) == 0);
    const bool listening = listen_on(s, options);
    if (listening) {
        struct platform_options model = options->model;
        if (model.issuer == NULL)
            model.issuer = s->url;
        s->model = platform_new(&model);
        platform_advance(s->model, virtual_now(s));
    }
    CHECK(pthread_mutex_unlock(&s->mutex) == 0);
    if (!listening) {
        snprintf(ret_error, 256, "cannot listen on %s port %u: %s",
                 options->address == NULL ? "127.0.0.1" : options->address, (unsigned)options->port,
                 strerror(errno));
        return platform_server_stop(s);
    }
    return s;
}

struct platform_server *platform_server_stop(struct platform_server *s)
{
    if (s == NULL)
        return NULL;
    if (s->daemon != NULL)
        MHD_stop_daemon(s->daemon);
    if (s->log != NULL)
        fclose(s->log);
    platform_free(s->model);
    pthread_mutex_destroy(&s->mutex);
    free(s);
    return NULL;
}

uint16_t platform_server_port(const struct platform_server *s)
{
    return s->port;
}

const char *platform_server_url(const struct platform_server *s)
{
    return s->url;
}
