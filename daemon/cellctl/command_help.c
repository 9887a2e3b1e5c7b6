#include "daemon/cellctl/usage.h"

#include <string.h>

int command_run_help(const struct invocation *invocation)
{
    if (invocation->argument_count == 0) {
        usage_print_all(stdout);
        return EXIT_FINE;
    }
    const char *name = invocation->arguments[0];
    const size_t length = strlen(name);
    size_t found = 0;
    for (size_t i = 0; i < command_count; i++) {
        /* The first word of a group gives all of it. */
        if (strncmp(command_table[i].name, name, length) != 0 ||
            (command_table[i].name[length] != '\0' && command_table[i].name[length] != ' '))
            continue;
        if (found++ > 0)
            (void)fputc('\n', stdout);
        usage_print(stdout, &command_table[i]);
    }
    if (found == 0)
        (void)fputs("cellctl help: there is no such command\n", stderr);
    return found > 0 ? EXIT_FINE : EXIT_USAGE;
}
