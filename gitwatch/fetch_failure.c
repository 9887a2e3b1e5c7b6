#include "gitwatch/fetch_failure.h"

#include "gitwatch/libgit_error.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>

struct failure {
    enum fetch_reason reason;
    enum error_kind kind;
    int code;
    const char *advice;
};

static const struct failure denied = {FETCH_DENIED, ERROR_DENIED, -EACCES,
                                      "check the credential and its rights"};
static const struct failure not_found = {FETCH_NOT_FOUND, ERROR_NOT_FOUND, -ENOENT,
                                         "check the address, and that the credential may see it"};
static const struct failure certificate = {
    FETCH_CERTIFICATE, ERROR_DENIED, -EACCES,
    "the authority that signed the server's certificate can be configured"};
static const struct failure redirect = {
    FETCH_REDIRECT, ERROR_DENIED, -EACCES,
    "celld follows no redirect, since a credential could end up elsewhere: configure the final "
    "address"};
static const struct failure limit = {FETCH_LIMIT, ERROR_LIMIT, ERR_LIMIT,
                                     "raise the limit if the repository is meant to be so large"};
static const struct failure damaged = {FETCH_DAMAGED, ERROR_INTERNAL, ERR_GIT,
                                       "the mirror or what the server sent is damaged"};
static const struct failure unavailable = {FETCH_UNAVAILABLE, ERROR_UNAVAILABLE, ERR_GIT,
                                           "celld will try again"};

/* libgit2 tells some things in its text only. */
static const struct {
    const char *words;
    const struct failure *failure;
} by_text[] = {
    {"redirect", &redirect},
    {"status code: 401", &denied},
    {"status code: 403", &denied},
    {"status code: 404", &not_found},
    {"overly large object", &limit},
    {"too many objects", &limit},
    {"authentication required", &denied},
    {"Failed to authenticate SSH session", &denied},
    {"unsupported URL protocol", &not_found}, /* a path where nothing is; we checked the scheme */
};

static const struct failure *by_class(int class, enum fetch_stage stage)
{
    switch (class) {
    case GIT_ERROR_NOMEMORY:
        return &limit;
    case GIT_ERROR_ODB:
    case GIT_ERROR_ZLIB:
    case GIT_ERROR_INDEXER:
    case GIT_ERROR_OBJECT:
        return stage == FETCH_STAGE_DOWNLOAD ? &damaged : &unavailable;
    default:
        return &unavailable;
    }
}

static const struct failure *classify(int code, enum fetch_stage stage)
{
    const git_error *last = git_error_last();
    const char *text = libgit_error_text();
    if (code == GIT_ECERTIFICATE)
        return &certificate;
    for (size_t i = 0; i < sizeof(by_text) / sizeof(by_text[0]); i++)
        if (strstr(text, by_text[i].words) != NULL)
            return by_text[i].failure;
    if (code == GIT_EAUTH)
        return &denied;
    if (code == GIT_ENOTFOUND && stage == FETCH_STAGE_CONNECT)
        return &not_found;
    return last == NULL ? &unavailable : by_class(last->klass, stage);
}

void fetch_failure_set(struct fetch_result *result, const struct fetch_auth *auth,
                       enum fetch_stage stage, int code)
{
    if (auth->reason != FETCH_OK) {
        result->reason = auth->reason;
        result->error = auth->error;
        return;
    }
    const struct failure *failure = classify(code, stage);
    result->reason = failure->reason;
    (void)error_set(&result->error, failure->kind, failure->code, "%s: %s; %s",
                    stage == FETCH_STAGE_CONNECT ? "cannot reach the repository"
                                                 : "cannot fetch from the repository",
                    libgit_error_text(), failure->advice);
}
