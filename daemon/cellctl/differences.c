#include "daemon/cellctl/differences.h"

#include "config/base/json.h"

#include <stdlib.h>
#include <string.h>

/* A value in one line; long ones are cut. */
static void print_value(const json_t *value, enum output_colour tone, bool colour)
{
    enum { LONGEST = 100 };
    char *text = value == NULL || json_is_null(value)
                     ? NULL
                     : json_dumps(value, JSON_COMPACT | JSON_ENCODE_ANY | JSON_ENSURE_ASCII);
    (void)fputs(output_colour_begin(colour, tone), stdout);
    if (text == NULL)
        (void)fputs("(none)", stdout);
    else
        (void)printf("%.*s%s", LONGEST, text, strlen(text) > LONGEST ? "…" : "");
    (void)fputs(output_colour_end(colour, tone), stdout);
    free(text);
}

void differences_print(const json_t *differences, bool colour)
{
    size_t index;
    const json_t *difference;
    json_array_foreach(differences, index, difference)
    {
        (void)fputs("      ", stdout);
        output_text(stdout, json_text_or(json_object_get(difference, "pointer"), "?"));
        (void)fputs("  ", stdout);
        print_value(json_object_get(difference, "live"), COLOUR_BAD, colour);
        (void)fputs(" -> ", stdout);
        print_value(json_object_get(difference, "desired"), COLOUR_GOOD, colour);
        (void)fputc('\n', stdout);
    }
}
