#include "config/base/time.h"

#include <criterion/criterion.h>

#include <errno.h>

static const struct {
    const char *text;
    int result;
    int64_t ms;
} durations[] = {
    {"90s", 0, 90000},     {"1h30m", 0, 5400000},
    {"250ms", 0, 250},     {"1d", 0, 86400000},
    {"0s", 0, 0},          {"5", -EINVAL, 0},
    {"5m30", -EINVAL, 0},  {"-1s", -EINVAL, 0},
    {"1e9h", -EINVAL, 0},  {"", -EINVAL, 0},
    {"1s1m", -EINVAL, 0},  {"1m1m", -EINVAL, 0},
    {" 1s", -EINVAL, 0},   {"1 s", -EINVAL, 0},
    {"4000d", -ERANGE, 0}, {"99999999999999999999s", -ERANGE, 0},
    {"1w", -EINVAL, 0},    {"ms", -EINVAL, 0},
};

Test(duration, strict_grammar)
{
    for (size_t i = 0; i < sizeof(durations) / sizeof(durations[0]); i++) {
        struct duration got = {.ms = 0};
        cr_expect_eq(duration_parse(durations[i].text, &got), durations[i].result, "%s",
                     durations[i].text);
        cr_expect_eq(got.ms, durations[i].ms, "%s", durations[i].text);
    }
}

Test(duration, format_is_read_back)
{
    static const int64_t values[] = {0, 1, 999, 1000, 61001, 5400000, 90061001};
    for (size_t i = 0; i < sizeof(values) / sizeof(values[0]); i++) {
        char text[DURATION_TEXT_SIZE];
        struct duration back = {.ms = -1};
        duration_format(DURATION_MS(values[i]), text);
        cr_assert_eq(duration_parse(text, &back), 0, "%s", text);
        cr_expect_eq(back.ms, values[i], "%s", text);
    }
}

static const struct {
    const char *text;
    int result;
    int64_t ms;
} times[] = {
    {"1970-01-01T00:00:00Z", 0, 0},
    {"2026-12-20T00:00:00Z", 0, INT64_C(1797724800000)},
    {"2024-02-29T23:59:59.250Z", 0, INT64_C(1709251199250)},
    {"2026-01-01T01:00:00+01:00", 0, INT64_C(1767225600000)},
    {"2025-02-29T00:00:00Z", -EINVAL, 0},
    {"2025-13-01T00:00:00Z", -EINVAL, 0},
    {"2025-01-01 00:00:00Z", -EINVAL, 0},
    {"2025-01-01T00:00:00", -EINVAL, 0},
    {"2025-01-01T24:00:00Z", -EINVAL, 0},
    {"yesterday", -EINVAL, 0},
};

Test(wall_time, rfc3339)
{
    for (size_t i = 0; i < sizeof(times) / sizeof(times[0]); i++) {
        struct wall_time got = {.ms = 0};
        cr_expect_eq(wall_time_parse(times[i].text, &got), times[i].result, "%s", times[i].text);
        cr_expect_eq(got.ms, times[i].ms, "%s", times[i].text);
    }
}

Test(wall_time, format_is_read_back)
{
    static const int64_t values[] = {0, -1, 1709251199250, 253402300799000, -62135596800000};
    for (size_t i = 0; i < sizeof(values) / sizeof(values[0]); i++) {
        char text[WALL_TIME_TEXT_SIZE];
        struct wall_time back = {.ms = 42};
        wall_time_format((struct wall_time){.ms = values[i]}, text);
        cr_assert_eq(wall_time_parse(text, &back), 0, "%s", text);
        cr_expect_eq(back.ms, values[i], "%s", text);
    }
}
