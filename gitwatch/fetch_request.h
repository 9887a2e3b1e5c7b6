/* What a fetch is asked to do: plain data that travels as JSON from celld to its fetch worker.
 * Secrets are in the request only, and in no text that this module makes. */
#pragma once

#include "config/base/error.h"
#include "config/base/time.h"

#include <jansson.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum fetch_credential {
    FETCH_CREDENTIAL_NONE,
    FETCH_CREDENTIAL_PASSWORD, /* token or password over HTTP(S) basic authentication */
    FETCH_CREDENTIAL_SSH_KEY,  /* private key in PEM or OpenSSH form */
};

struct fetch_limits {
    uint64_t download_bytes;
    uint32_t objects;
    uint64_t object_bytes; /* one object, unpacked */
    uint64_t memory_bytes; /* address space of the worker */
    uint32_t cpu_seconds;
    uint32_t compact_packs; /* the mirror is packed anew at this number of packs; 0 = never */
};

/* 1 GiB, 2 million objects of at most 64 MiB, 2 GiB of address space, 300 s, 50 packs. */
struct fetch_limits fetch_limits_default(void);

#define FETCH_PIN_LIMIT 64

/* Optional texts may be NULL or empty.
 *
 * With a pin the fetch is a look: `ref` is what a person typed (a branch, a tag, a full name, a
 * commit by at least 7 of its digits), the commit that it means is kept under the pin (mirror_pin()
 * makes the same), and what is watched is left alone. */
struct fetch_request {
    const char *url;
    const char *ref;    /* branch ("main") or full name (refs/heads/main, refs/tags/v1) */
    const char *pin;    /* NULL = `ref` is watched; a look: see below */
    const char *mirror; /* absolute path of the bare mirror; its parent directory exists */
    enum fetch_credential credential;
    const char *username;         /* NULL = "git" */
    const char *secret;           /* the token, password or key itself; or NULL and */
    const char *secret_file;      /* a file that the worker reads at each fetch (rotation works) */
    const char *passphrase;       /* of the key; NULL = none, or in */
    const char *passphrase_file;  /* a file, read as secret_file is */
    const char *ca_file;          /* PEM; replaces the system's authorities; NULL = the system's */
    const char *const *host_keys; /* "SHA256:<base64>" as ssh-keygen -lf prints; ssh needs one */
    size_t host_key_count;
    bool require_fast_forward; /* a rewritten history is an error, the old commit stays */
    bool reclone;              /* put the mirror aside and clone anew: a reader found it damaged */
    bool may_reclone;          /* put it aside when the worker itself finds it damaged */
    struct fetch_limits limits;
    struct duration deadline; /* then the worker is killed; at least 1 ms */
};

/* Checks without any I/O: address, ref name, absolute mirror path, credential that suits the
 * scheme, host keys well-formed, limits above zero. ERR_INVALID with a sentence for people
 * otherwise. */
int fetch_request_check(const struct fetch_request *request, struct error *err)
    __attribute__((warn_unused_result));

/* Owned JSON; NULL without memory. Holds the secrets: never log it. */
json_t *fetch_request_to_json(const struct fetch_request *request);

/* The texts in *ret_request are borrowed from `json`; `host_keys` is written to `ret_keys`.
 * Returns 0 or ERR_INVALID. */
#define FETCH_HOST_KEY_LIMIT 20
int fetch_request_from_json(const json_t *json, struct fetch_request *ret_request,
                            const char *ret_keys[static FETCH_HOST_KEY_LIMIT], struct error *err)
    __attribute__((warn_unused_result));
