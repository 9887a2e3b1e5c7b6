#include "daemon/socket/socket.h"

#include "config/base/check.h"
#include "config/base/owned.h"
#include "daemon/socket/server.h"

#include <stdlib.h>

const struct socket_options socket_options_default = {
    .status = {.mode = 0660, .fd = -1},
    .admin = {.mode = 0660, .fd = -1},
    .connections = 64,
    .scrape_connections = 8,
    .streams = 32,
    .events_kept = 2000,
    .body_bytes = (size_t)64 * 1024,
    .idle_ms = 30000,
    .drain_ms = 10000,
    .reply_ms = 60000,
    .heartbeat_ms = 15000,
};

static void tick(void *context, struct call *call, uint64_t now_ms)
{
    (void)context;
    stream_tick(call, now_ms);
}

static bool is_wanted(const struct socket_place *place)
{
    return place->path != NULL || place->fd >= 0;
}

static int open_door(struct server_door *door, const struct socket_place *place, struct error *err)
{
    return is_wanted(place) ? listener_open(&door->listener, place->path, place->group, place->mode,
                                            place->fd, err)
                            : 0;
}

static int serve_door(struct server_door *door, const struct socket_options *options,
                      uv_loop_t *loop, struct error *err)
{
    if (door->listener.fd < 0)
        return 0;
    const struct httpd_options http = {
        .listener = &door->listener,
        .connections = door->scrapes ? options->scrape_connections : options->connections,
        .body_bytes = door->scrapes ? 0 : options->body_bytes,
        .idle_ms = options->idle_ms,
        .drain_ms = options->drain_ms,
        .reply_ms = options->reply_ms,
        .handle = routes_handle,
        .stream_tick = tick,
        .context = door,
    };
    const int result = httpd_start(&http, loop, &door->httpd, err);
    if (result == 0)
        door->server->doors_open++;
    return result;
}

void socket_rest(struct socket_server *server)
{
    if (server->status_response != NULL)
        MHD_destroy_response(TAKE(server->status_response));
}

static void free_server(struct socket_server *server)
{
    socket_rest(server);
    backlog_fini(&server->history);
    free(server);
}

#define DOORS 3

static void doors_of(struct socket_server *server, struct server_door *ret_doors[static DOORS])
{
    ret_doors[0] = &server->status;
    ret_doors[1] = &server->admin;
    ret_doors[2] = &server->scrape;
}

static int open_doors(struct socket_server *server, const struct socket_options *options,
                      struct error *err)
{
    int result = open_door(&server->status, &options->status, err);
    if (result == 0)
        result = open_door(&server->admin, &options->admin, err);
    if (result == 0 && options->scrape != NULL)
        result = listener_open_tcp(&server->scrape.listener, options->scrape, err);
    return result;
}

/* Opens all before serving any: a failure then leaves nothing that closes later, but for the
 * improbable one of a server. */
static int start_doors(struct socket_server *server, const struct socket_options *options,
                       uv_loop_t *loop, struct error *err)
{
    struct server_door *doors[DOORS];
    doors_of(server, doors);
    int result = open_doors(server, options, err);
    for (size_t i = 0; result == 0 && i < DOORS; i++)
        result = serve_door(doors[i], options, loop, err);
    for (size_t i = 0; result != 0 && i < DOORS; i++) {
        if (doors[i]->httpd == NULL)
            listener_close(&doors[i]->listener, NULL);
    }
    return result;
}

static void on_half_started(void *context)
{
    struct server_door *door = context;
    door->httpd = NULL;
    if (--door->server->doors_open == 0)
        free_server(door->server);
}

static void stop_doors(struct socket_server *server, void (*stopped)(void *context))
{
    struct server_door *doors[DOORS];
    doors_of(server, doors);
    for (size_t i = 0; i < DOORS; i++) {
        if (doors[i]->httpd != NULL)
            httpd_stop(doors[i]->httpd, stopped, doors[i]);
    }
}

int socket_start(const struct socket_options *options, uv_loop_t *loop,
                 struct socket_server **ret_server, struct error *err)
{
    struct socket_server *server = calloc(1, sizeof(*server));
    if (server == NULL || backlog_init(&server->history, options->events_kept) != 0) {
        free(server);
        return error_no_memory(err);
    }
    server->backend = *options->backend;
    server->metrics = options->metrics;
    server->streams_most = options->streams;
    server->stream_limits = (struct stream_limits){options->heartbeat_ms, options->drain_ms};
    server->status =
        (struct server_door){.server = server, .listener = {.fd = -1, .reserve_fd = -1}};
    server->admin = (struct server_door){
        .server = server, .listener = {.fd = -1, .reserve_fd = -1}, .acts = true};
    server->scrape = (struct server_door){
        .server = server, .listener = {.fd = -1, .reserve_fd = -1}, .scrapes = true};
    const int result = start_doors(server, options, loop, err);
    if (result != 0) {
        if (server->doors_open > 0)
            stop_doors(server, on_half_started);
        else
            free_server(server);
        return result;
    }
    *ret_server = server;
    return 0;
}

static void wake_streams(const struct server_door *door)
{
    if (door->httpd == NULL)
        return;
    for (struct call *call = httpd_calls(door->httpd); call != NULL; call = call->next) {
        if (call->streams)
            stream_wake(call);
    }
}

void socket_publish(struct socket_server *server, uint64_t sequence, struct packed *event)
{
    backlog_add(&server->history, sequence, event);
    wake_streams(&server->status);
    wake_streams(&server->admin);
}

static void on_door_closed(void *context)
{
    struct server_door *door = context;
    struct socket_server *server = door->server;
    door->httpd = NULL;
    if (--server->doors_open > 0)
        return;
    socket_stopped *stopped = server->stopped;
    void *stopped_context = server->stopped_context;
    free_server(server);
    stopped(stopped_context);
}

void socket_stop(struct socket_server *server, socket_stopped *stopped, void *context)
{
    CHECK(server->stopped == NULL && server->doors_open > 0);
    server->stopped = stopped;
    server->stopped_context = context;
    stop_doors(server, on_door_closed);
}

uint16_t socket_scrape_port(const struct socket_server *server)
{
    return server->scrape.httpd == NULL ? 0 : listener_port(&server->scrape.listener);
}
