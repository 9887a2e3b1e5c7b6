#include "daemon/cellctl/grid.h"

#include "daemon/cellctl/screen.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#define GAP 2
#define NARROW 24 /* columns that a sentence needs */
#define BELOW 4   /* indent of what goes below */

struct field {
    char *text;
    size_t width;
    enum output_colour colour;
};

struct grid {
    size_t columns, count, capacity;
    struct field *fields;
    bool failed;
};

struct grid *grid_new(size_t columns)
{
    struct grid *grid = calloc(1, sizeof(*grid));
    if (grid != NULL)
        grid->columns = columns;
    return grid;
}

struct grid *grid_free(struct grid *grid)
{
    if (grid == NULL)
        return NULL;
    for (size_t i = 0; i < grid->count; i++)
        free(grid->fields[i].text);
    free(grid->fields);
    free(grid);
    return NULL;
}

void grid_freep(struct grid **grid)
{
    *grid = grid_free(*grid);
}

/* As many as there are characters: good for what names and sentences are made of. */
static size_t width_of(const char *text)
{
    size_t width = 0;
    for (; *text != '\0'; text++)
        width += ((unsigned char)*text & 0xC0) != 0x80;
    return width;
}

static char *escaped(const char *text)
{
    char *result = NULL;
    size_t size = 0;
    FILE *file = open_memstream(&result, &size);
    if (file == NULL)
        return NULL;
    output_text(file, text);
    if (fclose(file) == 0)
        return result;
    free(result);
    return NULL;
}

void grid_add(struct grid *grid, enum output_colour colour, const char *text)
{
    if (grid == NULL || grid->failed)
        return;
    if (grid->count == grid->capacity) {
        const size_t capacity = grid->capacity == 0 ? 64 : grid->capacity * 2;
        struct field *fields = reallocarray(grid->fields, capacity, sizeof(*fields));
        if (fields == NULL) {
            grid->failed = true;
            return;
        }
        grid->fields = fields;
        grid->capacity = capacity;
    }
    char *copy = escaped(text == NULL ? "-" : text);
    if (copy == NULL) {
        grid->failed = true;
        return;
    }
    grid->fields[grid->count++] =
        (struct field){.text = copy, .width = width_of(copy), .colour = colour};
}

void grid_format(struct grid *grid, enum output_colour colour, const char *format, ...)
{
    char *text = NULL;
    va_list arguments;
    va_start(arguments, format);
    const int length = vasprintf(&text, format, arguments);
    va_end(arguments);
    if (length >= 0) {
        grid_add(grid, colour, text);
        free(text);
    } else if (grid != NULL) {
        grid->failed = true;
    }
}

size_t grid_rows(const struct grid *grid)
{
    return grid == NULL ? 0 : grid->count / grid->columns;
}

static size_t column_width(const struct grid *grid, size_t column)
{
    size_t width = 0;
    for (size_t i = column; i < grid->count; i += grid->columns)
        width = grid->fields[i].width > width ? grid->fields[i].width : width;
    return width;
}

static void print_field(FILE *file, const struct field *field, const char *text, size_t length,
                        bool colour)
{
    (void)fprintf(file, "%s%.*s%s", output_colour_begin(colour, field->colour), (int)length, text,
                  output_colour_end(colour, field->colour));
}

/* Where a line of at most `room` characters ends: before a word, where there is one. */
static size_t line_length(const char *text, size_t room)
{
    size_t end = 0;
    size_t break_at = 0;
    for (size_t shown = 0; text[end] != '\0'; end++) {
        if (((unsigned char)text[end] & 0xC0) == 0x80)
            continue;
        if (shown++ == room)
            return break_at > 0 ? break_at : end;
        if (text[end] == ' ')
            break_at = end;
    }
    return end;
}

/* The last field: beside the others, or below them where there is no room for a sentence. */
static void print_last(FILE *file, const struct field *field, size_t before, bool colour)
{
    const size_t columns = screen_columns();
    const char *text = field->text;
    size_t indent = before;
    if (field->width > 0 && before + field->width > columns && before + NARROW > columns) {
        indent = BELOW;
        (void)fprintf(file, "\n%*s", (int)indent, "");
    }
    while (*text != '\0') {
        const size_t length = line_length(text, columns > indent ? columns - indent : NARROW);
        print_field(file, field, text, length, colour);
        text += length + strspn(text + length, " ");
        if (*text != '\0')
            (void)fprintf(file, "\n%*s", (int)indent, "");
    }
    (void)fputc('\n', file);
}

void grid_print(const struct grid *grid, FILE *file, bool colour)
{
    if (grid == NULL || grid->failed) {
        (void)fputs("out of memory\n", file);
        return;
    }
    size_t before = 0;
    for (size_t i = 0; i < grid->count; i++) {
        const struct field *field = &grid->fields[i];
        const size_t column = i % grid->columns;
        if (column + 1 == grid->columns) {
            print_last(file, field, before, colour);
            before = 0;
            continue;
        }
        const size_t width = column_width(grid, column) + GAP;
        print_field(file, field, field->text, strlen(field->text), colour);
        (void)fprintf(file, "%*s", (int)(width - field->width), "");
        before += width;
    }
}
