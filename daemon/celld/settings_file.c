#include "daemon/celld/settings_file.h"

#include "config/base/owned.h"
#include "daemon/file/file.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define SETTINGS_FILE_LIMIT ((size_t)1024 * 1024)

int settings_file_read(const char *path, struct diagnostics *found, struct settings **ret_settings,
                       struct error *err)
{
    const struct file_terms terms = {.limit = SETTINGS_FILE_LIMIT};
    OWNED(owned_free) char *bytes = NULL;
    size_t length = 0;
    int result = file_read(path, &terms, &bytes, &length, err);
    if (result < 0)
        return result;
    result = settings_read(path, bytes, length, found, ret_settings);
    if (result == ERR_INVALID)
        return error_set(err, ERROR_INVALID, result, "%s is not sound", path);
    return result < 0 ? error_no_memory(err) : 0;
}

int settings_file_secret(const struct secret_source *source, const char *what, char **ret_path,
                         struct error *err)
{
    /* The unit loads the files of /etc/celld/credentials as "celld_<name>". */
    static const char *const prefixes[] = {"", "celld_"};
    *ret_path = NULL;
    if (source->file.text != NULL) {
        *ret_path = strdup(source->file.text);
        return *ret_path == NULL ? error_no_memory(err) : 0;
    }
    if (source->credential.text == NULL)
        return 0;
    const char *directory = getenv("CREDENTIALS_DIRECTORY");
    if (directory == NULL)
        return error_set(err, ERROR_INVALID, ERR_INVALID,
                         "%s is the credential %s, but no credentials were handed over: run celld "
                         "as a service with LoadCredential=, or name a file instead",
                         what, source->credential.text);
    for (size_t i = 0; i < sizeof(prefixes) / sizeof(prefixes[0]); i++) {
        char *path = NULL;
        if (asprintf(&path, "%s/%s%s", directory, prefixes[i], source->credential.text) < 0)
            return error_no_memory(err);
        if (access(path, F_OK) == 0) {
            *ret_path = path;
            return 0;
        }
        free(path);
    }
    return error_set(err, ERROR_INVALID, ERR_INVALID,
                     "%s is the credential %s, which was not handed over: put it into "
                     "/etc/celld/credentials and restart the service",
                     what, source->credential.text);
}
