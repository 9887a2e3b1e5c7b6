#include "gitwatch/mirror_dir.h"

#include "gitwatch/libgit_error.h"

#include <git2.h>

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

enum { OPEN_DIRECTORIES = 16 };

static int join(const char *a, const char *b, char ret_path[static PATH_MAX])
{
    const int length = snprintf(ret_path, PATH_MAX, "%s%s", a, b);
    return length < 0 || length >= PATH_MAX ? -ENAMETOOLONG : 0;
}

int mirror_dir_lock(const char *mirror, int *ret_fd, struct error *err)
{
    char path[PATH_MAX];
    int status = join(mirror, ".lock", path);
    const int fd = status < 0 ? -1 : open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0)
        return error_set(err, ERROR_INTERNAL, status < 0 ? status : -errno,
                         "cannot open the lock beside the mirror: %s", strerror(errno));
    if (flock(fd, LOCK_EX | LOCK_NB) < 0) {
        status = errno == EWOULDBLOCK ? -EBUSY : -errno;
        close(fd);
        return error_set(
            err, ERROR_CONFLICT, status,
            "another process works on this mirror; celld will try again (does a second "
            "celld use the same state directory?)");
    }
    *ret_fd = fd;
    return 0;
}

int mirror_dir_check(const char *path, struct error *err)
{
    struct stat found;
    if (lstat(path, &found) < 0)
        return error_set(err, errno == ENOENT ? ERROR_NOT_FOUND : ERROR_INTERNAL, -errno,
                         "the mirror's directory cannot be used: %s", strerror(errno));
    if (!S_ISDIR(found.st_mode))
        return error_set(err, ERROR_INVALID, -ENOTDIR,
                         "something that is no directory stands where the mirror belongs; move it "
                         "away");
    if (found.st_uid != geteuid())
        return error_set(err, ERROR_DENIED, -EPERM,
                         "the mirror's directory belongs to user id %u, celld runs as %u; celld "
                         "does not trust it: remove it or give it to celld",
                         (unsigned)found.st_uid, (unsigned)geteuid());
    return 0;
}

int mirror_dir_create(const char *path, struct error *err)
{
    git_repository_init_options options;
    (void)git_repository_init_options_init(&options, GIT_REPOSITORY_INIT_OPTIONS_VERSION);
    options.flags =
        GIT_REPOSITORY_INIT_BARE | GIT_REPOSITORY_INIT_MKDIR | GIT_REPOSITORY_INIT_NO_REINIT;
    options.mode = 0700;
    git_repository *repository = NULL;
    const int status = git_repository_init_ext(&repository, path, &options);
    git_repository_free(repository);
    if (status < 0)
        return libgit_error(err, status, "cannot make the mirror's directory");
    return 0;
}

static bool ends_with(const char *name, const char *end)
{
    const size_t length = strlen(name);
    const size_t end_length = strlen(end);
    return length >= end_length && strcmp(name + length - end_length, end) == 0;
}

/* A file in objects/pack that git did not finish. */
static bool is_unfinished_pack(const char *name)
{
    static const char *const finished[] = {".pack", ".idx", ".keep", ".rev", ".bitmap"};
    if (strncmp(name, "multi-pack-index", 16) == 0)
        return false;
    if (strncmp(name, "pack-", 5) == 0)
        for (size_t i = 0; i < sizeof(finished) / sizeof(finished[0]); i++)
            if (ends_with(name, finished[i]))
                return false;
    return true;
}

static int clean_entry(const char *path, const struct stat *found, int type, struct FTW *at)
{
    (void)found;
    const char *name = path + at->base;
    if (type != FTW_F)
        return 0;
    const bool lock = ends_with(name, ".lock") && strstr(path, "/refs/celld/keep/") == NULL;
    const bool pack = strstr(path, "/objects/pack/") != NULL && is_unfinished_pack(name);
    const bool object = strstr(path, "/objects/") != NULL && strncmp(name, "tmp_object", 10) == 0;
    if (lock || pack || object)
        (void)unlink(path);
    return 0;
}

void mirror_dir_clean(const char *path)
{
    (void)nftw(path, clean_entry, OPEN_DIRECTORIES, FTW_PHYS);
}

static int remove_entry(const char *path, const struct stat *found, int type, struct FTW *at)
{
    (void)found;
    (void)type;
    (void)at;
    return remove(path) < 0 ? -errno : 0;
}

int mirror_dir_remove(const char *path)
{
    const int status = nftw(path, remove_entry, OPEN_DIRECTORIES, FTW_PHYS | FTW_DEPTH);
    if (status == 0 || access(path, F_OK) < 0)
        return 0;
    return status == -1 ? -errno : status;
}

int mirror_dir_quarantine(const char *path, struct error *err)
{
    char aside[PATH_MAX];
    int status = join(path, ".damaged", aside);
    if (status == 0)
        status = mirror_dir_remove(aside);
    if (status == 0 && rename(path, aside) < 0 && errno != ENOENT)
        status = -errno;
    if (status < 0)
        return error_set(err, ERROR_INTERNAL, status, "cannot put the damaged mirror aside: %s",
                         strerror(-status));
    return 0;
}

int mirror_dir_exchange(const char *path, const char *fresh, struct error *err)
{
    if (renameat2(AT_FDCWD, fresh, AT_FDCWD, path, RENAME_EXCHANGE) < 0)
        return error_set(err, ERROR_INTERNAL, -errno, "cannot exchange the mirror: %s",
                         strerror(errno));
    const int status = mirror_dir_remove(fresh);
    if (status < 0)
        return error_set(err, ERROR_INTERNAL, status, "cannot remove the old mirror: %s",
                         strerror(-status));
    return 0;
}

uint32_t mirror_dir_packs(const char *path)
{
    char packs[PATH_MAX];
    DIR *directory = join(path, "/objects/pack", packs) < 0 ? NULL : opendir(packs);
    uint32_t count = 0;
    if (directory == NULL)
        return 0;
    for (const struct dirent *entry = readdir(directory); entry != NULL; entry = readdir(directory))
        if (ends_with(entry->d_name, ".pack"))
            count++;
    closedir(directory);
    return count;
}
