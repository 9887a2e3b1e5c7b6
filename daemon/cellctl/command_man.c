#include "daemon/cellctl/usage.h"

#include <stdio.h>

/* Text for roff: a leading dot or quote and every backslash and hyphen mean something there. */
static void print_roff(const char *text)
{
    if (*text == '.' || *text == '\'')
        (void)fputs("\\&", stdout);
    for (; *text != '\0'; text++) {
        if (*text == '\\')
            (void)fputs("\\e", stdout);
        else if (*text == '-')
            (void)fputs("\\-", stdout);
        else
            (void)fputc(*text, stdout);
    }
}

static void print_option(const struct command_option *option)
{
    (void)fputs(".TP\n.B ", stdout);
    if (option->letter != '\0')
        (void)printf("\\-%c, ", option->letter);
    (void)fputs("\\-\\-", stdout);
    print_roff(option->name);
    if (option->value != NULL)
        (void)printf(" \\fI%s\\fR", option->value);
    (void)fputc('\n', stdout);
    print_roff(option->help);
    (void)fputc('\n', stdout);
}

static void print_command(const struct command *command)
{
    (void)fputs(".SS ", stdout);
    print_roff(command->name);
    (void)fputc(' ', stdout);
    print_roff(command->arguments);
    (void)fputc('\n', stdout);
    print_roff(command->summary);
    (void)fputs(".\n", stdout);
    for (size_t i = 0; i < COMMAND_OPTIONS && command->options[i].name != NULL; i++)
        print_option(&command->options[i]);
}

int command_run_man(const struct invocation *invocation)
{
    (void)invocation;
    (void)printf(".TH CELLCTL 1 \"\" \"celld %s\" \"User Commands\"\n"
                 ".SH NAME\ncellctl \\- look at celld and act on it\n"
                 ".SH SYNOPSIS\n.B cellctl\n.I COMMAND\n[\\fIOPTION\\fR]... [\\fIARGUMENT\\fR]...\n"
                 ".SH DESCRIPTION\n"
                 "Shows what celld does with the cells of a repository, and why, and lets an\n"
                 "operator decide what is held for a person. Reading and acting go through two\n"
                 "Unix sockets, so that groups can be given one without the other.\n"
                 ".SH COMMANDS\n",
                 CELLD_VERSION);
    for (size_t i = 0; i < command_count; i++)
        print_command(&command_table[i]);
    (void)fputs(".SH OPTIONS\n", stdout);
    for (size_t i = 0; i < usage_common_count; i++)
        print_option(&usage_common[i]);
    (void)printf(".SH EXIT STATUS\n"
                 ".TP\n0\nIt was done; a plan has nothing to do.\n"
                 ".TP\n%d\nIt failed.\n"
                 ".TP\n%d\nA plan has changes.\n"
                 ".TP\n%d\nThe command line is wrong.\n"
                 ".SH SEE ALSO\n.BR celld (8),\n.BR celld\\-rollouts (7)\n",
                 EXIT_WRONG, EXIT_CHANGES, EXIT_USAGE);
    return EXIT_FINE;
}
