/* Looks at a branch, a tag or a commit beside what is watched. */
#include "tests/gitwatch/watched.h"

#include <criterion/criterion.h>

#include <stdio.h>

TestSuite(fetch_look, .init = watched_start, .fini = watched_stop, .timeout = 120);

static struct fetch_result look(const char *ref)
{
    struct fetch_request request = watched_request();
    request.ref = ref;
    request.pin = "look/1";
    request.may_reclone = false;
    return test_fetch(&request);
}

/* A branch "feature" beside main with one commit of its own, tagged twice; main is fetched. */
static struct object_id make_feature(void)
{
    struct object_id commit;
    (void)watched_commit("one");
    (void)GIT(&watched, "checkout", "-q", "-b", "feature");
    test_repository_write(&watched, "platform.yaml", "feature");
    (void)GIT(&watched, "commit", "-q", "-a", "-m", "feature");
    cr_assert_eq(object_id_parse(GIT(&watched, "rev-parse", "HEAD"), &commit), 0);
    (void)GIT(&watched, "tag", "v1");
    (void)GIT(&watched, "tag", "-a", "-m", "second", "v2");
    (void)GIT(&watched, "push", "-q", "origin", "feature", "v1", "v2");
    (void)GIT(&watched, "checkout", "-q", "main");
    return commit;
}

Test(fetch_look, looks_at_a_branch_a_tag_and_a_commit)
{
    const struct object_id feature = make_feature();
    char digits[OBJECT_ID_TEXT_SIZE];
    (void)snprintf(digits, sizeof(digits), "%.9s", feature.hex);
    const char *const names[] = {"feature", "refs/heads/feature", "v1",       "v2",
                                 digits,    "refs/tags/v2",       feature.hex};
    const struct fetch_result main_tip = watched_fetch();
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        const struct fetch_result result = look(names[i]);
        cr_assert(result.reason == FETCH_OK, "%s: %s", names[i], result.error.detail);
        cr_expect_str_eq(result.commit.hex, feature.hex, "%s", names[i]);
        cr_expect_eq(watched_find(&feature), 0, "%s", names[i]);
    }
    const struct fetch_result after = watched_fetch();
    cr_expect_str_eq(after.commit.hex, main_tip.commit.hex, "what is watched is left alone");
    cr_expect(!after.changed);
}

Test(fetch_look, looks_before_anything_was_fetched)
{
    const struct object_id feature = make_feature();
    const struct fetch_result result = look(feature.hex);
    cr_assert(result.reason == FETCH_OK, "%s", result.error.detail);
    cr_expect_eq(watched_find(&feature), 0);
    const struct fetch_result first = watched_fetch();
    cr_expect(first.reason == FETCH_OK && !object_id_is_set(&first.previous));
}

Test(fetch_look, says_what_a_look_does_not_find)
{
    struct fetch_result result;
    (void)make_feature();
    (void)watched_fetch();
    result = look("nowhere");
    watched_assert(&result, FETCH_REF_MISSING, "no branch, tag or commit \"nowhere\"");
    result = look("0123456789");
    watched_assert(&result, FETCH_REF_MISSING, "no branch, tag or commit \"0123456789\"");
    result = look("refs/heads/v1");
    watched_assert(&result, FETCH_REF_MISSING, "no branch, tag or commit");
    (void)GIT(&watched, "tag", "feature", "main");
    (void)GIT(&watched, "push", "-q", "origin", "refs/tags/feature");
    result = look("feature");
    watched_assert(&result, FETCH_REF_MISSING, "is a branch and a tag");
    result = look("refs/tags/feature");
    watched_assert(&result, FETCH_OK, "");
}

Test(fetch_look, refuses_a_pin_with_a_bad_name)
{
    static const char *const names[] = {"A", "a//b", "/a", "a/", "..", "a b"};
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        struct fetch_request request = watched_request();
        struct error error;
        request.pin = names[i];
        cr_expect_eq(fetch_request_check(&request, &error), ERR_INVALID, "%s", names[i]);
    }
}

Test(fetch_look, looks_at_a_tag_of_a_file)
{
    (void)watched_commit("one");
    (void)GIT(&watched, "tag", "file", GIT(&watched, "rev-parse", "HEAD:platform.yaml"));
    (void)GIT(&watched, "push", "-q", "origin", "refs/tags/file");
    const struct fetch_result result = look("file");
    watched_assert(&result, FETCH_NOT_A_COMMIT, "file names no commit");
}
