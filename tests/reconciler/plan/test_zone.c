#include "reconciler/plan/posix_zone.h"
#include "reconciler/plan/zone.h"
#include "tests/reconciler/scarcity.h"

#include <criterion/criterion.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define ZONES TEST_SOURCE_DIR "/tests/reconciler/plan/zones/"

static size_t read_zone(const char *name, char *buffer, size_t size)
{
    char path[512];
    (void)snprintf(path, sizeof(path), ZONES "%s", name);
    FILE *file = fopen(path, "rb");
    cr_assert_not_null(file, "%s", path);
    const size_t length = fread(buffer, 1, size, file);
    (void)fclose(file);
    return length;
}

static struct zone_rules *zone(const char *name)
{
    char buffer[8192];
    const size_t length = read_zone(name, buffer, sizeof(buffer));
    struct zone_rules *rules = NULL;
    struct error err;
    cr_assert_eq(zone_rules_parse(buffer, length, &rules, &err), 0, "%s: %s", name, err.detail);
    return rules;
}

static struct wall_time at(const char *text)
{
    struct wall_time time;
    cr_assert_eq(wall_time_parse(text, &time), 0, "%s", text);
    return time;
}

Test(zone, offsets_are_those_of_the_c_library)
{
    static const char *const names[] = {"Zurich",     "New_York", "Tokyo", "Lord_Howe",
                                        "Casablanca", "Dublin",   "UTC"};
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        char path[512];
        (void)snprintf(path, sizeof(path), ":" ZONES "%s", names[i]);
        cr_assert_eq(setenv("TZ", path, 1), 0);
        tzset();
        struct zone_rules *rules = zone(names[i]);
        /* every 31 hours and a bit, 1905 to 2150 */
        for (int64_t seconds = -2051222400; seconds < INT64_C(5680281600); seconds += 111931) {
            const time_t now = (time_t)seconds;
            struct tm local;
            cr_assert_not_null(localtime_r(&now, &local));
            cr_assert_eq(zone_offset(rules, (struct wall_time){seconds * 1000}), local.tm_gmtoff,
                         "%s at %ld", names[i], (long)seconds);
        }
        zone_rules_free(rules);
    }
}

Test(zone, a_cut_off_or_changed_file_is_refused_or_read_but_never_more)
{
    char buffer[8192];
    const size_t length = read_zone("Zurich", buffer, sizeof(buffer));
    for (size_t cut = 0; cut < length; cut++) {
        struct zone_rules *rules = NULL;
        char *copy = malloc(cut + 1);
        cr_assert_not_null(copy);
        (void)memcpy(copy, buffer, cut);
        struct error err;
        cr_expect_eq(zone_rules_parse(copy, cut, &rules, &err), ERR_SYNTAX, "cut at %zu", cut);
        cr_expect_null(rules);
        free(copy);
    }
    for (size_t i = 0; i < length; i++) {
        const char old = buffer[i];
        buffer[i] = (char)(old ^ 0x55);
        struct zone_rules *rules = NULL;
        if (zone_rules_parse(buffer, length, &rules, NULL) == 0)
            (void)zone_offset(rules, at("2026-06-01T00:00:00Z"));
        zone_rules_free(rules);
        buffer[i] = old;
    }
    buffer[4] = '\0';
    struct error err;
    struct zone_rules *rules = NULL;
    cr_expect_eq(zone_rules_parse(buffer, length, &rules, &err), ERR_SYNTAX);
    cr_expect(strstr(err.detail, "version 1") != NULL, "%s", err.detail);
}

