#include "daemon/journal/place.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <unistd.h>

/* Not in linux/magic.h of Debian 12's headers under one name. */
#define CIFS_MAGIC UINT64_C(0xFF534D42)
#define SMB2_MAGIC UINT64_C(0xFE534D42)

int place_init(struct place *place, const char *directory, struct error *err)
{
    place->lock_fd = -1;
    const int length = snprintf(place->directory, sizeof(place->directory), "%s", directory);
    /* Room for the longest name that is ever made below it. */
    if (length < 0 || (size_t)length + 64 > sizeof(place->directory))
        return error_set(err, ERROR_INVALID, -ENAMETOOLONG,
                         "the path of the state directory is too long");
    memcpy(place->database, place->directory, (size_t)length);
    memcpy(place->database + length, "/journal.db", sizeof("/journal.db"));
    return 0;
}

void place_fini(struct place *place)
{
    if (place->lock_fd >= 0)
        (void)close(place->lock_fd);
    place->lock_fd = -1;
}

static int failed(struct error *err, const char *what, const char *path)
{
    const int code = errno > 0 ? -errno : -EIO;
    return error_set(err, ERROR_UNAVAILABLE, code, "cannot %s %s: %s", what, path, strerror(-code));
}

static bool is_network(int fd)
{
    struct statfs about;
    if (fstatfs(fd, &about) != 0)
        return false;
    const uint64_t type = (uint64_t)about.f_type & UINT64_C(0xFFFFFFFF);
    return type == NFS_SUPER_MAGIC || type == SMB_SUPER_MAGIC || type == CIFS_MAGIC ||
           type == SMB2_MAGIC || type == AFS_SUPER_MAGIC || type == AFS_FS_MAGIC;
}

static int take_lock(const struct place *place, int directory_fd, int *ret_fd, struct error *err)
{
    if (is_network(directory_fd))
        return error_set(err, ERROR_INVALID, -ENOTSUP,
                         "%s is on a network file system, where locks and syncs cannot be trusted; "
                         "put the state directory on a local disk",
                         place->directory);
    const int fd = openat(directory_fd, "journal.lock", O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW,
                          (mode_t)0600);
    if (fd < 0)
        return failed(err, "open the lock file in", place->directory);
    if (flock(fd, LOCK_EX | LOCK_NB) == 0) {
        *ret_fd = fd;
        return 0;
    }
    const int code = errno;
    (void)close(fd);
    errno = code;
    if (code != EWOULDBLOCK)
        return failed(err, "lock the journal in", place->directory);
    return error_set(err, ERROR_CONFLICT, -EBUSY,
                     "another celld is using the journal in %s; only one may run there",
                     place->directory);
}

int place_take(struct place *place, struct error *err)
{
    if (place->lock_fd >= 0)
        return 0;
    const int directory_fd = open(place->directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (directory_fd < 0)
        return failed(err, "open the state directory", place->directory);
    int fd = -1;
    int result = take_lock(place, directory_fd, &fd, err);
    if (result == 0) {
        /* SQLite would make it with the mode that the umask happens to leave. */
        const int file = openat(directory_fd, "journal.db",
                                O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, (mode_t)0600);
        if (file < 0) {
            result = failed(err, "open", place->database);
            (void)close(fd);
        } else {
            (void)close(file);
            place->lock_fd = fd;
        }
    }
    (void)close(directory_fd);
    return result;
}

static const char mark[] = "journal.db was made\n";

bool place_is_marked(const struct place *place)
{
    struct stat about;
    return place->lock_fd >= 0 && fstat(place->lock_fd, &about) == 0 && about.st_size > 0;
}

int place_mark(const struct place *place)
{
    if (place_is_marked(place))
        return 0;
    const ssize_t written = pwrite(place->lock_fd, mark, sizeof(mark) - 1, 0);
    if (written != (ssize_t)sizeof(mark) - 1)
        return written < 0 ? -errno : -EIO;
    return fsync(place->lock_fd) == 0 ? 0 : -errno;
}

uint64_t place_file_id(const struct place *place)
{
    struct stat about;
    return stat(place->database, &about) == 0 ? (uint64_t)about.st_ino : 0;
}

int place_sync(const struct place *place)
{
    const int fd = open(place->directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return -errno;
    const int result = fsync(fd) == 0 ? 0 : -errno;
    (void)close(fd);
    return result;
}

int place_name(const struct place *place, const char *word, struct wall_time now,
               char ret_path[static PLACE_PATH_SIZE])
{
    char when[WALL_TIME_TEXT_SIZE];
    wall_time_format(now, when);
    char plain[WALL_TIME_TEXT_SIZE];
    size_t length = 0;
    for (const char *c = when; *c != '\0'; c++) {
        if (*c != ':' && *c != '-')
            plain[length++] = *c;
    }
    plain[length] = '\0';
    const int written =
        snprintf(ret_path, PLACE_PATH_SIZE, "%s.%s-%s", place->database, word, plain);
    return written > 0 && written < PLACE_PATH_SIZE ? 0 : -ENAMETOOLONG;
}

/* Without replacing anything; a missing file is fine. */
static int move(const char *from, const char *to)
{
    return renameat2(AT_FDCWD, from, AT_FDCWD, to, RENAME_NOREPLACE) == 0 || errno == ENOENT
               ? 0
               : -errno;
}

int place_set_aside(const struct place *place, struct wall_time now,
                    char ret_path[static PLACE_PATH_SIZE], struct error *err)
{
    /* The log keeps the name that belongs to the file, so that both can be looked at together. */
    static const char *const suffixes[] = {"", "-wal", "-shm"};
    int result = -EEXIST;
    /* A second damage within one moment gets the next millisecond's name. */
    for (int attempt = 0; attempt < 100 && result == -EEXIST; attempt++) {
        result = place_name(place, "corrupt", (struct wall_time){now.ms + attempt}, ret_path);
        for (size_t i = 0; i < sizeof(suffixes) / sizeof(suffixes[0]) && result == 0; i++) {
            char from[PLACE_PATH_SIZE + 8];
            char to[PLACE_PATH_SIZE + 8];
            (void)snprintf(from, sizeof(from), "%s%s", place->database, suffixes[i]);
            (void)snprintf(to, sizeof(to), "%s%s", ret_path, suffixes[i]);
            result = move(from, to);
        }
    }
    if (result == 0)
        result = place_sync(place);
    if (result != 0) {
        errno = -result;
        return failed(err, "keep aside the damaged", place->database);
    }
    const int file =
        open(place->database, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, (mode_t)0600);
    if (file < 0)
        return failed(err, "make", place->database);
    (void)close(file);
    return 0;
}
