#include "gitwatch/changes.h"
#include "gitwatch/libgit.h"
#include "gitwatch/mirror.h"
#include "gitwatch/tree_reader.h"
#include "tests/gitwatch/test_fetch.h"
#include "tests/gitwatch/test_repository.h"

#include <criterion/criterion.h>

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#if defined(__SANITIZE_ADDRESS__)
#define FETCH_WORKER_SANITIZED 1
#else
#define FETCH_WORKER_SANITIZED 0
#endif

static struct test_repository repository;

static void start(void)
{
    const struct libgit_limits limits = libgit_limits_default();
    struct error error;
    cr_assert(libgit_start(&limits, &error) == 0, "%s", error.detail);
    test_repository_init(&repository);
}

static void stop(void)
{
    test_repository_fini(&repository);
    libgit_stop();
}

TestSuite(fetch_local, .init = start, .fini = stop, .timeout = 120);

static struct fetch_request request_now(void)
{
    return test_fetch_request(repository.url, repository.mirror);
}

static struct fetch_result fetch(void)
{
    const struct fetch_request request = request_now();
    return test_fetch(&request);
}

static struct fetch_result fetch_ref(const char *ref)
{
    struct fetch_request request = request_now();
    request.ref = ref;
    return test_fetch(&request);
}

static struct object_id commit_file(const char *text)
{
    test_repository_write(&repository, "platform.yaml", text);
    return test_repository_commit(&repository, text);
}

static void assert_reason(const struct fetch_result *result, enum fetch_reason reason,
                          const char *words)
{
    cr_assert(result->reason == reason, "%s, not %s: %s", fetch_reason_name(result->reason),
              fetch_reason_name(reason), result->error.detail);
    cr_assert((reason == FETCH_OK) == (result->error.kind == ERROR_NONE));
    cr_assert_not_null(strstr(result->error.detail, words), "%s", result->error.detail);
}

static int open_and_find(const struct object_id *commit)
{
    struct mirror *mirror = NULL;
    struct commit_info info;
    struct error error;
    cr_assert(mirror_open(repository.mirror, &mirror, &error) == 0, "%s", error.detail);
    const int status = mirror_commit(mirror, commit, &info, &error);
    mirror_free(mirror);
    return status;
}

static bool exists(const char *suffix)
{
    char path[256];
    snprintf(path, sizeof(path), "%s%s", repository.mirror, suffix);
    return access(path, F_OK) == 0;
}

Test(fetch_local, brings_a_commit_and_then_the_next)
{
    test_repository_write(&repository, "platform.yaml", "kind: Platform\n");
    const struct object_id first = test_repository_commit(&repository, "first");
    struct fetch_result result = fetch();
    cr_assert(result.reason == FETCH_OK, "%s", result.error.detail);
    cr_assert_str_eq(result.commit.hex, first.hex);
    cr_assert(result.changed && !result.rewritten && !object_id_is_set(&result.previous));

    result = fetch();
    cr_assert(result.reason == FETCH_OK && !result.changed);

    test_repository_write(&repository, "cells/cart/cell.yaml", "kind: Cell\n");
    const struct object_id second = test_repository_commit(&repository, "second");
    result = fetch();
    cr_assert(result.reason == FETCH_OK && result.changed && !result.rewritten);
    cr_assert_str_eq(result.commit.hex, second.hex);
    cr_assert_str_eq(result.previous.hex, first.hex);

    struct mirror *mirror = NULL;
    struct error error;
    cr_assert(mirror_open(repository.mirror, &mirror, &error) == 0, "%s", error.detail);
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
    const struct object_id first = commit_file("first");
    const struct object_id second = commit_file("second");
    struct fetch_result result = fetch();
    cr_assert_str_eq(result.commit.hex, second.hex);
    (void)GIT(&repository, "reset", "-q", "--hard", first.hex);
    const struct object_id other = commit_file("another second");

    struct fetch_request strict = request_now();
    strict.require_fast_forward = true;
    result = test_fetch(&strict);
    assert_reason(&result, FETCH_HISTORY_REWRITTEN, "no descendant");
    cr_assert(result.rewritten && !result.changed);
    cr_assert_str_eq(result.commit.hex, second.hex);
    cr_assert_str_eq(fetch_reason_name(result.reason), "HistoryRewritten");

    result = fetch();
    assert_reason(&result, FETCH_OK, "");
    cr_assert(result.rewritten && result.changed);
    cr_assert_str_eq(result.commit.hex, other.hex);
    cr_assert_str_eq(result.previous.hex, second.hex);

    /* Back to an ancestor is a rewritten history too. */
    (void)GIT(&repository, "push", "-q", "-f", "origin", "HEAD~1:refs/heads/main");
    result = fetch();
    cr_assert(result.reason == FETCH_OK && result.rewritten);
    cr_assert_str_eq(result.commit.hex, first.hex);
}

