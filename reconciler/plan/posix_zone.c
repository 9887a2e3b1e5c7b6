#include "reconciler/plan/posix_zone.h"

#include "config/base/check.h"

#include <stddef.h>
#include <string.h>

/* --- reading ------------------------------------------------------------------------------ */

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static bool is_letter(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static bool read_name(const char **text)
{
    const char *at = *text;
    size_t length = 0;
    if (*at == '<') {
        const char *end = strchr(at, '>');
        if (end == NULL)
            return false;
        length = (size_t)(end - at) - 1;
        *text = end + 1;
    } else {
        while (is_letter(at[length]))
            length++;
        *text = at + length;
    }
    return length >= 3;
}

static bool read_number(const char **text, int most, int *ret_number)
{
    int number = 0;
    if (!is_digit(**text))
        return false;
    for (; is_digit(**text); (*text)++) {
        number = number * 10 + (**text - '0');
        if (number > most)
            return false;
    }
    *ret_number = number;
    return true;
}

/* [+-]h[:m[:s]] */
static bool read_time(const char **text, int most_hours, int32_t *ret_seconds)
{
    int sign = 1, hours = 0, minutes = 0, seconds = 0;
    if (**text == '-' || **text == '+')
        sign = *(*text)++ == '-' ? -1 : 1;
    if (!read_number(text, most_hours, &hours))
        return false;
    if (**text == ':') {
        (*text)++;
        if (!read_number(text, 59, &minutes))
            return false;
        if (**text == ':') {
            (*text)++;
            if (!read_number(text, 59, &seconds))
                return false;
        }
    }
    *ret_seconds = sign * (hours * 3600 + minutes * 60 + seconds);
    return true;
}

static bool skip(const char **text, char c)
{
    if (**text != c)
        return false;
    (*text)++;
    return true;
}

static bool read_day(const char **text, struct posix_day *ret_day)
{
    *ret_day = (struct posix_day){.time = 7200};
    if (skip(text, 'M')) {
        ret_day->rule = DAY_OF_MONTH;
        if (!read_number(text, 12, &ret_day->month) || ret_day->month < 1 || !skip(text, '.') ||
            !read_number(text, 5, &ret_day->week) || ret_day->week < 1 || !skip(text, '.') ||
            !read_number(text, 6, &ret_day->day))
            return false;
    } else if (skip(text, 'J')) {
        ret_day->rule = DAY_JULIAN;
        if (!read_number(text, 365, &ret_day->day) || ret_day->day < 1)
            return false;
    } else {
        ret_day->rule = DAY_ZERO_BASED;
        if (!read_number(text, 365, &ret_day->day))
            return false;
    }
    return !skip(text, '/') || read_time(text, 167, &ret_day->time);
}

bool posix_zone_parse(const char *text, struct posix_zone *ret_zone)
{
    *ret_zone = (struct posix_zone){0};
    if (!read_name(&text) || !read_time(&text, 24, &ret_zone->standard))
        return false;
    ret_zone->standard = -ret_zone->standard;
    if (*text == '\0')
        return true;
    if (!read_name(&text))
        return false;
    ret_zone->has_daylight = true;
    ret_zone->daylight = ret_zone->standard + 3600;
    if (*text != ',') {
        if (!read_time(&text, 24, &ret_zone->daylight))
            return false;
        ret_zone->daylight = -ret_zone->daylight;
    }
    return skip(&text, ',') && read_day(&text, &ret_zone->start) && skip(&text, ',') &&
           read_day(&text, &ret_zone->end) && *text == '\0';
}

/* --- the calendar ------------------------------------------------------------------------- */

static bool is_leap(int64_t year)
{
    return year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
}

/* Days from 1970-01-01 to the first of January of a year. */
static int64_t year_start(int64_t year)
{
    const int64_t before = year - 1;
    return (year - 1970) * 365 + (before / 4 - before / 100 + before / 400) - 477;
}

static int64_t year_of(int64_t days)
{
    int64_t year = 1970 + days / 366;
    while (year_start(year + 1) <= days)
        year++;
    while (year_start(year) > days)
        year--;
    return year;
}

static int64_t month_day(const struct posix_day *day, int64_t year)
{
    static const int lengths[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    int64_t first = year_start(year);
    for (int i = 0; i < day->month - 1; i++)
        first += lengths[i] + (i == 1 && is_leap(year));
    const int length = lengths[day->month - 1] + (day->month == 2 && is_leap(year));
    /* 1970-01-01 was a Thursday. */
    const int64_t weekday = ((first + 4) % 7 + 7) % 7;
    int64_t offset = (day->day - weekday + 7) % 7 + (day->week - 1) * INT64_C(7);
    while (offset >= length)
        offset -= 7;
    return first + offset;
}

/* The instant at which the rule strikes in a year; `offset` is in force until then. */
static int64_t strikes(const struct posix_day *day, int64_t year, int32_t offset)
{
    int64_t date = 0;
    switch (day->rule) {
    case DAY_JULIAN: /* 29 February is never counted */
        date = year_start(year) + day->day - 1 + (is_leap(year) && day->day >= 60);
        break;
    case DAY_ZERO_BASED:
        date = year_start(year) + day->day;
        break;
    case DAY_OF_MONTH:
        date = month_day(day, year);
        break;
    }
    return date * 86400 + day->time - offset;
}

int32_t posix_zone_offset(const struct posix_zone *zone, int64_t seconds)
{
    if (!zone->has_daylight)
        return zone->standard;
    const int64_t local = seconds + zone->standard;
    const int64_t days = local / 86400 - (local % 86400 < 0);
    /* Far from any time that a clock may show, a year is as good as another. */
    if (days < -INT64_C(1000000) || days > INT64_C(10000000))
        return zone->standard;
    const int64_t year = year_of(days);
    const int64_t start = strikes(&zone->start, year, zone->standard);
    const int64_t end = strikes(&zone->end, year, zone->daylight);
    const bool daylight =
        start < end ? seconds >= start && seconds < end : seconds < end || seconds >= start;
    return daylight ? zone->daylight : zone->standard;
}
