/* All servers that the judge's numbers come from, and the questions to them: which server a
 * question goes to, how many run at the same time, how long each may take.
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

#define SOURCES_RUNNING_LIMIT 4
#define SOURCES_WAITING_LIMIT 1000

struct sources;

struct sources_options {
    const struct metrics_settings *settings; /* kept */
    const struct token_source *platform;     /* what celld shows to the control plane; may be NULL
                                                when no source wants it */
    source_find_secret *find_secret;
    clock_reader *clock; /* NULL = clock_now */
    uint64_t seed;
};

struct sources_hooks {
    void *context;
    /* The answer to a question, once per id; exactly one of `answer` (borrowed) and `err` is not
     * NULL. Called from the loop. May call any function here. */
    void (*answered)(void *context, uint64_t id, const json_t *answer, const struct error *err);
};

/* Returns 0; ERR_INVALID for credentials that cannot be used, or -ENOMEM. */
int sources_new(uv_loop_t *loop, const struct sources_options *options,
                const struct sources_hooks *hooks, struct sources **ret_sources, struct error *err)
    __attribute__((warn_unused_result));

/* Asks. Returns 0, and the answer, which may be an error, comes through the hook, later; -ENOMEM,
 * and none comes. `query` is borrowed. */
int sources_ask(struct sources *sources, uint64_t id, const json_t *query, struct error *err)
    __attribute__((warn_unused_result));

/* The answer is not wanted any more; none comes. An id that is not under way is ignored. */
void sources_cancel(struct sources *sources, uint64_t id);

struct sources_counters {
    uint64_t asked, answered, failed;
    size_t waiting, running;
};
struct sources_counters sources_counters(const struct sources *sources);

/* Cancels everything and frees; `closed` is the last call. */
void sources_close(struct sources *sources, void (*closed)(void *context), void *context);
