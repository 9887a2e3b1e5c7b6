#include "gitwatch/tree_reader.h"

#include "config/base/owned.h"
#include "gitwatch/libgit_error.h"
#include "gitwatch/mirror_handle.h"
#include "gitwatch/tree_path.h"
#include "gitwatch/tree_walk.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct tree_limits tree_limits_default(void)
{
    return (struct tree_limits){
        .depth = 32,
        .entries = 1000000,
        .files = 20000,
        .findings = 200,
        .tree_bytes = UINT64_C(8) << 20,
        .file_bytes = UINT64_C(256) << 10,
        .total_bytes = UINT64_C(256) << 20,
    };
}

static int read_blob(struct mirror *mirror, const git_oid *id, uint64_t limit, char **ret_bytes,
                     size_t *ret_length, struct error *err)
{
    size_t size = 0;
    git_object_t type = GIT_OBJECT_INVALID;
    git_odb_object *object = NULL;
    int status = git_odb_read_header(&size, &type, mirror_handle_odb(mirror), id);
    if (status == 0 && type != GIT_OBJECT_BLOB)
        return error_set(err, ERROR_INVALID, ERR_INVALID, "object %s is no file",
                         git_oid_tostr_s(id));
    if (status == 0 && size > limit)
        return error_set(err, ERROR_LIMIT, ERR_LIMIT, "a file has %zu bytes; at most %llu can be",
                         size, (unsigned long long)limit);
    if (status == 0)
        status = git_odb_read(&object, mirror_handle_odb(mirror), id);
    if (status < 0)
        return libgit_error(err, status, "cannot read file %s of the mirror", git_oid_tostr_s(id));
    size = git_odb_object_size(object);
    char *bytes = size > limit ? NULL : malloc(size + 1);
    if (bytes != NULL) {
        memcpy(bytes, git_odb_object_data(object), size);
        bytes[size] = '\0';
    }
    git_odb_object_free(object);
    if (bytes == NULL)
        return error_no_memory(err);
    *ret_bytes = bytes;
    *ret_length = size;
    return 0;
}

int tree_reader_blob(struct mirror *mirror, const struct object_id *blob, uint64_t limit,
                     char **ret_bytes, size_t *ret_length, struct error *err)
{
    git_oid id;
    if (git_oid_fromstr(&id, blob->hex) < 0)
        return error_set(err, ERROR_NOT_FOUND, -ENOENT, "no file is named");
    return read_blob(mirror, &id, limit, ret_bytes, ret_length, err);
}

static bool is_lfs_pointer(const struct tree_file *file)
{
    static const char head[] = "version https://git-lfs.github.com/spec/";
    return file->size < 1024 && file->size >= sizeof(head) - 1 &&
           memcmp(file->bytes, head, sizeof(head) - 1) == 0;
}

static int load_file(struct mirror *mirror, struct tree_file *file,
                     const struct tree_limits *limits, struct error *err)
{
    size_t length = 0;
    git_oid id;
    int status = git_oid_fromstr(&id, file->blob.hex) < 0 ? -ENOENT : 0;
    if (status == 0)
        status = read_blob(mirror, &id, limits->file_bytes, &file->bytes, &length, err);
    file->size = length;
    if (status != -ENOENT)
        return status;
    return error_set(err, ERROR_INTERNAL, MIRROR_DAMAGED,
                     "the content of %.200s is missing in the mirror", file->path);
}

static bool is_unchanged(const struct tree_listing *previous, const struct tree_file *file)
{
    const struct tree_file *before =
        previous == NULL ? NULL : tree_listing_find(previous, file->path);
    return before != NULL && object_id_equal(&before->blob, &file->blob);
}

/* Contents of changed files; what cannot be content becomes a finding instead of a file. */
static int load_contents(struct mirror *mirror, const struct tree_listing *previous,
                         const struct tree_limits *limits, struct tree_listing *listing,
                         struct error *err)
{
    uint64_t total = 0;
    for (size_t i = 0; i < listing->file_count;) {
        struct tree_file *file = &listing->files[i];
        file->unchanged = file->unchanged || is_unchanged(previous, file);
        if (file->unchanged) {
            i++;
            continue;
        }
        const char *message = NULL;
        enum tree_problem problem = TREE_PROBLEM_LIMIT;
        total += file->size;
        if (total > limits->total_bytes) {
            message = "all manifests together are larger than the limit; raise it";
        } else {
            const int status = load_file(mirror, file, limits, err);
            if (status < 0)
                return status;
            if (is_lfs_pointer(file)) {
                problem = TREE_PROBLEM_LFS;
                message = "this is a Git LFS pointer, not the file; celld reads no LFS: commit the "
                          "file itself";
            }
        }
        if (message == NULL) {
            i++;
            continue;
        }
        if (tree_listing_add_finding(listing, problem, file->path, message, limits->findings) < 0)
            return error_no_memory(err);
        tree_listing_drop(listing, i);
    }
    tree_listing_sort(listing);
    return 0;
}

