#include "reconciler/plan/zone.h"

#include "config/base/check.h"
#include "reconciler/plan/posix_zone.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* RFC 8536 has no limits; the largest file of the database has fewer than 300 transitions. */
#define TRANSITIONS_LIMIT 5000
#define TYPES_LIMIT 256
#define HEADER_SIZE 44

struct zone_rules {
    size_t transition_count, type_count;
    int64_t *transitions; /* seconds */
    uint8_t *types;       /* of each transition */
    int32_t *offsets;     /* of each type */
    struct posix_zone after;
    bool has_after;
};

struct reader {
    const uint8_t *bytes;
    size_t length, at;
};

static bool has(const struct reader *reader, size_t count)
{
    return reader->length - reader->at >= count;
}

static uint64_t big_endian(struct reader *reader, size_t size)
{
    CHECK(has(reader, size));
    uint64_t value = 0;
    for (size_t i = 0; i < size; i++)
        value = value << 8 | reader->bytes[reader->at++];
    return value;
}

struct header {
    uint8_t version;
    uint32_t ut_count, standard_count, leap_count, transition_count, type_count, name_bytes;
};

static bool read_header(struct reader *reader, struct header *ret_header)
{
    if (!has(reader, HEADER_SIZE) || memcmp(reader->bytes + reader->at, "TZif", 4) != 0)
        return false;
    ret_header->version = reader->bytes[reader->at + 4];
    reader->at += 20;
    ret_header->ut_count = (uint32_t)big_endian(reader, 4);
    ret_header->standard_count = (uint32_t)big_endian(reader, 4);
    ret_header->leap_count = (uint32_t)big_endian(reader, 4);
    ret_header->transition_count = (uint32_t)big_endian(reader, 4);
    ret_header->type_count = (uint32_t)big_endian(reader, 4);
    ret_header->name_bytes = (uint32_t)big_endian(reader, 4);
    return ret_header->transition_count <= TRANSITIONS_LIMIT && ret_header->type_count > 0 &&
           ret_header->type_count <= TYPES_LIMIT && ret_header->name_bytes <= 4096 &&
           ret_header->leap_count <= 1000 && ret_header->ut_count <= TYPES_LIMIT &&
           ret_header->standard_count <= TYPES_LIMIT;
}

static size_t body_size(const struct header *header, size_t time_size)
{
    return header->transition_count * (time_size + 1) + header->type_count * (size_t)6 +
           header->name_bytes + header->leap_count * (time_size + 4) + header->standard_count +
           header->ut_count;
}

static bool read_body(struct reader *reader, const struct header *header, struct zone_rules *rules)
{
    for (size_t i = 0; i < header->transition_count; i++) {
        const uint64_t value = big_endian(reader, 8);
        (void)memcpy(&rules->transitions[i], &value, sizeof(value));
        if (i > 0 && rules->transitions[i] <= rules->transitions[i - 1])
            return false;
    }
    for (size_t i = 0; i < header->transition_count; i++) {
        rules->types[i] = (uint8_t)big_endian(reader, 1);
        if (rules->types[i] >= header->type_count)
            return false;
    }
    for (size_t i = 0; i < header->type_count; i++) {
        const uint32_t value = (uint32_t)big_endian(reader, 4);
        (void)memcpy(&rules->offsets[i], &value, sizeof(value));
        if (rules->offsets[i] < -93599 || rules->offsets[i] > 93599)
            return false;
        reader->at += 2;
    }
    reader->at += header->name_bytes + header->leap_count * (size_t)12 + header->standard_count +
                  header->ut_count;
    return true;
}

/* "\n<rule>\n" at the end; an empty rule means that the last transition holds for ever. */
static bool read_footer(struct reader *reader, struct zone_rules *rules)
{
    char text[128];
    if (!has(reader, 2) || reader->bytes[reader->at] != '\n')
        return false;
    reader->at++;
    const uint8_t *start = reader->bytes + reader->at;
    const uint8_t *end = memchr(start, '\n', reader->length - reader->at);
    if (end == NULL || (size_t)(end - start) >= sizeof(text))
        return false;
    const size_t length = (size_t)(end - start);
    (void)memcpy(text, start, length);
    text[length] = '\0';
    rules->has_after = length > 0;
    return length == 0 || posix_zone_parse(text, &rules->after);
}

static struct zone_rules *rules_new(const struct header *header)
{
    struct zone_rules *rules = calloc(1, sizeof(*rules));
    if (rules == NULL)
        return NULL;
    rules->transition_count = header->transition_count;
    rules->type_count = header->type_count;
    rules->transitions = calloc(header->transition_count + 1, sizeof(*rules->transitions));
    rules->types = calloc(header->transition_count + 1, sizeof(*rules->types));
    rules->offsets = calloc(header->type_count, sizeof(*rules->offsets));
    if (rules->transitions == NULL || rules->types == NULL || rules->offsets == NULL)
        return zone_rules_free(rules);
    return rules;
}

static int malformed(struct error *err, const char *what)
{
    return error_set(err, ERROR_INVALID, ERR_SYNTAX, "the time zone file %s", what);
}

