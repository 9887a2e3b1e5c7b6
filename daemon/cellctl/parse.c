#include "daemon/cellctl/parse.h"

#include "config/manifest/schema.h"
#include "daemon/cellctl/usage.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct parser {
    char **words;
    int count, at;
    struct invocation *invocation;
    const char *common[8]; /* values, by the order of usage_common */
    const char *positional[COMMAND_ARGUMENTS + 2];
    size_t positional_count;
};

static int wrong(const char *before, const char *word, const char *after)
{
    (void)fprintf(stderr, "cellctl: %s", before);
    output_text(stderr, word);
    (void)fprintf(stderr, "%s; see `cellctl help`\n", after);
    return -1;
}

static int unknown_command(const char *word)
{
    const size_t length = strlen(word);
    size_t found = 0;
    for (size_t i = 0; i < command_count; i++) {
        if (strncmp(command_table[i].name, word, length) == 0 &&
            command_table[i].name[length] == ' ')
            (void)fprintf(stderr, "%s%s", found++ == 0 ? "cellctl: say which: " : ", ",
                          command_table[i].name);
    }
    if (found == 0) {
        const char *names[64];
        char after[96] = "";
        size_t count = 0;
        for (; count < command_count && count < 64; count++)
            names[count] = command_table[count].name;
        const char *nearest = schema_nearest(names, count, word);
        if (nearest != NULL)
            (void)snprintf(after, sizeof(after), "; did you mean %s?", nearest);
        return wrong("there is no command ", word, after);
    }
    (void)fputc('\n', stderr);
    return -1;
}

/* Two words, or one. Returns how many the name has; 0 = none fits. */
static size_t find_command(const char *const *words, size_t count, const struct command **ret_found)
{
    for (size_t i = 0; i < command_count; i++) {
        const char *name = command_table[i].name;
        const char *space = strchr(name, ' ');
        const size_t first = space == NULL ? strlen(name) : (size_t)(space - name);
        if (count == 0 || words[0] == NULL || strlen(words[0]) != first ||
            strncmp(words[0], name, first) != 0)
            continue;
        if (space != NULL && (count < 2 || strcmp(words[1], space + 1) != 0))
            continue;
        *ret_found = &command_table[i];
        return space == NULL ? 1 : 2;
    }
    return 0;
}

static bool is_option(const struct command_option *option, const char *name, size_t length,
                      bool is_long)
{
    if (is_long)
        return strlen(option->name) == length && strncmp(option->name, name, length) == 0;
    return option->letter != '\0' && option->letter == name[0];
}

/* Looks for the option in a table; returns its place or -1. */
static int place_of(const struct command_option *options, size_t most, const char *name,
                    size_t length, bool is_long)
{
    for (size_t i = 0; i < most && options[i].name != NULL; i++) {
        if (is_option(&options[i], name, length, is_long))
            return (int)i;
    }
    return -1;
}

static int take_value(struct parser *parser, const struct command_option *option,
                      const char *attached, const char **ret_value)
{
    if (option->value == NULL) {
        *ret_value = "";
        return attached == NULL ? 0 : wrong("--", option->name, " takes no value");
    }
    if (attached == NULL && parser->at + 1 < parser->count)
        attached = parser->words[++parser->at];
    if (attached == NULL)
        return wrong("--", option->name, " needs a value");
    *ret_value = attached;
    return 0;
}

static int take_option(struct parser *parser, const char *word)
{
    const bool is_long = word[1] == '-';
    const char *name = word + (is_long ? 2 : 1);
    const size_t length = is_long ? strcspn(name, "=") : 1;
    const char *attached = name[length] == '\0' ? NULL : name + length + (is_long ? 1 : 0);
    int at = place_of(usage_common, usage_common_count, name, length, is_long);
    if (at >= 0)
        return take_value(parser, &usage_common[at], attached, &parser->common[at]);
    const struct command *command = parser->invocation->command;
    at = command == NULL ? -1 : place_of(command->options, COMMAND_OPTIONS, name, length, is_long);
    if (at < 0)
        return wrong("unknown option ", word, "");
    return take_value(parser, &command->options[at], attached, &parser->invocation->values[at]);
}

/* Options of the command may come before its name only when they are everybody's: the name is
 * looked for first. */
