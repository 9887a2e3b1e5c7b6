/* Makes the parts of a core from the settings, and the engine from the journal's rows. */
#pragma once

#include "daemon/celld/core_parts.h"

/* What was made before a failure is left in the core, for core_stop(). */
int assembly_make(struct core *core, struct journal *journal, const struct core_options *options,
                  struct error *err) __attribute__((warn_unused_result));
