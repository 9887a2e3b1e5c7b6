#include "gitwatch/changes.h"

#include "gitwatch/libgit_error.h"
#include "gitwatch/mirror_handle.h"
#include "gitwatch/tree_path.h"

#include <stdlib.h>
#include <string.h>

enum { MODE_TYPE = 0170000, MODE_TREE = 0040000, PATH_SIZE = 4096 };

/* The same directory in both commits; NULL on the side that does not have it. */
struct level {
    git_tree *old, *new;
    size_t old_index, new_index, path_length;
};

struct walk {
    struct mirror *mirror;
    const struct changes_limits *limits;
    struct changes *changes;
    struct error *err;
    struct level *levels;
    size_t depth;
    uint32_t entries;
    char path[PATH_SIZE];
};

struct changes_limits changes_limits_default(void)
{
    return (struct changes_limits){
        .count = 50000, .depth = 64, .entries = 2000000, .tree_bytes = UINT64_C(8) << 20};
}

static bool is_tree(const git_tree_entry *entry)
{
    return ((unsigned)git_tree_entry_filemode_raw(entry) & MODE_TYPE) == MODE_TREE;
}

static int add(struct walk *walk, const git_tree_entry *old, const git_tree_entry *new)
{
    struct changes *changes = walk->changes;
    if (changes->count >= walk->limits->count) {
        changes->truncated = true;
        return 0;
    }
    if ((changes->count & (changes->count - 1)) == 0) {
        const size_t capacity = changes->count == 0 ? 1 : changes->count * 2;
        struct change *items = reallocarray(changes->items, capacity, sizeof(*items));
        if (items == NULL)
            return error_no_memory(walk->err);
        changes->items = items;
    }
    char *path = strdup(walk->path);
    if (path == NULL)
        return error_no_memory(walk->err);
    struct change *change = &changes->items[changes->count++];
    *change = (struct change){.kind = old == NULL   ? CHANGE_ADDED
                                      : new == NULL ? CHANGE_REMOVED
                                                    : CHANGE_MODIFIED,
                              .path = path};
    if (old != NULL) {
        change->old_mode = (uint32_t)git_tree_entry_filemode_raw(old);
        change->old_id = mirror_handle_id(git_tree_entry_id(old));
    }
    if (new != NULL) {
        change->new_mode = (uint32_t)git_tree_entry_filemode_raw(new);
        change->new_id = mirror_handle_id(git_tree_entry_id(new));
    }
    return 0;
}

static int load_side(struct walk *walk, const git_oid *id, git_tree **ret_tree)
{
    if (id == NULL)
        return 0;
    walk->changes->trees_compared++;
    const int status =
        mirror_handle_tree(walk->mirror, id, walk->limits->tree_bytes, ret_tree, walk->err);
    if (status != ERR_LIMIT)
        return status;
    walk->changes->truncated = true;
    return 0;
}

static int descend(struct walk *walk, const git_oid *old, const git_oid *new)
{
    if (walk->depth > walk->limits->depth) {
        walk->changes->truncated = true;
        return 0;
    }
    struct level *level = &walk->levels[walk->depth++];
    *level = (struct level){.path_length = strlen(walk->path)};
    const int status = load_side(walk, old, &level->old);
    return status < 0 ? status : load_side(walk, new, &level->new);
}

static void leave(struct walk *walk)
{
    const struct level *level = &walk->levels[--walk->depth];
    git_tree_free(level->old);
    git_tree_free(level->new);
}

/* Git's order of directory entries: a directory sorts as if its name ended with a slash. */
static int compare(const git_tree_entry *a, const git_tree_entry *b)
{
    const char *left = git_tree_entry_name(a);
    const char *right = git_tree_entry_name(b);
    const size_t left_length = strlen(left);
    const size_t right_length = strlen(right);
    const size_t common = left_length < right_length ? left_length : right_length;
    const int order = memcmp(left, right, common);
    if (order != 0)
        return order;
    const int left_end = left_length > common ? (unsigned char)left[common] : is_tree(a) ? '/' : 0;
    const int right_end = right_length > common ? (unsigned char)right[common]
                          : is_tree(b)          ? '/'
                                                : 0;
    return left_end - right_end;
}

static bool is_same(const git_tree_entry *old, const git_tree_entry *new)
{
    return git_oid_equal(git_tree_entry_id(old), git_tree_entry_id(new)) &&
           git_tree_entry_filemode_raw(old) == git_tree_entry_filemode_raw(new);
}

static const git_tree_entry *entry_at(const git_tree *tree, size_t index)
{
    return tree == NULL ? NULL : git_tree_entry_byindex(tree, index);
}

/* One of the two may be NULL. */
static int handle(struct walk *walk, const struct level *level, const git_tree_entry *old,
                  const git_tree_entry *new)
{
    if (old != NULL && new != NULL && is_same(old, new))
        return 0;
    const git_tree_entry *either = new == NULL ? old : new;
    const char *name = git_tree_entry_name(either);
    const size_t length = strlen(name);
    size_t at = level->path_length;
    if (at + length + 2 > sizeof(walk->path)) {
        walk->changes->truncated = true;
        return 0;
    }
    if (at > 0)
        walk->path[at++] = '/';
    memcpy(walk->path + at, name, length + 1);
    if (is_tree(either))
        return descend(walk, old == NULL ? NULL : git_tree_entry_id(old),
                       new == NULL ? NULL : git_tree_entry_id(new));
    return add(walk, old, new);
}

