/* What a person may have meant by a name that celld does not know. */
#pragma once

#include "daemon/cellctl/command.h"

/* As invocation_fail(); and when a name of the command line is none of celld's cells, components,
 * targets or environments, says which ones come near. */
int hint_fail(const struct invocation *invocation, const struct error *err);

/* For answers that are empty also for a cell that does not exist. EXIT_FINE when there is such a
 * cell (or none was named); otherwise says so and returns EXIT_WRONG. */
int hint_check_cell(const struct invocation *invocation);
