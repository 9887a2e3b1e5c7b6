#include "gitwatch/tree_walk.h"

#include "gitwatch/libgit_error.h"
#include "gitwatch/mirror_handle.h"
#include "gitwatch/tree_path.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

enum { MODE_TYPE = 0170000, MODE_TREE = 0040000, MODE_FILE = 0100000, MODE_LINK = 0120000 };

/* One directory on the way down. */
struct level {
    git_tree *tree;
    git_tree *old; /* the same path in the previous commit, or NULL */
    size_t index;
    size_t path_length;
    bool *collides; /* per entry, or NULL */
};

struct walk {
    struct mirror *mirror;
    const struct tree_listing *previous;
    const struct tree_selection *selection;
    const struct tree_limits *limits;
    struct tree_listing *listing;
    struct error *err;
    struct level *levels;
    size_t depth; /* levels in use */
    char path[TREE_PATH_LIMIT + 1];
};

static int find(struct walk *walk, enum tree_problem problem, const char *message)
{
    char path[4 * TREE_PATH_LIMIT + 1];
    (void)tree_path_escape(walk->path, strlen(walk->path), path, sizeof(path));
    const int status =
        tree_listing_add_finding(walk->listing, problem, path, message, walk->limits->findings);
    return status < 0 ? error_no_memory(walk->err) : 0;
}

/* One bit more than TREE_MATCH_*: a pattern wants a file here, a directory will not do. */
enum { MATCH_FILE_ONLY = 8 };

static unsigned match(const struct walk *walk, size_t *ret_pattern)
{
    unsigned all = 0;
    for (size_t i = 0; i < walk->selection->count; i++) {
        const char *pattern = walk->selection->patterns[i];
        const size_t length = strlen(pattern);
        const bool any_end = length >= 2 && strcmp(pattern + length - 2, "**") == 0;
        const unsigned one = tree_path_match(pattern, walk->path);
        if ((one & TREE_MATCH_FULL) != 0 && !any_end)
            all |= MATCH_FILE_ONLY;
        if ((one & TREE_MATCH_FULL) != 0 && (all & TREE_MATCH_FULL) == 0)
            *ret_pattern = i;
        all |= one;
    }
    return all;
}

/* Writes the entry's path; a name that does not fit is cut (and refused by its length before). */
static void enter_path(struct walk *walk, const struct level *level, const char *name)
{
    const char *slash = level->path_length == 0 ? "" : "/";
    snprintf(walk->path + level->path_length, sizeof(walk->path) - level->path_length, "%s%s",
             slash, name);
}

struct folded {
    const char *name;
    size_t index;
};

static int compare_folded(const void *a, const void *b)
{
    return strcasecmp(((const struct folded *)a)->name, ((const struct folded *)b)->name);
}

/* Marks entries of a directory that a pattern names and whose names differ by case only, or not at
 * all: a checkout on another system would merge them, and so would eyes. */
static int mark_collisions(struct walk *walk, struct level *level)
{
    const size_t count = git_tree_entrycount(level->tree);
    struct folded *names = calloc(count + 1, sizeof(*names));
    level->collides = calloc(count + 1, sizeof(*level->collides));
    if (names == NULL || level->collides == NULL) {
        free(names);
        return error_no_memory(walk->err);
    }
    size_t relevant = 0;
    for (size_t i = 0; i < count; i++) {
        size_t pattern = 0;
        const char *name = git_tree_entry_name(git_tree_entry_byindex(level->tree, i));
        enter_path(walk, level, name);
        if ((match(walk, &pattern) & (TREE_MATCH_FULL | TREE_MATCH_BELOW)) != 0)
            names[relevant++] = (struct folded){name, i};
    }
    walk->path[level->path_length] = '\0';
    qsort(names, relevant, sizeof(*names), compare_folded);
    for (size_t i = 1; i < relevant; i++)
        if (compare_folded(&names[i - 1], &names[i]) == 0)
            level->collides[names[i - 1].index] = level->collides[names[i].index] = true;
    free(names);
    return 0;
}

