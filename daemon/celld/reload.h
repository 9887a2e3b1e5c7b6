/* Whether new settings may take the place of those in force. */
#pragma once

#include "config/base/text.h"
#include "config/settings/settings.h"

/* Reads the settings again. Returns 0 and owned settings; ERR_INVALID and one line in *ret_why when
 * they are not sound, or differ in what only a restart can change. Blocks on disk. */
int reload_read(const char *path, const struct settings *old, struct settings **ret_settings,
                struct text *ret_why) __attribute__((warn_unused_result));
