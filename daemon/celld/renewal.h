/* The core is built from the journal's rows: at the start, after a write that failed, and with
 * other settings. Opens the journal, replaces the core, and keeps the old settings when new ones
 * cannot be used. */
#pragma once

#include <stdint.h>

struct daemon;

void renewal_start(struct daemon *daemon);

/* Opens the journal, anew if it is open: with a core there is a new one afterwards. */
void renewal_begin(struct daemon *daemon);

/* Reads the settings again; the verdict answers the command `id` (0 = nobody waits). */
void renewal_reload(struct daemon *daemon, uint64_t id);

/* The last time: daemon_stop() is called again when the core is gone. */
void renewal_stop_core(struct daemon *daemon);
