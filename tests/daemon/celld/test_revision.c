/* Whole revisions, read from real repositories: sound ones, hostile ones, and after a restart. */
#include "daemon/celld/revision.h"
#include "gitwatch/libgit.h"
#include "tests/gitwatch/test_repository.h"

#include <criterion/criterion.h>

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define PLATFORM                                                                                   \
    "apiVersion: celld.dev/v1\nkind: Platform\nmetadata: {name: shop}\nspec:\n"                    \
    "  namespace: shop\n  projectPrefix: shop-\n  regions: [us]\n"                                 \
    "  environments: [{name: production, production: true}]\n"                                     \
    "  phases: [{name: all, cells: [cart, order, stock]}]\n"                                       \
    "  nativePaths: [\"native/*.yaml\"]\n"
#define CELL(name, image)                                                                          \
    "apiVersion: celld.dev/v1\nkind: Cell\nmetadata: {name: " name "}\nspec:\n  components:\n"     \
    "    - name: " name "service\n      type: worker\n      image: registry.example/" image "\n"
#define NATIVE "apiVersion: openchoreo.dev/v1alpha1\nkind: Workflow\nmetadata: {name: of-all}\n"

static struct test_repository repository;
static struct object_id sound;

static void start(void)
{
    const struct libgit_limits limits = libgit_limits_default();
    struct error error;
    cr_assert(libgit_start(&limits, &error) == 0, "%s", error.detail);
    test_repository_init(&repository);
    test_repository_write(&repository, "platform.yaml", PLATFORM);
    test_repository_write(&repository, "cells/cart/cell.yaml", CELL("cart", "cart:1"));
    test_repository_write(&repository, "cells/order/cell.yaml", CELL("order", "order:1"));
    test_repository_write(&repository, "cells/stock/cell.yaml", CELL("stock", "stock:1"));
    test_repository_write(&repository, "native/all.yaml", NATIVE);
    sound = test_repository_commit(&repository, "sound");
}

static void stop(void)
{
    test_repository_fini(&repository);
    libgit_stop();
}

TestSuite(revision, .init = start, .fini = stop, .timeout = 120);

static const char *const cell_files[] = {"cells/*/cell.yaml"};

/* The clone's objects are enough: reading needs no fetch. */
static struct revision_request request_for(const struct object_id *commit)
{
    return (struct revision_request){
        .mirror = repository.objects,
        .commit = *commit,
        .patterns = {.platform_file = "platform.yaml",
                     .cell_files = cell_files,
                     .cell_file_count = 1},
        .file_bytes = 65536,
        .tree_entries = 10000,
    };
}

static struct revision *read_revision(const struct revision_request *request)
{
    struct revision *revision = revision_read(request);
    cr_assert_not_null(revision);
    cr_assert_eq(revision->result, 0, "%s", revision->error.detail);
    return revision;
}

static struct revision *read_commit(const struct object_id *commit, const struct revision *before)
{
    struct revision_request request = request_for(commit);
    if (before != NULL) {
        request.fallback = before->set;
        request.previous = before->commit;
    }
    return read_revision(&request);
}

static const struct manifest_cell *cell_of(const struct revision *revision, const char *name)
{
    const struct manifest_cell *cell = manifest_set_cell(revision->set, name);
    cr_assert_not_null(cell, "%s is gone", name);
    return cell;
}

static const char *image_of(const struct revision *revision, const char *name)
{
    const struct cell *cell = cell_of(revision, name)->cell;
    return cell == NULL ? "none" : cell->components[0].layer.image.text;
}

static bool is_broken(const struct revision *revision, const char *name)
{
    return cell_of(revision, name)->broken;
}

Test(revision, is_read_whole)
{
    struct revision *revision = read_commit(&sound, NULL);
    cr_expect_eq(revision->set->cell_count, 3u);
    cr_expect_eq(revision->set->native_count, 1u, "the platform names native manifests");
    cr_expect_eq(diagnostics_error_count(revision->set->diagnostics), 0u);
    cr_expect_null(revision->set->unknown);
    cr_expect_str_eq(revision->commit.hex, sound.hex);
    cr_expect_str_eq(revision->info.subject, "sound");
    cr_expect(!revision->rewritten && !revision->damaged);
    revision_free(revision);
}

