#include "config/base/text.h"
#include "gitwatch/libgit.h"
#include "gitwatch/mirror.h"
#include "gitwatch/tree_reader.h"
#include "tests/gitwatch/test_fetch.h"
#include "tests/gitwatch/test_repository.h"

#include <criterion/criterion.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static struct test_repository repository;
static struct mirror *mirror;
static struct tree_listing *listing;
static struct error error;
static char blob[OBJECT_ID_TEXT_SIZE];

static const char *const patterns[] = {"platform.yaml", "cells/*/cell.yaml",
                                       "**/.choreo/component.yaml", "manifests/**/*.yaml"};
static const struct tree_selection selection = {patterns, 4};

static void start(void)
{
    const struct libgit_limits limits = libgit_limits_default();
    cr_assert(libgit_start(&limits, &error) == 0, "%s", error.detail);
    test_repository_init(&repository);
    test_repository_object(&repository, "blob", "text\n", 5, blob);
}

static void stop(void)
{
    listing = tree_listing_free(listing);
    mirror = mirror_free(mirror);
    test_repository_fini(&repository);
    libgit_stop();
}

TestSuite(tree_reader, .init = start, .fini = stop, .timeout = 120);

/* The clone's objects are enough: the reader needs no fetch. */
static int load(const struct object_id *commit, const struct tree_limits *limits)
{
    listing = tree_listing_free(listing);
    mirror = mirror_free(mirror);
    cr_assert(mirror_open(repository.objects, &mirror, &error) == 0, "%s", error.detail);
    return tree_reader_load(mirror, commit, NULL, &selection, limits, &listing, &error);
}

static void load_tree(const char *tree)
{
    const struct object_id commit = test_repository_commit_tree(&repository, tree);
    const struct tree_limits limits = tree_limits_default();
    cr_assert(load(&commit, &limits) == 0, "%s", error.detail);
}

static void assert_finding(size_t index, enum tree_problem problem, const char *path,
                           const char *words)
{
    cr_assert_lt(index, listing->finding_count, "no finding at %s", path);
    const struct tree_finding *finding = &listing->findings[index];
    cr_assert_str_eq(finding->path, path);
    cr_assert_eq(finding->problem, problem, "%s: %s", path, finding->message);
    cr_assert_not_null(strstr(finding->message, words), "%s", finding->message);
}

/* Builds "100644 blob <id>\tname" and the like; the id NULL means the common blob. */
static void add_line(struct text *lines, const char *mode, const char *type, const char *id,
                     const char *name)
{
    text_format(lines, "%s %s %s\t%s\n", mode, type, id == NULL ? blob : id, name);
}

static void finish_tree(struct text *lines, char ret_tree[static OBJECT_ID_TEXT_SIZE])
{
    cr_assert(text_status(lines) == 0);
    test_repository_tree(&repository, text_get(lines), ret_tree);
    text_fini(lines);
    text_init(lines, 1 << 20);
}

/* A tree object byte for byte, for what even mktree refuses. */
struct raw_tree {
    char bytes[65536];
    size_t length;
};

static void raw_entry(struct raw_tree *tree, const char *mode, const char *name, const char *id)
{
    tree->length += (size_t)sprintf(tree->bytes + tree->length, "%s %s", mode, name) + 1;
    for (size_t i = 0; i < 40; i += 2) {
        const char pair[] = {id[i], id[i + 1], '\0'};
        tree->bytes[tree->length++] = (char)strtoul(pair, NULL, 16);
    }
}