/* The directory at walk->path. A directory that is too large or too deep becomes a finding. */
static int descend(struct walk *walk, const git_oid *id, git_tree *old, bool named)
{
    if (walk->depth > walk->limits->depth) {
        git_tree_free(old);
        return find(walk, TREE_PROBLEM_DEPTH,
                    "this directory lies too deep; celld does not look into it: move it up");
    }
    struct level *level = &walk->levels[walk->depth];
    *level = (struct level){.old = old, .path_length = strlen(walk->path)};
    const int status =
        mirror_handle_tree(walk->mirror, id, walk->limits->tree_bytes, &level->tree, walk->err);
    if (status < 0) {
        git_tree_free(old);
        level->old = NULL;
        if (status != ERR_LIMIT || walk->depth == 0)
            return status;
        return find(walk, TREE_PROBLEM_SIZE,
                    "this directory has too many entries; celld does not look into it: split it");
    }
    walk->depth++;
    return named ? mark_collisions(walk, level) : 0;
}

static void leave(struct walk *walk)
{
    struct level *level = &walk->levels[--walk->depth];
    git_tree_free(level->tree);
    git_tree_free(level->old);
    free(level->collides);
}

static int handle_directory(struct walk *walk, const struct level *parent,
                            const git_tree_entry *entry, unsigned matched)
{
    if ((matched & MATCH_FILE_ONLY) != 0)
        return find(walk, TREE_PROBLEM_NOT_A_FILE, "a directory stands where a file is expected");
    git_tree *old = NULL;
    const git_tree_entry *before =
        parent->old == NULL ? NULL : git_tree_entry_byname(parent->old, git_tree_entry_name(entry));
    if (before != NULL && git_tree_entry_type(before) == GIT_OBJECT_TREE) {
        if (git_oid_equal(git_tree_entry_id(before), git_tree_entry_id(entry))) {
            const int status = tree_listing_reuse(walk->listing, walk->previous, walk->path,
                                                  walk->limits->findings);
            return status < 0 ? error_no_memory(walk->err) : 0;
        }
        /* The old commit may be gone meanwhile: then everything is read, that is all. */
        (void)!mirror_handle_tree(walk->mirror, git_tree_entry_id(before), walk->limits->tree_bytes,
                                  &old, NULL);
    }
    return descend(walk, git_tree_entry_id(entry), old, (matched & TREE_MATCH_BELOW) != 0);
}

static int handle_file(struct walk *walk, const git_tree_entry *entry, size_t pattern)
{
    size_t size = 0;
    git_object_t type = GIT_OBJECT_INVALID;
    const git_oid *id = git_tree_entry_id(entry);
    const int status = git_odb_read_header(&size, &type, mirror_handle_odb(walk->mirror), id);
    if (status < 0 || type != GIT_OBJECT_BLOB) {
        (void)libgit_error(walk->err, status, "cannot read %.200s", walk->path);
        return error_set(walk->err, ERROR_INTERNAL, MIRROR_DAMAGED,
                         "the content of %.200s is missing in the mirror", walk->path);
    }
    if (size > walk->limits->file_bytes) {
        char message[160];
        snprintf(message, sizeof(message),
                 "this file has %zu bytes; at most %llu can be: split it, or raise the limit", size,
                 (unsigned long long)walk->limits->file_bytes);
        return find(walk, TREE_PROBLEM_SIZE, message);
    }
    if (walk->listing->file_count >= walk->limits->files)
        return error_set(walk->err, ERROR_LIMIT, ERR_LIMIT,
                         "the repository has more than %u manifests; raise the limit",
                         walk->limits->files);
    const struct tree_file file = {
        .path = walk->path, .blob = mirror_handle_id(id), .size = size, .pattern = pattern};
    return tree_listing_add_file(walk->listing, &file) < 0 ? error_no_memory(walk->err) : 0;
}

static int handle_link(struct walk *walk, bool symlink)
{
    if (symlink)
        return find(walk, TREE_PROBLEM_SYMLINK,
                    "this is a symbolic link; celld follows none: put the file itself here");
    return find(walk, TREE_PROBLEM_SUBMODULE,
                "this is a submodule; celld reads none: put the files themselves here");
}