/* G9 */
Test(fetch_local, vanished_branch_keeps_the_last_good_commit)
{
    const struct object_id first = commit_file("first");
    cr_assert(fetch().reason == FETCH_OK);
    (void)GIT(&repository, "push", "-q", "origin", "HEAD:refs/heads/other");
    (void)GIT(&repository, "--git-dir", repository.remote, "update-ref", "-d", "refs/heads/main");
    struct fetch_result result = fetch();
    assert_reason(&result, FETCH_REF_MISSING, "refs/heads/main");
    cr_assert(result.error.kind == ERROR_NOT_FOUND && !result.changed);
    cr_assert_str_eq(result.commit.hex, first.hex);
    cr_assert(open_and_find(&first) == 0);
    (void)GIT(&repository, "--git-dir", repository.remote, "update-ref", "-d", "refs/heads/other");
    result = fetch();
    assert_reason(&result, FETCH_EMPTY, "no commit yet");
    cr_assert_str_eq(result.commit.hex, first.hex);
    (void)GIT(&repository, "push", "-q", "origin", "HEAD:refs/heads/main");
    result = fetch();
    cr_assert(result.reason == FETCH_OK && !result.changed);
}

Test(fetch_local, empty_repository_is_waited_for)
{
    struct fetch_result result = fetch();
    assert_reason(&result, FETCH_EMPTY, "no commit yet");
    cr_assert(!object_id_is_set(&result.commit));
    (void)commit_file("first");
    cr_assert(fetch().reason == FETCH_OK);
}

/* G9 */
Test(fetch_local, tags_are_followed_to_commits_only)
{
    const struct object_id first = commit_file("first");
    (void)GIT(&repository, "tag", "-a", "-m", "one", "v1");
    (void)GIT(&repository, "tag", "-a", "-m", "of a tag", "v2", "v1");
    (void)GIT(&repository, "tag", "tree", "HEAD^{tree}");
    (void)GIT(&repository, "tag", "blob", "HEAD:platform.yaml");
    (void)GIT(&repository, "push", "-q", "origin", "--tags");
    struct fetch_result result = fetch_ref("refs/tags/v2");
    assert_reason(&result, FETCH_OK, "");
    cr_assert_str_eq(result.commit.hex, first.hex);
    result = fetch_ref("refs/tags/tree");
    assert_reason(&result, FETCH_NOT_A_COMMIT, "tree, not a commit");
    cr_assert(result.error.kind == ERROR_INVALID);
    result = fetch_ref("refs/tags/blob");
    assert_reason(&result, FETCH_NOT_A_COMMIT, "blob, not a commit");
}

Test(fetch_local, missing_repository_is_said_so)
{
    struct fetch_request request = request_now();
    request.url = "/nonexistent/repository.git";
    const struct fetch_result result = test_fetch(&request);
    assert_reason(&result, FETCH_NOT_FOUND, "");
}