Test(tree_reader, reads_what_patterns_select)
{
    test_repository_write(&repository, "platform.yaml", "a");
    test_repository_write(&repository, "README.md", "no");
    test_repository_write(&repository, "cells/cart/cell.yaml", "b");
    test_repository_write(&repository, "cells/cart/src/.choreo/component.yaml", "c");
    test_repository_write(&repository, "cells/cart/src/main.c", "no");
    test_repository_write(&repository, "manifests/x/y/z.yaml", "");
    test_repository_write(&repository, "manifests/x/y/z.txt", "no");
    const struct object_id commit = test_repository_commit(&repository, "all");
    const struct tree_limits limits = tree_limits_default();
    cr_assert(load(&commit, &limits) == 0, "%s", error.detail);
    cr_assert_eq(listing->file_count, 4);
    cr_assert(listing->complete && listing->finding_count == 0);
    cr_assert_str_eq(listing->files[0].path, "cells/cart/cell.yaml");
    cr_assert_str_eq(listing->files[1].path, "cells/cart/src/.choreo/component.yaml");
    cr_assert_eq(listing->files[1].pattern, 2);
    cr_assert_str_eq(listing->files[2].path, "manifests/x/y/z.yaml");
    cr_assert_str_eq(listing->files[2].bytes, "");
    cr_assert_str_eq(tree_listing_find(listing, "platform.yaml")->bytes, "a");
    cr_assert_null(tree_listing_find(listing, "README.md"));

    struct object_id id;
    cr_assert(tree_reader_id_at(mirror, &commit, "cells/cart/src", &id, &error) == 0);
    cr_assert_str_eq(id.hex, GIT(&repository, "rev-parse", "HEAD:cells/cart/src"));
    cr_assert(tree_reader_id_at(mirror, &commit, "", &id, &error) == 0);
    cr_assert_str_eq(id.hex, listing->tree.hex);
    cr_assert(tree_reader_id_at(mirror, &commit, "cells/none", &id, &error) == -ENOENT);
    cr_assert(tree_reader_id_at(mirror, &commit, "platform.yaml/x", &id, &error) == -ENOENT);
    cr_assert(tree_reader_id_at(mirror, &commit, "../x", &id, &error) == ERR_INVALID);

    char *bytes = NULL;
    size_t length = 0;
    cr_assert(tree_reader_blob(mirror, &listing->files[0].blob, 1, &bytes, &length, &error) == 0);
    cr_assert(length == 1 && strcmp(bytes, "b") == 0);
    free(bytes);
    cr_assert(tree_reader_blob(mirror, &listing->files[0].blob, 0, &bytes, &length, &error) ==
              ERR_LIMIT);
}

Test(tree_reader, takes_unchanged_directories_from_the_previous_listing)
{
    char path[64];
    for (int i = 0; i < 60; i++) {
        snprintf(path, sizeof(path), "cells/c%02d/cell.yaml", i);
        test_repository_write(&repository, path, path);
        snprintf(path, sizeof(path), "cells/c%02d/src/.choreo/component.yaml", i);
        test_repository_write(&repository, path, path);
    }
    char link[256];
    snprintf(link, sizeof(link), "%s/cells/c07/src/.choreo/component.yaml", repository.work);
    cr_assert(unlink(link) == 0 && symlink("/etc/passwd", link) == 0);
    const struct object_id first = test_repository_commit(&repository, "first");
    const struct tree_limits limits = tree_limits_default();
    cr_assert(load(&first, &limits) == 0, "%s", error.detail);
    cr_assert_eq(listing->file_count, 119);
    assert_finding(0, TREE_PROBLEM_SYMLINK, "cells/c07/src/.choreo/component.yaml", "symbolic");

    test_repository_write(&repository, "cells/c33/cell.yaml", "changed");
    const struct object_id second = test_repository_commit(&repository, "second");
    struct tree_listing *next = NULL;
    mirror = mirror_free(mirror);
    cr_assert(mirror_open(repository.objects, &mirror, &error) == 0);
    cr_assert(tree_reader_load(mirror, &second, listing, &selection, &limits, &next, &error) == 0,
              "%s", error.detail);
    cr_assert_eq(next->file_count, 119);
    cr_assert_eq(next->finding_count, 1);
    cr_assert_leq(next->entries_seen, 70, "%u entries were looked at", next->entries_seen);
    for (size_t i = 0; i < next->file_count; i++) {
        const bool changed = strcmp(next->files[i].path, "cells/c33/cell.yaml") == 0;
        cr_assert_eq(next->files[i].unchanged, !changed, "%s", next->files[i].path);
        cr_assert_eq(next->files[i].bytes != NULL, changed, "%s", next->files[i].path);
        cr_assert_eq(next->files[i].pattern, listing->files[i].pattern);
    }
    struct tree_listing *whole = NULL;
    cr_assert(tree_reader_list(mirror, &second, NULL, &selection, &limits, &whole, &error) == 0);
    cr_assert_eq(whole->file_count, next->file_count);
    for (size_t i = 0; i < whole->file_count; i++) {
        cr_assert_str_eq(whole->files[i].path, next->files[i].path);
        cr_assert_str_eq(whole->files[i].blob.hex, next->files[i].blob.hex);
    }
    tree_listing_free(whole);
    tree_listing_free(next);
}

