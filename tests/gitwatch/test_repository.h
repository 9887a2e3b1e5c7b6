/* Real repositories for tests, made with the git program in a temporary directory. */
#pragma once

#include "gitwatch/object_id.h"

#include <stddef.h>
#include <sys/types.h>

struct test_repository {
    char root[64];    /* the temporary directory; everything of the test lives in it */
    char work[96];    /* a clone to commit in */
    char objects[96]; /* its .git directory: readable as a bare repository, before any push */
    char remote[96];  /* the bare repository that is watched */
    char mirror[96];  /* where celld's mirror goes */
    char url[128];    /* file:// address of the remote */
};

/* Makes the directory, an empty remote and an empty clone on branch main. */
void test_repository_init(struct test_repository *repository);
void test_repository_fini(struct test_repository *repository);

/* Runs a program with a clean environment in the clone and asserts that it succeeds; the first line
 * of its output is returned (static storage). The list ends with NULL. */
const char *test_repository_run(const struct test_repository *repository, const char *program, ...)
    __attribute__((sentinel));
#define GIT(repository, ...) test_repository_run(repository, "git", __VA_ARGS__, NULL)

/* Feeds `input` to a git command. */
const char *test_repository_feed(const struct test_repository *repository, const char *input,
                                 size_t length, const char *const *arguments);

/* Writes a file of the clone, with its directories. */
void test_repository_write(const struct test_repository *repository, const char *path,
                           const char *text);

/* Adds everything, commits, pushes main; the new commit. */
struct object_id test_repository_commit(const struct test_repository *repository,
                                        const char *message);

/* Commits a tree object that was made by plumbing, and pushes it to main by force. */
struct object_id test_repository_commit_tree(const struct test_repository *repository,
                                             const char *tree);

/* mktree with the given lines ("100644 blob <id>\tname\n"), no checks. */
void test_repository_tree(const struct test_repository *repository, const char *lines,
                          char ret_tree[static OBJECT_ID_TEXT_SIZE]);

/* hash-object of any type without checks. */
void test_repository_object(const struct test_repository *repository, const char *type,
                            const char *bytes, size_t length,
                            char ret_id[static OBJECT_ID_TEXT_SIZE]);

/* Forks and runs a program with stdin, stdout and stderr given (-1: /dev/null); it dies with us. */
pid_t test_repository_spawn(const char *directory, int in, int out, int errors,
                            char *const *environment, const char *const *arguments);
