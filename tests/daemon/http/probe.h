/* A client on a loop of its own, driven until what a test waits for has happened. At the end the
 * loop must close with no handle left, and nothing may have leaked. */
#pragma once

#include "daemon/http/client.h"
#include "daemon/http/listing.h"

#define PROBE_LIMIT 64

struct probe_result {
    uint64_t id;
    enum client_outcome outcome;
    enum verdict verdict;
    int status;
    json_t *body;
    struct error error;
};

struct probe {
    uv_loop_t loop;
    uv_timer_t tick;
    uint64_t deadline_ms;
    bool is_late;
    struct client *client;
    bool is_closed;
    struct probe_result results[PROBE_LIMIT];
    size_t count, dropped;
    uint64_t last_id;
    /* of listings */
    json_t *items;
    struct listing_event end;
    bool is_ended;
    unsigned restarts;
    struct error restart_error;
};

/* What tests start from: plain HTTP to a port on this machine. */
#define PROBE_ADDRESS_SIZE 64
void probe_address(char address[static PROBE_ADDRESS_SIZE], unsigned port);

void probe_open(struct probe *probe, const struct client_options *options);
void probe_open_port(struct probe *probe, unsigned port);
void probe_close(struct probe *probe);

/* One request from start to end. Borrowed until probe_close(). */
const struct probe_result *probe_ask(struct probe *probe, enum http_method method, const char *path,
                                     const char *body);
const struct probe_result *probe_request(struct probe *probe, const struct client_request *request);

/* Without waiting; the id is filled in when it is 0. */
void probe_send(struct probe *probe, const struct client_request *request);
void probe_run_until(struct probe *probe, size_t results);

/* Runs a listing to its end: probe->items, ->end, ->restarts. */
void probe_list(struct probe *probe, const struct listing_request *request);
