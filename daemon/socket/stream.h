/* /v1/events as server-sent events: each client reads the history at its own pace. A slow one costs
 * no memory: what it missed is dropped from the history and told to it. */
#pragma once

#include "daemon/socket/backlog.h"
#include "daemon/socket/call.h"

#include <stdint.h>

struct stream_limits {
    uint64_t heartbeat_ms; /* of silence */
    uint64_t drain_ms;     /* for the client to read on */
};

/* Answers the call with a stream of what comes after `after`. `history` and `limits` are kept. */
void stream_start(struct call *call, const struct backlog *history,
                  const struct stream_limits *limits, uint64_t after);

/* There may be something new. */
void stream_wake(struct call *call);

/* Heartbeat and deadline; called regularly. */
void stream_tick(struct call *call, uint64_t now_ms);
