#include "daemon/cellctl/output.h"

#include "config/base/check.h"
#include "config/base/json.h"
#include "config/base/time.h"
#include "config/base/utf8.h"
#include "daemon/cellctl/yaml.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static bool is_harmless(uint32_t point)
{
    return point >= 0x20 && point != 0x7F && !(point >= 0x80 && point < 0xA0) &&
           !(point >= 0x200B && point <= 0x200F) && !(point >= 0x2028 && point <= 0x202E) &&
           !(point >= 0x2066 && point <= 0x2069) && point != 0xFEFF;
}

static void print(FILE *file, const char *text, bool keep_newlines)
{
    size_t left = strlen(text);
    for (size_t size; left > 0; text += size, left -= size) {
        uint32_t point = 0;
        size = utf8_read(text, left, &point);
        if (size == 0)
            (void)fprintf(file, "\\x%02x", (unsigned)(unsigned char)*text);
        else if (is_harmless(point) || (keep_newlines && *text == '\n'))
            (void)fwrite(text, 1, size, file);
        else if (point < 0x100)
            (void)fprintf(file, "\\x%02x", (unsigned)point);
        else
            (void)fprintf(file, "\\u%04x", (unsigned)point);
        size += size == 0;
    }
}

void output_text(FILE *file, const char *text)
{
    print(file, text, false);
}

void output_lines(FILE *file, const char *text)
{
    print(file, text, true);
}

/* On a terminal everything beyond ASCII is escaped: a value may hold what steers it. */
static bool is_terminal(FILE *file)
{
    return isatty(fileno(file)) == 1;
}

static int dump(FILE *file, const json_t *value, size_t flags)
{
    if (is_terminal(file))
        flags |= JSON_ENSURE_ASCII;
    const int failed = json_dumpf(value, file, flags | JSON_ENCODE_ANY);
    return failed != 0 || fputc('\n', file) == EOF ? -EIO : 0;
}

int output_json_line(FILE *file, const json_t *value)
{
    return dump(file, value, JSON_COMPACT);
}

int output_yaml(FILE *file, const json_t *value)
{
    return yaml_write(file, value, !is_terminal(file));
}

int output_value(FILE *file, enum output_format format, const json_t *value)
{
    CHECK(format != OUTPUT_TABLE);
    return format == OUTPUT_JSON ? dump(file, value, JSON_INDENT(2)) : output_yaml(file, value);
}

static const char *const sequences[] = {
    [COLOUR_NONE] = "",          [COLOUR_GOOD] = "\033[32m", [COLOUR_BUSY] = "\033[33m",
    [COLOUR_BAD] = "\033[1;31m", [COLOUR_QUIET] = "\033[2m", [COLOUR_HEAD] = "\033[1m",
};
_Static_assert(sizeof(sequences) / sizeof(sequences[0]) == OUTPUT_COLOUR_COUNT, "one per colour");

const char *output_colour_begin(bool on, enum output_colour colour)
{
    return on ? sequences[colour] : "";
}

const char *output_colour_end(bool on, enum output_colour colour)
{
    return on && colour != COLOUR_NONE ? "\033[0m" : "";
}

void output_age(int64_t ms, char ret_text[static OUTPUT_AGE_SIZE])
{
    static const struct {
        int64_t seconds;
        const char *unit;
    } units[] = {{86400, "d"}, {3600, "h"}, {60, "min"}, {1, "s"}};
    const int64_t seconds = ms < 0 ? 0 : ms / 1000;
    size_t i = 0;
    while (i + 1 < sizeof(units) / sizeof(units[0]) && seconds < 2 * units[i].seconds)
        i++;
    (void)snprintf(ret_text, OUTPUT_AGE_SIZE, "%lld %s", (long long)(seconds / units[i].seconds),
                   units[i].unit);
}

void output_span(int64_t ms, char ret_text[static OUTPUT_AGE_SIZE])
{
    const long long seconds = ms < 0 ? 0 : (long long)(ms / 1000);
    if (seconds < 60)
        (void)snprintf(ret_text, OUTPUT_AGE_SIZE, "%lld s", seconds);
    else if (seconds < 3600)
        (void)snprintf(ret_text, OUTPUT_AGE_SIZE,
                       seconds % 60 == 0 ? "%lld min" : "%lld min %lld s", seconds / 60,
                       seconds % 60);
    else
        (void)snprintf(ret_text, OUTPUT_AGE_SIZE,
                       seconds % 3600 < 60 ? "%lld h" : "%lld h %lld min", seconds / 3600,
                       seconds % 3600 / 60);
}

void output_age_at(const json_t *then, const json_t *now, char ret_text[static OUTPUT_AGE_SIZE])
{
    struct wall_time from;
    struct wall_time to;
    ret_text[0] = '\0';
    if (wall_time_parse(json_text_or(then, ""), &from) == 0 &&
        wall_time_parse(json_text_or(now, ""), &to) == 0)
        output_age(to.ms - from.ms, ret_text);
}
