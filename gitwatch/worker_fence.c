#include "gitwatch/worker_fence.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define WORKER_SANITIZED 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define WORKER_SANITIZED 1
#endif
#endif
#ifndef WORKER_SANITIZED
#define WORKER_SANITIZED 0
#endif

#if WORKER_SANITIZED
/* pcre2 below libgit2, and libssh2, keep some bytes until the process ends. */
const char *__lsan_default_suppressions(void);
const char *__lsan_default_suppressions(void)
{
    return "leak:libpcre2\nleak:libssh2\n";
}
#endif

enum { OPEN_FILES = 256 };

static int set_limit(__rlimit_resource_t resource, rlim_t value)
{
    const struct rlimit limit = {.rlim_cur = value, .rlim_max = value};
    struct rlimit current;
    if (getrlimit(resource, &current) == 0 && current.rlim_max != RLIM_INFINITY &&
        current.rlim_max < value)
        return 0; /* the service manager is stricter already */
    return setrlimit(resource, &limit) < 0 ? -errno : 0;
}

int worker_fence_early(int keep_fd)
{
    if (prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0) < 0)
        return -errno;
    /* A parent that died before the call above never sends the signal; its end of the channel is
     * closed then, which reading the request finds. */
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
        return -errno;
    /* A sanitizer looks into its own process at exit. */
    if (!WORKER_SANITIZED && prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) < 0)
        return -errno;
    if (signal(SIGPIPE, SIG_IGN) == SIG_ERR)
        return -errno;
    closefrom(keep_fd + 1);
    const int status = set_limit(RLIMIT_CORE, 0);
    return status < 0 ? status : set_limit(RLIMIT_NOFILE, OPEN_FILES);
}

int worker_fence_limits(const struct fetch_limits *limits, struct error *err)
{
    int status = set_limit(RLIMIT_CPU, limits->cpu_seconds);
    /* A sanitizer reserves terabytes of address space. */
    if (status == 0 && !WORKER_SANITIZED)
        status = set_limit(RLIMIT_AS, limits->memory_bytes);
    if (status < 0)
        return error_set(err, ERROR_INTERNAL, status, "cannot limit the fetch worker: %s",
                         strerror(-status));
    return 0;
}
