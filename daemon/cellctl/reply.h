/* The common end of commands that act: send it, print what celld says. */
#pragma once

#include "daemon/cellctl/command.h"

#include <jansson.h>

/* Takes `arguments`. Returns the exit code. */
int reply_of(const struct invocation *invocation, const char *verb, json_t *arguments);

/* The same, with what it is about before what celld says: "order/checkoutservice on testing: ". */
int reply_about(const struct invocation *invocation, const char *about, const char *verb,
                json_t *arguments);