/* G1, G2 */
Test(tree_reader, follows_no_links_and_no_submodules)
{
    struct text lines;
    char inner[OBJECT_ID_TEXT_SIZE];
    char cells[OBJECT_ID_TEXT_SIZE];
    char root[OBJECT_ID_TEXT_SIZE];
    text_init(&lines, 1 << 20);
    add_line(&lines, "120000", "blob", NULL, "cell.yaml");
    finish_tree(&lines, inner);
    add_line(&lines, "040000", "tree", inner, "cart");
    add_line(&lines, "120000", "blob", NULL, "linked");
    add_line(&lines, "160000", "commit", "0123456789012345678901234567890123456789", "module");
    finish_tree(&lines, cells);
    add_line(&lines, "040000", "tree", cells, "cells");
    add_line(&lines, "100644", "blob", NULL, ".gitmodules");
    add_line(&lines, "120000", "blob", NULL, "manifests");
    add_line(&lines, "120000", "blob", NULL, "harmless");
    add_line(&lines, "160000", "commit", "0123456789012345678901234567890123456789", "vendor");
    add_line(&lines, "120000", "blob", NULL, "platform.yaml");
    finish_tree(&lines, root);
    load_tree(root);
    cr_assert_eq(listing->file_count, 0);
    cr_assert_eq(listing->finding_count, 5);
    assert_finding(0, TREE_PROBLEM_SYMLINK, "cells/cart/cell.yaml", "symbolic link");
    assert_finding(1, TREE_PROBLEM_SYMLINK, "cells/linked", "symbolic link");
    assert_finding(2, TREE_PROBLEM_SUBMODULE, "cells/module", "submodule");
    assert_finding(3, TREE_PROBLEM_SYMLINK, "manifests", "symbolic link");
    assert_finding(4, TREE_PROBLEM_SYMLINK, "platform.yaml", "symbolic link");
    struct object_id id;
    cr_assert(tree_reader_id_at(mirror, &listing->commit, "cells/linked/x", &id, &error) ==
              ERR_INVALID);
    cr_assert_not_null(strstr(error.detail, "symbolic link"));
    cr_assert(tree_reader_id_at(mirror, &listing->commit, "vendor", &id, &error) == ERR_INVALID);
    text_fini(&lines);
}

/* G3, G4 */
Test(tree_reader, refuses_names_that_are_no_safe_paths)
{
    static const char *const names[] = {"..", ".git", "a\x1b[31mb", "a\xff", "git~1"};
    static struct raw_tree cells;
    char inner[OBJECT_ID_TEXT_SIZE];
    char cells_id[OBJECT_ID_TEXT_SIZE];
    char root[OBJECT_ID_TEXT_SIZE];
    char long_name[300];
    struct text lines;
    text_init(&lines, 1 << 20);
    add_line(&lines, "100644", "blob", NULL, "cell.yaml");
    finish_tree(&lines, inner);
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
        raw_entry(&cells, "40000", names[i], inner);
    memset(long_name, 'x', sizeof(long_name) - 1);
    long_name[sizeof(long_name) - 1] = '\0';
    raw_entry(&cells, "40000", long_name, inner);
    raw_entry(&cells, "40000", "cart", inner);
    raw_entry(&cells, "40000", "Order", inner);
    raw_entry(&cells, "40000", "order", inner);
    test_repository_object(&repository, "tree", cells.bytes, cells.length, cells_id);
    static struct raw_tree top;
    raw_entry(&top, "40000", "cells", cells_id);
    raw_entry(&top, "100644", "platform.yaml", blob);
    raw_entry(&top, "100644", "platform.yaml", blob);
    test_repository_object(&repository, "tree", top.bytes, top.length, root);
    load_tree(root);
    cr_assert_eq(listing->file_count, 1, "%zu files", listing->file_count);
    cr_assert_str_eq(listing->files[0].path, "cells/cart/cell.yaml");
    cr_assert_eq(listing->finding_count, 10);
    assert_finding(0, TREE_PROBLEM_NAME, "cells/..", "'..'");
    assert_finding(1, TREE_PROBLEM_NAME, "cells/.git", ".git");
    assert_finding(2, TREE_PROBLEM_COLLISION, "cells/Order", "upper and lower case");
    assert_finding(3, TREE_PROBLEM_NAME, "cells/a\\x1b[31mb", "control");
    assert_finding(4, TREE_PROBLEM_NAME, "cells/a\\xff", "UTF-8");
    assert_finding(5, TREE_PROBLEM_NAME, "cells/git~1", ".git");
    assert_finding(6, TREE_PROBLEM_COLLISION, "cells/order", "upper and lower case");
    cr_assert_not_null(strstr(listing->findings[7].message, "255 bytes"));
    assert_finding(8, TREE_PROBLEM_COLLISION, "platform.yaml", "");
    text_fini(&lines);
}