static int load(struct mirror *mirror, const struct object_id *commit,
                const struct tree_listing *previous, const struct tree_selection *selection,
                const struct tree_limits *limits, bool contents, struct tree_listing **ret_listing,
                struct error *err)
{
    git_oid root;
    int status = mirror_handle_root(mirror, commit, &root, err);
    if (status < 0)
        return status;
    OWNED(tree_listing_freep) struct tree_listing *listing = calloc(1, sizeof(*listing));
    if (listing == NULL)
        return error_no_memory(err);
    listing->commit = *commit;
    listing->tree = mirror_handle_id(&root);
    listing->complete = true;
    status = tree_walk(mirror, &root, previous, selection, limits, listing, err);
    if (status == 0 && contents)
        status = load_contents(mirror, previous, limits, listing, err);
    if (status < 0)
        return status;
    *ret_listing = TAKE(listing);
    return 0;
}

int tree_reader_load(struct mirror *mirror, const struct object_id *commit,
                     const struct tree_listing *previous, const struct tree_selection *selection,
                     const struct tree_limits *limits, struct tree_listing **ret_listing,
                     struct error *err)
{
    return load(mirror, commit, previous, selection, limits, true, ret_listing, err);
}

int tree_reader_list(struct mirror *mirror, const struct object_id *commit,
                     const struct tree_listing *previous, const struct tree_selection *selection,
                     const struct tree_limits *limits, struct tree_listing **ret_listing,
                     struct error *err)
{
    return load(mirror, commit, previous, selection, limits, false, ret_listing, err);
}

int tree_reader_load_at(const char *mirror_path, const struct object_id *commit,
                        const struct tree_listing *previous, const struct tree_selection *selection,
                        const struct tree_limits *limits, struct tree_listing **ret_listing,
                        struct error *err)
{
    OWNED(mirror_freep) struct mirror *mirror = NULL;
    const int status = mirror_open(mirror_path, &mirror, err);
    if (status < 0)
        return status;
    return load(mirror, commit, previous, selection, limits, true, ret_listing, err);
}

static int entry_problem(const git_tree_entry *entry, const char *path, struct error *err)
{
    const git_filemode_t mode = git_tree_entry_filemode(entry);
    if (mode == GIT_FILEMODE_LINK || mode == GIT_FILEMODE_COMMIT)
        return error_set(err, ERROR_INVALID, ERR_INVALID,
                         "%s is, or lies behind, a %s; celld follows none", path,
                         mode == GIT_FILEMODE_LINK ? "symbolic link" : "submodule");
    return 0;
}

/* Replaces *id, a directory, by the object of the next step. */
static int take_step(struct mirror *mirror, const char *path, const char *name, git_oid *id,
                     bool *is_tree, struct error *err)
{
    git_tree *tree = NULL;
    if (!*is_tree)
        return error_set(err, ERROR_NOT_FOUND, -ENOENT, "there is no %s in the commit", path);
    int status = mirror_handle_tree(mirror, id, tree_limits_default().tree_bytes, &tree, err);
    if (status < 0)
        return status;
    const git_tree_entry *entry = git_tree_entry_byname(tree, name);
    if (entry == NULL)
        status = error_set(err, ERROR_NOT_FOUND, -ENOENT, "there is no %s in the commit", path);
    else
        status = entry_problem(entry, path, err);
    if (status == 0) {
        *id = *git_tree_entry_id(entry);
        *is_tree = git_tree_entry_type(entry) == GIT_OBJECT_TREE;
    }
    git_tree_free(tree);
    return status;
}

int tree_reader_id_at(struct mirror *mirror, const struct object_id *commit, const char *path,
                      struct object_id *ret_id, struct error *err)
{
    git_oid id;
    bool is_tree = true;
    const char *problem = tree_path_problem(path);
    if (problem != NULL)
        return error_set(err, ERROR_INVALID, ERR_INVALID, "a path in the repository %s", problem);
    int status = mirror_handle_root(mirror, commit, &id, err);
    for (const char *step = path; status == 0 && *step != '\0';) {
        char name[TREE_NAME_LIMIT + 1];
        const size_t length = strcspn(step, "/");
        memcpy(name, step, length);
        name[length] = '\0';
        status = take_step(mirror, path, name, &id, &is_tree, err);
        step += step[length] == '/' ? length + 1 : length;
    }
    if (status < 0)
        return status;
    *ret_id = mirror_handle_id(&id);
    return 0;
}
