#include "gitwatch/mirror_refs.h"

#include "gitwatch/libgit_error.h"
#include "gitwatch/mirror.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

enum { TAG_DEPTH = 8, HEAD_OBJECT_LIMIT = 1 << 20 };

void mirror_refs_tracking(const char *ref, char ret_name[static MIRROR_REFS_SIZE])
{
    snprintf(ret_name, MIRROR_REFS_SIZE, "refs/celld/watched/%s", ref + strlen("refs/"));
}

/* An object that a ref or another object names must be there. */
static int missing_is_damage(struct error *err, int status)
{
    if (status != -ENOENT)
        return status;
    if (err != NULL) {
        err->kind = ERROR_INTERNAL;
        err->code = MIRROR_DAMAGED;
    }
    return MIRROR_DAMAGED;
}

int mirror_refs_check_size(git_repository *repository, const git_oid *id)
{
    git_odb *odb = NULL;
    size_t size = 0;
    git_object_t type = GIT_OBJECT_INVALID;
    int status = git_repository_odb(&odb, repository);
    if (status == 0)
        status = git_odb_read_header(&size, &type, odb, id);
    git_odb_free(odb);
    /* A tree or blob is refused by its type later, without being loaded. */
    if (status == 0 && size > HEAD_OBJECT_LIMIT &&
        (type == GIT_OBJECT_COMMIT || type == GIT_OBJECT_TAG)) {
        git_error_set_str(GIT_ERROR_OBJECT, "a commit or tag is larger than 1 MiB");
        return GIT_ERROR;
    }
    return status;
}

/* Loads a commit or tag; for anything else only its type is found out. */
static int load_head(git_repository *repository, const git_oid *id, git_object **ret_object,
                     git_object_t *ret_type)
{
    git_odb *odb = NULL;
    size_t size = 0;
    int status = mirror_refs_check_size(repository, id);
    if (status == 0)
        status = git_repository_odb(&odb, repository);
    if (status == 0)
        status = git_odb_read_header(&size, ret_type, odb, id);
    git_odb_free(odb);
    if (status == 0 && (*ret_type == GIT_OBJECT_COMMIT || *ret_type == GIT_OBJECT_TAG))
        status = git_object_lookup(ret_object, repository, id, *ret_type);
    return status;
}

int mirror_refs_peel(git_repository *repository, const git_oid *id, git_oid *ret_commit,
                     struct error *err)
{
    git_oid current = *id;
    for (int depth = 0; depth < TAG_DEPTH; depth++) {
        git_object *object = NULL;
        git_object_t type = GIT_OBJECT_INVALID;
        const int status = load_head(repository, &current, &object, &type);
        if (status < 0)
            return missing_is_damage(err, libgit_error(err, status,
                                                       "cannot read object %s of the mirror",
                                                       git_oid_tostr_s(&current)));
        if (type == GIT_OBJECT_TAG)
            current = *git_tag_target_id((const git_tag *)object);
        git_object_free(object);
        if (type == GIT_OBJECT_COMMIT) {
            *ret_commit = current;
            return 0;
        }
        if (type != GIT_OBJECT_TAG)
            return error_set(err, ERROR_INVALID, ERR_INVALID,
                             "the watched ref names a %s, not a commit; what was deployed last "
                             "stays",
                             git_object_type2string(type));
    }
    return error_set(err, ERROR_INVALID, ERR_INVALID,
                     "the watched ref names a tag of a tag of a tag, deeper than %d", TAG_DEPTH);
}

int mirror_refs_get(git_repository *repository, const char *name, git_oid *ret_id,
                    struct error *err)
{
    git_oid id;
    const int status = git_reference_name_to_id(&id, repository, name);
    if (status == GIT_ENOTFOUND)
        return libgit_error(err, status, "the mirror has no %s", name);
    if (status < 0) {
        (void)libgit_error(err, status, "cannot read %s of the mirror", name);
        if (err != NULL)
            err->code = MIRROR_DAMAGED;
        return MIRROR_DAMAGED;
    }
    *ret_id = id;
    return 0;
}

