#include "gitwatch/changes.h"
#include "gitwatch/libgit.h"
#include "tests/gitwatch/test_repository.h"

#include <criterion/criterion.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static struct test_repository repository;
static struct mirror *mirror;
static struct changes *changes;
static struct error error;

static void start(void)
{
    const struct libgit_limits limits = libgit_limits_default();
    cr_assert(libgit_start(&limits, &error) == 0, "%s", error.detail);
    test_repository_init(&repository);
}

static void stop(void)
{
    changes = changes_free(changes);
    mirror = mirror_free(mirror);
    test_repository_fini(&repository);
    libgit_stop();
}

TestSuite(changes, .init = start, .fini = stop, .timeout = 120);

static int compare(const struct object_id *old, const struct object_id *new,
                   const struct changes_limits *limits)
{
    changes = changes_free(changes);
    mirror = mirror_free(mirror);
    cr_assert(mirror_open(repository.objects, &mirror, &error) == 0, "%s", error.detail);
    return changes_between(mirror, old, new, limits, &changes, &error);
}

static void compare_all(const struct object_id *old, const struct object_id *new)
{
    const struct changes_limits limits = changes_limits_default();
    cr_assert(compare(old, new, &limits) == 0, "%s", error.detail);
}

static void assert_change(size_t index, enum change_kind kind, const char *path)
{
    cr_assert_lt(index, changes->count, "no change of %s", path);
    cr_assert_str_eq(changes->items[index].path, path);
    cr_assert_eq(changes->items[index].kind, kind, "%s", path);
}

static void make_cells(int count)
{
    char path[64];
    for (int i = 0; i < count; i++) {
        snprintf(path, sizeof(path), "cells/c%04d/cell.yaml", i);
        test_repository_write(&repository, path, path);
        snprintf(path, sizeof(path), "cells/c%04d/src/main.c", i);
        test_repository_write(&repository, path, path);
    }
}

Test(changes, of_every_kind)
{
    char path[256];
    make_cells(3);
    test_repository_write(&repository, "script.sh", "x");
    test_repository_write(&repository, "a", "a file that becomes a directory");
    const struct object_id old = test_repository_commit(&repository, "old");
    test_repository_write(&repository, "cells/c0001/cell.yaml", "changed");
    test_repository_write(&repository, "cells/c0003/new/deep/file", "new");
    (void)GIT(&repository, "rm", "-q", "-r", "cells/c0000", "a");
    (void)GIT(&repository, "mv", "cells/c0002/src/main.c", "cells/c0002/src/other.c");
    test_repository_write(&repository, "a/b", "x");
    snprintf(path, sizeof(path), "%s/script.sh", repository.work);
    (void)test_repository_run(&repository, "chmod", "+x", path, NULL);
    const struct object_id new = test_repository_commit(&repository, "new");
    compare_all(&old, &new);
    cr_assert_eq(changes->count, 9);
    assert_change(0, CHANGE_REMOVED, "a");
    assert_change(1, CHANGE_ADDED, "a/b");
    assert_change(2, CHANGE_REMOVED, "cells/c0000/cell.yaml");
    assert_change(3, CHANGE_REMOVED, "cells/c0000/src/main.c");
    assert_change(4, CHANGE_MODIFIED, "cells/c0001/cell.yaml");
    assert_change(5, CHANGE_REMOVED, "cells/c0002/src/main.c");
    assert_change(6, CHANGE_ADDED, "cells/c0002/src/other.c");
    assert_change(7, CHANGE_ADDED, "cells/c0003/new/deep/file");
    assert_change(8, CHANGE_MODIFIED, "script.sh");
    cr_assert(changes->items[8].old_mode == 0100644 && changes->items[8].new_mode == 0100755);
    cr_assert_str_eq(changes->items[5].old_id.hex, changes->items[6].new_id.hex);
    cr_assert(changes_touch(changes, "cells/c0001") && changes_touch(changes, ""));
    cr_assert(changes_touch(changes, "cells/c0002/src/main.c"));
    cr_assert(!changes_touch(changes, "cells/c000"));
    cr_assert(!changes_touch(changes, "cells/c0001/cell.yaml/x"));

    static const char *const paths[] = {
        "cells/c0001", "cells/c0002/cell.yaml", "cells/c0002", "cells/none", "cells/c0003", "a", "",
        "script.sh"};
    static const bool want[] = {true, false, true, false, true, true, true, true};
    bool differ[8];
    cr_assert(changes_at(mirror, &old, &new, paths, 8, differ, &error) == 0, "%s", error.detail);
    for (size_t i = 0; i < 8; i++)
        cr_assert_eq(differ[i], want[i], "%s", paths[i]);
    static const char *const unsafe[] = {"../x"};
    cr_assert(changes_at(mirror, &old, &new, unsafe, 1, differ, &error) == ERR_INVALID);
}

/* The list is the one that git itself makes. */
Test(changes, agree_with_git)
{
    char command[256];
    char path[64];
    char line[256];
    make_cells(42);
    const struct object_id old = test_repository_commit(&repository, "old");
    for (int i = 0; i < 40; i += 3) {
        snprintf(path, sizeof(path), "cells/c%04d/cell.yaml", i);
        test_repository_write(&repository, path, "changed");
        snprintf(path, sizeof(path), "cells/c%04d.d/x", i);
        test_repository_write(&repository, path, "beside");
        snprintf(path, sizeof(path), "cells/c%04d/src", i + 1);
        (void)GIT(&repository, "rm", "-q", "-r", path);
        test_repository_write(&repository, path, "a file now");
    }
    const struct object_id new = test_repository_commit(&repository, "new");
    compare_all(&old, &new);
    snprintf(command, sizeof(command), "git diff-tree -r --no-renames --name-status %s %s > out",
             old.hex, new.hex);
    (void)test_repository_run(&repository, "sh", "-c", command, NULL);
    snprintf(command, sizeof(command), "%s/out", repository.work);
    FILE *file = fopen(command, "re");
    cr_assert_not_null(file);
    size_t count = 0;
    for (; fgets(line, sizeof(line), file) != NULL; count++) {
        line[strcspn(line, "\n")] = '\0';
        cr_assert_lt(count, changes->count);
        cr_assert_str_eq(changes->items[count].path, line + 2);
        cr_assert_eq("ADM"[changes->items[count].kind], line[0], "%s", line);
    }
    fclose(file);
    cr_assert_eq(count, changes->count);
}

