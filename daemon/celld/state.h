/* What the files of the daemon's life share: daemon.c (parts, start, stop), renewal.c (the core,
 * from the journal again and again) and pulse.c (what is said of it). Private to them. */
#pragma once

#include "daemon/celld/backend.h"
#include "daemon/celld/core.h"
#include "daemon/celld/options.h"
#include "daemon/celld/service.h"
#include "daemon/socket/socket.h"

#include <uv.h>

#include <stdbool.h>
#include <stdint.h>

enum daemon_state { DAEMON_OPENING, DAEMON_RUNNING, DAEMON_READ_ONLY, DAEMON_STOPPING };
enum { SIGNAL_COUNT = 3 };

struct daemon {
    uv_loop_t loop;
    enum daemon_state state;
    const struct options *options;
    struct settings *settings;
    struct settings *next_settings;     /* of a reload: they wait for the core to stop */
    struct settings *previous_settings; /* of a reload: kept until the new core runs */
    const char *state_directory;
    char machine[64];
    struct journal *journal;
    struct core *core;
    bool core_stopping;
    bool has_run;  /* a core was built since the start of the process */
    bool adopting; /* the rows may be old or incomplete until the world was looked at once */
    struct socket_server *sockets;
    struct backend_hooks backend_hooks;
    struct service *service;
    struct metrics *metrics;
    uv_signal_t signals[SIGNAL_COUNT];
    uv_timer_t reopen;
    uv_timer_t description; /* of the state, for the service manager; not with every step */
    uint64_t described;     /* engine_version() then */
    uint64_t progressed;    /* engine_progress() then: a look is over, be it without news */
    uint64_t reload_id;     /* the command that waits for the verdict; 0 = none */
    uint64_t steps, steps_at_pulse;
    char reason[640]; /* why there is no core, or why it may not write */
    int exit_status;
    unsigned parts;
};

/* Ends it all; the first exit status counts. */
void daemon_stop(struct daemon *daemon, int exit_status);

/* The answer to a command, if somebody waits for it (`id` 0 = nobody). */
void daemon_reply(struct daemon *daemon, uint64_t id, bool ok, const char *message);
