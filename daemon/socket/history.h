/* The newest events, as text, by sequence number: what streams and pages are cut from. Bounded in
 * number and in bytes; the oldest go first. */
#pragma once

#include <jansson.h>

#include <stddef.h>
#include <stdint.h>

struct history_event {
    uint64_t sequence;
    char *stream; /* as sent to a stream: "id: …\nevent: …\ndata: …\n\n" */
    size_t stream_length;
    size_t data; /* where the JSON begins; it ends two bytes before the end */
};

struct history {
    struct history_event *ring;
    size_t capacity, first, count;
    uint64_t newest; /* 0 = none yet */
};

/* Returns 0 or -ENOMEM. */
int history_init(struct history *history, size_t capacity) __attribute__((warn_unused_result));
void history_fini(struct history *history);

/* Copies. Returns 1 when it was added, 0 when its number is not newer, -ENOMEM. */
int history_add(struct history *history, uint64_t sequence, const json_t *event)
    __attribute__((warn_unused_result));

/* The first event with a number above `after`; NULL when there is none. Borrowed until the next
 * history_add(). */
const struct history_event *history_next(const struct history *history, uint64_t after);

/* The event as JSON again. Owned; NULL without memory. */
json_t *history_value(const struct history_event *event);

/* 0 when empty. */
uint64_t history_oldest(const struct history *history);

/* The number after which `count` events follow. */
uint64_t history_before_last(const struct history *history, size_t count);
