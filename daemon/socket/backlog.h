/* The newest events, as text, by sequence number: what streams and pages are cut from. Bounded in
 * number and in bytes; the oldest go first. */
#pragma once

#include <jansson.h>

#include <stddef.h>
#include <stdint.h>

struct backlog_event {
    uint64_t sequence;
    char *stream; /* as sent to a stream: "id: …\nevent: …\ndata: …\n\n" */
    size_t stream_length;
    size_t data; /* where the JSON begins; it ends two bytes before the end */
};

struct backlog {
    struct backlog_event *ring;
    size_t capacity, first, count;
    uint64_t newest; /* 0 = none yet */
};

/* Returns 0 or -ENOMEM. */
int backlog_init(struct backlog *history, size_t capacity) __attribute__((warn_unused_result));
void backlog_fini(struct backlog *history);

/* Copies. Returns 1 when it was added, 0 when its number is not newer, -ENOMEM. */
int backlog_add(struct backlog *history, uint64_t sequence, const json_t *event)
    __attribute__((warn_unused_result));

/* The first event with a number above `after`; NULL when there is none. Borrowed until the next
 * backlog_add(). */
const struct backlog_event *backlog_next(const struct backlog *history, uint64_t after);

/* The event as JSON again. Owned; NULL without memory. */
json_t *backlog_value(const struct backlog_event *event);

/* 0 when empty. */
uint64_t backlog_oldest(const struct backlog *history);

/* The number after which `count` events follow. */
uint64_t backlog_before_last(const struct backlog *history, size_t count);
