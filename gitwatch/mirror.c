#include "gitwatch/mirror.h"

#include "gitwatch/libgit_error.h"
#include "gitwatch/mirror_handle.h"
#include "gitwatch/mirror_refs.h"
#include "gitwatch/remote_url.h"
#include "gitwatch/tree_path.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { PIN_NAME_LIMIT = 200 };

struct mirror {
    git_repository *repository;
    git_odb *odb;
    char *path;
};

static int check_directory(const char *path, struct error *err)
{
    struct stat found;
    if (lstat(path, &found) < 0)
        return error_set(err, errno == ENOENT ? ERROR_NOT_FOUND : ERROR_INTERNAL, -errno,
                         "the mirror %s cannot be opened: %s", path, strerror(errno));
    if (S_ISDIR(found.st_mode) && found.st_uid == geteuid())
        return 0;
    return error_set(err, ERROR_DENIED, -EPERM,
                     "the mirror %s is no directory of the user that celld runs as; celld does not "
                     "trust it",
                     path);
}

static int open_repository(struct mirror *mirror, const char *path, struct error *err)
{
    mirror->path = strdup(path);
    if (mirror->path == NULL)
        return error_no_memory(err);
    int status = git_repository_open_bare(&mirror->repository, path);
    if (status == 0)
        status = git_repository_odb(&mirror->odb, mirror->repository);
    if (status == 0)
        return 0;
    (void)libgit_error(err, status, "cannot open the mirror %s", path);
    if (err != NULL) {
        err->kind = ERROR_INTERNAL;
        err->code = MIRROR_DAMAGED;
    }
    return MIRROR_DAMAGED;
}

int mirror_open(const char *path, struct mirror **ret_mirror, struct error *err)
{
    int status = check_directory(path, err);
    if (status < 0)
        return status;
    struct mirror *mirror = calloc(1, sizeof(*mirror));
    if (mirror == NULL)
        return error_no_memory(err);
    status = open_repository(mirror, path, err);
    if (status < 0)
        mirror_free(mirror);
    else
        *ret_mirror = mirror;
    return status;
}

struct mirror *mirror_free(struct mirror *mirror)
{
    if (mirror == NULL)
        return NULL;
    git_odb_free(mirror->odb);
    git_repository_free(mirror->repository);
    free(mirror->path);
    free(mirror);
    return NULL;
}

void mirror_freep(struct mirror **mirror)
{
    *mirror = mirror_free(*mirror);
}

git_repository *mirror_handle_repository(struct mirror *mirror)
{
    return mirror->repository;
}

git_odb *mirror_handle_odb(struct mirror *mirror)
{
    return mirror->odb;
}

struct object_id mirror_handle_id(const git_oid *id)
{
    struct object_id result;
    git_oid_tostr(result.hex, sizeof(result.hex), id);
    return result;
}

/* The caller names the commit, so that its absence is an answer and no damage. */
static int lookup_commit(struct mirror *mirror, const struct object_id *id, git_commit **ret_commit,
                         struct error *err)
{
    git_oid oid;
    if (git_oid_fromstr(&oid, id->hex) < 0)
        return error_set(err, ERROR_NOT_FOUND, -ENOENT, "no commit is named");
    int status = mirror_refs_check_size(mirror->repository, &oid);
    if (status == 0)
        status = git_commit_lookup(ret_commit, mirror->repository, &oid);
    return status < 0 ? libgit_error(err, status, "cannot read commit %s", id->hex) : 0;
}

int mirror_handle_root(struct mirror *mirror, const struct object_id *commit, git_oid *ret_tree,
                       struct error *err)
{
    git_commit *object = NULL;
    const int status = lookup_commit(mirror, commit, &object, err);
    if (status < 0)
        return status;
    *ret_tree = *git_commit_tree_id(object);
    git_commit_free(object);
    return 0;
}

int mirror_handle_tree(struct mirror *mirror, const git_oid *id, uint64_t limit,
                       git_tree **ret_tree, struct error *err)
{
    size_t size = 0;
    git_object_t type = GIT_OBJECT_INVALID;
    int status = git_odb_read_header(&size, &type, mirror->odb, id);
    if (status == 0 && size > limit)
        return error_set(err, ERROR_LIMIT, ERR_LIMIT,
                         "a directory's list has %zu bytes; at most %llu can be", size,
                         (unsigned long long)limit);
    if (status == 0)
        status = git_tree_lookup(ret_tree, mirror->repository, id);
    if (status == 0)
        return 0;
    const int code =
        libgit_error(err, status, "cannot read directory %s of the mirror", git_oid_tostr_s(id));
    if (code == -ENOMEM)
        return code;
    if (err != NULL) {
        err->kind = ERROR_INTERNAL;
        err->code = MIRROR_DAMAGED;
    }
    return MIRROR_DAMAGED;
}

