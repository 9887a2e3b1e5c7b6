/* The one place where libgit2 is started: minimum version, empty search paths (no configuration of
 * the host applies), fsync, and limits of memory. Nothing else may call git_libgit2_init. */
#pragma once

#include "config/base/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct libgit_limits {
    size_t mapped_bytes;   /* of packs mapped at a time, over all open mirrors */
    size_t cache_bytes;    /* of parsed objects kept */
    uint32_t pack_objects; /* that one received pack may hold */
    uint64_t object_bytes; /* that a delta in a received pack may unpack to */
};

/* 256 MiB mapped, 16 MiB cached, 2 million objects of at most 64 MiB. */
struct libgit_limits libgit_limits_default(void);

/* What is wrong with a libgit2 of this version, NULL when nothing is. The number does not tell
 * Debian's fixed 1.5.1 from the unfixed one; whether it knows the option that came with the fixes
 * does. Pure. */
const char *libgit_version_problem(int major, int minor, int revision, bool has_object_limit);

/* Call once in main before any thread starts. Returns 0, or ERR_GIT when the library is older than
 * 1.5.1 or lacks the security fixes of Debian's 1.5.1+ds-1+deb12u2. */
int libgit_start(const struct libgit_limits *limits, struct error *err)
    __attribute__((warn_unused_result));
void libgit_stop(void);

/* After libgit_start(): this process reads mirrors and never connects, its children do. The host's
 * certificate authorities, which libgit2 reads when it starts, are let go (about 400 KiB): a server
 * would not be trusted. Returns 0 or ERR_GIT. */
int libgit_stay_local(struct error *err) __attribute__((warn_unused_result));
