/* Notices to other programs: how revisions fare, posted as JSON to the sinks that the settings
 * name.
 *
 * Each notice is tried a few times, with growing waits, and then given up; when a sink falls
 * behind, its oldest notice goes. So a notice may be lost, may come twice (its `id` tells), and may
 * come after a later one: whoever must know asks celld's socket. A sink never holds up anything
 * else.
 *
 * Everything happens on the loop's thread and nothing blocks, but for reading credential files. */
#pragma once

#include "config/base/error.h"
#include "config/settings/settings.h"
#include "daemon/analysis/source.h"
#include "daemon/http/client.h"

#include <jansson.h>
#include <uv.h>

#include <stddef.h>
#include <stdint.h>

#define NOTICES_WAITING_LIMIT 200 /* of each sink */
#define NOTICES_TRIES 6

struct notices;

struct notices_options {
    const struct webhook_settings *sinks; /* kept */
    size_t sink_count;
    const struct token_source *platform; /* for auth platform */
    source_find_secret *find_secret;
    clock_reader *clock; /* NULL = clock_now */
    uint64_t seed;
    struct duration first_wait; /* zero = 1 s; doubles, with jitter, up to a minute */
};

/* Returns 0; ERR_INVALID for credentials that cannot be used, or -ENOMEM. */
int notices_new(uv_loop_t *loop, const struct notices_options *options,
                struct notices **ret_notices, struct error *err)
    __attribute__((warn_unused_result));

/* Posts the object to all sinks, with an `id` added that is the same for the same content. Takes
 * `notice`; NULL is ignored. */
void notices_post(struct notices *notices, json_t *notice);

struct notices_counters {
    uint64_t sent, lost; /* lost: given up, or pushed out */
    size_t waiting;
};
struct notices_counters notices_counters(const struct notices *notices);

/* Forgets what waits, and frees; `closed` is the last call. */
void notices_close(struct notices *notices, void (*closed)(void *context), void *context);
