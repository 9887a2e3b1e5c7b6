/* The mirror on this machine: damaged, shared, not ours, or grown; what is pinned outlives it all.
 */
#include "gitwatch/mirror.h"
#include "tests/gitwatch/watched.h"

#include <criterion/criterion.h>

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

TestSuite(fetch_mirror, .init = watched_start, .fini = watched_stop, .timeout = 120);

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
        watched.mirror);
    (void)test_repository_run(&watched, "sh", "-c", command, NULL);
}

/* G10 */
Test(fetch_mirror, damaged_mirror_is_put_aside_and_cloned_anew)
{
    const struct object_id first = watched_commit("first");
    cr_assert(watched_fetch().reason == FETCH_OK);
    damage();
    struct fetch_request request = watched_request();
    request.may_reclone = false;
    struct fetch_result result = test_fetch(&request);
    watched_assert(&result, FETCH_DAMAGED, "");
    cr_assert(result.error.kind == ERROR_INTERNAL);

    request.may_reclone = true;
    request.url = "/nonexistent/repository.git";
    result = test_fetch(&request);
    cr_assert(result.reason != FETCH_OK && !result.recloned);
    cr_assert(watched_mirror_has("/HEAD"), "the old mirror is kept until there is a new one");

    result = watched_fetch();
    watched_assert(&result, FETCH_OK, "");
    cr_assert(result.recloned && watched_mirror_has(".damaged/HEAD") &&
              !watched_mirror_has(".fresh"));
    cr_assert_str_eq(result.commit.hex, first.hex);
    cr_assert(watched_find(&first) == 0);
    result = watched_fetch();
    cr_assert(result.reason == FETCH_OK && !result.recloned);
}

/* G10: what a reader found damaged is cloned anew by request; pins that still exist go along. */
Test(fetch_mirror, cloning_anew_on_request_keeps_pins)
{
    const struct object_id first = watched_commit("first");
    (void)watched_commit("second");
    cr_assert(watched_fetch().reason == FETCH_OK);
    struct mirror *mirror = NULL;
    struct error error;
    cr_assert(mirror_open(watched.mirror, &mirror, &error) == 0);
    cr_assert(mirror_pin(mirror, "cart/production", &first, &error) == 0, "%s", error.detail);
    mirror_free(mirror);
    struct fetch_request request = watched_request();
    request.reclone = true;
    const struct fetch_result result = test_fetch(&request);
    watched_assert(&result, FETCH_OK, "");
    cr_assert(result.recloned && watched_mirror_has("/refs/celld/keep/cart/production"));
}

/* G8 */
Test(fetch_mirror, shallow_repository_is_told_from_a_damaged_mirror)
{
    char source[160];
    (void)watched_commit("first");
    (void)watched_commit("second");
    (void)test_repository_run(&watched, "rm", "-rf", watched.remote, NULL);
    snprintf(source, sizeof(source), "file://%s", watched.objects);
    (void)GIT(&watched, "clone", "-q", "--bare", "--depth=1", source, watched.remote);
    const struct fetch_result result = watched_fetch();
    watched_assert(&result, FETCH_REMOTE_DAMAGED, "shallow or partial");
    cr_assert(result.error.kind == ERROR_UNAVAILABLE && !result.recloned);
    cr_assert(!watched_mirror_has(".fresh"));
}

Test(fetch_mirror, mirror_that_is_no_repository_is_cloned_anew)
{
    (void)watched_commit("first");
    cr_assert(mkdir(watched.mirror, 0700) == 0);
    const struct fetch_result result = watched_fetch();
    watched_assert(&result, FETCH_OK, "");
    cr_assert(result.recloned);
}

