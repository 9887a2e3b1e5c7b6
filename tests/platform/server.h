/* The model behind real HTTP on the loopback interface, in real time (or N times faster).
 *
 * Besides the platform's own paths it serves /standin/…, for tests and for people who look around:
 *   POST   /standin/faults      {"kind","method","path","nth","count","parameter"}; DELETE clears
 *   POST   /standin/images {"glob","kind":"healthy|never-ready|crashes|missing|slow","delayMs"}
 *   POST   /standin/workflows   {"glob","outcome"}
 *   POST   /standin/stall       {"ms"}
 *   POST   /standin/grant       {"role","subject","actions":[…]}
 *   POST   /standin/tamper      {"collection","namespace","name","patch"}
 *   POST   /standin/tamper-live {"kind","namespace","name","patch"|null}
 *   GET    /standin/stats       counts and dangers
 *   GET    /standin/live        all data-plane objects (?kind=)
 *   GET    /standin/log         requests so far
 *   DELETE /standin/log
 * They are neither logged nor subject to faults. */
#pragma once

#include "tests/platform/model.h"

#include <stdint.h>

struct platform_server;

struct platform_server_options {
    struct platform_options model;
    const char *address;     /* "127.0.0.1" */
    uint16_t port;           /* 0 = any free one */
    double speed;            /* virtual milliseconds per real one; 0 = 1 */
    const char *request_log; /* file that gets a JSON line per request; NULL = none */
};

/* Starts threads of its own. Returns NULL and a text in ret_error on failure. */
struct platform_server *platform_server_start(const struct platform_server_options *options,
                                              char ret_error[static 256]);
/* Waits for requests that are being answered. NULL is fine; returns NULL. */
struct platform_server *platform_server_stop(struct platform_server *server);
uint16_t platform_server_port(const struct platform_server *server);
/* "http://127.0.0.1:PORT"; borrowed. */
const char *platform_server_url(const struct platform_server *server);

/* The model, locked until platform_server_unlock(), its controllers' work done until ret_now_ms,
 * the virtual time. */
struct platform *platform_server_lock(struct platform_server *server, int64_t *ret_now_ms);
void platform_server_unlock(struct platform_server *server);
