#include "config/base/json.h"
#include "daemon/cellctl/client.h"
#include "daemon/cellctl/usage.h"

#include <stdio.h>
#include <string.h>

static void print_options(const struct command_option *options, size_t most, const char *before)
{
    for (size_t i = 0; i < most && options[i].name != NULL; i++) {
        (void)printf("%s--%s", before, options[i].name);
        if (options[i].letter != '\0')
            (void)printf("%s-%c", before, options[i].letter);
    }
}

/* The first word of a command's name; false when an earlier command has the same. */
static bool first_word(size_t index, char ret_word[static 32])
{
    const char *name = command_table[index].name;
    (void)snprintf(ret_word, 32, "%.*s", (int)strcspn(name, " "), name);
    const size_t length = strlen(ret_word);
    return index == 0 || strncmp(command_table[index - 1].name, ret_word, length) != 0 ||
           (command_table[index - 1].name[length] != ' ' &&
            command_table[index - 1].name[length] != '\0');
}

static void print_words(void)
{
    char word[32];
    for (size_t i = 0; i < command_count; i++) {
        if (first_word(i, word))
            (void)printf(" %s", word);
    }
}

/* Cells are asked of the daemon; without one there are none. */
static const char cells[] = "cellctl completion cells 2>/dev/null";

static void print_bash(void)
{
    (void)printf("# bash completion for cellctl\n_cellctl() {\n"
                 "    local word=${COMP_WORDS[COMP_CWORD]} command=${COMP_WORDS[1]} options=\n"
                 "    if [ \"$COMP_CWORD\" -eq 1 ]; then\n"
                 "        COMPREPLY=($(compgen -W '");
    print_words();
    (void)puts(" --help' -- \"$word\"))\n        return\n    fi\n    case $command in");
    char name[32];
    for (size_t i = 0; i < command_count; i++) {
        if (!first_word(i, name))
            continue;
        (void)printf("    %s) options='", name);
        for (size_t j = i; j < command_count; j++) {
            const size_t length = strlen(name);
            if (strncmp(command_table[j].name, name, length) != 0)
                break;
            if (command_table[j].name[length] == ' ')
                (void)printf(" %s", command_table[j].name + length + 1);
            print_options(command_table[j].options, COMMAND_OPTIONS, " ");
        }
        (void)puts("' ;;");
    }
    (void)fputs("    esac\n    options+='", stdout);
    print_options(usage_common, usage_common_count, " ");
    (void)printf("'\n    case $word in\n"
                 "    -*) COMPREPLY=($(compgen -W \"$options\" -- \"$word\")) ;;\n"
                 "    *) COMPREPLY=($(compgen -W \"$options $(%s)\" -- \"$word\")) ;;\n"
                 "    esac\n}\ncomplete -F _cellctl cellctl\n",
                 cells);
}

static void print_zsh(void)
{
    (void)puts("#compdef cellctl\n_cellctl() {\n    local -a commands\n    commands=(");
    char word[32];
    for (size_t i = 0; i < command_count; i++) {
        if (first_word(i, word))
            (void)printf("        '%s'\n", word);
    }
    (void)printf("    )\n    if (( CURRENT == 2 )); then\n"
                 "        compadd -a commands\n        return\n    fi\n    case $words[2] in\n");
    for (size_t i = 0; i < command_count; i++) {
        (void)printf("    %.*s) compadd --", (int)strcspn(command_table[i].name, " "),
                     command_table[i].name);
        const char *second = strchr(command_table[i].name, ' ');
        for (size_t j = i; second != NULL && j < command_count; j++) {
            const char *other = strchr(command_table[j].name, ' ');
            if (other != NULL && strncmp(command_table[j].name, command_table[i].name,
                                         (size_t)(second - command_table[i].name)) == 0)
                (void)printf(" %s", other + 1);
        }
        print_options(command_table[i].options, COMMAND_OPTIONS, " ");
        (void)puts(" ;;");
    }
    (void)fputs("    esac\n    compadd --", stdout);
    print_options(usage_common, usage_common_count, " ");
    (void)printf(" ${(f)\"$(%s)\"}\n}\n_cellctl \"$@\"\n", cells);
}

static void print_fish_options(const char *condition, const struct command_option *options,
                               size_t most)
{
    for (size_t i = 0; i < most && options[i].name != NULL; i++) {
        (void)printf("complete -c cellctl %s -l %s", condition, options[i].name);
        if (options[i].letter != '\0')
            (void)printf(" -s %c", options[i].letter);
        (void)printf("%s -d '%s'\n", options[i].value == NULL ? "" : " -r", options[i].help);
    }
}

static void print_fish(void)
{
    char word[32];
    (void)puts("# fish completion for cellctl\ncomplete -c cellctl -f");
    for (size_t i = 0; i < command_count; i++) {
        char condition[96];
        if (first_word(i, word))
            (void)printf("complete -c cellctl -n __fish_use_subcommand -a %s -d '%s'\n", word,
                         command_table[i].summary);
        (void)snprintf(condition, sizeof(condition), "-n '__fish_seen_subcommand_from %s'", word);
        const char *second = strchr(command_table[i].name, ' ');
        if (second != NULL)
            (void)printf("complete -c cellctl %s -a %s -d '%s'\n", condition, second + 1,
                         command_table[i].summary);
        if (command_table[i].completion == COMPLETE_CELL)
            (void)printf("complete -c cellctl %s -a \"(%s)\"\n", condition, "__cellctl_cells");
        print_fish_options(condition, command_table[i].options, COMMAND_OPTIONS);
    }
    print_fish_options("", usage_common, usage_common_count);
    (void)printf("function __cellctl_cells\n    %s\nend\n", cells);
}

static int print_cells(const struct invocation *invocation)
{
    struct error error;
    OWNED_JSON *status = NULL;
    if (client_get(invocation, "/v1/status", &status, &error) != 0)
        return invocation_fail(&error);
    size_t index;
    const json_t *cell;
    json_array_foreach(json_object_get(status, "cells"), index, cell)
    {
        output_text(stdout, json_text_or(json_object_get(cell, "name"), ""));
        (void)fputc('\n', stdout);
    }
    return EXIT_FINE;
}

int command_run_completion(const struct invocation *invocation)
{
    static const struct {
        const char *shell;
        void (*print)(void);
    } shells[] = {{"bash", print_bash}, {"zsh", print_zsh}, {"fish", print_fish}};
    for (size_t i = 0; i < sizeof(shells) / sizeof(shells[0]); i++) {
        if (strcmp(invocation->arguments[0], shells[i].shell) == 0) {
            shells[i].print();
            return EXIT_FINE;
        }
    }
    if (strcmp(invocation->arguments[0], "cells") == 0)
        return print_cells(invocation);
    (void)fputs("cellctl completion: bash, zsh, fish or cells\n", stderr);
    return EXIT_USAGE;
}
