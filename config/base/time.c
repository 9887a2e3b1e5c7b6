#include "config/base/time.h"

#include "config/base/check.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

static const struct {
    const char *unit;
    int64_t ms;
} duration_units[] = {
    {"d", INT64_C(86400000)}, {"h", 3600000}, {"m", 60000}, {"s", 1000}, {"ms", 1},
};
#define DURATION_UNIT_COUNT (sizeof(duration_units) / sizeof(duration_units[0]))
#define DURATION_MAX_MS (INT64_C(3650) * 86400000)

/* Days since 1970-01-01 of a date in the Gregorian calendar (Howard Hinnant's algorithm). */
static int64_t days_from_civil(int64_t year, int64_t month, int64_t day)
{
    year -= month <= 2;
    const int64_t era = (year >= 0 ? year : year - 399) / 400;
    const int64_t year_of_era = year - era * 400;
    const int64_t day_of_year = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;
    const int64_t day_of_era =
        year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    return era * 146097 + day_of_era - 719468;
}

static void civil_from_days(int64_t days, int64_t *ret_year, int64_t *ret_month, int64_t *ret_day)
{
    days += 719468;
    const int64_t era = (days >= 0 ? days : days - 146096) / 146097;
    const int64_t day_of_era = days - era * 146097;
    const int64_t year_of_era =
        (day_of_era - day_of_era / 1460 + day_of_era / 36524 - day_of_era / 146096) / 365;
    const int64_t day_of_year =
        day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    const int64_t shifted_month = (5 * day_of_year + 2) / 153;
    *ret_day = day_of_year - (153 * shifted_month + 2) / 5 + 1;
    *ret_month = shifted_month + (shifted_month < 10 ? 3 : -9);
    *ret_year = year_of_era + era * 400 + (*ret_month <= 2);
}

void wall_time_format(struct wall_time time, char ret_text[static WALL_TIME_TEXT_SIZE])
{
    int64_t days = time.ms / 86400000;
    int64_t rest = time.ms % 86400000;
    if (rest < 0) {
        rest += 86400000;
        days--;
    }
    int64_t year, month, day;
    civil_from_days(days, &year, &month, &day);
    if (year < 0 || year > 9999) {
        (void)snprintf(ret_text, WALL_TIME_TEXT_SIZE, "@%" PRId64 "ms", time.ms);
        return;
    }
    int length = snprintf(ret_text, WALL_TIME_TEXT_SIZE, "%04d-%02d-%02dT%02d:%02d:%02d", (int)year,
                          (int)month, (int)day, (int)(rest / 3600000), (int)(rest / 60000 % 60),
                          (int)(rest / 1000 % 60));
    CHECK(length > 0 && length < WALL_TIME_TEXT_SIZE - 6);
    if (rest % 1000 != 0)
        length += snprintf(ret_text + length, (size_t)(WALL_TIME_TEXT_SIZE - length), ".%03d",
                           (int)(rest % 1000));
    ret_text[length] = 'Z';
    ret_text[length + 1] = '\0';
}

/* Reads exactly `count` digits and moves on. */
static int read_digits(const char **text, int count, int64_t *ret_number)
{
    int64_t number = 0;
    for (int i = 0; i < count; i++) {
        const char c = (*text)[i];
        if (c < '0' || c > '9')
            return -EINVAL;
        number = number * 10 + (c - '0');
    }
    *text += count;
    *ret_number = number;
    return 0;
}

static int read_expected(const char **text, char wanted)
{
    if (**text != wanted)
        return -EINVAL;
    (*text)++;
    return 0;
}

static int read_fraction(const char **text, int64_t *ret_ms)
{
    *ret_ms = 0;
    if (**text != '.')
        return 0;
    (*text)++;
    int64_t scale = 100;
    int digits = 0;
    for (; **text >= '0' && **text <= '9'; (*text)++, digits++) {
        *ret_ms += (**text - '0') * scale;
        scale /= 10;
    }
    return digits > 0 && digits <= 9 ? 0 : -EINVAL;
}

