#include "daemon/cellctl/source.h"

#include "config/base/check.h"
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

#define COMPONENT_FILES "**/.choreo/component.yaml"
#define PATTERNS 128

struct selection {
    const char *patterns[PATTERNS];
    enum manifest_file_kind kinds[PATTERNS];
    size_t count;
};

static void add(struct selection *selection, enum manifest_file_kind kind, const char *pattern)
{
    if (selection->count == PATTERNS)
        return;
    selection->patterns[selection->count] = pattern;
    selection->kinds[selection->count++] = kind;
}

/* Where the files come from. */
struct origin {
    const char *directory;
    struct mirror *mirror; /* NULL = the directory itself */
    struct object_id commit;
};

static int list(const struct origin *origin, const struct selection *selection,
                struct tree_listing **ret_listing, struct error *err)
{
    const struct tree_limits limits = tree_limits_default();
    const struct tree_selection wanted = {.patterns = selection->patterns,
                                          .count = selection->count};
    if (origin->mirror == NULL)
        return checkout_read(origin->directory, &wanted, &limits, ret_listing, err);
    return tree_reader_load(origin->mirror, &origin->commit, NULL, &wanted, &limits, ret_listing,
                            err);
}

static int load(const struct origin *origin, const struct selection *selection,
                struct manifest_set **ret_set, struct error *err)
{
    OWNED(tree_listing_freep) struct tree_listing *listing = NULL;
    int result = list(origin, selection, &listing, err);
    if (result < 0)
        return result;
    if (listing->finding_count > 0)
        return error_set(err, ERROR_INVALID, ERR_INVALID, "%s: %s", listing->findings[0].path,
                         listing->findings[0].message);
    struct manifest_file *files = calloc(listing->file_count + 1, sizeof(*files));
    if (files == NULL)
        return error_no_memory(err);
    for (size_t i = 0; i < listing->file_count; i++) {
        const struct tree_file *file = &listing->files[i];
        files[i] = (struct manifest_file){.kind = selection->kinds[file->pattern],
                                          .path = file->path,
                                          .bytes = file->bytes,
                                          .length = (size_t)file->size,
                                          .blob_id = file->blob.hex};
    }
    result = manifest_load(files, listing->file_count, &manifest_limits_default, NULL, NULL,
                           ret_set, err);
    free(files);
    return result;
}

/* The platform's file first: it may name native manifests. */
static int read_set(const struct origin *origin, const struct source_patterns *patterns,
                    struct manifest_set **ret_set, struct error *err)
{
    struct selection selection = {.count = 0};
    OWNED(manifest_set_unrefp) struct manifest_set *first = NULL;
    add(&selection, MANIFEST_FILE_PLATFORM, patterns->platform_file);
    const int result = load(origin, &selection, &first, err);
    if (result < 0)
        return result;
    CHECK(first != NULL);
    for (size_t i = 0; i < patterns->cell_file_count; i++)
        add(&selection, MANIFEST_FILE_CELL, patterns->cell_files[i]);
    add(&selection, MANIFEST_FILE_COMPONENT, COMPONENT_FILES);
    for (size_t i = 0; i < patterns->native_file_count; i++)
        add(&selection, MANIFEST_FILE_NATIVE, patterns->native_files[i]);
    for (size_t i = 0; first->platform != NULL && i < first->platform->native_paths.count; i++)
        add(&selection, MANIFEST_FILE_NATIVE, first->platform->native_paths.items[i].text);
    return load(origin, &selection, ret_set, err);
}

int source_read_directory(const char *directory, const struct source_patterns *patterns,
                          struct manifest_set **ret_set, struct error *err)
{
    const struct origin origin = {.directory = directory};
    return read_set(&origin, patterns, ret_set, err);
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
                       const struct source_patterns *patterns, struct manifest_set **ret_set,
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
        result = read_set(&origin, patterns, ret_set, err);
    mirror_freep(&origin.mirror);
    libgit_stop();
    return result;
}
