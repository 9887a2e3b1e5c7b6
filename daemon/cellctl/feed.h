/* celld's stream of events, beside other requests: tells when something happened. A stream that
 * breaks, as at a restart, is taken up again where it was. */
#pragma once

#include "daemon/cellctl/command.h"

struct feed;

/* Nothing is sent yet. `invocation` is kept. NULL without memory. */
struct feed *feed_new(const struct invocation *invocation);
struct feed *feed_free(struct feed *feed);
void feed_freep(struct feed **feed);

/* Waits until something happened, at most so long. Several events at a time count as one. */
void feed_wait(struct feed *feed, long milliseconds);
