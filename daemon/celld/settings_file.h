/* The settings as they lie on disk: opening the file safely, and finding credentials. */
#pragma once

#include "config/base/error.h"
#include "config/manifest/diagnostic.h"
#include "config/settings/settings.h"

/* Diagnostics that are kept of one reading of the settings. */
#define SETTINGS_FILE_DIAGNOSTICS 1000

/* Reads `path`: a regular file of at most 1 MiB (not a device, pipe or directory), opened without
 * blocking. Returns 0 and owned settings; ERR_INVALID with diagnostics in *found, or what the
 * system said with *err. Blocks on disk. */
int settings_file_read(const char *path, struct diagnostics *found, struct settings **ret_settings,
                       struct error *err) __attribute__((warn_unused_result));

/* Where a secret's file is: a credential's name is looked up in $CREDENTIALS_DIRECTORY, alone and
 * as a member of the service's own directory of credentials. Owned path; NULL when the source is
 * not used. Returns 0, ERR_INVALID (no such credential, with what to do) or -ENOMEM. */
int settings_file_secret(const struct secret_source *source, const char *what, char **ret_path,
                         struct error *err) __attribute__((warn_unused_result));
