#include "daemon/file/file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

struct opened {
    int fd;
    const char *what, *path;
    const struct file_terms *terms;
    struct error *err;
};

static int too_large(const struct opened *file)
{
    return error_set(file->err, ERROR_LIMIT, ERR_LIMIT, "%s%s has more than %zu bytes", file->what,
                     file->path, file->terms->limit);
}

static int check(const struct opened *file, size_t *ret_size)
{
    struct stat about;
    if (fstat(file->fd, &about) < 0)
        return error_set(file->err, ERROR_INVALID, -errno, "%s%s cannot be examined: %s",
                         file->what, file->path, strerror(errno));
    if (!S_ISREG(about.st_mode))
        return error_set(file->err, ERROR_INVALID, ERR_INVALID, "%s%s is not a regular file",
                         file->what, file->path);
    if ((about.st_mode & file->terms->denied) != 0)
        return error_set(file->err, ERROR_DENIED, ERR_INVALID,
                         "%s%s is open to every user (mode %04o): celld does not use it; make it "
                         "0400",
                         file->what, file->path, about.st_mode & 07777U);
    if (about.st_size > (off_t)file->terms->limit)
        return too_large(file);
    *ret_size = (size_t)about.st_size;
    return 0;
}

/* One byte more than it had is enough to see that it grows. */
static int read_all(const struct opened *file, char *bytes, size_t size, size_t *ret_length)
{
    size_t length = 0;
    while (length <= size) {
        const ssize_t got = read(file->fd, bytes + length, size + 1 - length);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return error_set(file->err, ERROR_INVALID, -errno, "%s%s cannot be read: %s",
                             file->what, file->path, strerror(errno));
        if (got == 0)
            break;
        length += (size_t)got;
    }
    *ret_length = length;
    return length <= size
               ? 0
               : error_set(file->err, ERROR_UNAVAILABLE, -EAGAIN,
                           "%s%s is being written just now; try again", file->what, file->path);
}

static int read_opened(const struct opened *file, char **ret_bytes, size_t *ret_length)
{
    size_t size = 0;
    size_t length = 0;
    int result = check(file, &size);
    if (result < 0)
        return result;
    char *bytes = malloc(size + 2);
    if (bytes == NULL)
        return error_no_memory(file->err);
    result = read_all(file, bytes, size, &length);
    if (result < 0) {
        explicit_bzero(bytes, size + 2);
        free(bytes);
        return result;
    }
    bytes[length] = '\0';
    *ret_bytes = bytes;
    *ret_length = length;
    return 0;
}

int file_read(const char *path, const struct file_terms *terms, char **ret_bytes,
              size_t *ret_length, struct error *err)
{
    struct opened file = {
        .what = terms->what == NULL ? "" : terms->what, .path = path, .terms = terms, .err = err};
    /* Not blocking, so that a pipe without a writer cannot hold us up. */
    file.fd = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC | O_NOCTTY |
                             (terms->no_link ? O_NOFOLLOW : 0));
    if (file.fd < 0)
        return error_set(err, errno == ENOENT ? ERROR_NOT_FOUND : ERROR_DENIED, -errno,
                         "%s%s cannot be opened: %s", file.what, path, strerror(errno));
    const int result = read_opened(&file, ret_bytes, ret_length);
    (void)close(file.fd);
    return result;
}
