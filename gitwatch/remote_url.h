/* The address of a git repository: which schemes we speak, what a safe address looks like, and how
 * it is shown. Pure. */
#pragma once

#include "config/base/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define REMOTE_URL_LIMIT 1024
#define REMOTE_HOST_LIMIT 256

enum remote_scheme {
    REMOTE_FILE, /* file:///path or /path */
    REMOTE_HTTP, /* loopback only */
    REMOTE_HTTPS,
    REMOTE_SSH, /* ssh://[user@]host[:port]/path or user@host:path */
};

struct remote_url {
    enum remote_scheme scheme;
    char text[REMOTE_URL_LIMIT];  /* what libgit2 is given; holds no secret, may be shown */
    char user[REMOTE_HOST_LIMIT]; /* ssh only; "" when the address names none */
    char host[REMOTE_HOST_LIMIT]; /* lower case, without brackets; "" for file */
    uint16_t port;                /* the scheme's own when the address names none; 0 for file */
};

/* Refuses (ERR_INVALID, ERROR_INVALID; *ret_url untouched): other schemes, a password or, except
 * for ssh, any user in the address, query, fragment, control characters and spaces, a relative
 * path, http to a host that is not this machine. Messages never repeat what stood before an '@'. */
int remote_url_parse(const char *text, struct remote_url *ret_url, struct error *err)
    __attribute__((warn_unused_result));

/* Whether a credential for `configured` may be sent to `asked`: same scheme, host and port. */
bool remote_url_same_origin(const struct remote_url *configured, const struct remote_url *asked);

/* Whether `name` may name the watched branch: a plain name by git's rules for ref names ("main",
 * "release/1.0"), or a full one that begins with refs/heads/ or refs/tags/.
 * Returns 0 and the full name in ret_ref, or ERR_INVALID. */
#define REMOTE_REF_LIMIT 256
int remote_url_ref(const char *name, char ret_ref[static REMOTE_REF_LIMIT], struct error *err)
    __attribute__((warn_unused_result));