/* G15 */
Test(fetch_mirror, leftovers_of_killed_workers_are_removed)
{
    static const char *const leftovers[] = {"/refs/celld/watched/heads/main.lock", "/config.lock",
                                            "/objects/pack/pack_git2_a1b2c3",
                                            "/objects/tmp_object_git2_a1b2c3"};
    (void)watched_commit("first");
    cr_assert(watched_fetch().reason == FETCH_OK);
    for (size_t i = 0; i < sizeof(leftovers) / sizeof(leftovers[0]); i++) {
        char path[256];
        snprintf(path, sizeof(path), "%s%s", watched.mirror, leftovers[i]);
        const int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
        cr_assert(fd >= 0, "%s", path);
        close(fd);
    }
    const struct object_id second = watched_commit("second");
    const struct fetch_result result = watched_fetch();
    watched_assert(&result, FETCH_OK, "");
    cr_assert_str_eq(result.commit.hex, second.hex);
    for (size_t i = 0; i < sizeof(leftovers) / sizeof(leftovers[0]); i++)
        cr_assert(!watched_mirror_has(leftovers[i]), "%s", leftovers[i]);
}

/* G15 */
Test(fetch_mirror, mirror_of_somebody_else_is_not_trusted)
{
    (void)watched_commit("first");
    cr_assert(watched_fetch().reason == FETCH_OK);
    if (geteuid() != 0)
        cr_skip_test("only root can give a directory away");
    cr_assert(chown(watched.mirror, 12345, 12345) == 0);
    const struct fetch_result result = watched_fetch();
    watched_assert(&result, FETCH_INTERNAL, "user id 12345");
    struct mirror *mirror = NULL;
    struct error error;
    cr_assert(mirror_open(watched.mirror, &mirror, &error) == -EPERM);
    cr_assert(chown(watched.mirror, 0, 0) == 0);
}

Test(fetch_mirror, mirror_in_use_is_left_alone)
{
    (void)watched_commit("first");
    char path[256];
    snprintf(path, sizeof(path), "%s.lock", watched.mirror);
    const int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    cr_assert(fd >= 0 && flock(fd, LOCK_EX) == 0);
    const struct fetch_result result = watched_fetch();
    watched_assert(&result, FETCH_LOCKED, "another process");
    close(fd);
    cr_assert(watched_fetch().reason == FETCH_OK);
}

static void pin(const char *name, const struct object_id *commit)
{
    struct mirror *mirror = NULL;
    struct error error;
    cr_assert(mirror_open(watched.mirror, &mirror, &error) == 0);
    cr_assert(mirror_pin(mirror, name, commit, &error) == 0, "%s", error.detail);
    mirror_free(mirror);
}

Test(fetch_mirror, packs_are_joined_and_only_pinned_commits_outlive_a_forced_push)
{
    const struct object_id base = watched_commit("base");
    struct fetch_request request = watched_request();
    request.limits.compact_packs = 4;
    cr_assert(test_fetch(&request).reason == FETCH_OK);
    const struct object_id pinned = watched_commit("pinned");
    cr_assert(test_fetch(&request).reason == FETCH_OK);
    pin("cart/production", &pinned);
    pin("order/testing", &base);
    (void)GIT(&watched, "reset", "-q", "--hard", base.hex);
    const struct object_id forgotten = watched_commit("forgotten");
    cr_assert(test_fetch(&request).reason == FETCH_OK);
    cr_assert(watched_find(&forgotten) == 0);
    (void)GIT(&watched, "reset", "-q", "--hard", base.hex);
    const struct object_id last = watched_commit("last");
    const struct fetch_result result = test_fetch(&request);
    watched_assert(&result, FETCH_OK, "");
    cr_assert(result.compacted, "%u packs", result.packs);
    cr_assert_eq(result.packs, 1);
    cr_assert(watched_find(&pinned) == 0);
    cr_assert(watched_find(&last) == 0);
    cr_assert(watched_find(&forgotten) == -ENOENT);
    cr_assert(!watched_mirror_has(".fresh"));

    struct mirror *mirror = NULL;
    struct error error;
    struct object_id tip;
    bool is = false;
    cr_assert(mirror_open(watched.mirror, &mirror, &error) == 0);
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
