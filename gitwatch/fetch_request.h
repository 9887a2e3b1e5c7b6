/* What a fetch is asked to do and what it answers: plain data that travels as JSON between celld
 * and its fetch worker. Secrets are in the request only, and in no text that this module makes. */
#pragma once

#include "config/base/error.h"
#include "config/base/time.h"
#include "gitwatch/object_id.h"

#include <jansson.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum fetch_credential {
    FETCH_CREDENTIAL_NONE,
    FETCH_CREDENTIAL_PASSWORD, /* token or password over HTTP(S) basic authentication */
    FETCH_CREDENTIAL_SSH_KEY,  /* private key in PEM or OpenSSH form, without passphrase */
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

struct fetch_request {
    const char *url;
    const char *ref;    /* branch ("main") or full name (refs/heads/main, refs/tags/v1) */
    const char *mirror; /* absolute path of the bare mirror; its parent directory exists */
    enum fetch_credential credential;
    const char *username;         /* NULL = "git" */
    const char *secret;           /* the token, password or key itself; or NULL and */
    const char *secret_file;      /* a file that the worker reads at each fetch (rotation works) */
    const char *ca_file;          /* PEM; replaces the system's authorities; NULL = the system's */
    const char *const *host_keys; /* "SHA256:<base64>" as ssh-keygen -lf prints; ssh needs one */
    size_t host_key_count;
    bool require_fast_forward; /* a rewritten history is an error, the old commit stays */
    bool reclone;              /* put the mirror aside and clone anew: a reader found it damaged */
    bool may_reclone;          /* put it aside when the worker itself finds it damaged */
    struct fetch_limits limits;
    struct duration deadline; /* then the worker is killed; at least 1 ms */
};

/* Why a fetch ended as it did; the names are the reasons that a status shows. */
#define FETCH_REASONS(X)                                                                           \
    X(FETCH_OK, "Fetched")                                                                         \
    X(FETCH_REF_MISSING, "RefMissing")             /* branch gone; last good commit stays */       \
    X(FETCH_EMPTY, "RepositoryEmpty")              /* no branch at all */                          \
    X(FETCH_NOT_A_COMMIT, "RefNotACommit")         /* names a tree or a blob */                    \
    X(FETCH_HISTORY_REWRITTEN, "HistoryRewritten") /* refused by require_fast_forward */           \
    X(FETCH_NOT_FOUND, "RepositoryNotFound")                                                       \
    X(FETCH_DENIED, "AccessDenied")                                                                \
    X(FETCH_HOST_KEY, "HostKeyMismatch")                                                           \
    X(FETCH_CERTIFICATE, "CertificateRefused")                                                     \
    X(FETCH_REDIRECT, "RedirectRefused")                                                           \
    X(FETCH_LIMIT, "FetchLimit")                                                                   \
    X(FETCH_INVALID, "RequestInvalid")                                                             \
    X(FETCH_UNAVAILABLE, "RemoteUnavailable")                                                      \
    X(FETCH_TIMEOUT, "FetchTimeout")                                                               \
    X(FETCH_CANCELLED, "FetchCancelled")                                                           \
    X(FETCH_DAMAGED, "MirrorDamaged") /* and not cloned anew (see may_reclone) */                  \
    X(FETCH_LOCKED, "MirrorLocked")   /* another process works on this mirror */                   \
    X(FETCH_WORKER_DIED, "WorkerDied")                                                             \
    X(FETCH_INTERNAL, "InternalError")

#define FETCH_REASON_ENUM(name, text) name,
enum fetch_reason { FETCH_REASONS(FETCH_REASON_ENUM) };
#undef FETCH_REASON_ENUM

struct fetch_progress {
    uint64_t bytes;
    uint32_t objects, objects_total; /* 0 while unknown */
};

struct fetch_result {
    enum fetch_reason reason;
    struct error error;        /* kind ERROR_NONE exactly when reason is FETCH_OK */
    struct object_id commit;   /* what the mirror holds for the ref now; with an error the last good
                                  one, unset when there never was one */
    struct object_id previous; /* what it held before */
    bool changed;              /* commit != previous */
    bool rewritten; /* previous is no ancestor of what the server has (with FETCH_OK: accepted) */
    bool recloned;  /* the old mirror was put aside: pinned commits may be gone */
    bool compacted;
    uint32_t packs;
    struct fetch_progress transfer;
};

/* "RefMissing" and so on. */
const char *fetch_reason_name(enum fetch_reason reason);

/* Checks without any I/O: address, ref name, absolute mirror path, credential that suits the
 * scheme, host keys well-formed, limits above zero. ERR_INVALID with a sentence for people
 * otherwise. */
int fetch_request_check(const struct fetch_request *request, struct error *err)
    __attribute__((warn_unused_result));

/* Owned JSON; NULL without memory. Holds the secrets: never log it. */
json_t *fetch_request_to_json(const struct fetch_request *request);

/* The texts in *ret_request are borrowed from `json`; `host_keys` is written to `ret_keys`.
 * Returns 0 or ERR_INVALID. */
#define FETCH_HOST_KEY_LIMIT 16
int fetch_request_from_json(const json_t *json, struct fetch_request *ret_request,
                            const char *ret_keys[static FETCH_HOST_KEY_LIMIT], struct error *err)
    __attribute__((warn_unused_result));

json_t *fetch_result_to_json(const struct fetch_result *result);
int fetch_result_from_json(const json_t *json, struct fetch_result *ret_result, struct error *err)
    __attribute__((warn_unused_result));
