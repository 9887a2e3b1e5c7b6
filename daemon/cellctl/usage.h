/* Options that every command takes, and the help made from the tables. */
#pragma once

#include "daemon/cellctl/command.h"

#include <stdio.h>

extern const struct command_option usage_common[];
extern const size_t usage_common_count;

#define USAGE_SOCKET "/run/celld/celld.sock"
#define USAGE_ADMIN_SOCKET "/run/celld/admin.sock"

void usage_print_all(FILE *file);
void usage_print(FILE *file, const struct command *command);