static void find_name(struct parser *parser)
{
    const char *words[2] = {NULL, NULL};
    size_t found = 0;
    for (int i = 1; i < parser->count && found < 2; i++) {
        const char *word = parser->words[i];
        if (word[0] != '-') {
            words[found++] = word;
            continue;
        }
        const bool is_long = word[1] == '-';
        const char *name = word + (is_long ? 2 : 1);
        const int at = place_of(usage_common, usage_common_count, name,
                                is_long ? strcspn(name, "=") : 1, is_long);
        if (at >= 0 && usage_common[at].value != NULL &&
            (is_long ? strchr(word, '=') == NULL : word[2] == '\0'))
            i++;
        else if (found > 0)
            break;
    }
    (void)find_command(words, found, &parser->invocation->command);
}

static int read_words(struct parser *parser)
{
    bool only_arguments = false;
    for (parser->at = 1; parser->at < parser->count; parser->at++) {
        const char *word = parser->words[parser->at];
        if (!only_arguments && strcmp(word, "--") == 0) {
            only_arguments = true;
        } else if (!only_arguments && word[0] == '-' && word[1] != '\0') {
            if (take_option(parser, word) != 0)
                return -1;
        } else if (parser->positional_count == COMMAND_ARGUMENTS + 2) {
            return wrong("too many arguments: ", word, "");
        } else {
            parser->positional[parser->positional_count++] = word;
        }
    }
    return 0;
}

static int set_format(struct invocation *invocation, const char *word)
{
    static const char *const words[] = {"table", "json", "yaml"};
    for (size_t i = 0; word != NULL && i < sizeof(words) / sizeof(words[0]); i++) {
        if (strcmp(word, words[i]) == 0) {
            invocation->format = (enum output_format)i;
            return 0;
        }
    }
    return word == NULL ? 0 : wrong("unknown format ", word, " (table, json, yaml)");
}

static int set_colour(struct invocation *invocation, const char *word)
{
    const char *terminal = getenv("TERM");
    const char *no_colour = getenv("NO_COLOR");
    invocation->colour = isatty(STDOUT_FILENO) == 1 && (no_colour == NULL || *no_colour == '\0') &&
                         terminal != NULL && strcmp(terminal, "dumb") != 0;
    if (word == NULL || strcmp(word, "auto") == 0)
        return 0;
    if (strcmp(word, "always") != 0 && strcmp(word, "never") != 0)
        return wrong("unknown colour ", word, " (auto, always, never)");
    invocation->colour = strcmp(word, "always") == 0;
    return 0;
}

enum { COMMON_SOCKET, COMMON_ADMIN_SOCKET, COMMON_OUTPUT, COMMON_COLOUR, COMMON_HELP };

static int settle(struct parser *parser)
{
    struct invocation *invocation = parser->invocation;
    if (parser->common[COMMON_HELP] != NULL) {
        if (invocation->command == NULL)
            usage_print_all(stdout);
        else
            usage_print(stdout, invocation->command);
        return 1;
    }
    if (invocation->command == NULL) {
        if (parser->positional_count > 0)
            return unknown_command(parser->positional[0]);
        usage_print_all(stderr);
        return -1;
    }
    const size_t name_words = strchr(invocation->command->name, ' ') == NULL ? 1 : 2;
    invocation->argument_count = parser->positional_count - name_words;
    for (size_t i = 0; i < invocation->argument_count && i < COMMAND_ARGUMENTS; i++)
        invocation->arguments[i] = parser->positional[name_words + i];
    if (invocation->argument_count < invocation->command->least ||
        invocation->argument_count > invocation->command->most) {
        usage_print(stderr, invocation->command);
        return -1;
    }
    const char *path = parser->common[COMMON_SOCKET];
    invocation->socket_path = path == NULL ? USAGE_SOCKET : path;
    path = parser->common[COMMON_ADMIN_SOCKET];
    invocation->admin_socket_path = path == NULL ? USAGE_ADMIN_SOCKET : path;
    if (set_format(invocation, parser->common[COMMON_OUTPUT]) != 0)
        return -1;
    return set_colour(invocation, parser->common[COMMON_COLOUR]);
}

int parse_line(int count, char **words, struct invocation *ret_invocation)
{
    *ret_invocation = (struct invocation){.command = NULL};
    struct parser parser = {.words = words, .count = count, .invocation = ret_invocation};
    find_name(&parser);
    if (ret_invocation->command == NULL && parser.count > 1 && words[1][0] != '-')
        return unknown_command(words[1]);
    const int result = read_words(&parser);
    return result != 0 ? result : settle(&parser);
}
