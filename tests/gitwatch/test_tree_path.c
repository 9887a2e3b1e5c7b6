#include "gitwatch/tree_path.h"

#include <criterion/criterion.h>

#include <string.h>

static const struct {
    const char *pattern, *path;
    unsigned want;
} matches[] = {
    {"platform.yaml", "platform.yaml", TREE_MATCH_FULL},
    {"platform.yaml", "other.yaml", 0},
    {"platform.yaml", "platform.yaml/x", 0},
    {"platform.yaml", "", TREE_MATCH_BELOW},
    {"a/platform.yaml", "a", TREE_MATCH_BELOW},
    {"cells/*/cell.yaml", "cells", TREE_MATCH_BELOW},
    {"cells/*/cell.yaml", "cells/cart", TREE_MATCH_BELOW},
    {"cells/*/cell.yaml", "cells/cart/cell.yaml", TREE_MATCH_FULL},
    {"cells/*/cell.yaml", "cells/a/b/cell.yaml", 0},
    {"cells/*/cell.yaml", "Cells", 0},
    {"*.yaml", "x.yaml", TREE_MATCH_FULL},
    {"*.yaml", ".yaml", TREE_MATCH_FULL},
    {"*.yaml", "x.yml", 0},
    {"a*b*c", "aXbXbXc", TREE_MATCH_FULL},
    {"a*b*c", "aXbXbX", 0},
    {"**/.choreo/component.yaml", ".choreo/component.yaml",
     TREE_MATCH_FULL | TREE_MATCH_BELOW_WILD},
    {"**/.choreo/component.yaml", "a/b/.choreo/component.yaml",
     TREE_MATCH_FULL | TREE_MATCH_BELOW_WILD},
    {"**/.choreo/component.yaml", "a/.choreo", TREE_MATCH_BELOW},
    {"**/.choreo/component.yaml", "a", TREE_MATCH_BELOW_WILD},
    {"**/.choreo/component.yaml", "a/b/c", TREE_MATCH_BELOW_WILD},
    {"manifests/**", "manifests", TREE_MATCH_FULL | TREE_MATCH_BELOW},
    {"manifests/**", "manifests/a/b.yaml", TREE_MATCH_FULL | TREE_MATCH_BELOW_WILD},
    {"manifests/**/*.yaml", "manifests/a.yaml", TREE_MATCH_FULL | TREE_MATCH_BELOW_WILD},
    {"manifests/**/*.yaml", "manifests", TREE_MATCH_BELOW},
    {"manifests/**/*.yaml", "other", 0},
};

Test(tree_path, match)
{
    for (size_t i = 0; i < sizeof(matches) / sizeof(matches[0]); i++)
        cr_assert_eq(tree_path_match(matches[i].pattern, matches[i].path), matches[i].want,
                     "%s on %s: %u", matches[i].pattern, matches[i].path,
                     tree_path_match(matches[i].pattern, matches[i].path));
}

/* A pattern of stars must not cost exponential time. */
Test(tree_path, match_is_bounded, .timeout = 10)
{
    char path[1024];
    memset(path, 'a', sizeof(path) - 1);
    path[sizeof(path) - 1] = '\0';
    for (int i = 0; i < 1000; i++)
        cr_assert_eq(tree_path_match("a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*b", path), 0);
    for (size_t i = 1; i < sizeof(path) - 1; i += 2)
        path[i] = '/';
    for (int i = 0; i < 1000; i++)
        cr_assert((tree_path_match("**/a/**/a/**/a/**/a/**/a/**/b", path) & TREE_MATCH_FULL) == 0);
}

/* U+202E, as bytes and not as a literal, which tools would take for an attack on the reader. */
static const char direction[] = {'a', '\xe2', '\x80', '\xae', '\0'};

static const struct {
    const char *name, *words;
} names[] = {
    {"cell.yaml", NULL},
    {"größe", NULL},
    {"with space", NULL},
    {".choreo", NULL},
    {".gitignore", NULL},
    {".github", NULL},
    {"", "empty"},
    {".", "'.'"},
    {"..", "'.'"},
    {".git", ".git"},
    {".GIT", ".git"},
    {".Git ", ".git"},
    {".git.", ".git"},
    {".git::$INDEX_ALLOCATION", ".git"},
    {"git~1", ".git"},
    {"GIT~2", ".git"},
    {".git\xe2\x80\x8c", "invisible"},
    {"a/b", "slash"},
    {"a\\b", "slash"},
    {"a\nb", "control"},
    {"a\x1b[31m", "control"},
    {"a\x7f", "control"},
    {"\xc2\x85", "control"},
    {direction, "direction"},
    {"\xef\xbb\xbf"
     "cell",
     "invisible"},
    {"gro\xcc\x88\xc3\x9f"
     "e",
     "NFC"},
    {"\xff", "UTF-8"},
    {"\xc0\xae", "UTF-8"},
    {"\xed\xa0\x80", "UTF-8"},
    {"\xf4\x90\x80\x80", "UTF-8"},
    {"\xe2\x82", "UTF-8"},
};

Test(tree_path, names)
{
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        const char *problem = tree_path_name_problem(names[i].name, strlen(names[i].name));
        if (names[i].words == NULL)
            cr_assert_null(problem, "%s: %s", names[i].name, problem);
        else
            cr_assert(problem != NULL && strstr(problem, names[i].words) != NULL, "%zu: %s", i,
                      problem == NULL ? "accepted" : problem);
    }
    char name[TREE_NAME_LIMIT + 2];
    memset(name, 'x', sizeof(name));
    cr_assert_null(tree_path_name_problem(name, TREE_NAME_LIMIT));
    cr_assert_not_null(tree_path_name_problem(name, TREE_NAME_LIMIT + 1));
}

Test(tree_path, whole_paths)
{
    static const char *const good[] = {"", "a", "a/b/c.yaml", "cells/cart/src"};
    static const char *const bad[] = {"/a",     "a/",          "a//b",     "../a",
                                      "a/../b", "a/./b",       "a/.git/b", "a\\..\\b",
                                      "a\nb",   ".git/config", "a/GIT~1/", "/etc/passwd"};
    for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++)
        cr_assert_null(tree_path_problem(good[i]), "%s", good[i]);
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        cr_assert_not_null(tree_path_problem(bad[i]), "%s", bad[i]);
}

Test(tree_path, escape)
{
    char text[32];
    cr_assert_str_eq(tree_path_escape("a\x1b[0m\xff\xc3\xa4", 8, text, sizeof(text)),
                     "a\\x1b[0m\\xff\xc3\xa4");
    cr_assert_str_eq(tree_path_escape("abcdef", 6, text, 4), "abc");
    cr_assert_str_eq(tree_path_escape("ab\xc3\xa4", 4, text, 4), "ab");
    cr_assert_str_eq(tree_path_escape(direction + 1, 3, text, sizeof(text)), "\\xe2\\x80\\xae");
}