/* Overwrites the middle of every pack and loose object. */
static void damage(void)
{
    char command[512];
    snprintf(
        command, sizeof(command),
        "find '%s/objects' -type f \\( -name '*.pack' -o -path '*/objects/[0-9a-f]*/*' \\) | "
        "while read -r f; do chmod u+w \"$f\"; "
        "printf 'damagedamagedamagedamage' | dd of=\"$f\" bs=1 seek=14 conv=notrunc 2>/dev/null; "
        "done",
        repository.mirror);
    (void)test_repository_run(&repository, "sh", "-c", command, NULL);
}

/* G10 */
Test(fetch_local, damaged_mirror_is_put_aside_and_cloned_anew)
{
    const struct object_id first = commit_file("first");
    cr_assert(fetch().reason == FETCH_OK);
    damage();
    struct fetch_request request = request_now();
    request.may_reclone = false;
    struct fetch_result result = test_fetch(&request);
    assert_reason(&result, FETCH_DAMAGED, "");
    cr_assert(result.error.kind == ERROR_INTERNAL);

    request.may_reclone = true;
    request.url = "/nonexistent/repository.git";
    result = test_fetch(&request);
    cr_assert(result.reason != FETCH_OK && !result.recloned);
    cr_assert(exists("/HEAD"), "the old mirror is kept until there is a new one");

    result = fetch();
    assert_reason(&result, FETCH_OK, "");
    cr_assert(result.recloned && exists(".damaged/HEAD") && !exists(".fresh"));
    cr_assert_str_eq(result.commit.hex, first.hex);
    cr_assert(open_and_find(&first) == 0);
    result = fetch();
    cr_assert(result.reason == FETCH_OK && !result.recloned);
}

/* G10: what a reader found damaged is cloned anew by request; pins that still exist go along. */
Test(fetch_local, cloning_anew_on_request_keeps_pins)
{
    const struct object_id first = commit_file("first");
    (void)commit_file("second");
    cr_assert(fetch().reason == FETCH_OK);
    struct mirror *mirror = NULL;
    struct error error;
    cr_assert(mirror_open(repository.mirror, &mirror, &error) == 0);
    cr_assert(mirror_pin(mirror, "cart/production", &first, &error) == 0, "%s", error.detail);
    mirror_free(mirror);
    struct fetch_request request = request_now();
    request.reclone = true;
    const struct fetch_result result = test_fetch(&request);
    assert_reason(&result, FETCH_OK, "");
    cr_assert(result.recloned && exists("/refs/celld/keep/cart/production"));
}

/* G8 */
Test(fetch_local, shallow_repository_is_told_from_a_damaged_mirror)
{
    char source[160];
    (void)commit_file("first");
    (void)commit_file("second");
    (void)test_repository_run(&repository, "rm", "-rf", repository.remote, NULL);
    snprintf(source, sizeof(source), "file://%s", repository.objects);
    (void)GIT(&repository, "clone", "-q", "--bare", "--depth=1", source, repository.remote);
    const struct fetch_result result = fetch();
    assert_reason(&result, FETCH_REMOTE_DAMAGED, "shallow or partial");
    cr_assert(result.error.kind == ERROR_UNAVAILABLE && !result.recloned);
    cr_assert(!exists(".fresh"));
}

Test(fetch_local, mirror_that_is_no_repository_is_cloned_anew)
{
    (void)commit_file("first");
    cr_assert(mkdir(repository.mirror, 0700) == 0);
    const struct fetch_result result = fetch();
    assert_reason(&result, FETCH_OK, "");
    cr_assert(result.recloned);
}