static const struct {
    const char *rule;
    bool sound;
} posix_rules[] = {
    {"CET-1CEST,M3.5.0,M10.5.0/3", true},
    {"<+1030>-10:30<+11>-11,M10.1.0,M4.1.0", true},
    {"IST-1GMT0,M10.5.0,M3.5.0/1", true},
    {"EST5EDT,J60/2,J300/-1:30:15", true},
    {"EST5EDT,59,299/167", true},
    {"UTC0", true},
    {"", false},
    {"C-1", false},
    {"CET", false},
    {"CET-1CEST", false},
    {"CET-1CEST,M13.1.0,M10.5.0", false},
    {"CET-1CEST,M3.6.0,M10.5.0", false},
    {"CET-1CEST,M3.5.7,M10.5.0", false},
    {"CET-1CEST,M3.5.0", false},
    {"CET-1CEST,M3.5.0,M10.5.0x", false},
    {"CET-1CEST,J0,J5", false},
    {"CET-1CEST,366,5", false},
    {"<+03-3", false},
    {"CET-25", false},
    {"CET-1:60", false},
    {"cet+1:30:15", true},
    {"CET-1:30:60", false},
    {"C[T-1", false},
    {"a{b-1", false},
    {"CET-1CEST,M,M10.5.0", false},
    {"CET-1CEST,M3,M10.5.0", false},
    {"CET-1CEST,M3.,M10.5.0", false},
    {"CET-1CEST,M3.5,M10.5.0", false},
    {"CET-1CEST,M0.5.0,M10.5.0", false},
    {"CET-1CEST,M3.0.0,M10.5.0", false},
    {"CET-1CEST,J,J5", false},
    {"CET-1CEST,x,J5", false},
    {"CET-1CEST-2:0:0,M3.5.0/-2,M10.5.0", true},
    {"CET-1CEST,M3.5.0/168,M10.5.0", false},
};

Test(zone, posix_rules)
{
    for (size_t i = 0; i < sizeof(posix_rules) / sizeof(posix_rules[0]); i++) {
        struct posix_zone rule;
        cr_expect_eq(posix_zone_parse(posix_rules[i].rule, &rule), posix_rules[i].sound, "%s",
                     posix_rules[i].rule);
    }
    struct posix_zone rule;
    cr_assert(posix_zone_parse("EST5EDT,J60/2,J300", &rule));
    /* J60 is the first of March, leap year or not */
    cr_expect_eq(posix_zone_offset(&rule, at("2024-03-01T06:59:59Z").ms / 1000), -18000);
    cr_expect_eq(posix_zone_offset(&rule, at("2024-03-01T07:00:00Z").ms / 1000), -14400);
    cr_expect_eq(posix_zone_offset(&rule, at("2025-03-01T07:00:00Z").ms / 1000), -14400);
    /* before that day a leap year is like any other */
    cr_assert(posix_zone_parse("EST5EDT,J59/2,J300", &rule));
    cr_expect_eq(posix_zone_offset(&rule, at("2024-02-28T06:59:59Z").ms / 1000), -18000);
    cr_expect_eq(posix_zone_offset(&rule, at("2024-02-28T07:00:00Z").ms / 1000), -14400);
    cr_assert(posix_zone_parse("EST5EDT,59/2,299", &rule));
    cr_expect_eq(posix_zone_offset(&rule, at("2024-02-29T07:00:00Z").ms / 1000), -14400);
    cr_expect_eq(posix_zone_offset(&rule, at("2025-03-01T06:00:00Z").ms / 1000), -18000);
    cr_expect_eq(posix_zone_offset(&rule, INT64_MAX / 2000), -18000);
    cr_expect_eq(posix_zone_offset(&rule, INT64_MIN / 2000), -18000);
    cr_expect_eq(posix_zone_offset(&rule, at("1890-07-01T00:00:00Z").ms / 1000), -14400);
    /* the last Sunday of February, with and without a 29th; 2100 has none, 2000 has one */
    cr_assert(posix_zone_parse("EST5EDT,M2.5.0/0,M10.5.0", &rule));
    static const struct {
        const char *before, *after;
    } changes[] = {
        {"2004-02-29T04:59:59Z", "2004-02-29T05:00:00Z"},
        {"2100-02-28T04:59:59Z", "2100-02-28T05:00:00Z"},
        {"2000-02-27T04:59:59Z", "2000-02-27T05:00:00Z"},
        {"2026-02-22T04:59:59Z", "2026-02-22T05:00:00Z"},
    };
    for (size_t i = 0; i < sizeof(changes) / sizeof(changes[0]); i++) {
        cr_expect_eq(posix_zone_offset(&rule, at(changes[i].before).ms / 1000), -18000, "%zu", i);
        cr_expect_eq(posix_zone_offset(&rule, at(changes[i].after).ms / 1000), -14400, "%zu", i);
    }
}

