/* What the daemon says of itself while it lives: the line for the service manager, whether it
 * moves, that the journal may be trusted again, and with --once that nothing more will move. */
#pragma once

#include <stdbool.h>

struct daemon;

void pulse_start(struct daemon *daemon);

/* The engine took a step. */
void pulse_stepped(void *context);

/* Tells the service manager now. */
void pulse_describe(struct daemon *daemon);

/* It moved since it was asked last, or has no reason to. */
bool pulse_is_alive(void *context);
