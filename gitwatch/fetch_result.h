/* How a fetch ended: plain data that travels as JSON from the fetch worker to celld. */
#pragma once

#include "config/base/error.h"
#include "gitwatch/object_id.h"

#include <jansson.h>

#include <stdbool.h>
#include <stdint.h>

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
    X(FETCH_DAMAGED, "MirrorDamaged")            /* and not cloned anew (see may_reclone) */       \
    X(FETCH_REMOTE_DAMAGED, "RepositoryDamaged") /* damaged, shallow or partial on the server */   \
    X(FETCH_LOCKED, "MirrorLocked")              /* another process works on this mirror */        \
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

json_t *fetch_progress_to_json(const struct fetch_progress *progress);
struct fetch_progress fetch_progress_from_json(const json_t *json);

/* Owned; NULL without memory. */
json_t *fetch_result_to_json(const struct fetch_result *result);

/* Returns 0 or ERR_INVALID. */
int fetch_result_from_json(const json_t *json, struct fetch_result *ret_result, struct error *err)
    __attribute__((warn_unused_result));
