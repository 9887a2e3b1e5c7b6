/* What a fetch shows the server (a credential, once, and to the configured server only) and what it
 * demands of it (certificate, pinned host key). Part of the fetch worker. */
#pragma once

#include "config/base/error.h"
#include "gitwatch/fetch_request.h"
#include "gitwatch/fetch_result.h"
#include "gitwatch/remote_url.h"

#include <git2.h>

#include <stdbool.h>

/* Holds the secret; wiped by fetch_auth_fini(). */
struct fetch_auth {
    const struct fetch_request *request;
    struct remote_url url;
    char *secret, *passphrase; /* passphrase: NULL = none */
    size_t secret_length, passphrase_length;
    bool shown;               /* the credential was given once */
    enum fetch_reason reason; /* why we stopped it ourselves; FETCH_OK = we did not */
    struct error error;
};

/* Reads the credential file when there is one: a regular file of at most 64 KiB that others cannot
 * read; one newline at its end is dropped, but for keys. The same for the passphrase. `request` is
 * kept. */
int fetch_auth_init(struct fetch_auth *auth, const struct fetch_request *request,
                    const struct remote_url *url, struct error *err)
    __attribute__((warn_unused_result));
void fetch_auth_fini(struct fetch_auth *auth);

/* Callbacks for git_remote_callbacks; the payload is a struct fetch_auth. */
int fetch_auth_credential(git_credential **ret_credential, const char *url, const char *user,
                          unsigned int allowed, struct fetch_auth *auth);
int fetch_auth_certificate(git_cert *certificate, int valid, struct fetch_auth *auth);
