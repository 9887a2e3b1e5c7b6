/* Secrets that were handed over with the service, for the secrets API of the control plane.
 *
 * Credentials whose files are called "secret-<name>" (or "celld_secret-<name>") stand for ${NAME}
 * in a cell; <name> is it in lower case with '-' for '_'. Values are held from start to end, so
 * that a name that was derived from a value is never sent with another one. They leave in one place
 * only: credentials_fill(). */
#pragma once

#include "config/base/error.h"
#include "reconciler/compile/compile.h"

#include <jansson.h>

#include <stdbool.h>
#include <stddef.h>

struct credentials;

/* At most so many are used. */
#define CREDENTIALS_LIMIT 256

/* `directory` NULL = nothing was handed over. The key of the names' digests is made once and kept
 * as "name.key" in the state directory. A file that cannot be used is left out, and the log says
 * so. Blocks on disk, shortly. Returns 0 and what is owned; -errno, ERR_INVALID or -ENOMEM. */
int credentials_read(const char *directory, const char *state_directory,
                     struct credentials **ret_credentials, struct error *err)
    __attribute__((warn_unused_result));

/* Wipes and frees; NULL is fine. Returns NULL. */
struct credentials *credentials_free(struct credentials *credentials);

/* Names and keyed digests; borrowed. */
const struct compile_credential *credentials_list(const struct credentials *credentials,
                                                  size_t *ret_count);

/* A path of the secrets API: what is sent and answered there is not for anybody's eyes. */
bool credentials_guard(const char *path);

/* The body as it is to be sent: every {"$credential": "<name>"} in the `data` of a POST to the
 * secrets API replaced by the value. *ret_body is NULL when the body is to be sent as it is. A
 * placeholder anywhere else, or of an unknown name, is ERR_INVALID: the request is not sent. */
int credentials_fill(const struct credentials *credentials, const char *method, const char *path,
                     const json_t *body, json_t **ret_body, struct error *err)
    __attribute__((warn_unused_result));
