#include "gitwatch/changes.h"
#include "gitwatch/libgit.h"
#include "gitwatch/mirror.h"
#include "gitwatch/tree_reader.h"
#include "tests/gitwatch/test_fetch.h"
#include "tests/gitwatch/test_repository.h"

#include <criterion/criterion.h>

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

static struct fetch_result fetch(void)
{
    const struct fetch_request request = test_fetch_request(repository.url, repository.mirror);
    return test_fetch(&request);
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
