/* Bytes that must never be seen: tokens, passwords, keys. The type is opaque, has no getter and no
 * text form; its memory is wiped when it is freed. What has to hold the bytes (a request header, a
 * form, a credential callback) gets them for the length of one call through secret_use(). */
#pragma once

#include "config/base/error.h"

#include <stdbool.h>
#include <stddef.h>

struct secret;

#define SECRET_USER_LIMIT 255
#define SECRET_SIZE_LIMIT ((size_t)64 * 1024)

enum secret_form {
    SECRET_LINE, /* one line of printable ASCII: tokens, passwords for headers */
    SECRET_BYTES /* anything without a NUL: keys */
};

/* Copies `length` bytes. `what` names the secret in messages and never its value.
 * Returns 0 and an owned secret; ERR_INVALID when it is empty or not of its form, ERR_LIMIT above
 * SECRET_SIZE_LIMIT, -ENOMEM. */
int secret_new(const char *bytes, size_t length, enum secret_form form, const char *what,
               struct secret **ret_secret, struct error *err) __attribute__((warn_unused_result));

/* Reads a credential file: a regular file of at most SECRET_SIZE_LIMIT bytes, not readable by
 * others, without its trailing newline (one). Opened anew each time, so a rotated file is seen at
 * the next call. Blocks on disk, shortly: credentials live in memory file systems.
 * Returns as secret_new(), or the errno of the call that failed. */
int secret_read(const char *path, enum secret_form form, struct secret **ret_secret,
                struct error *err) __attribute__((warn_unused_result));

/* Wipes and frees; NULL is fine. Returns NULL. */
struct secret *secret_free(struct secret *secret);
void secret_freep(struct secret **secret);

/* Compares in a time that depends on the lengths alone. */
bool secret_equal(const struct secret *a, const struct secret *b);

/* Calls `use` with the bytes (NUL-terminated, borrowed for the call) and returns what it returns.
 * `use` must wipe what copies it makes, and must not print. */
typedef int secret_user(void *context, const char *bytes, size_t length);
int secret_use(const struct secret *secret, secret_user *use, void *context);

/* `prefix` and the secret behind it, as a secret of its own: "Authorization: Bearer ".
 * NULL without memory or above the limit. */
struct secret *secret_prefixed(const char *prefix, const struct secret *secret);

/* base64("<user>:<password>"), what HTTP's Basic wants, as a secret of its own. NULL as above. */
struct secret *secret_basic(const char *user, const struct secret *password);

/* A form body "<before>&<key>=<value, percent-encoded>" as a secret of its own. NULL as above. */
struct secret *secret_form_field(const struct secret *before, const char *key,
                                 const struct secret *value);

/* Overwrites memory that held (a copy of) a secret; the compiler does not drop it. */
void secret_wipe(void *bytes, size_t length);
