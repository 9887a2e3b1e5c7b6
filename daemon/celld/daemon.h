/* The daemon's life: loop, signals, journal, sockets, and the core that they serve.
 *
 *   OPENING ──rows──▶ RUNNING ──a write failed──▶ READ_ONLY ──journal opens again──▶ RUNNING
 *      │ no storage       │ reload: the core is stopped and built again from the rows
 *      └──▶ READ_ONLY     └──TERM, --once done──▶ STOPPING ──▶ left, with 0 handles
 */
#pragma once

#include "config/settings/settings.h"
#include "daemon/celld/options.h"

/* Takes the settings. Returns the exit status: 0; 1 on errors; 3 when --once ended held; 75 when
 * another instance runs; 78 when the settings or the journal cannot be used. */
int daemon_run(const struct options *options, struct settings *settings);