int zone_rules_parse(const void *bytes, size_t length, struct zone_rules **ret_rules,
                     struct error *err)
{
    struct reader reader = {.bytes = bytes, .length = length};
    struct header header;
    if (!read_header(&reader, &header))
        return malformed(err, "has no sound header");
    if (header.version < '2')
        return malformed(err, "is of version 1, which ends in 2037");
    const size_t first = body_size(&header, 4);
    if (!has(&reader, first))
        return malformed(err, "is cut off");
    reader.at += first;
    if (!read_header(&reader, &header) || !has(&reader, body_size(&header, 8)))
        return malformed(err, "is cut off");
    struct zone_rules *rules = rules_new(&header);
    if (rules == NULL)
        return error_no_memory(err);
    if (!read_body(&reader, &header, rules) || !read_footer(&reader, rules)) {
        zone_rules_free(rules);
        return malformed(err, "holds values that cannot be");
    }
    *ret_rules = rules;
    return 0;
}

struct zone_rules *zone_rules_free(struct zone_rules *rules)
{
    if (rules == NULL)
        return NULL;
    free(rules->transitions);
    free(rules->types);
    free(rules->offsets);
    free(rules);
    return NULL;
}

static int64_t floor_seconds(struct wall_time time)
{
    return time.ms / 1000 - (time.ms % 1000 < 0);
}

int32_t zone_offset(const struct zone_rules *rules, struct wall_time time)
{
    if (rules == NULL)
        return 0;
    const int64_t seconds = floor_seconds(time);
    const size_t count = rules->transition_count;
    if (count == 0 || seconds >= rules->transitions[count - 1]) {
        if (rules->has_after)
            return posix_zone_offset(&rules->after, seconds);
        return rules->offsets[count == 0 ? 0 : rules->types[count - 1]];
    }
    if (seconds < rules->transitions[0])
        return rules->offsets[0];
    size_t low = 0, high = count - 1;
    while (high - low > 1) {
        const size_t middle = low + (high - low) / 2;
        if (rules->transitions[middle] <= seconds)
            low = middle;
        else
            high = middle;
    }
    return rules->offsets[rules->types[low]];
}

/* --- windows ------------------------------------------------------------------------------ */

#define DAY_MS INT64_C(86400000)
#define LOOK_AHEAD_DAYS 9

static bool day_is_in(const struct gate *gate, int64_t day)
{
    /* 1970-01-01 was a Thursday; bit 0 is Monday. */
    int64_t weekday = (day + 3) % 7;
    if (weekday < 0)
        weekday += 7;
    return gate->days == 0 || (gate->days >> weekday & 1) != 0;
}

static int64_t local_ms(const struct zone_rules *rules, struct wall_time time)
{
    return time.ms + INT64_C(1000) * zone_offset(rules, time);
}

/* A window that ends not later than it starts goes on into the next day. */
static bool is_open(const struct gate *gate, const struct zone_rules *rules, struct wall_time time)
{
    const int64_t local = local_ms(rules, time);
    int64_t day = local / DAY_MS, rest = local % DAY_MS;
    if (rest < 0) {
        rest += DAY_MS;
        day--;
    }
    const int64_t minute = rest / 60000;
    if (gate->from_minute < gate->to_minute)
        return day_is_in(gate, day) && minute >= gate->from_minute && minute < gate->to_minute;
    return (day_is_in(gate, day) && minute >= gate->from_minute) ||
           (day_is_in(gate, day - 1) && minute < gate->to_minute);
}

static void consider(const struct gate *gate, const struct zone_rules *rules, struct wall_time now,
                     int64_t candidate, int64_t *best)
{
    if (candidate > now.ms && candidate < *best &&
        is_open(gate, rules, (struct wall_time){candidate}) != is_open(gate, rules, now))
        *best = candidate;
}

/* The first instant in (from, to] with the offset of `to`, where the two differ. */
static int64_t offset_change(const struct zone_rules *rules, int64_t from, int64_t to)
{
    const int32_t after = zone_offset(rules, (struct wall_time){to});
    while (to - from > 1000) {
        const int64_t middle = from + (to - from) / 2;
        if (zone_offset(rules, (struct wall_time){middle}) == after)
            to = middle;
        else
            from = middle;
    }
    return to - to % 1000;
}

bool zone_window_is_open(const struct gate *gate, const struct zone_rules *rules,
                         struct wall_time now, struct wall_time *ret_next_change)
{
    const int64_t local = local_ms(rules, now);
    const int64_t midnight = local - (local % DAY_MS + DAY_MS) % DAY_MS;
    int64_t best = INT64_MAX;
    for (int64_t day = 0; day < LOOK_AHEAD_DAYS; day++) {
        const int64_t start = now.ms + day * DAY_MS;
        const int32_t offsets[] = {zone_offset(rules, (struct wall_time){start}),
                                   zone_offset(rules, (struct wall_time){start + DAY_MS})};
        for (size_t i = 0; i < 2; i++) {
            const int64_t base = midnight + day * DAY_MS - INT64_C(1000) * offsets[i];
            consider(gate, rules, now, base, &best);
            consider(gate, rules, now, base + gate->from_minute * INT64_C(60000), &best);
            consider(gate, rules, now, base + gate->to_minute * INT64_C(60000), &best);
        }
        if (offsets[0] != offsets[1])
            consider(gate, rules, now, offset_change(rules, start, start + DAY_MS), &best);
    }
    ret_next_change->ms = best;
    return is_open(gate, rules, now);
}