/* G15 */
Test(fetch_local, leftovers_of_killed_workers_are_removed)
{
    static const char *const leftovers[] = {"/refs/celld/watched/heads/main.lock", "/config.lock",
                                            "/objects/pack/pack_git2_a1b2c3",
                                            "/objects/tmp_object_git2_a1b2c3"};
    (void)commit_file("first");
    cr_assert(fetch().reason == FETCH_OK);
    for (size_t i = 0; i < sizeof(leftovers) / sizeof(leftovers[0]); i++) {
        char path[256];
        snprintf(path, sizeof(path), "%s%s", repository.mirror, leftovers[i]);
        const int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
        cr_assert(fd >= 0, "%s", path);
        close(fd);
    }
    const struct object_id second = commit_file("second");
    const struct fetch_result result = fetch();
    assert_reason(&result, FETCH_OK, "");
    cr_assert_str_eq(result.commit.hex, second.hex);
    for (size_t i = 0; i < sizeof(leftovers) / sizeof(leftovers[0]); i++)
        cr_assert(!exists(leftovers[i]), "%s", leftovers[i]);
}

/* G15 */
Test(fetch_local, mirror_of_somebody_else_is_not_trusted)
{
    (void)commit_file("first");
    cr_assert(fetch().reason == FETCH_OK);
    if (geteuid() != 0)
        cr_skip_test("only root can give a directory away");
    cr_assert(chown(repository.mirror, 12345, 12345) == 0);
    const struct fetch_result result = fetch();
    assert_reason(&result, FETCH_INTERNAL, "user id 12345");
    struct mirror *mirror = NULL;
    struct error error;
    cr_assert(mirror_open(repository.mirror, &mirror, &error) == -EPERM);
    cr_assert(chown(repository.mirror, 0, 0) == 0);
}

/* A local repository of another user is a normal thing on a git server. */
Test(fetch_local, repository_of_another_user_is_read)
{
    (void)commit_file("first");
    if (geteuid() != 0)
        cr_skip_test("only root can give a directory away");
    (void)test_repository_run(&repository, "chown", "-R", "12345", repository.remote, NULL);
    const struct fetch_result result = fetch();
    assert_reason(&result, FETCH_OK, "");
}

Test(fetch_local, mirror_in_use_is_left_alone)
{
    (void)commit_file("first");
    char path[256];
    snprintf(path, sizeof(path), "%s.lock", repository.mirror);
    const int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    cr_assert(fd >= 0 && flock(fd, LOCK_EX) == 0);
    const struct fetch_result result = fetch();
    assert_reason(&result, FETCH_LOCKED, "another process");
    close(fd);
    cr_assert(fetch().reason == FETCH_OK);
}

static void pin(const char *name, const struct object_id *commit)
{
    struct mirror *mirror = NULL;
    struct error error;
    cr_assert(mirror_open(repository.mirror, &mirror, &error) == 0);
    cr_assert(mirror_pin(mirror, name, commit, &error) == 0, "%s", error.detail);
    mirror_free(mirror);
}

