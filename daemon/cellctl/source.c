#include "daemon/cellctl/source.h"

#include "config/base/owned.h"
#include "daemon/cellctl/checkout.h"
#include "gitwatch/libgit.h"
#include "gitwatch/mirror.h"
#include "gitwatch/tree_reader.h"

#include <git2.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Where the files come from. */
struct origin {
    const char *directory;
    struct mirror *mirror; /* NULL = the directory itself */
    struct object_id commit;
};

static int list(void *context, const struct tree_selection *selection,
                struct tree_listing **ret_listing, struct error *err)
{
    const struct origin *origin = context;
    const struct tree_limits limits = tree_limits_default();
    if (origin->mirror == NULL)
        return checkout_read(origin->directory, selection, &limits, ret_listing, err);
    return tree_reader_load(origin->mirror, &origin->commit, NULL, selection, &limits, ret_listing,
                            err);
}

int source_read_directory(const char *directory, const struct manifests_patterns *patterns,
                          struct manifest_set **ret_set, struct error *err)
{
    struct origin origin = {.directory = directory};
    return manifests_read(patterns, list, &origin, NULL, NULL, ret_set, err);
}

/* --- commits ---------------------------------------------------------------------------------- */

/* Follows a tag to its commit. */
static int peel(git_repository *repository, const git_oid *id, struct object_id *ret_commit)
{
    git_object *object = NULL;
    git_object *commit = NULL;
    int result = git_object_lookup(&object, repository, id, GIT_OBJECT_ANY);
    if (result == 0)
        result = git_object_peel(&commit, object, GIT_OBJECT_COMMIT);
    if (result == 0)
        (void)git_oid_tostr(ret_commit->hex, sizeof(ret_commit->hex), git_object_id(commit));
    git_object_free(commit);
    git_object_free(object);
    return result == 0 ? 0 : -ENOENT;
}

/* By name only: expressions of git ("HEAD~3") are never interpreted. */
static int resolve(git_repository *repository, const char *ref, struct object_id *ret_commit)
{
    static const char *const places[] = {"", "refs/heads/", "refs/tags/", "refs/remotes/"};
    git_oid id;
    if (object_id_parse(ref, ret_commit) == 0)
        return git_oid_fromstr(&id, ref) == 0 ? peel(repository, &id, ret_commit) : -ENOENT;
    for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
        char name[256];
        const size_t prefix = strlen(places[i]);
        if (prefix + strlen(ref) >= sizeof(name))
            return -ENOENT;
        memcpy(name, places[i], prefix);
        memcpy(name + prefix, ref, strlen(ref) + 1);
        if (git_reference_name_to_id(&id, repository, name) == 0)
            return peel(repository, &id, ret_commit);
    }
    return -ENOENT;
}

static int find_commit(const char *path, const char *ref, struct object_id *ret_commit,
                       struct error *err)
{
    git_repository *repository = NULL;
    if (git_repository_open_bare(&repository, path) != 0)
        return error_set(err, ERROR_INVALID, -ENOENT, "%s is no git repository", path);
    const int result = resolve(repository, ref, ret_commit);
    git_repository_free(repository);
    if (result != 0)
        return error_set(err, ERROR_NOT_FOUND, -ENOENT,
                         "there is no branch, tag or commit \"%s\" in %s", ref, path);
    return 0;
}

int source_read_commit(const char *directory, const char *ref,
                       const struct manifests_patterns *patterns, struct manifest_set **ret_set,
                       struct error *err)
{
    char path[4096];
    const struct libgit_limits limits = libgit_limits_default();
    struct origin origin = {.directory = directory};
    (void)snprintf(path, sizeof(path), "%s/.git", directory);
    if (access(path, F_OK) != 0)
        (void)snprintf(path, sizeof(path), "%s", directory);
    int result = libgit_start(&limits, err);
    if (result < 0)
        return result;
    result = find_commit(path, ref, &origin.commit, err);
    if (result == 0)
        result = mirror_open(path, &origin.mirror, err);
    if (result == 0)
        result = manifests_read(patterns, list, &origin, NULL, NULL, ret_set, err);
    mirror_freep(&origin.mirror);
    libgit_stop();
    return result;
}
