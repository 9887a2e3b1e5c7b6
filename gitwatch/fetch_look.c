#include "gitwatch/fetch_look.h"

#include "gitwatch/libgit_error.h"
#include "gitwatch/remote_url.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#define DIGITS_LEAST 7

static bool is_digits(const char *name)
{
    const size_t length = strlen(name);
    return length >= DIGITS_LEAST && length <= GIT_OID_HEXSZ &&
           strspn(name, "0123456789abcdef") == length;
}

static const git_remote_head *named(const git_remote_head **heads, size_t count, const char *prefix,
                                    const char *name)
{
    char full[REMOTE_REF_LIMIT];
    const int length = snprintf(full, sizeof(full), "%s%s", prefix, name);
    for (size_t i = 0; length > 0 && (size_t)length < sizeof(full) && i < count; i++) {
        if (strcmp(heads[i]->name, full) == 0)
            return heads[i];
    }
    return NULL;
}

static int nothing(struct error *err, const char *name)
{
    return error_set(err, ERROR_NOT_FOUND, -ENOENT,
                     "the repository has no branch, tag or commit \"%s\"", name);
}

/* What an annotated tag points to is advertised beside it. */
static const git_oid *target_of(const git_remote_head **heads, size_t count,
                                const git_remote_head *tag)
{
    const git_remote_head *peeled = named(heads, count, tag->name, "^{}");
    return peeled == NULL ? &tag->oid : &peeled->oid;
}

int fetch_look_find(const git_remote_head **heads, size_t count, const char *name,
                    const git_remote_head **ret_head, struct error *err)
{
    const bool full = strncmp(name, "refs/", 5) == 0 || strcmp(name, "HEAD") == 0;
    const git_remote_head *branch = named(heads, count, full ? "" : "refs/heads/", name);
    const git_remote_head *tag = full ? NULL : named(heads, count, "refs/tags/", name);
    if (branch != NULL && tag != NULL && !git_oid_equal(&branch->oid, target_of(heads, count, tag)))
        return error_set(err, ERROR_INVALID, ERR_INVALID,
                         "%s is a branch and a tag, and they are different commits: write "
                         "refs/heads/%s or refs/tags/%s",
                         name, name, name);
    if (branch == NULL && tag == NULL && !is_digits(name))
        return nothing(err, name);
    *ret_head = branch != NULL ? branch : tag;
    return 0;
}

int fetch_look_commit(git_repository *repository, const char *digits, git_oid *ret_commit,
                      struct error *err)
{
    git_oid prefix;
    git_object *object = NULL;
    const size_t length = strlen(digits);
    int status = git_oid_fromstrn(&prefix, digits, length);
    if (status == 0)
        status = git_object_lookup_prefix(&object, repository, &prefix, length, GIT_OBJECT_COMMIT);
    if (status == GIT_EAMBIGUOUS)
        return error_set(err, ERROR_INVALID, ERR_INVALID,
                         "several objects begin with %s: write more digits", digits);
    if (status == GIT_ENOTFOUND)
        return nothing(err, digits);
    if (status < 0)
        return libgit_error(err, status, "cannot look for the commit %s", digits);
    *ret_commit = *git_object_id(object);
    git_object_free(object);
    return 0;
}