Test(fetch_local, packs_are_joined_and_only_pinned_commits_outlive_a_forced_push)
{
    const struct object_id base = commit_file("base");
    struct fetch_request request = request_now();
    request.limits.compact_packs = 4;
    cr_assert(test_fetch(&request).reason == FETCH_OK);
    const struct object_id pinned = commit_file("pinned");
    cr_assert(test_fetch(&request).reason == FETCH_OK);
    pin("cart/production", &pinned);
    pin("order/testing", &base);
    (void)GIT(&repository, "reset", "-q", "--hard", base.hex);
    const struct object_id forgotten = commit_file("forgotten");
    cr_assert(test_fetch(&request).reason == FETCH_OK);
    cr_assert(open_and_find(&forgotten) == 0);
    (void)GIT(&repository, "reset", "-q", "--hard", base.hex);
    const struct object_id last = commit_file("last");
    const struct fetch_result result = test_fetch(&request);
    assert_reason(&result, FETCH_OK, "");
    cr_assert(result.compacted, "%u packs", result.packs);
    cr_assert_eq(result.packs, 1);
    cr_assert(open_and_find(&pinned) == 0);
    cr_assert(open_and_find(&last) == 0);
    cr_assert(open_and_find(&forgotten) == -ENOENT);
    cr_assert(!exists(".fresh"));

    struct mirror *mirror = NULL;
    struct error error;
    struct object_id tip;
    bool is = false;
    cr_assert(mirror_open(repository.mirror, &mirror, &error) == 0);
    cr_assert(mirror_tip(mirror, "main", &tip, &error) == 0);
    cr_assert_str_eq(tip.hex, last.hex);
    cr_assert(mirror_is_ancestor(mirror, &base, &last, &is, &error) == 0 && is);
    cr_assert(mirror_is_ancestor(mirror, &pinned, &last, &is, &error) == 0 && !is);
    cr_assert(mirror_is_ancestor(mirror, &last, &last, &is, &error) == 0 && is);
    cr_assert(mirror_unpin(mirror, "cart/production", &error) == 0);
    cr_assert(mirror_unpin(mirror, "cart/production", &error) == 0, "unpinning twice is fine");
    cr_assert(mirror_pin(mirror, "../escape", &tip, &error) == ERR_INVALID);
    cr_assert(mirror_pin(mirror, "", &tip, &error) == ERR_INVALID);
    cr_assert(mirror_pin(mirror, "x", &forgotten, &error) == -ENOENT);
    cr_assert(mirror_tip(mirror, "other", &tip, &error) == -ENOENT);
    mirror_free(mirror);
}

/* G7 */
Test(fetch_local, limits_of_objects_and_bytes_hold)
{
    char path[32];
    for (int i = 0; i < 200; i++) {
        snprintf(path, sizeof(path), "file-%d", i);
        test_repository_write(&repository, path, path);
    }
    (void)commit_file("first");
    struct fetch_request request = request_now();
    request.limits.objects = 50;
    struct fetch_result result = test_fetch(&request);
    assert_reason(&result, FETCH_LIMIT, "too many objects");
    cr_assert(!object_id_is_set(&result.commit));
    request = request_now();
    request.limits.download_bytes = 500;
    result = test_fetch(&request);
    assert_reason(&result, FETCH_LIMIT, "500 bytes");
    result = fetch();
    assert_reason(&result, FETCH_OK, "");
    cr_assert(result.transfer.objects_total >= 200);
}

/* G16 */
Test(fetch_local, configuration_of_the_host_does_not_count)
{
    const struct object_id first = commit_file("first");
    test_repository_write(&repository, "home/.gitconfig",
                          "[url \"/nonexistent/\"]\n\tinsteadOf = file:///\n");
    char home[256];
    snprintf(home, sizeof(home), "%s/home", repository.work);
    cr_assert(setenv("HOME", home, 1) == 0 && setenv("GIT_DIR", "/nonexistent", 1) == 0);
    cr_assert(setenv("GIT_OBJECT_DIRECTORY", "/nonexistent", 1) == 0);
    const struct fetch_result result = fetch();
    assert_reason(&result, FETCH_OK, "");
    cr_assert(open_and_find(&first) == 0);
}

/* Below the memory that libgit2 needs the worker fails or dies, and the daemon goes on. */
Test(fetch_local, worker_without_memory_fails_alone)
{
    (void)commit_file("first");
    struct fetch_request request = request_now();
    request.limits.memory_bytes = 8 << 20;
    const struct fetch_result result = test_fetch(&request);
    if (!FETCH_WORKER_SANITIZED)
        cr_assert(result.reason != FETCH_OK);
    cr_assert(fetch().reason == FETCH_OK);
}

/* --- looks ---------------------------------------------------------------------------------- */

static struct fetch_result look(const char *ref)
{
    struct fetch_request request = request_now();
    request.ref = ref;
    request.pin = "look/1";
    request.may_reclone = false;
    return test_fetch(&request);
}