int mirror_tip(struct mirror *mirror, const char *ref, struct object_id *ret_commit,
               struct error *err)
{
    char full[REMOTE_REF_LIMIT];
    char name[MIRROR_REFS_SIZE];
    git_oid id;
    int status = remote_url_ref(ref, full, err);
    if (status < 0)
        return status;
    mirror_refs_tracking(full, name);
    status = mirror_refs_get(mirror->repository, name, &id, err);
    if (status < 0)
        return status;
    *ret_commit = mirror_handle_id(&id);
    return 0;
}

static int pin_ref(const char *name, char ret_ref[static MIRROR_REFS_SIZE], struct error *err)
{
    const size_t length = strnlen(name, PIN_NAME_LIMIT + 1);
    int valid = 0;
    snprintf(ret_ref, MIRROR_REFS_SIZE, MIRROR_REFS_KEEP "%s", name);
    if (length == 0 || length > PIN_NAME_LIMIT ||
        strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789-./") != length ||
        git_reference_name_is_valid(&valid, ret_ref) < 0 || valid == 0)
        return error_set(err, ERROR_INVALID, ERR_INVALID, "a pin cannot have this name");
    return 0;
}

/* Pins are set under their own lock and by nobody else: a *.lock file of git is a leftover. */
static void remove_stale_lock(const struct mirror *mirror, const char *ref)
{
    char path[4096];
    const int length = snprintf(path, sizeof(path), "%s/%s.lock", mirror->path, ref);
    if (length > 0 && (size_t)length < sizeof(path))
        (void)unlink(path);
}

int mirror_pin(struct mirror *mirror, const char *name, const struct object_id *commit,
               struct error *err)
{
    char ref[MIRROR_REFS_SIZE];
    git_commit *object = NULL;
    int lock = -1;
    int status = pin_ref(name, ref, err);
    if (status == 0)
        status = lookup_commit(mirror, commit, &object, err);
    if (status == 0)
        status = mirror_refs_lock_pins(mirror->path, &lock, err);
    if (status == 0) {
        remove_stale_lock(mirror, ref);
        status = mirror_refs_set(mirror->repository, ref, git_commit_id(object), err);
        close(lock);
    }
    git_commit_free(object);
    return status;
}

int mirror_unpin(struct mirror *mirror, const char *name, struct error *err)
{
    char ref[MIRROR_REFS_SIZE];
    int lock = -1;
    int status = pin_ref(name, ref, err);
    if (status == 0)
        status = mirror_refs_lock_pins(mirror->path, &lock, err);
    if (status < 0)
        return status;
    remove_stale_lock(mirror, ref);
    status = git_reference_remove(mirror->repository, ref);
    close(lock);
    return status < 0 && status != GIT_ENOTFOUND
               ? libgit_error(err, status, "cannot remove the pin %s", name)
               : 0;
}

static void display(const char *from, size_t length, char ret_text[static COMMIT_TEXT_SIZE])
{
    (void)tree_path_escape(from, length, ret_text, COMMIT_TEXT_SIZE);
}

int mirror_commit(struct mirror *mirror, const struct object_id *commit,
                  struct commit_info *ret_info, struct error *err)
{
    git_commit *object = NULL;
    const int status = lookup_commit(mirror, commit, &object, err);
    if (status < 0)
        return status;
    const char *message = git_commit_message(object);
    const git_signature *author = git_commit_author(object);
    struct commit_info info = {
        .id = *commit,
        .tree = mirror_handle_id(git_commit_tree_id(object)),
        .parents = git_commit_parentcount(object),
        .author_seconds = author == NULL ? 0 : author->when.time,
    };
    message = message == NULL ? "" : message + strspn(message, "\r\n");
    display(message, strcspn(message, "\r\n"), info.subject);
    if (author != NULL) {
        display(author->name, strlen(author->name), info.author);
        display(author->email, strlen(author->email), info.email);
    }
    git_commit_free(object);
    *ret_info = info;
    return 0;
}

int mirror_is_ancestor(struct mirror *mirror, const struct object_id *ancestor,
                       const struct object_id *commit, bool *ret_is, struct error *err)
{
    git_oid old;
    git_oid tip;
    if (git_oid_fromstr(&old, ancestor->hex) < 0 || git_oid_fromstr(&tip, commit->hex) < 0)
        return error_set(err, ERROR_NOT_FOUND, -ENOENT, "no commit is named");
    const int status =
        git_oid_equal(&old, &tip) ? 1 : git_graph_descendant_of(mirror->repository, &tip, &old);
    if (status < 0)
        return libgit_error(err, status, "cannot compare the histories of two commits");
    *ret_is = status == 1;
    return 0;
}