/* The clone itself is written by the test: a link, a pointer, a directory in a file's place. */
static void make_hostile(void)
{
    (void)test_repository_run(&repository, "ln", "-sf", "/etc/passwd", "cells/cart/cell.yaml",
                              NULL);
    test_repository_write(&repository, "cells/order/cell.yaml",
                          "version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 1\n");
    (void)test_repository_run(&repository, "rm", "-r", "native", NULL);
    (void)test_repository_run(&repository, "ln", "-s", "/etc", "native", NULL);
    test_repository_write(&repository, "cells/stock/cell.yaml", CELL("stock", "stock:2"));
}

Test(revision, a_hostile_one_breaks_only_what_it_hides)
{
    struct revision *before = read_commit(&sound, NULL);
    make_hostile();
    const struct object_id hostile = test_repository_commit(&repository, "hostile");
    struct revision *revision = read_commit(&hostile, before);
    cr_expect_eq(revision->set->cell_count, 3u);
    cr_expect(is_broken(revision, "cart"));
    cr_expect_not_null(strstr(cell_of(revision, "cart")->reason, "cells/cart/cell.yaml: "), "%s",
                       cell_of(revision, "cart")->reason);
    cr_expect_not_null(strstr(cell_of(revision, "cart")->reason, "symbolic link"));
    cr_expect(is_broken(revision, "order"));
    cr_expect_not_null(strstr(cell_of(revision, "order")->reason, "LFS"));
    cr_expect_str_eq(image_of(revision, "cart"), "registry.example/cart:1");
    cr_expect_str_eq(image_of(revision, "order"), "registry.example/order:1");
    cr_expect(!is_broken(revision, "stock"), "%s", cell_of(revision, "stock")->reason);
    cr_expect_str_eq(image_of(revision, "stock"), "registry.example/stock:2");
    cr_expect_not_null(revision->set->platform_reason);
    cr_expect_eq(revision->set->native_count, 1u, "what a link hides is not gone");
    cr_expect_null(revision->set->unknown);
    revision_free(revision);
    revision_free(before);
}

Test(revision, more_findings_than_are_listed_remove_nobody)
{
    struct revision *before = read_commit(&sound, NULL);
    (void)test_repository_run(&repository, "rm", "-r", "cells/cart", NULL);
    (void)test_repository_run(
        &repository, "sh", "-c",
        "i=0; while [ $i -lt 300 ]; do mkdir -p cells/a$i; ln -s x cells/a$i/cell.yaml; "
        "i=$((i + 1)); done",
        NULL);
    const struct object_id flood = test_repository_commit(&repository, "flood");
    struct revision *revision = read_commit(&flood, before);
    cr_expect(is_broken(revision, "cart"));
    cr_expect_not_null(strstr(cell_of(revision, "cart")->reason, "unknown"), "%s",
                       cell_of(revision, "cart")->reason);
    cr_expect_str_eq(image_of(revision, "cart"), "registry.example/cart:1");
    cr_expect(!is_broken(revision, "order") && !is_broken(revision, "stock"));
    revision_free(revision);
    revision_free(before);
}

/* After a restart only the journal's commits are known. */
Test(revision, what_is_broken_is_read_where_it_was_last_sound)
{
    test_repository_write(&repository, "cells/cart/cell.yaml", CELL("cart", "cart:2"));
    const struct object_id second = test_repository_commit(&repository, "second");
    test_repository_write(&repository, "cells/cart/cell.yaml", "this: [is no cell\n");
    test_repository_write(&repository, "cells/order/cell.yaml", CELL("order", "order:3"));
    const struct object_id third = test_repository_commit(&repository, "third");
    struct revision_request request = request_for(&third);
    struct revision *revision = read_revision(&request);
    cr_expect(is_broken(revision, "cart"));
    cr_expect_str_eq(image_of(revision, "cart"), "none", "nobody said where it was sound");
    revision_free(revision);
    request.last_good[0] = sound;
    request.last_good[1] = second;
    request.last_good_count = 2;
    revision = read_revision(&request);
    cr_expect(is_broken(revision, "cart"));
    cr_expect_str_eq(image_of(revision, "cart"), "registry.example/cart:2", "the newest one");
    cr_expect_str_eq(image_of(revision, "order"), "registry.example/order:3");
    cr_expect(!is_broken(revision, "order"));
    revision_free(revision);
    /* One that is gone from the mirror costs nothing but itself. */
    struct object_id gone = second;
    gone.hex[0] = gone.hex[0] == '0' ? '1' : '0';
    request.last_good[1] = gone;
    revision = read_revision(&request);
    cr_expect_str_eq(image_of(revision, "cart"), "registry.example/cart:1");
    revision_free(revision);
}

