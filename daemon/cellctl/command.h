/* What a command of cellctl is: a name, what it takes, and a function. Help, completion and the
 * manual page are made from the same table. */
#pragma once

#include "config/base/error.h"
#include "daemon/cellctl/output.h"

#include <stdbool.h>
#include <stddef.h>

/* Exit codes. */
enum { EXIT_FINE = 0, EXIT_WRONG = 1, EXIT_CHANGES = 2, EXIT_USAGE = 64 };

#define COMMAND_OPTIONS 8
#define COMMAND_ARGUMENTS 8

enum command_completion { COMPLETE_NOTHING, COMPLETE_CELL, COMPLETE_TARGET, COMPLETE_FILE };

struct command_option {
    const char *name;  /* without dashes */
    const char *value; /* what it takes, for help: "REV"; NULL = nothing */
    const char *help;
    enum command_completion completion;
    char letter; /* '\0' = none */
};

struct invocation;

struct command {
    const char *name;      /* "quarantine list": two words make a command of a group */
    const char *arguments; /* for help: "CELL [TARGET]" */
    const char *summary;
    size_t least, most; /* arguments */
    struct command_option options[COMMAND_OPTIONS];
    int (*run)(const struct invocation *invocation);
    enum command_completion completion; /* of the first argument */
};

/* The table. */
extern const struct command command_table[];
extern const size_t command_count;

/* One use of a command. */
struct invocation {
    const struct command *command;
    const char *arguments[COMMAND_ARGUMENTS];
    size_t argument_count;
    const char *values[COMMAND_OPTIONS]; /* "" for a flag that is set; NULL = not given */
    const char *socket_path, *admin_socket_path;
    enum output_format format;
    bool colour;
};

/* The value of an option of the command; NULL when it was not given. */
const char *invocation_option(const struct invocation *invocation, const char *name);

/* The argument at `index`, or NULL. */
const char *invocation_argument(const struct invocation *invocation, size_t index);

/* Says on stderr what went wrong, and what can be done. Returns EXIT_WRONG. */
int invocation_fail(const struct error *err);

int command_run_apply(const struct invocation *invocation);
int command_run_approve(const struct invocation *invocation);
int command_run_completion(const struct invocation *invocation);
int command_run_diff(const struct invocation *invocation);
int command_run_events(const struct invocation *invocation);
int command_run_help(const struct invocation *invocation);
int command_run_history(const struct invocation *invocation);
int command_run_man(const struct invocation *invocation);
int command_run_plan(const struct invocation *invocation);
int command_run_quarantine_clear(const struct invocation *invocation);
int command_run_quarantine_list(const struct invocation *invocation);
int command_run_reload(const struct invocation *invocation);
int command_run_render(const struct invocation *invocation);
int command_run_resume(const struct invocation *invocation);
int command_run_rollback(const struct invocation *invocation);
int command_run_rollout_get(const struct invocation *invocation);
int command_run_rollout_plan(const struct invocation *invocation);
int command_run_rollout(const struct invocation *invocation);
int command_run_status(const struct invocation *invocation);
int command_run_suspend(const struct invocation *invocation);
int command_run_sync(const struct invocation *invocation);
int command_run_validate(const struct invocation *invocation);
int command_run_version(const struct invocation *invocation);
int command_run_why(const struct invocation *invocation);
