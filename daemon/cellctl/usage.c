#include "daemon/cellctl/usage.h"

#include "config/base/owned.h"
#include "daemon/cellctl/grid.h"

#include <string.h>

const struct command_option usage_common[] = {
    {"socket", "PATH", "the status socket (default " USAGE_SOCKET ")", COMPLETE_FILE, '\0'},
    {"admin-socket", "PATH", "the socket for acting (default " USAGE_ADMIN_SOCKET ")",
     COMPLETE_FILE, '\0'},
    {"output", "FORMAT", "table, json or yaml", COMPLETE_NOTHING, 'o'},
    {"colour", "WHEN", "auto, always or never", COMPLETE_NOTHING, '\0'},
    {"help", NULL, "print help", COMPLETE_NOTHING, 'h'},
};
const size_t usage_common_count = sizeof(usage_common) / sizeof(usage_common[0]);

static void add_option(struct grid *grid, const struct command_option *option)
{
    char letter[8] = "    ";
    if (option->letter != '\0')
        (void)snprintf(letter, sizeof(letter), "-%c, ", option->letter);
    grid_format(grid, COLOUR_NONE, "  %s--%s%s%s", letter, option->name,
                option->value == NULL ? "" : " ", option->value == NULL ? "" : option->value);
    grid_add(grid, COLOUR_NONE, option->help);
}

static void print_common(FILE *file)
{
    OWNED(grid_freep) struct grid *grid = grid_new(2);
    for (size_t i = 0; i < usage_common_count; i++)
        add_option(grid, &usage_common[i]);
    (void)fputs("\nEverywhere:\n", file);
    grid_print(grid, file, false);
}

void usage_print_all(FILE *file)
{
    OWNED(grid_freep) struct grid *grid = grid_new(2);
    (void)fputs("cellctl looks at celld and acts on it.\n\nUsage: cellctl COMMAND …\n\n", file);
    for (size_t i = 0; i < command_count; i++) {
        grid_format(grid, COLOUR_NONE, "  %s", command_table[i].name);
        grid_add(grid, COLOUR_NONE, command_table[i].summary);
    }
    grid_print(grid, file, false);
    print_common(file);
}

void usage_print(FILE *file, const struct command *command)
{
    OWNED(grid_freep) struct grid *grid = grid_new(2);
    (void)fprintf(file, "Usage: cellctl %s%s%s\n\n%s.\n", command->name,
                  command->arguments[0] == '\0' ? "" : " ", command->arguments, command->summary);
    for (size_t i = 0; i < COMMAND_OPTIONS && command->options[i].name != NULL; i++)
        add_option(grid, &command->options[i]);
    if (grid_rows(grid) > 0) {
        (void)fputs("\nOptions:\n", file);
        grid_print(grid, file, false);
    }
    print_common(file);
}