/* Each entry of either side is taken exactly once, and passed over only beside an equal one: a tree
 * in a wrong order gives too many changes, never too few. */
static int walk_all(struct walk *walk)
{
    int status = 0;
    while (status == 0 && walk->depth > 0) {
        struct level *level = &walk->levels[walk->depth - 1];
        walk->path[level->path_length] = '\0';
        const git_tree_entry *old = entry_at(level->old, level->old_index);
        const git_tree_entry *new = entry_at(level->new, level->new_index);
        if ((old == NULL && new == NULL) || walk->changes->truncated) {
            leave(walk);
            continue;
        }
        const int order = old == NULL ? 1 : new == NULL ? -1 : compare(old, new);
        old = order > 0 ? NULL : old;
        new = order < 0 ? NULL : new;
        level->old_index += order <= 0;
        level->new_index += order >= 0;
        if (++walk->entries > walk->limits->entries)
            walk->changes->truncated = true;
        else
            status = handle(walk, level, old, new);
    }
    return status;
}

static int walk_between(struct walk *walk, const git_oid *old_root, const git_oid *new_root)
{
    walk->levels = calloc((size_t)walk->limits->depth + 1, sizeof(struct level));
    if (walk->levels == NULL)
        return error_no_memory(walk->err);
    int status = 0;
    if (old_root == NULL || !git_oid_equal(old_root, new_root))
        status = descend(walk, old_root, new_root);
    if (status == 0)
        status = walk_all(walk);
    while (walk->depth > 0)
        leave(walk);
    free(walk->levels);
    return status;
}

int changes_between(struct mirror *mirror, const struct object_id *old_commit,
                    const struct object_id *new_commit, const struct changes_limits *limits,
                    struct changes **ret_changes, struct error *err)
{
    git_oid old_root;
    git_oid new_root;
    int status = mirror_handle_root(mirror, new_commit, &new_root, err);
    if (status == 0 && old_commit != NULL)
        status = mirror_handle_root(mirror, old_commit, &old_root, err);
    if (status < 0)
        return status;
    struct changes *changes = calloc(1, sizeof(*changes));
    if (changes == NULL)
        return error_no_memory(err);
    struct walk walk = {.mirror = mirror, .limits = limits, .changes = changes, .err = err};
    status = walk_between(&walk, old_commit == NULL ? NULL : &old_root, &new_root);
    if (status < 0)
        changes_free(changes);
    else
        *ret_changes = changes;
    return status;
}

bool changes_touch(const struct changes *changes, const char *path)
{
    const size_t length = strlen(path);
    if (changes->truncated || length == 0)
        return changes->truncated || changes->count > 0;
    for (size_t i = 0; i < changes->count; i++) {
        const char *changed = changes->items[i].path;
        if (strncmp(changed, path, length) == 0 &&
            (changed[length] == '/' || changed[length] == '\0'))
            return true;
    }
    return false;
}

struct changes *changes_free(struct changes *changes)
{
    if (changes == NULL)
        return NULL;
    for (size_t i = 0; i < changes->count; i++)
        free(changes->items[i].path);
    free(changes->items);
    free(changes);
    return NULL;
}

void changes_freep(struct changes **changes)
{
    *changes = changes_free(*changes);
}

/* What is at a path of a tree: all zero when nothing is. */
static int object_at(struct mirror *mirror, const git_oid *root, const char *path, git_oid *ret_id,
                     uint32_t *ret_mode, struct error *err)
{
    git_oid id = *root;
    uint32_t mode = MODE_TREE;
    for (const char *step = path; *step != '\0';) {
        char name[TREE_NAME_LIMIT + 1];
        const size_t length = strcspn(step, "/");
        memcpy(name, step, length);
        name[length] = '\0';
        git_tree *tree = NULL;
        if ((mode & MODE_TYPE) != MODE_TREE)
            mode = 0;
        if (mode == 0)
            break;
        const int status =
            mirror_handle_tree(mirror, &id, changes_limits_default().tree_bytes, &tree, err);
        if (status < 0)
            return status;
        const git_tree_entry *entry = git_tree_entry_byname(tree, name);
        mode = entry == NULL ? 0 : (uint32_t)git_tree_entry_filemode_raw(entry);
        if (entry != NULL)
            id = *git_tree_entry_id(entry);
        git_tree_free(tree);
        step += step[length] == '/' ? length + 1 : length;
    }
    *ret_mode = mode;
    *ret_id = mode == 0 ? (git_oid){.id = {0}} : id;
    return 0;
}

int changes_at(struct mirror *mirror, const struct object_id *old_commit,
               const struct object_id *new_commit, const char *const *paths, size_t count,
               bool *ret_differ, struct error *err)
{
    git_oid roots[2];
    git_oid ids[2];
    uint32_t modes[2] = {0, 0};
    int status = mirror_handle_root(mirror, old_commit, &roots[0], err);
    if (status == 0)
        status = mirror_handle_root(mirror, new_commit, &roots[1], err);
    for (size_t i = 0; status == 0 && i < count; i++) {
        const char *problem = tree_path_problem(paths[i]);
        if (problem != NULL)
            return error_set(err, ERROR_INVALID, ERR_INVALID, "a path in the repository %s",
                             problem);
        for (size_t side = 0; status == 0 && side < 2; side++)
            status = object_at(mirror, &roots[side], paths[i], &ids[side], &modes[side], err);
        if (status == 0)
            ret_differ[i] = modes[0] != modes[1] || !git_oid_equal(&ids[0], &ids[1]);
    }
    return status;
}
