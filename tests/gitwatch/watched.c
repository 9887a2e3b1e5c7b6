#include "tests/gitwatch/watched.h"

#include "gitwatch/libgit.h"
#include "gitwatch/mirror.h"

#include <criterion/criterion.h>

#include <stdio.h>
#include <string.h>
#include <unistd.h>

struct test_repository watched;

void watched_start(void)
{
    const struct libgit_limits limits = libgit_limits_default();
    struct error error;
    cr_assert(libgit_start(&limits, &error) == 0, "%s", error.detail);
    test_repository_init(&watched);
}

void watched_stop(void)
{
    test_repository_fini(&watched);
    libgit_stop();
}

struct fetch_request watched_request(void)
{
    return test_fetch_request(watched.url, watched.mirror);
}

struct fetch_result watched_fetch(void)
{
    const struct fetch_request request = watched_request();
    return test_fetch(&request);
}

struct object_id watched_commit(const char *text)
{
    test_repository_write(&watched, "platform.yaml", text);
    return test_repository_commit(&watched, text);
}

void watched_assert(const struct fetch_result *result, enum fetch_reason reason, const char *words)
{
    cr_assert(result->reason == reason, "%s, not %s: %s", fetch_reason_name(result->reason),
              fetch_reason_name(reason), result->error.detail);
    cr_assert((reason == FETCH_OK) == (result->error.kind == ERROR_NONE));
    cr_assert_not_null(strstr(result->error.detail, words), "%s", result->error.detail);
}

int watched_find(const struct object_id *commit)
{
    struct mirror *mirror = NULL;
    struct commit_info info;
    struct error error;
    cr_assert(mirror_open(watched.mirror, &mirror, &error) == 0, "%s", error.detail);
    const int status = mirror_commit(mirror, commit, &info, &error);
    mirror_free(mirror);
    return status;
}

bool watched_mirror_has(const char *suffix)
{
    char path[256];
    snprintf(path, sizeof(path), "%s%s", watched.mirror, suffix);
    return access(path, F_OK) == 0;
}
