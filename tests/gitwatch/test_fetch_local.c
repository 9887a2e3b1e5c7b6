/* Fetches from a repository on this machine: what its branch may do, and what may be wrong with it.
 */
#include "gitwatch/changes.h"
#include "gitwatch/mirror.h"
#include "gitwatch/tree_reader.h"
#include "tests/gitwatch/watched.h"

#include <criterion/criterion.h>

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#if defined(__SANITIZE_ADDRESS__)
#define FETCH_WORKER_SANITIZED 1
#else
#define FETCH_WORKER_SANITIZED 0
#endif

TestSuite(fetch_local, .init = watched_start, .fini = watched_stop, .timeout = 120);

static struct fetch_result fetch_ref(const char *ref)
{
    struct fetch_request request = watched_request();
    request.ref = ref;
    return test_fetch(&request);
}

Test(fetch_local, brings_a_commit_and_then_the_next)
{
    test_repository_write(&watched, "platform.yaml", "kind: Platform\n");
    const struct object_id first = test_repository_commit(&watched, "first");
    struct fetch_result result = watched_fetch();
    cr_assert(result.reason == FETCH_OK, "%s", result.error.detail);
    cr_assert_str_eq(result.commit.hex, first.hex);
    cr_assert(result.changed && !result.rewritten && !object_id_is_set(&result.previous));

    result = watched_fetch();
    cr_assert(result.reason == FETCH_OK && !result.changed);

    test_repository_write(&watched, "cells/cart/cell.yaml", "kind: Cell\n");
    const struct object_id second = test_repository_commit(&watched, "second");
    result = watched_fetch();
    cr_assert(result.reason == FETCH_OK && result.changed && !result.rewritten);
    cr_assert_str_eq(result.commit.hex, second.hex);
    cr_assert_str_eq(result.previous.hex, first.hex);

    struct mirror *mirror = NULL;
    struct error error;
    cr_assert(mirror_open(watched.mirror, &mirror, &error) == 0, "%s", error.detail);
    const char *const patterns[] = {"platform.yaml", "cells/*/cell.yaml"};
    const struct tree_selection selection = {patterns, 2};
    const struct tree_limits limits = tree_limits_default();
    struct tree_listing *listing = NULL;
    cr_assert(tree_reader_load(mirror, &second, NULL, &selection, &limits, &listing, &error) == 0,
              "%s", error.detail);
    cr_assert_eq(listing->file_count, 2);
    cr_assert_str_eq(listing->files[0].path, "cells/cart/cell.yaml");
    cr_assert_str_eq(listing->files[0].bytes, "kind: Cell\n");
    cr_assert_eq(listing->files[0].pattern, 1);
    cr_assert_eq(listing->finding_count, 0);
    struct changes *changes = NULL;
    const struct changes_limits change_limits = changes_limits_default();
    cr_assert(changes_between(mirror, &first, &second, &change_limits, &changes, &error) == 0);
    cr_assert_eq(changes->count, 1);
    cr_assert_str_eq(changes->items[0].path, "cells/cart/cell.yaml");
    changes_free(changes);
    tree_listing_free(listing);
    mirror_free(mirror);
}

/* G9 */
Test(fetch_local, forced_push_is_told_and_the_old_commit_stays_when_asked)
{
    const struct object_id first = watched_commit("first");
    const struct object_id second = watched_commit("second");
    struct fetch_result result = watched_fetch();
    cr_assert_str_eq(result.commit.hex, second.hex);
    (void)GIT(&watched, "reset", "-q", "--hard", first.hex);
    const struct object_id other = watched_commit("another second");

    struct fetch_request strict = watched_request();
    strict.require_fast_forward = true;
    result = test_fetch(&strict);
    watched_assert(&result, FETCH_HISTORY_REWRITTEN, "no descendant");
    cr_assert(result.rewritten && !result.changed);
    cr_assert_str_eq(result.commit.hex, second.hex);
    cr_assert_str_eq(fetch_reason_name(result.reason), "HistoryRewritten");

    result = watched_fetch();
    watched_assert(&result, FETCH_OK, "");
    cr_assert(result.rewritten && result.changed);
    cr_assert_str_eq(result.commit.hex, other.hex);
    cr_assert_str_eq(result.previous.hex, second.hex);

    /* Back to an ancestor is a rewritten history too. */
    (void)GIT(&watched, "push", "-q", "-f", "origin", "HEAD~1:refs/heads/main");
    result = watched_fetch();
    cr_assert(result.reason == FETCH_OK && result.rewritten);
    cr_assert_str_eq(result.commit.hex, first.hex);
}

