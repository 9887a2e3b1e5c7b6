#include "daemon/cellctl/view.h"

#include "config/base/json.h"

#include <string.h>

#define BAR 20

void view_label(const struct view *view, const char *label)
{
    (void)fprintf(view->file, "%s%s%-8s%s ", view->indent,
                  output_colour_begin(view->colour, COLOUR_QUIET), label,
                  output_colour_end(view->colour, COLOUR_QUIET));
}

void view_paint(const struct view *view, enum output_colour tone, const char *text)
{
    (void)fputs(output_colour_begin(view->colour, tone), view->file);
    output_text(view->file, text);
    (void)fputs(output_colour_end(view->colour, tone), view->file);
}

void view_line(const struct view *view, const char *label, enum output_colour tone,
               const char *text)
{
    if (text == NULL)
        return;
    view_label(view, label);
    view_paint(view, tone, text);
    (void)fputc('\n', view->file);
}

void view_bar(const struct view *view, double share, enum output_colour tone)
{
    const double inside = share > 1 ? 1 : share > 0 ? share : 0;
    const int full = (int)(inside * BAR + 0.5);
    (void)fprintf(view->file, "[%s", output_colour_begin(view->colour, tone));
    for (int i = 0; i < BAR; i++)
        (void)fputs(i < full ? (view->unicode ? "█" : "#") : (view->unicode ? "·" : "-"),
                    view->file);
    (void)fprintf(view->file, "%s]", output_colour_end(view->colour, tone));
}

const char *view_text(const json_t *object, const char *key)
{
    return json_text_or(json_object_get(object, key), NULL);
}

long long view_number(const json_t *object, const char *key)
{
    return json_integer_value(json_object_get(object, key));
}

bool view_is(const json_t *object, const char *key, const char *word)
{
    return strcmp(json_text_or(json_object_get(object, key), ""), word) == 0;
}
