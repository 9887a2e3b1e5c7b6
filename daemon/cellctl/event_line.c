#include "daemon/cellctl/event_line.h"

#include "config/base/json.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

static enum output_colour tone_of(const char *level)
{
    static const struct {
        const char *level;
        enum output_colour tone;
    } tones[] = {{"error", COLOUR_BAD}, {"warning", COLOUR_BUSY}, {"debug", COLOUR_QUIET}};
    for (size_t i = 0; i < sizeof(tones) / sizeof(tones[0]); i++) {
        if (strcmp(level, tones[i].level) == 0)
            return tones[i].tone;
    }
    return COLOUR_NONE;
}

static void print_after(const char *before, const json_t *text)
{
    if (!json_is_string(text))
        return;
    (void)fputs(before, stdout);
    output_text(stdout, json_string_value(text));
}

static void print_line(const json_t *event, bool colour)
{
    const enum output_colour tone = tone_of(json_text_or(json_object_get(event, "level"), "info"));
    (void)fputs(output_colour_begin(colour, COLOUR_QUIET), stdout);
    print_after("", json_object_get(event, "time"));
    (void)fputs(output_colour_end(colour, COLOUR_QUIET), stdout);
    print_after("  ", json_object_get(event, "cell"));
    print_after("/", json_object_get(event, "component"));
    print_after(" on ", json_object_get(event, "target"));
    (void)fputs("  ", stdout);
    (void)fputs(output_colour_begin(colour, tone), stdout);
    print_after("", json_object_get(event, "message"));
    (void)fputs(output_colour_end(colour, tone), stdout);
    (void)fputc('\n', stdout);
}

int event_line_print(const struct invocation *invocation, const json_t *event)
{
    int result = 0;
    switch (invocation->format) {
    case OUTPUT_TABLE:
        print_line(event, invocation->colour);
        break;
    case OUTPUT_JSON:
        result = output_json_line(stdout, event);
        break;
    case OUTPUT_YAML:
        result = output_yaml(stdout, event);
        break;
    }
    return fflush(stdout) == 0 ? result : -EIO;
}
