/* The newest events by sequence number: what streams and pages are cut from. Bounded in number; the
 * oldest go first. The events themselves are shared with whoever published them. */
#pragma once

#include "config/base/packed.h"

#include <stddef.h>
#include <stdint.h>

struct backlog_event {
    uint64_t sequence;
    struct packed *value;
};

struct backlog {
    struct backlog_event *ring;
    size_t capacity, first, count;
    uint64_t newest; /* 0 = none yet */
};

/* Returns 0 or -ENOMEM. */
int backlog_init(struct backlog *history, size_t capacity) __attribute__((warn_unused_result));
void backlog_fini(struct backlog *history);

/* Shares the event. Ignored when its number is not newer. */
void backlog_add(struct backlog *history, uint64_t sequence, struct packed *event);

/* The first event with a number above `after`; NULL when there is none. Borrowed until the next
 * backlog_add(). */
const struct backlog_event *backlog_next(const struct backlog *history, uint64_t after);

/* The event as JSON, with its number; a very large one is without its data. Owned; NULL without
 * memory. */
json_t *backlog_value(const struct backlog_event *event);

/* The same as sent to a stream: "id: …\nevent: …\ndata: …\n\n". Owned; NULL without memory. */
char *backlog_stream(const struct backlog_event *event);

/* 0 when empty. */
uint64_t backlog_oldest(const struct backlog *history);

/* The number after which `count` events follow. */
uint64_t backlog_before_last(const struct backlog *history, size_t count);