static int handle_entry(struct walk *walk, const struct level *level, size_t index)
{
    const git_tree_entry *entry = git_tree_entry_byindex(level->tree, index);
    const char *name = git_tree_entry_name(entry);
    const size_t name_length = strlen(name);
    const unsigned type = (unsigned)git_tree_entry_filemode_raw(entry) & MODE_TYPE;
    size_t pattern = 0;
    const bool fits = level->path_length + 1 + name_length <= TREE_PATH_LIMIT;
    enter_path(walk, level, name);
    const unsigned matched = match(walk, &pattern);
    const bool named = (matched & (TREE_MATCH_FULL | TREE_MATCH_BELOW)) != 0;
    if (matched == 0)
        return 0;
    const char *problem = fits ? tree_path_name_problem(name, name_length)
                               : "makes a path that is longer than 1024 bytes";
    if (problem != NULL) {
        char message[160];
        snprintf(message, sizeof(message), "the name %s; rename it", problem);
        return named || !fits ? find(walk, TREE_PROBLEM_NAME, message) : 0;
    }
    if (level->collides != NULL && level->collides[index])
        return find(walk, TREE_PROBLEM_COLLISION,
                    "another name in this directory is the same but for upper and lower case; "
                    "rename one of them");
    if (type == MODE_TREE)
        return handle_directory(walk, level, entry, matched);
    if (type != MODE_FILE)
        return named ? handle_link(walk, type == MODE_LINK) : 0;
    return (matched & TREE_MATCH_FULL) != 0 ? handle_file(walk, entry, pattern) : 0;
}

static int walk_all(struct walk *walk)
{
    int status = 0;
    while (status == 0 && walk->depth > 0) {
        struct level *level = &walk->levels[walk->depth - 1];
        walk->path[level->path_length] = '\0';
        if (level->index >= git_tree_entrycount(level->tree)) {
            leave(walk);
            continue;
        }
        if (++walk->listing->entries_seen > walk->limits->entries)
            return error_set(walk->err, ERROR_LIMIT, ERR_LIMIT,
                             "the repository has more than %u files and directories; raise the "
                             "limit, or watch a smaller repository",
                             walk->limits->entries);
        status = handle_entry(walk, level, level->index++);
    }
    return status;
}

/* The same path twice can only come from a tree that names an entry twice. */
static int drop_duplicates(struct walk *walk)
{
    struct tree_listing *listing = walk->listing;
    int status = 0;
    for (size_t i = 1; status == 0 && i < listing->file_count;) {
        if (strcmp(listing->files[i - 1].path, listing->files[i].path) != 0) {
            i++;
            continue;
        }
        snprintf(walk->path, sizeof(walk->path), "%s", listing->files[i].path);
        status = find(walk, TREE_PROBLEM_COLLISION,
                      "this directory holds the same name twice; the commit was not made by git");
        while (i < listing->file_count && strcmp(walk->path, listing->files[i].path) == 0)
            tree_listing_drop(listing, i);
        tree_listing_drop(listing, i - 1);
    }
    return status;
}

int tree_walk(struct mirror *mirror, const git_oid *root, const struct tree_listing *previous,
              const struct tree_selection *selection, const struct tree_limits *limits,
              struct tree_listing *listing, struct error *err)
{
    struct walk walk = {
        .mirror = mirror,
        .previous = previous,
        .selection = selection,
        .limits = limits,
        .listing = listing,
        .err = err,
        .levels = calloc((size_t)limits->depth + 1, sizeof(struct level)),
    };
    git_tree *old = NULL;
    git_oid old_root;
    if (walk.levels == NULL)
        return error_no_memory(err);
    if (previous != NULL && previous->complete &&
        git_oid_fromstr(&old_root, previous->tree.hex) == 0)
        (void)!mirror_handle_tree(mirror, &old_root, limits->tree_bytes, &old, NULL);
    int status = descend(&walk, root, old, true);
    if (status == 0)
        status = walk_all(&walk);
    while (walk.depth > 0)
        leave(&walk);
    free(walk.levels);
    tree_listing_sort(listing);
    if (status == 0)
        status = drop_duplicates(&walk);
    if (status == 0)
        tree_listing_sort(listing);
    return status;
}
