/* The watched repository on a real loop, with a real fetch worker: what is watched, and looks at
 * other revisions. */
#include "tests/gitwatch/test_repository.h"

#include "config/settings/settings.h"
#include "daemon/celld/repository.h"
#include "gitwatch/libgit.h"

#include <criterion/criterion.h>

#include <errno.h>
#include <stdio.h>
#include <string.h>

#define PLATFORM                                                                                   \
    "apiVersion: celld.dev/v1\nkind: Platform\nmetadata: {name: shop}\nspec:\n"                    \
    "  namespace: shop\n  projectPrefix: shop-\n  regions: [us]\n"                                 \
    "  environments: [{name: production, production: true}]\n"                                     \
    "  phases: [{name: all, cells: [cart]}]\n"
#define CELL(image)                                                                                \
    "apiVersion: celld.dev/v1\nkind: Cell\nmetadata: {name: cart}\nspec:\n  components:\n"         \
    "    - name: cartservice\n      type: worker\n      image: registry.example/" image "\n"

static struct test_repository git;
static struct object_id watched, feature;
static struct settings *settings;
static struct repository *repository;
static uv_loop_t loop;

/* What came. */
static unsigned revisions, failures, answers;
static struct object_id newest, read_commit;
static char image[64], message[512];
static enum error_kind kind;
static bool stopped;

static void deliver(void *context, struct engine_event *event)
{
    (void)context;
    if (event->kind == EVENT_REVISION) {
        revisions++;
        (void)snprintf(newest.hex, sizeof(newest.hex), "%s", event->as.revision.commit);
    } else {
        failures++;
    }
}

static void on_read(void *context, const struct object_id *commit, struct manifest_set *set,
                    const struct error *err)
{
    (void)context;
    answers++;
    message[0] = image[0] = '\0';
    kind = err == NULL ? ERROR_NONE : err->kind;
    if (set == NULL) {
        (void)snprintf(message, sizeof(message), "%s", err->detail);
        return;
    }
    const struct manifest_cell *cell = manifest_set_cell(set, "cart");
    cr_assert(cell != NULL && cell->cell != NULL);
    (void)snprintf(image, sizeof(image), "%s", cell->cell->components[0].layer.image.text);
    read_commit = *commit;
}

static void on_stopped(void *context)
{
    (void)context;
    stopped = true;
}

static struct settings *make_settings(void)
{
    char text[512];
    struct settings *made = NULL;
    struct diagnostics *found = diagnostics_new(20);
    const int length = snprintf(text, sizeof(text),
                                "repository:\n  url: %s\n  interval: 1h\n"
                                "platform:\n  url: https://choreo.example\n  auth: none\n",
                                git.url);
    const int result = settings_read("celld.yaml", text, (size_t)length, found, &made);
    for (size_t i = 0; i < diagnostics_count(found); i++)
        cr_log_warn("%s", diagnostics_get(found, i)->message);
    cr_assert_eq(result, 0);
    diagnostics_free(found);
    return made;
}

/* A branch beside main that celld does not watch. */
static void start(void)
{
    const struct libgit_limits limits = libgit_limits_default();
    struct error error;
    cr_assert(libgit_start(&limits, &error) == 0, "%s", error.detail);
    test_repository_init(&git);
    test_repository_write(&git, "platform.yaml", PLATFORM);
    test_repository_write(&git, "cells/cart/cell.yaml", CELL("cart:1"));
    watched = test_repository_commit(&git, "watched");
    (void)GIT(&git, "checkout", "-q", "-b", "feature");
    test_repository_write(&git, "cells/cart/cell.yaml", CELL("cart:2"));
    (void)GIT(&git, "commit", "-q", "-a", "-m", "feature");
    cr_assert_eq(object_id_parse(GIT(&git, "rev-parse", "HEAD"), &feature), 0);
    (void)GIT(&git, "push", "-q", "origin", "feature");
    settings = make_settings();
    const struct repository_options options = {.settings = settings,
                                               .state_directory = git.root,
                                               .worker = FETCH_WORKER_PROGRAM,
                                               .seed = 1};
    const struct repository_hooks hooks = {.deliver = deliver};
    cr_assert_eq(uv_loop_init(&loop), 0);
    cr_assert(repository_start(&loop, &options, &hooks, &repository, &error) == 0, "%s",
              error.detail);
}

