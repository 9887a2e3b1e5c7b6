#include "daemon/celld/settings_file.h"

#include "config/base/owned.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define SETTINGS_FILE_LIMIT ((size_t)1024 * 1024)

static void close_fd(const int *fd)
{
    if (*fd >= 0)
        (void)close(*fd);
}

static int read_all(int fd, char *bytes, size_t size, size_t *ret_length)
{
    size_t length = 0;
    while (length < size) {
        const ssize_t got = read(fd, bytes + length, size - length);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return -errno;
        if (got == 0)
            break;
        length += (size_t)got;
    }
    *ret_length = length;
    return 0;
}

int settings_file_read(const char *path, struct diagnostics *found, struct settings **ret_settings,
                       struct error *err)
{
    OWNED(close_fd) int fd = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC | O_NOCTTY);
    if (fd < 0)
        return error_set(err, errno == ENOENT ? ERROR_NOT_FOUND : ERROR_INVALID, -errno,
                         "%s cannot be opened: %s", path, strerror(errno));
    struct stat about;
    if (fstat(fd, &about) < 0)
        return error_set(err, ERROR_INVALID, -errno, "%s: %s", path, strerror(errno));
    if (!S_ISREG(about.st_mode))
        return error_set(err, ERROR_INVALID, ERR_INVALID, "%s is not a regular file", path);
    if ((size_t)about.st_size > SETTINGS_FILE_LIMIT)
        return error_set(err, ERROR_LIMIT, ERR_LIMIT,
                         "%s has %lld bytes; settings have at most %zu", path,
                         (long long)about.st_size, SETTINGS_FILE_LIMIT);
    OWNED(owned_free) char *bytes = malloc(SETTINGS_FILE_LIMIT + 1);
    if (bytes == NULL)
        return error_no_memory(err);
    size_t length = 0;
    int result = read_all(fd, bytes, SETTINGS_FILE_LIMIT + 1, &length);
    if (result < 0)
        return error_set(err, ERROR_INVALID, result, "%s cannot be read: %s", path,
                         strerror(-result));
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
