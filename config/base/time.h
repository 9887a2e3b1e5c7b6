/* Points in time and lengths of time, as types that cannot be mixed by accident.
 *
 * Nothing here reads a clock: the shell reads it once per event and passes it down. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Milliseconds of a clock that never jumps and goes on while the machine sleeps (CLOCK_BOOTTIME).
 * Only differences mean anything, and only within one boot. */
struct mono_time {
    int64_t ms;
};

/* Milliseconds since 1970-01-01T00:00:00Z. May jump in both directions. */
struct wall_time {
    int64_t ms;
};

struct duration {
    int64_t ms;
};

/* Both clocks, read together. */
struct instant {
    struct mono_time mono;
    struct wall_time wall;
};

#define DURATION_MS(n) ((struct duration){.ms = (n)})
#define DURATION_S(n) ((struct duration){.ms = INT64_C(1000) * (n)})

/* "2026-11-22T20:44:09Z" and a NUL, with milliseconds only when they are not zero. */
#define WALL_TIME_TEXT_SIZE 32
void wall_time_format(struct wall_time time, char ret_text[static WALL_TIME_TEXT_SIZE]);

/* Reads RFC 3339 with `Z` or a numeric offset. Returns 0, or -EINVAL (then *ret_time is
 * untouched). */
int wall_time_parse(const char *text, struct wall_time *ret_time)
    __attribute__((warn_unused_result));

/* The strict grammar of durations: one or more of <digits><unit>, units d, h, m, s, ms in falling
 * order, each once: "90s", "1h30m", "250ms". No sign, no space, no bare number, at most 10 years.
 * Returns 0, -EINVAL for the grammar, -ERANGE for the size (then *ret_duration is untouched). */
int duration_parse(const char *text, struct duration *ret_duration)
    __attribute__((warn_unused_result));

/* The shortest text that duration_parse() reads back to the same value; "0s" for zero. */
#define DURATION_TEXT_SIZE 48
void duration_format(struct duration duration, char ret_text[static DURATION_TEXT_SIZE]);