/* A file of version 2 with `count` transitions (all to the second of two types) and a footer. */
static size_t make_zone(uint8_t *bytes, uint32_t count, int32_t second, const char *footer)
{
    size_t at_byte = 0;
    for (int part = 0; part < 2; part++) {
        const uint32_t transitions = part == 0 ? 0 : count;
        const uint32_t counts[] = {0, 0, 0, transitions, 2, 4};
        (void)memset(bytes + at_byte, 0, 44);
        static const uint8_t magic[] = {'T', 'Z', 'i', 'f', '2'};
        (void)memcpy(bytes + at_byte, magic, sizeof(magic));
        for (size_t i = 0; i < 6; i++) {
            for (size_t b = 0; b < 4; b++)
                bytes[at_byte + 20 + i * 4 + b] = (uint8_t)(counts[i] >> (24 - 8 * b));
        }
        at_byte += 44;
        for (uint32_t i = 0; i < transitions; i++) {
            (void)memset(bytes + at_byte, 0, 8);
            bytes[at_byte + 7] = (uint8_t)(i + 1);
            at_byte += 8;
        }
        (void)memset(bytes + at_byte, 1, transitions);
        at_byte += transitions;
        (void)memset(bytes + at_byte, 0, 16);
        for (size_t b = 0; b < 4; b++)
            bytes[at_byte + 6 + b] = (uint8_t)((uint32_t)second >> (24 - 8 * b));
        at_byte += 16;
    }
    const int written = sprintf((char *)bytes + at_byte, "\n%s\n", footer);
    return at_byte + (size_t)written;
}

Test(zone, without_a_rule_the_last_transition_holds_for_ever)
{
    static const struct {
        uint32_t transitions;
        int32_t second;
        const char *footer;
        int result;
        int32_t offset;
    } files[] = {
        {0, 7200, "", 0, 0},
        {1, 7200, "", 0, 7200},
        {1, 7200, "UTC0", 0, 0},
        {1, 93600, "", ERR_SYNTAX, 0},
        {1, -93600, "", ERR_SYNTAX, 0},
        {1, 7200, "no rule", ERR_SYNTAX, 0},
        {1, 7200,
         "ABCDEFGHIJKLMNOPQRSTUVWXYZABCDEFGHIJKLMNOPQRSTUVWXYZABCDEFGHIJKLMNOPQRSTUVWXYZABCDEFGHIJK"
         "L"
         "MNOPQRSTUVWXYZABCDEFGHIJKLMNOPQRSTUVWXYZ0",
         ERR_SYNTAX, 0},
    };
    for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
        uint8_t bytes[512];
        const size_t length =
            make_zone(bytes, files[i].transitions, files[i].second, files[i].footer);
        struct zone_rules *rules = NULL;
        cr_expect_eq(zone_rules_parse(bytes, length, &rules, NULL), files[i].result, "%zu", i);
        if (rules != NULL)
            cr_expect_eq(zone_offset(rules, (struct wall_time){INT64_C(1800000000000)}),
                         files[i].offset, "%zu", i);
        zone_rules_free(rules);
    }
    cr_expect_null(zone_rules_free(NULL));
    cr_expect_eq(zone_offset(NULL, at("2026-07-01T00:00:00Z")), 0, "UTC needs no file");
    uint8_t bytes[512];
    const size_t length = make_zone(bytes, 0, 0, "");
    bytes[39] = 0;
    struct zone_rules *rules = NULL;
    cr_expect_eq(zone_rules_parse(bytes, length, &rules, NULL), ERR_SYNTAX, "no type at all");
}

Test(zone, every_allocation_of_its_rules_may_fail)
{
    uint8_t bytes[512];
    const size_t length = make_zone(bytes, 1, 7200, "UTC0");
    struct zone_rules *rules = NULL;
    int status = -ENOMEM;
    uint64_t spared = 0;
    for (; status != 0; spared++) {
        cr_assert_lt(spared, 100);
        struct error err = {0};
        scarcity_begin(spared, false);
        status = zone_rules_parse(bytes, length, &rules, &err);
        const uint64_t failed = scarcity_end();
        cr_assert_eq(status, failed > 0 ? -ENOMEM : 0, "after %lu: %d", (unsigned long)spared,
                     status);
        if (status != 0)
            cr_assert_null(rules);
    }
    cr_expect_eq(spared, 5);
    cr_expect_eq(zone_offset(rules, (struct wall_time){0}), 0);
    zone_rules_free(rules);
}

#define MONDAY_TO_THURSDAY 0xfu

