#include "gitwatch/libgit_error.h"

#include "gitwatch/mirror.h"

#include <git2.h>

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>

const char *libgit_error_text(void)
{
    const git_error *last = git_error_last();
    return last == NULL || last->message == NULL ? "unknown error" : last->message;
}

int libgit_error_is_damage(int code)
{
    if (code == GIT_EMISMATCH)
        return 1;
    const git_error *last = git_error_last();
    if (code != GIT_ERROR || last == NULL)
        return 0;
    switch (last->klass) {
    case GIT_ERROR_ODB:
    case GIT_ERROR_ZLIB:
    case GIT_ERROR_OBJECT:
    case GIT_ERROR_TREE:
    case GIT_ERROR_INDEXER:
        return 1;
    default:
        return 0;
    }
}

static int code_of(int code, enum error_kind *ret_kind)
{
    const git_error *last = git_error_last();
    *ret_kind = ERROR_INTERNAL;
    if (last != NULL && last->klass == GIT_ERROR_NOMEMORY)
        return -ENOMEM;
    if (libgit_error_is_damage(code))
        return MIRROR_DAMAGED;
    switch (code) {
    case GIT_ENOTFOUND:
        *ret_kind = ERROR_NOT_FOUND;
        return -ENOENT;
    case GIT_EEXISTS:
        *ret_kind = ERROR_CONFLICT;
        return -EEXIST;
    case GIT_ELOCKED:
        *ret_kind = ERROR_CONFLICT;
        return -EBUSY;
    case GIT_EINVALIDSPEC:
        *ret_kind = ERROR_INVALID;
        return ERR_INVALID;
    default:
        return ERR_GIT;
    }
}

int libgit_error(struct error *err, int code, const char *format, ...)
{
    char context[256];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(context, sizeof(context), format, arguments);
    va_end(arguments);
    enum error_kind kind = ERROR_INTERNAL;
    const int status = code_of(code, &kind);
    return error_set(err, kind, status, "%s: %s", context, libgit_error_text());
}