/* G5, G6 */
Test(tree_reader, refuses_large_files_and_lfs_pointers)
{
    char *large = malloc(300001);
    cr_assert_not_null(large);
    memset(large, 'x', 300000);
    large[300000] = '\0';
    test_repository_write(&repository, "cells/a/cell.yaml", large);
    test_repository_write(&repository, "cells/b/cell.yaml",
                          "version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 1\n");
    test_repository_write(&repository, "cells/c/cell.yaml/x", "a directory");
    test_repository_write(&repository, "cells/d/cell.yaml", "good");
    free(large);
    const struct object_id commit = test_repository_commit(&repository, "large");
    const struct tree_limits limits = tree_limits_default();
    cr_assert(load(&commit, &limits) == 0, "%s", error.detail);
    cr_assert_eq(listing->file_count, 1);
    cr_assert_eq(listing->finding_count, 3);
    assert_finding(0, TREE_PROBLEM_SIZE, "cells/a/cell.yaml", "300000 bytes");
    assert_finding(1, TREE_PROBLEM_LFS, "cells/b/cell.yaml", "LFS");
    assert_finding(2, TREE_PROBLEM_NOT_A_FILE, "cells/c/cell.yaml", "directory");
}

/* G14 */
Test(tree_reader, is_bounded_in_depth_and_entries)
{
    struct text lines;
    char tree[OBJECT_ID_TEXT_SIZE];
    char root[OBJECT_ID_TEXT_SIZE];
    text_init(&lines, 1 << 20);
    add_line(&lines, "100644", "blob", NULL, "component.yaml");
    finish_tree(&lines, tree);
    add_line(&lines, "040000", "tree", tree, ".choreo");
    finish_tree(&lines, tree);
    for (int depth = 0; depth < 200; depth++) {
        add_line(&lines, "040000", "tree", tree, "d");
        finish_tree(&lines, tree);
    }
    add_line(&lines, "040000", "tree", tree, "deep");
    add_line(&lines, "100644", "blob", NULL, "platform.yaml");
    finish_tree(&lines, root);
    load_tree(root);
    cr_assert_eq(listing->file_count, 1);
    cr_assert_eq(listing->finding_count, 1);
    cr_assert_eq(listing->findings[0].problem, TREE_PROBLEM_DEPTH);

    text_fini(&lines);
    text_init(&lines, 1 << 20);
    for (int i = 0; i < 5000; i++) {
        char name[16];
        snprintf(name, sizeof(name), "c%04d", i);
        add_line(&lines, "040000", "tree", root, name);
    }
    finish_tree(&lines, tree);
    add_line(&lines, "040000", "tree", tree, "cells");
    finish_tree(&lines, root);
    const struct object_id commit = test_repository_commit_tree(&repository, root);
    struct tree_limits limits = tree_limits_default();
    limits.entries = 20000;
    cr_assert_eq(load(&commit, &limits), ERR_LIMIT);
    cr_assert_not_null(strstr(error.detail, "20000"), "%s", error.detail);
    limits = tree_limits_default();
    limits.tree_bytes = 1000;
    cr_assert(load(&commit, &limits) == 0, "%s", error.detail);
    assert_finding(0, TREE_PROBLEM_SIZE, "cells", "too many entries");
    limits = tree_limits_default();
    limits.findings = 10;
    cr_assert(load(&commit, &limits) == 0, "%s", error.detail);
    cr_assert_eq(listing->finding_count, 10);
    cr_assert(listing->findings_dropped > 0 && !listing->complete);
    text_fini(&lines);
}