int mirror_refs_set(git_repository *repository, const char *name, const git_oid *id,
                    struct error *err)
{
    git_reference *reference = NULL;
    const int status = git_reference_create(&reference, repository, name, id, 1, NULL);
    git_reference_free(reference);
    if (status < 0)
        return libgit_error(err, status, "cannot set %s in the mirror", name);
    return 0;
}

int mirror_refs_readable(git_repository *repository, const git_oid *commit, struct error *err)
{
    git_commit *object = NULL;
    git_tree *tree = NULL;
    int status = mirror_refs_check_size(repository, commit);
    if (status == 0)
        status = git_commit_lookup(&object, repository, commit);
    if (status == 0)
        status = git_commit_tree(&tree, object);
    git_tree_free(tree);
    git_commit_free(object);
    if (status < 0)
        return missing_is_damage(err,
                                 libgit_error(err, status, "cannot read commit %s of the mirror",
                                              git_oid_tostr_s(commit)));
    return 0;
}

struct carrying {
    git_repository *from, *to;
};

static int carry_pin(const char *name, void *payload)
{
    struct carrying *carrying = payload;
    git_oid id;
    git_commit *commit = NULL;
    if (mirror_refs_get(carrying->from, name, &id, NULL) == 0 &&
        git_commit_lookup(&commit, carrying->to, &id) == 0)
        (void)!mirror_refs_set(carrying->to, name, &id, NULL);
    git_commit_free(commit);
    return 0;
}

void mirror_refs_carry_pins(const char *from, git_repository *to)
{
    struct carrying carrying = {.to = to};
    if (git_repository_open_bare(&carrying.from, from) == 0)
        (void)git_reference_foreach_glob(carrying.from, MIRROR_REFS_KEEP "*", carry_pin, &carrying);
    git_repository_free(carrying.from);
}

static int count_ref(const char *name, void *payload)
{
    (void)name;
    ++*(size_t *)payload;
    return 0;
}

static int compare_ref_counts(const char *from, git_repository *to)
{
    git_repository *source = NULL;
    size_t before = 0;
    size_t after = 0;
    int status = git_repository_open_bare(&source, from);
    if (status == 0)
        status = git_reference_foreach_glob(source, "refs/celld/*", count_ref, &before);
    if (status == 0)
        status = git_reference_foreach_glob(to, "refs/celld/*", count_ref, &after);
    git_repository_free(source);
    return status == 0 && before == after ? 0 : -1;
}

int mirror_refs_copy(const char *from, const char *to, struct error *err)
{
    git_repository *repository = NULL;
    git_remote *remote = NULL;
    git_fetch_options options;
    (void)git_fetch_options_init(&options, GIT_FETCH_OPTIONS_VERSION);
    options.download_tags = GIT_REMOTE_DOWNLOAD_TAGS_NONE;
    options.update_fetchhead = 0;
    options.proxy_opts.type = GIT_PROXY_NONE;
    char refspec[] = "+refs/celld/*:refs/celld/*";
    char *names[] = {refspec};
    const git_strarray refspecs = {.strings = names, .count = 1};
    int status = git_repository_open_bare(&repository, to);
    if (status == 0)
        status = git_remote_create_anonymous(&remote, repository, from);
    if (status == 0)
        status = git_remote_fetch(remote, &refspecs, &options, NULL);
    git_remote_free(remote);
    if (status == 0)
        status = compare_ref_counts(from, repository);
    git_repository_free(repository);
    return status < 0 ? libgit_error(err, status, "cannot pack the mirror anew") : 0;
}

int mirror_refs_lock_pins(const char *mirror, int *ret_fd, struct error *err)
{
    char path[PATH_MAX];
    const int length = snprintf(path, sizeof(path), "%s.pins", mirror);
    const int fd = length < 0 || (size_t)length >= sizeof(path)
                       ? -1
                       : open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    int status = fd < 0 ? -errno : 0;
    while (status == 0 && flock(fd, LOCK_EX) < 0)
        status = errno == EINTR ? 0 : -errno;
    if (status < 0) {
        if (fd >= 0)
            close(fd);
        return error_set(err, ERROR_INTERNAL, status, "cannot lock the mirror's pins: %s",
                         strerror(-status));
    }
    *ret_fd = fd;
    return 0;
}
