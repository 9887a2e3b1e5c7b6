#include "daemon/cellctl/command.h"

#include <stdio.h>
#include <string.h>

#define TARGET_OPTION                                                                              \
    {                                                                                              \
        "target", "TARGET", "only this target", COMPLETE_TARGET, 't'                               \
    }
#define ALL_OPTION(text)                                                                           \
    {                                                                                              \
        "all", NULL, text, COMPLETE_NOTHING, '\0'                                                  \
    }

const struct command command_table[] = {
    {.name = "status",
     .arguments = "[CELL]",
     .summary = "Show all cells on all targets, or one cell in detail",
     .most = 1,
     .options = {{"watch", NULL, "stay, and draw it again when it changes", COMPLETE_NOTHING, 'w'}},
     .run = command_run_status,
     .completion = COMPLETE_CELL},
    {.name = "why",
     .arguments = "CELL [TARGET]",
     .summary = "Say in one line why a cell is where it is",
     .least = 1,
     .most = 2,
     .run = command_run_why,
     .completion = COMPLETE_CELL},
    {.name = "plan",
     .arguments = "",
     .summary = "Show what would be done (exit status 2) or that nothing is to do (0)",
     .options = {{"ref", "REV", "for this branch, tag or commit instead of the current one",
                  COMPLETE_NOTHING, '\0'}},
     .run = command_run_plan},
    {.name = "diff",
     .arguments = "[CELL]",
     .summary = "Show where the live state differs from git",
     .most = 1,
     .run = command_run_diff,
     .completion = COMPLETE_CELL},
    {.name = "apply",
     .arguments = "--plan HASH",
     .summary = "Carry out exactly a plan; refused when anything has moved since",
     .options = {{"plan", "HASH", "what `cellctl plan` printed", COMPLETE_NOTHING, '\0'}},
     .run = command_run_apply},
    {.name = "sync",
     .arguments = "",
     .summary = "Look at the repository and the live state now",
     .run = command_run_sync},
    {.name = "events",
     .arguments = "[CELL]",
     .summary = "Show what happened last",
     .most = 1,
     .options = {{"follow", NULL, "stay, and print what comes", COMPLETE_NOTHING, 'f'},
                 {"last", "N", "begin with the last N (default 20)", COMPLETE_NOTHING, 'n'},
                 {"after", "SEQUENCE", "begin after this one", COMPLETE_NOTHING, '\0'}},
     .run = command_run_events,
     .completion = COMPLETE_CELL},
    {.name = "history",
     .arguments = "[CELL]",
     .summary = "Show the events that are kept",
     .most = 1,
     .options = {TARGET_OPTION, {"limit", "N", "at most N (default 500)", COMPLETE_NOTHING, 'n'}},
     .run = command_run_history,
     .completion = COMPLETE_CELL},
    {.name = "approve",
     .arguments = "CELL ENVIRONMENT [GATE] | --prune HASH | --all",
     .summary = "Open a gate, or let a held removal go on",
     .most = 3,
     .options = {ALL_OPTION("every gate that waits for a person"),
                 {"prune", "HASH", "the removals that `cellctl status` shows as held",
                  COMPLETE_NOTHING, '\0'}},
     .run = command_run_approve,
     .completion = COMPLETE_CELL},
    {.name = "rollback",
     .arguments = "CELL TARGET",
     .summary = "Go back to what ran before, and hold it until the quarantine is cleared",
     .least = 2,
     .most = 2,
     .options = {{"component", "COMPONENT", "only this one", COMPLETE_NOTHING, 'c'}},
     .run = command_run_rollback,
     .completion = COMPLETE_CELL},
    {.name = "suspend",
     .arguments = "CELL | --all",
     .summary = "Stop changing a cell, or everything",
     .most = 1,
     .options = {ALL_OPTION("everything")},
     .run = command_run_suspend,
     .completion = COMPLETE_CELL},
    {.name = "resume",
     .arguments = "CELL | --all",
     .summary = "Go on after suspend",
     .most = 1,
     .options = {ALL_OPTION("everything")},
     .run = command_run_resume,
     .completion = COMPLETE_CELL},
    {.name = "quarantine list",
     .arguments = "",
     .summary = "Show what was judged bad, and where",
     .run = command_run_quarantine_list},
    {.name = "quarantine clear",
     .arguments = "CELL | --all",
     .summary = "Let git decide again",
     .most = 1,
     .options = {ALL_OPTION("everything"),
                 {"component", "COMPONENT", "only this one", COMPLETE_NOTHING, 'c'},
                 TARGET_OPTION,
                 {"digest", "DIGEST", "only this content", COMPLETE_NOTHING, '\0'}},
     .run = command_run_quarantine_clear,
     .completion = COMPLETE_CELL},
    {.name = "render",
     .arguments = "[CELL]",
     .summary = "Print the resources as they are sent",
     .most = 1,
     .options = {TARGET_OPTION},
     .run = command_run_render,
     .completion = COMPLETE_CELL},
    {.name = "reload",
     .arguments = "",
     .summary = "Read the settings again; the old ones stay when the new are bad",
     .run = command_run_reload},
    {.name = "validate",
     .arguments = "[PATH]",
     .summary = "Check the manifests of a repository: exit status 0 when sound, 1 when not",
     .most = 1,
     .options = {{"ref", "REV", "a commit, branch or tag of it instead of the files as they lie",
                  COMPLETE_NOTHING, '\0'},
                 {"config", "FILE", "celld.yaml, which says where manifests are", COMPLETE_FILE,
                  '\0'},
                 {"format", "FORMAT", "text, json or sarif", COMPLETE_NOTHING, '\0'}},
     .run = command_run_validate,
     .completion = COMPLETE_FILE},
    {.name = "version",
     .arguments = "",
     .summary = "Print the versions of cellctl and celld; exit status 1 when celld is not reached",
     .run = command_run_version},
    {.name = "completion",
     .arguments = "bash | zsh | fish | cells",
     .summary = "Print a script that completes command lines, or the cells' names",
     .least = 1,
     .most = 1,
     .run = command_run_completion},
    {.name = "man", .arguments = "", .summary = "Print the manual page", .run = command_run_man},
    {.name = "help",
     .arguments = "[COMMAND]",
     .summary = "Print all commands, or one in detail",
     .most = 2,
     .run = command_run_help},
};
const size_t command_count = sizeof(command_table) / sizeof(command_table[0]);

const char *invocation_option(const struct invocation *invocation, const char *name)
{
    for (size_t i = 0; i < COMMAND_OPTIONS && invocation->command->options[i].name != NULL; i++) {
        if (strcmp(invocation->command->options[i].name, name) == 0)
            return invocation->values[i];
    }
    return NULL;
}

const char *invocation_argument(const struct invocation *invocation, size_t index)
{
    return index < invocation->argument_count ? invocation->arguments[index] : NULL;
}

int invocation_fail(const struct error *err)
{
    (void)fflush(stdout);
    (void)fputs("cellctl: ", stderr);
    output_text(stderr, err->detail);
    (void)fputc('\n', stderr);
    return EXIT_WRONG;
}