/* G9 */
Test(fetch_local, vanished_branch_keeps_the_last_good_commit)
{
    const struct object_id first = watched_commit("first");
    cr_assert(watched_fetch().reason == FETCH_OK);
    (void)GIT(&watched, "push", "-q", "origin", "HEAD:refs/heads/other");
    (void)GIT(&watched, "--git-dir", watched.remote, "update-ref", "-d", "refs/heads/main");
    struct fetch_result result = watched_fetch();
    watched_assert(&result, FETCH_REF_MISSING, "refs/heads/main");
    cr_assert(result.error.kind == ERROR_NOT_FOUND && !result.changed);
    cr_assert_str_eq(result.commit.hex, first.hex);
    cr_assert(watched_find(&first) == 0);
    (void)GIT(&watched, "--git-dir", watched.remote, "update-ref", "-d", "refs/heads/other");
    result = watched_fetch();
    watched_assert(&result, FETCH_EMPTY, "no commit yet");
    cr_assert_str_eq(result.commit.hex, first.hex);
    (void)GIT(&watched, "push", "-q", "origin", "HEAD:refs/heads/main");
    result = watched_fetch();
    cr_assert(result.reason == FETCH_OK && !result.changed);
}

Test(fetch_local, empty_repository_is_waited_for)
{
    struct fetch_result result = watched_fetch();
    watched_assert(&result, FETCH_EMPTY, "no commit yet");
    cr_assert(!object_id_is_set(&result.commit));
    (void)watched_commit("first");
    cr_assert(watched_fetch().reason == FETCH_OK);
}

/* G9 */
Test(fetch_local, tags_are_followed_to_commits_only)
{
    const struct object_id first = watched_commit("first");
    (void)GIT(&watched, "tag", "-a", "-m", "one", "v1");
    (void)GIT(&watched, "tag", "-a", "-m", "of a tag", "v2", "v1");
    (void)GIT(&watched, "tag", "tree", "HEAD^{tree}");
    (void)GIT(&watched, "tag", "blob", "HEAD:platform.yaml");
    (void)GIT(&watched, "push", "-q", "origin", "--tags");
    struct fetch_result result = fetch_ref("refs/tags/v2");
    watched_assert(&result, FETCH_OK, "");
    cr_assert_str_eq(result.commit.hex, first.hex);
    result = fetch_ref("refs/tags/tree");
    watched_assert(&result, FETCH_NOT_A_COMMIT, "tree, not a commit");
    cr_assert(result.error.kind == ERROR_INVALID);
    result = fetch_ref("refs/tags/blob");
    watched_assert(&result, FETCH_NOT_A_COMMIT, "blob, not a commit");
}

Test(fetch_local, missing_repository_is_said_so)
{
    struct fetch_request request = watched_request();
    request.url = "/nonexistent/repository.git";
    const struct fetch_result result = test_fetch(&request);
    watched_assert(&result, FETCH_NOT_FOUND, "");
}

/* A local repository of another user is a normal thing on a git server. */
Test(fetch_local, repository_of_another_user_is_read)
{
    (void)watched_commit("first");
    if (geteuid() != 0)
        cr_skip_test("only root can give a directory away");
    (void)test_repository_run(&watched, "chown", "-R", "12345", watched.remote, NULL);
    const struct fetch_result result = watched_fetch();
    watched_assert(&result, FETCH_OK, "");
}

/* G7 */
Test(fetch_local, limits_of_objects_and_bytes_hold)
{
    char path[32];
    for (int i = 0; i < 200; i++) {
        snprintf(path, sizeof(path), "file-%d", i);
        test_repository_write(&watched, path, path);
    }
    (void)watched_commit("first");
    struct fetch_request request = watched_request();
    request.limits.objects = 50;
    struct fetch_result result = test_fetch(&request);
    watched_assert(&result, FETCH_LIMIT, "too many objects");
    cr_assert(!object_id_is_set(&result.commit));
    request = watched_request();
    request.limits.download_bytes = 500;
    result = test_fetch(&request);
    watched_assert(&result, FETCH_LIMIT, "500 bytes");
    result = watched_fetch();
    watched_assert(&result, FETCH_OK, "");
    cr_assert(result.transfer.objects_total >= 200);
}

/* G16 */
Test(fetch_local, configuration_of_the_host_does_not_count)
{
    const struct object_id first = watched_commit("first");
    test_repository_write(&watched, "home/.gitconfig",
                          "[url \"/nonexistent/\"]\n\tinsteadOf = file:///\n");
    char home[256];
    snprintf(home, sizeof(home), "%s/home", watched.work);
    cr_assert(setenv("HOME", home, 1) == 0 && setenv("GIT_DIR", "/nonexistent", 1) == 0);
    cr_assert(setenv("GIT_OBJECT_DIRECTORY", "/nonexistent", 1) == 0);
    const struct fetch_result result = watched_fetch();
    watched_assert(&result, FETCH_OK, "");
    cr_assert(watched_find(&first) == 0);
}

/* Below the memory that libgit2 needs the worker fails or dies, and the daemon goes on. */
Test(fetch_local, worker_without_memory_fails_alone)
{
    (void)watched_commit("first");
    struct fetch_request request = watched_request();
    request.limits.memory_bytes = 8 << 20;
    const struct fetch_result result = test_fetch(&request);
    if (!FETCH_WORKER_SANITIZED)
        cr_assert(result.reason != FETCH_OK);
    cr_assert(watched_fetch().reason == FETCH_OK);
}