/* A bomb: 10 levels of 10 entries that are all the same tree are 10 billion paths. */
Test(tree_reader, stops_at_a_tree_that_multiplies)
{
    struct text lines;
    char tree[OBJECT_ID_TEXT_SIZE];
    text_init(&lines, 1 << 20);
    add_line(&lines, "100644", "blob", NULL, "x");
    finish_tree(&lines, tree);
    for (int depth = 0; depth < 10; depth++) {
        for (int i = 0; i < 10; i++) {
            char name[4];
            snprintf(name, sizeof(name), "%d", i);
            add_line(&lines, "040000", "tree", tree, name);
        }
        finish_tree(&lines, tree);
    }
    const struct object_id commit = test_repository_commit_tree(&repository, tree);
    struct tree_limits limits = tree_limits_default();
    limits.entries = 100000;
    cr_assert_eq(load(&commit, &limits), ERR_LIMIT);
    text_fini(&lines);
}

Test(tree_reader, counts_all_contents)
{
    test_repository_write(&repository, "cells/a/cell.yaml", "0123456789");
    test_repository_write(&repository, "cells/b/cell.yaml", "9876543210");
    const struct object_id commit = test_repository_commit(&repository, "two");
    struct tree_limits limits = tree_limits_default();
    limits.total_bytes = 15;
    cr_assert(load(&commit, &limits) == 0);
    cr_assert_eq(listing->file_count, 1);
    assert_finding(0, TREE_PROBLEM_LIMIT, "cells/b/cell.yaml", "limit");
    limits = tree_limits_default();
    limits.files = 1;
    cr_assert_eq(load(&commit, &limits), ERR_LIMIT);
}

/* G13: a commit whose times and texts are nonsense is read like any other. */
Test(tree_reader, commit_texts_are_safe_to_show)
{
    struct text lines;
    char tree[OBJECT_ID_TEXT_SIZE];
    char id[OBJECT_ID_TEXT_SIZE];
    struct text raw;
    text_init(&lines, 1 << 20);
    text_init(&raw, 65536);
    const char direction[] = {'\xe2', '\x80', '\xae', '\0'};
    add_line(&lines, "100644", "blob", NULL, "platform.yaml");
    finish_tree(&lines, tree);
    text_format(&raw,
                "tree %s\nauthor Ev\x1b[31mil %s <e@x> 99999999999999999 +9999\n"
                "committer C <c@x> -5 +0000\n\nsubject \x1b]0;title\x07 ",
                tree, direction);
    text_add(&raw, "\xff\nsecond line\n");
    test_repository_object(&repository, "commit", text_get(&raw), raw.length, id);
    struct object_id commit;
    cr_assert(object_id_parse(id, &commit) == 0);
    const struct tree_limits limits = tree_limits_default();
    cr_assert(load(&commit, &limits) == 0, "%s", error.detail);
    cr_assert_eq(listing->file_count, 1);
    struct commit_info info;
    cr_assert(mirror_commit(mirror, &commit, &info, &error) == 0, "%s", error.detail);
    cr_assert_str_eq(info.subject, "subject \\x1b]0;title\\x07 \\xff");
    cr_assert_null(strchr(info.author, '\x1b'));
    cr_assert_null(strstr(info.author, direction));
    cr_assert_str_eq(info.tree.hex, tree);
    text_fini(&raw);
    text_fini(&lines);
}

Test(tree_reader, tells_missing_objects_from_missing_commits)
{
    const struct object_id nothing = {"0123456789012345678901234567890123456789"};
    const struct tree_limits limits = tree_limits_default();
    cr_assert_eq(load(&nothing, &limits), -ENOENT);
    cr_assert(error.kind == ERROR_NOT_FOUND);
    struct text lines;
    char tree[OBJECT_ID_TEXT_SIZE];
    text_init(&lines, 1 << 20);
    add_line(&lines, "100644", "blob", "0123456789012345678901234567890123456789", "platform.yaml");
    finish_tree(&lines, tree);
    const char *commit_text = GIT(&repository, "commit-tree", "-m", "torn", tree);
    struct object_id commit;
    cr_assert(object_id_parse(commit_text, &commit) == 0);
    cr_assert_eq(load(&commit, &limits), MIRROR_DAMAGED);
    cr_assert(error.kind == ERROR_INTERNAL);
    text_fini(&lines);
}