static int read_offset(const char **text, int64_t *ret_minutes)
{
    *ret_minutes = 0;
    if (**text == 'Z' || **text == 'z') {
        (*text)++;
        return 0;
    }
    const int64_t sign = **text == '-' ? -1 : 1;
    if (**text != '+' && **text != '-')
        return -EINVAL;
    (*text)++;
    int64_t hours, minutes;
    if (read_digits(text, 2, &hours) < 0 || read_expected(text, ':') < 0 ||
        read_digits(text, 2, &minutes) < 0 || hours > 23 || minutes > 59)
        return -EINVAL;
    *ret_minutes = sign * (hours * 60 + minutes);
    return 0;
}

static int64_t days_in_month(int64_t year, int64_t month)
{
    static const int lengths[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    const bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
    return lengths[month - 1] + (month == 2 && leap);
}

int wall_time_parse(const char *text, struct wall_time *ret_time)
{
    int64_t year, month, day, hour, minute, second, ms, offset;
    if (read_digits(&text, 4, &year) < 0 || read_expected(&text, '-') < 0 ||
        read_digits(&text, 2, &month) < 0 || read_expected(&text, '-') < 0 ||
        read_digits(&text, 2, &day) < 0)
        return -EINVAL;
    if (*text != 'T' && *text != 't')
        return -EINVAL;
    text++;
    if (read_digits(&text, 2, &hour) < 0 || read_expected(&text, ':') < 0 ||
        read_digits(&text, 2, &minute) < 0 || read_expected(&text, ':') < 0 ||
        read_digits(&text, 2, &second) < 0 || read_fraction(&text, &ms) < 0 ||
        read_offset(&text, &offset) < 0 || *text != '\0')
        return -EINVAL;
    if (month < 1 || month > 12 || day < 1 || day > days_in_month(year, month) || hour > 23 ||
        minute > 59 || second > 60)
        return -EINVAL;
    const int64_t seconds =
        ((days_from_civil(year, month, day) * 24 + hour) * 60 + minute - offset) * 60 + second;
    ret_time->ms = seconds * 1000 + ms;
    return 0;
}

/* Finds the unit at `text`, which is not before `first` in the table; the longest one wins. */
static int find_unit(const char *text, size_t first, size_t *ret_unit, size_t *ret_length)
{
    size_t length = 0;
    while (text[length] >= 'a' && text[length] <= 'z')
        length++;
    for (size_t i = first; i < DURATION_UNIT_COUNT; i++) {
        if (strlen(duration_units[i].unit) == length &&
            strncmp(duration_units[i].unit, text, length) == 0) {
            *ret_unit = i;
            *ret_length = length;
            return 0;
        }
    }
    return -EINVAL;
}

int duration_parse(const char *text, struct duration *ret_duration)
{
    int64_t total = 0;
    size_t next_unit = 0;
    if (*text == '\0')
        return -EINVAL;
    while (*text != '\0') {
        int64_t number = 0;
        int digits = 0;
        for (; *text >= '0' && *text <= '9'; text++, digits++) {
            if (number > DURATION_MAX_MS)
                return -ERANGE;
            number = number * 10 + (*text - '0');
        }
        size_t unit, length;
        if (digits == 0 || find_unit(text, next_unit, &unit, &length) < 0)
            return -EINVAL;
        if (number > (DURATION_MAX_MS - total) / duration_units[unit].ms)
            return -ERANGE;
        total += number * duration_units[unit].ms;
        next_unit = unit + 1;
        text += length;
    }
    ret_duration->ms = total;
    return 0;
}

void duration_format(struct duration duration, char ret_text[static DURATION_TEXT_SIZE])
{
    int64_t rest = duration.ms;
    size_t length = 0;
    if (rest <= 0) {
        (void)snprintf(ret_text, DURATION_TEXT_SIZE, rest == 0 ? "0s" : "-");
        return;
    }
    for (size_t i = 0; i < DURATION_UNIT_COUNT; i++) {
        const int64_t number = rest / duration_units[i].ms;
        if (number == 0)
            continue;
        rest %= duration_units[i].ms;
        length += (size_t)snprintf(ret_text + length, DURATION_TEXT_SIZE - length, "%" PRId64 "%s",
                                   number, duration_units[i].unit);
        CHECK(length < DURATION_TEXT_SIZE);
    }
}