static void stop(void)
{
    repository_stop(repository, on_stopped, NULL);
    while (!stopped)
        (void)uv_run(&loop, UV_RUN_ONCE);
    cr_expect_eq(uv_run(&loop, UV_RUN_DEFAULT), 0);
    cr_expect_eq(uv_loop_close(&loop), 0, "a handle is left");
    (void)settings_free(settings);
    test_repository_fini(&git);
    libgit_stop();
}

TestSuite(repository, .init = start, .fini = stop, .timeout = 120);

static void wait_for(const unsigned *count, unsigned wanted)
{
    while (*count < wanted)
        (void)uv_run(&loop, UV_RUN_ONCE);
}

static void ask(const char *ref)
{
    struct error error;
    const unsigned before = answers;
    cr_assert(repository_read(repository, ref, on_read, NULL, &error) == 0, "%s", error.detail);
    wait_for(&answers, before + 1);
}

/* Nothing of a look stays in the mirror's refs; it goes soon after the answer. */
static const char *pins_left(void)
{
    char path[128];
    (void)snprintf(path, sizeof(path), "--git-dir=%s/mirror", git.root);
    const char *left = "";
    for (unsigned tries = 0; tries < 200; tries++) {
        (void)uv_run(&loop, UV_RUN_NOWAIT);
        left = GIT(&git, path, "for-each-ref", "refs/celld/keep/look");
        if (left[0] == '\0')
            break;
    }
    return left;
}

Test(repository, looks_at_revisions_that_are_not_watched)
{
    static const char *const forms[] = {"feature", "refs/heads/feature", NULL, NULL};
    char digits[16];
    (void)snprintf(digits, sizeof(digits), "%.8s", feature.hex);
    wait_for(&revisions, 1);
    cr_expect_str_eq(newest.hex, watched.hex);
    for (size_t i = 0; i < 4; i++) {
        const char *form = i == 2 ? feature.hex : i == 3 ? digits : forms[i];
        ask(form);
        cr_expect_str_eq(image, "registry.example/cart:2", "%s: %s", form, message);
        cr_expect_str_eq(read_commit.hex, feature.hex);
    }
    ask(watched.hex);
    cr_expect_str_eq(image, "registry.example/cart:1");
    cr_expect_eq(revisions, 1u, "a look is no new revision");
    cr_expect_eq(failures, 0u);
    ask("main");
    cr_expect_str_eq(pins_left(), "");
}

Test(repository, says_what_is_unknown)
{
    ask("nowhere");
    cr_expect_eq(kind, ERROR_NOT_FOUND);
    cr_expect_not_null(strstr(message, "no branch, tag or commit \"nowhere\""), "%s", message);
    ask("0123456789012345678901234567890123456789");
    cr_expect_eq(kind, ERROR_NOT_FOUND);
    cr_expect_not_null(strstr(message, "no branch, tag or commit"), "%s", message);
    ask("a b");
    cr_expect_eq(kind, ERROR_INVALID, "%s", message);
    wait_for(&revisions, 1);
    cr_expect_eq(failures, 0u, "an unknown name is no trouble with the repository");
}

Test(repository, answers_some_looks_at_a_time)
{
    struct error error;
    int result = 0;
    unsigned taken = 0;
    while (result == 0 && taken < 100) {
        result = repository_read(repository, "feature", on_read, NULL, &error);
        taken += result == 0;
    }
    cr_expect_eq(result, -EBUSY);
    cr_expect_eq(error.kind, ERROR_UNAVAILABLE);
    wait_for(&answers, taken);
    cr_expect_str_eq(image, "registry.example/cart:2");
    wait_for(&revisions, 1);
}

Test(repository, stops_with_looks_under_way)
{
    struct error error;
    cr_assert_eq(repository_read(repository, "feature", on_read, NULL, &error), 0);
    cr_assert_eq(repository_read(repository, feature.hex, on_read, NULL, &error), 0);
    (void)uv_run(&loop, UV_RUN_ONCE);
    cr_expect_eq(answers, 0u);
}