static const struct {
    const char *what, *now;
    int from, to;
    unsigned days;
    bool open;
    const char *change; /* NULL = never */
} windows[] = {
    {"before it opens", "2026-11-23T07:59:59Z", 540, 960, MONDAY_TO_THURSDAY, false,
     "2026-11-23T08:00:00Z"},
    {"just open", "2026-11-23T08:00:00Z", 540, 960, MONDAY_TO_THURSDAY, true,
     "2026-11-23T15:00:00Z"},
    {"just closed on a Thursday", "2026-11-26T15:00:00Z", 540, 960, MONDAY_TO_THURSDAY, false,
     "2026-11-30T08:00:00Z"},
    {"in summer it is an hour earlier", "2026-07-06T07:00:00Z", 540, 960, MONDAY_TO_THURSDAY, true,
     "2026-07-06T14:00:00Z"},
    {"over the change to winter time", "2026-10-22T14:00:00Z", 540, 960, MONDAY_TO_THURSDAY, false,
     "2026-10-26T08:00:00Z"},
    {"over midnight, in the evening", "2026-11-23T22:00:00Z", 1320, 360, 1u, true,
     "2026-11-24T05:00:00Z"},
    {"over midnight, in the morning after", "2026-11-24T04:59:00Z", 1320, 360, 1u, true,
     "2026-11-24T05:00:00Z"},
    {"over midnight, another morning", "2026-11-25T04:00:00Z", 1320, 360, 1u, false,
     "2026-11-30T21:00:00Z"},
    {"in the hour that is left out", "2026-03-29T00:59:59Z", 120, 150, 1u << 6, false,
     "2026-04-05T00:00:00Z"},
    {"opened by the hour that is left out", "2026-03-29T00:20:00Z", 150, 240, 1u << 6, false,
     "2026-03-29T01:00:00Z"},
    {"in the hour that comes twice", "2026-10-25T00:45:00Z", 120, 150, 1u << 6, false,
     "2026-10-25T01:00:00Z"},
    {"long before 1970", "1960-06-06T08:30:00Z", 540, 960, 1u, true, "1960-06-06T15:00:00Z"},
    {"on a Tuesday long before 1970", "1960-06-07T08:30:00Z", 540, 960, 2u, true,
     "1960-06-07T15:00:00Z"},
    {"before 1970", "1969-12-29T08:30:00Z", 540, 960, 1u, true, "1969-12-29T15:00:00Z"},
    {"always", "2026-11-23T08:00:00Z", 0, 0, 0, true, NULL},
};

Test(zone, window_gates)
{
    struct zone_rules *rules = zone("Zurich");
    for (size_t i = 0; i < sizeof(windows) / sizeof(windows[0]); i++) {
        const struct gate gate = {.kind = GATE_WINDOW,
                                  .days = windows[i].days,
                                  .from_minute = windows[i].from,
                                  .to_minute = windows[i].to};
        struct wall_time change;
        cr_expect_eq(zone_window_is_open(&gate, rules, at(windows[i].now), &change),
                     windows[i].open, "%s", windows[i].what);
        char text[WALL_TIME_TEXT_SIZE] = "never";
        if (change.ms != INT64_MAX)
            wall_time_format(change, text);
        cr_expect_str_eq(text, windows[i].change != NULL ? windows[i].change : "never", "%s: %s",
                         windows[i].what, text);
    }
    zone_rules_free(rules);
}

Test(zone, the_next_change_is_the_next_change)
{
    struct zone_rules *rules = zone("Lord_Howe");
    const struct gate gate = {
        .kind = GATE_WINDOW, .days = 0x55, .from_minute = 90, .to_minute = 615};
    struct wall_time now = at("2026-03-01T00:00:00Z");
    struct wall_time change;
    bool open = zone_window_is_open(&gate, rules, now, &change);
    /* minute by minute over the change of the offset by half an hour */
    for (int i = 0; i < 60 * 24 * 60; i++) {
        struct wall_time later = {now.ms + 60000}, next;
        const bool then = zone_window_is_open(&gate, rules, later, &next);
        if (then != open)
            cr_assert_eq(change.ms, later.ms, "minute %d", i);
        else
            cr_assert_gt(change.ms, later.ms, "minute %d", i);
        open = then;
        now = later;
        change = next;
    }
    zone_rules_free(rules);
}
