/* The rule behind a zone's last transition: a TZ string as POSIX and RFC 8536 have it,
 * "CET-1CEST,M3.5.0,M10.5.0/3". */
#pragma once

#include <stdbool.h>
#include <stdint.h>

enum day_rule { DAY_JULIAN, DAY_ZERO_BASED, DAY_OF_MONTH };

struct posix_day {
    enum day_rule rule;
    int month, week, day; /* DAY_OF_MONTH: month 1..12, week 1..5, day 0 (Sunday)..6 */
    int32_t time;         /* seconds of the day, local; may be negative or above a day */
};

struct posix_zone {
    int32_t standard, daylight; /* seconds east of UTC */
    bool has_daylight;
    struct posix_day start, end;
};

bool posix_zone_parse(const char *text, struct posix_zone *ret_zone);

/* Seconds east of UTC at `seconds` since 1970. */
int32_t posix_zone_offset(const struct posix_zone *zone, int64_t seconds);