Test(revision, a_directory_that_became_a_link_is_found_after_a_restart)
{
    (void)test_repository_run(&repository, "rm", "-r", "cells/cart", NULL);
    (void)test_repository_run(&repository, "ln", "-s", "/etc", "cells/cart", NULL);
    const struct object_id linked = test_repository_commit(&repository, "linked");
    struct revision_request request = request_for(&linked);
    struct revision *revision = read_revision(&request);
    cr_expect_null(manifest_set_cell(revision->set, "cart"));
    cr_expect_not_null(revision->set->unknown, "somebody may live there");
    revision_free(revision);
    request.last_good[0] = sound;
    request.last_good_count = 1;
    revision = read_revision(&request);
    cr_expect(is_broken(revision, "cart"));
    cr_expect_str_eq(image_of(revision, "cart"), "registry.example/cart:1");
    revision_free(revision);
}

Test(revision, a_rewritten_history_is_noted)
{
    struct revision *before = read_commit(&sound, NULL);
    (void)GIT(&repository, "checkout", "-q", "--orphan", "other");
    const struct object_id other = test_repository_commit(&repository, "other");
    struct revision *revision = read_commit(&other, before);
    cr_expect(revision->rewritten);
    revision_free(revision);
    revision = read_commit(&sound, before);
    cr_expect(!revision->rewritten);
    revision_free(revision);
    revision_free(before);
}

Test(revision, that_is_not_there_is_refused)
{
    struct object_id nowhere;
    cr_assert_eq(object_id_parse("0123456789012345678901234567890123456789", &nowhere), 0);
    const struct revision_request request = request_for(&nowhere);
    struct revision *revision = revision_read(&request);
    cr_assert_not_null(revision);
    cr_expect_eq(revision->result, -ENOENT);
    cr_expect_null(revision->set);
    cr_expect_neq(revision->error.kind, ERROR_NONE);
    revision_free(revision);
}

Test(revision, a_tree_that_is_too_large_is_refused_whole)
{
    struct revision_request request = request_for(&sound);
    request.tree_entries = 3;
    struct revision *revision = revision_read(&request);
    cr_assert_not_null(revision);
    cr_expect_eq(revision->result, ERR_LIMIT);
    cr_expect_not_null(strstr(revision->error.detail, "raise the limit"), "%s",
                       revision->error.detail);
    revision_free(revision);
}

Test(revision, trees_of_what_is_built)
{
#define BUILT(name, source)                                                                        \
    "apiVersion: celld.dev/v1\nkind: Cell\nmetadata: {name: " name "}\nspec:\n  components:\n"     \
    "    - name: " name "service\n      type: worker\n      source: " source "\n"                  \
    "      build: {workflow: {name: image}}\n"
    test_repository_write(&repository, "cells/cart/cell.yaml", BUILT("cart", "src/cart"));
    test_repository_write(&repository, "cells/order/cell.yaml", BUILT("order", "src/nowhere"));
    test_repository_write(&repository, "src/cart/main.c", "int main(void) { return 0; }\n");
    const struct object_id one = test_repository_commit(&repository, "sources");
    struct revision *first = read_commit(&one, NULL);
    cr_assert_eq(first->tree_count, 1, "what has no source is left out, and so are images");
    cr_expect_str_eq(first->trees[0].cell, "cart");
    cr_expect_str_eq(first->trees[0].component, "cartservice");
    cr_expect_eq(strlen(first->trees[0].tree), 40);
    test_repository_write(&repository, "src/other", "1\n");
    const struct object_id two = test_repository_commit(&repository, "beside it");
    struct revision *second = read_commit(&two, first);
    cr_assert_eq(second->tree_count, 1);
    cr_expect_str_eq(second->trees[0].tree, first->trees[0].tree);
    test_repository_write(&repository, "src/cart/main.c", "int main(void) { return 1; }\n");
    const struct object_id three = test_repository_commit(&repository, "in it");
    struct revision *third = read_commit(&three, second);
    cr_assert_eq(third->tree_count, 1);
    cr_expect_str_neq(third->trees[0].tree, first->trees[0].tree);
    revision_free(first);
    revision_free(second);
    revision_free(third);
}