Test(changes, first_commit_is_all_additions)
{
    make_cells(5);
    const struct object_id first = test_repository_commit(&repository, "first");
    compare_all(NULL, &first);
    cr_assert_eq(changes->count, 10);
    for (size_t i = 0; i < changes->count; i++)
        cr_assert_eq(changes->items[i].kind, CHANGE_ADDED);
}

/* The cost is the changed directories, whatever the size of the repository. */
Test(changes, cost_grows_with_what_changed)
{
    make_cells(300);
    const struct object_id old = test_repository_commit(&repository, "old");
    test_repository_write(&repository, "cells/c0123/src/main.c", "changed");
    const struct object_id new = test_repository_commit(&repository, "new");
    compare_all(&old, &new);
    cr_assert_eq(changes->count, 1);
    cr_assert_eq(changes->trees_compared, 8, "root, cells, the cell and its source, on both sides");
    compare_all(&new, &new);
    cr_assert_eq(changes->count, 0);
    cr_assert_eq(changes->trees_compared, 0);
    cr_assert(!changes_touch(changes, ""));
}

Test(changes, symlinks_and_submodules_are_changes_of_one_entry)
{
    char path[256];
    test_repository_write(&repository, "x/file", "x");
    const struct object_id old = test_repository_commit(&repository, "old");
    snprintf(path, sizeof(path), "%s/x/link", repository.work);
    cr_assert(symlink("/etc/passwd", path) == 0);
    (void)GIT(&repository, "update-index", "--add", "--cacheinfo",
              "160000,0123456789012345678901234567890123456789,x/module");
    const struct object_id new = test_repository_commit(&repository, "new");
    compare_all(&old, &new);
    cr_assert_geq(changes->count, 1);
    assert_change(0, CHANGE_ADDED, "x/link");
    cr_assert_eq(changes->items[0].new_mode, 0120000);
}

/* G14: past a limit everything counts as changed. */
Test(changes, limits_say_everything_changed)
{
    make_cells(20);
    const struct object_id first = test_repository_commit(&repository, "first");
    struct changes_limits limits = changes_limits_default();
    limits.count = 10;
    cr_assert(compare(NULL, &first, &limits) == 0);
    cr_assert(changes->truncated && changes->count == 10);
    cr_assert(changes_touch(changes, "not/in/the/list"));
    limits = changes_limits_default();
    limits.entries = 15;
    cr_assert(compare(NULL, &first, &limits) == 0 && changes->truncated);
    limits = changes_limits_default();
    limits.depth = 1;
    cr_assert(compare(NULL, &first, &limits) == 0 && changes->truncated);
    limits = changes_limits_default();
    limits.tree_bytes = 100;
    cr_assert(compare(NULL, &first, &limits) == 0 && changes->truncated);
}

Test(changes, missing_commit_is_not_found)
{
    make_cells(1);
    const struct object_id first = test_repository_commit(&repository, "first");
    const struct object_id nothing = {"0123456789012345678901234567890123456789"};
    const struct changes_limits limits = changes_limits_default();
    cr_assert_eq(compare(&nothing, &first, &limits), -ENOENT);
    cr_assert(error.kind == ERROR_NOT_FOUND);
    cr_assert_eq(compare(&first, &nothing, &limits), -ENOENT);
}

/* A directory whose entries are in no order, as git never writes it: too much is reported, never
 * too little. */
Test(changes, unordered_trees_hide_nothing)
{
    char a[OBJECT_ID_TEXT_SIZE];
    char b[OBJECT_ID_TEXT_SIZE];
    char old_tree[OBJECT_ID_TEXT_SIZE];
    char new_tree[OBJECT_ID_TEXT_SIZE];
    char bytes[2][256];
    size_t lengths[2] = {0, 0};
    test_repository_object(&repository, "blob", "a", 1, a);
    test_repository_object(&repository, "blob", "b", 1, b);
    const char *const old_ids[] = {a, a, a};
    const char *const new_ids[] = {a, b, a};
    const char *const names[] = {"z", "m", "c"};
    for (size_t side = 0; side < 2; side++)
        for (size_t i = 0; i < 3; i++) {
            const char *id = side == 0 ? old_ids[i] : new_ids[2 - i];
            const char *name = side == 0 ? names[i] : names[2 - i];
            lengths[side] += (size_t)sprintf(bytes[side] + lengths[side], "100644 %s", name) + 1;
            for (size_t k = 0; k < 40; k += 2) {
                const char pair[] = {id[k], id[k + 1], '\0'};
                bytes[side][lengths[side]++] = (char)strtoul(pair, NULL, 16);
            }
        }
    test_repository_object(&repository, "tree", bytes[0], lengths[0], old_tree);
    test_repository_object(&repository, "tree", bytes[1], lengths[1], new_tree);
    const struct object_id old = test_repository_commit_tree(&repository, old_tree);
    const struct object_id new = test_repository_commit_tree(&repository, new_tree);
    compare_all(&old, &new);
    cr_assert(changes_touch(changes, "m"));
}