/* A branch "feature" beside main with one commit of its own, tagged twice; main is fetched. */
static struct object_id make_feature(void)
{
    struct object_id commit;
    (void)commit_file("one");
    (void)GIT(&repository, "checkout", "-q", "-b", "feature");
    test_repository_write(&repository, "platform.yaml", "feature");
    (void)GIT(&repository, "commit", "-q", "-a", "-m", "feature");
    cr_assert_eq(object_id_parse(GIT(&repository, "rev-parse", "HEAD"), &commit), 0);
    (void)GIT(&repository, "tag", "v1");
    (void)GIT(&repository, "tag", "-a", "-m", "second", "v2");
    (void)GIT(&repository, "push", "-q", "origin", "feature", "v1", "v2");
    (void)GIT(&repository, "checkout", "-q", "main");
    return commit;
}

Test(fetch_local, looks_at_a_branch_a_tag_and_a_commit)
{
    const struct object_id feature = make_feature();
    char digits[OBJECT_ID_TEXT_SIZE];
    (void)snprintf(digits, sizeof(digits), "%.9s", feature.hex);
    const char *const names[] = {"feature", "refs/heads/feature", "v1",       "v2",
                                 digits,    "refs/tags/v2",       feature.hex};
    const struct fetch_result main_tip = fetch();
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        const struct fetch_result result = look(names[i]);
        cr_assert(result.reason == FETCH_OK, "%s: %s", names[i], result.error.detail);
        cr_expect_str_eq(result.commit.hex, feature.hex, "%s", names[i]);
        cr_expect_eq(open_and_find(&feature), 0, "%s", names[i]);
    }
    const struct fetch_result after = fetch();
    cr_expect_str_eq(after.commit.hex, main_tip.commit.hex, "what is watched is left alone");
    cr_expect(!after.changed);
}

Test(fetch_local, looks_before_anything_was_fetched)
{
    const struct object_id feature = make_feature();
    const struct fetch_result result = look(feature.hex);
    cr_assert(result.reason == FETCH_OK, "%s", result.error.detail);
    cr_expect_eq(open_and_find(&feature), 0);
    const struct fetch_result first = fetch();
    cr_expect(first.reason == FETCH_OK && !object_id_is_set(&first.previous));
}

Test(fetch_local, says_what_a_look_does_not_find)
{
    struct fetch_result result;
    (void)make_feature();
    (void)fetch();
    result = look("nowhere");
    assert_reason(&result, FETCH_REF_MISSING, "no branch, tag or commit \"nowhere\"");
    result = look("0123456789");
    assert_reason(&result, FETCH_REF_MISSING, "no branch, tag or commit \"0123456789\"");
    result = look("refs/heads/v1");
    assert_reason(&result, FETCH_REF_MISSING, "no branch, tag or commit");
    (void)GIT(&repository, "tag", "feature", "main");
    (void)GIT(&repository, "push", "-q", "origin", "refs/tags/feature");
    result = look("feature");
    assert_reason(&result, FETCH_REF_MISSING, "is a branch and a tag");
    result = look("refs/tags/feature");
    assert_reason(&result, FETCH_OK, "");
}

Test(fetch_local, refuses_a_pin_with_a_bad_name)
{
    static const char *const names[] = {"A", "a//b", "/a", "a/", "..", "a b"};
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        struct fetch_request request = request_now();
        struct error error;
        request.pin = names[i];
        cr_expect_eq(fetch_request_check(&request, &error), ERR_INVALID, "%s", names[i]);
    }
}

Test(fetch_local, looks_at_a_tag_of_a_file)
{
    (void)commit_file("one");
    (void)GIT(&repository, "tag", "file", GIT(&repository, "rev-parse", "HEAD:platform.yaml"));
    (void)GIT(&repository, "push", "-q", "origin", "refs/tags/file");
    const struct fetch_result result = look("file");
    assert_reason(&result, FETCH_NOT_A_COMMIT, "file names no commit");
}
