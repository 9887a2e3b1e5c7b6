#include "gitwatch/libgit.h"

#include "gitwatch/libgit_error.h"

#include <git2.h>

struct libgit_limits libgit_limits_default(void)
{
    return (struct libgit_limits){
        .mapped_bytes = (size_t)256 << 20,
        .cache_bytes = (size_t)16 << 20,
        .pack_objects = 2000000,
        .object_bytes = UINT64_C(64) << 20,
    };
}

const char *libgit_version_problem(int major, int minor, int revision, bool has_object_limit)
{
    if (major * 1000000 + minor * 1000 + revision < 1005001)
        return "is too old: celld needs 1.5.1 or later";
    if (!has_object_limit)
        return "lacks security fixes: install the package libgit2-1.5 in version "
               "1.5.1+ds-1+deb12u2 or later";
    return NULL;
}

static int check_version(struct error *err)
{
    int major = 0;
    int minor = 0;
    int revision = 0;
    size_t object_bytes = 0;
    git_libgit2_version(&major, &minor, &revision);
    const bool has_object_limit =
        git_libgit2_opts(GIT_OPT_GET_PACK_MAX_OBJECT_SIZE, &object_bytes) == 0;
    const char *problem = libgit_version_problem(major, minor, revision, has_object_limit);
    if (problem != NULL)
        return error_set(err, ERROR_INVALID, ERR_GIT, "libgit2 %d.%d.%d %s", major, minor, revision,
                         problem);
    const int wanted = GIT_FEATURE_HTTPS | GIT_FEATURE_SSH | GIT_FEATURE_THREADS;
    if ((git_libgit2_features() & wanted) != wanted)
        return error_set(err, ERROR_INVALID, ERR_GIT,
                         "this libgit2 was built without HTTPS, SSH or threads");
    return 0;
}

static bool clear_search_paths(void)
{
    static const int levels[] = {GIT_CONFIG_LEVEL_PROGRAMDATA, GIT_CONFIG_LEVEL_SYSTEM,
                                 GIT_CONFIG_LEVEL_XDG, GIT_CONFIG_LEVEL_GLOBAL};
    for (size_t i = 0; i < sizeof(levels) / sizeof(levels[0]); i++)
        if (git_libgit2_opts(GIT_OPT_SET_SEARCH_PATH, levels[i], "") < 0)
            return false;
    return git_libgit2_opts(GIT_OPT_SET_TEMPLATE_PATH, "") == 0;
}

int libgit_start(const struct libgit_limits *limits, struct error *err)
{
    if (git_libgit2_init() < 0)
        return libgit_error(err, -1, "cannot start libgit2");
    int status = check_version(err);
    if (status < 0) {
        git_libgit2_shutdown();
        return status;
    }
    const bool set =
        clear_search_paths() && git_libgit2_opts(GIT_OPT_ENABLE_FSYNC_GITDIR, 1) == 0 &&
        git_libgit2_opts(GIT_OPT_ENABLE_STRICT_HASH_VERIFICATION, 1) == 0 &&
        git_libgit2_opts(GIT_OPT_SET_MWINDOW_MAPPED_LIMIT, limits->mapped_bytes) == 0 &&
        git_libgit2_opts(GIT_OPT_SET_CACHE_MAX_SIZE, (ssize_t)limits->cache_bytes) == 0 &&
        git_libgit2_opts(GIT_OPT_SET_PACK_MAX_OBJECTS, (size_t)limits->pack_objects) == 0 &&
        git_libgit2_opts(GIT_OPT_SET_PACK_MAX_OBJECT_SIZE, (size_t)limits->object_bytes) == 0;
    if (!set) {
        status = libgit_error(err, -1, "cannot set libgit2's limits");
        git_libgit2_shutdown();
        return status;
    }
    return 0;
}

int libgit_stay_local(struct error *err)
{
    /* It wants a place; in this one there are directories only. */
    if (git_libgit2_opts(GIT_OPT_SET_SSL_CERT_LOCATIONS, NULL, "/proc/self/task") < 0)
        return libgit_error(err, -1, "cannot let go of the certificate authorities");
    return 0;
}

void libgit_stop(void)
{
    git_libgit2_shutdown();
}
