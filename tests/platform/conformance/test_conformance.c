/* Every recorded exchange with the real control plane is replayed against the model. */
#include "tests/platform/conformance/exceptions.h"
#include "tests/platform/conformance/replay.h"
#include "tests/platform/conformance/scene.h"

#include <criterion/criterion.h>

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* In the order in which they were made: later ones build on what earlier ones left. */
static const char *const files[] = {
    "01-platform",
    "02-project-and-prb",
    "03-rolling",
    "03b-stale-ready-fine",
    "04-facade-and-slots",
    "04b-facade-bad-config",
    "05-connections",
    "06-configuration-and-secrets",
    "07-errors",
    "07b-errors-continued",
    "08-put-semantics",
    "07c-pagination",
    "09-delete",
    "10-authz-and-workflows",
    "14-data-plane-drift",
    "11-release-identity",
    "12-scale",
    "07d-expired-cursor",
    "15-scaling-by-route",
    "13-with-admission-webhooks",
    "13b-webhooks-release-name",
    "16-security-on",
    "18-project-delete-cascade",
    "19-stale-ready-under-load",
    "20-duplicate-binding-delete",
    "20b-duplicate-binding-recovery",
    "21-tree-gate",
    "23-final-types",
    "24-worker",
    "25-task",
    "28-events-and-logs",
    "27-name-collision",
    "26-long-names",
    "29-environment-delete",
    "27b-route-name-collision",
    "30-adopt-stock-component",
    "24b-new-types-with-webhooks",
    "30b-adopt-rollback",
    "31-gate-run",
    "32-build-run",
    "31b-gate-run-continued",
    "32b-build-types-with-webhooks",
    "32c-stock-build-workflow",
};

static bool find_path(const char *file, bool optional, char *ret_path, size_t size)
{
    snprintf(ret_path, size, "%s/%s/%s.jsonl", TEST_SOURCE_DIR,
             optional ? "../shared/openchoreo/recordings" : "tests/platform/recordings", file);
    FILE *there = fopen(ret_path, "re");
    if (there != NULL)
        fclose(there);
    return there != NULL;
}

/* What is left out, and why. */
static void print_exceptions(void)
{
    for (size_t i = 0; i < exceptions_count(); i++) {
        const struct exception *e = &exceptions_table[i];
        fprintf(stderr, "left out: %s lines %d to %d, %s: %s\n", e->file, e->from, e->to,
                e->pointer, e->reason);
    }
}

static void replay_all(bool with_optional)
{
    struct replay *replay = replay_new(getenv("CONFORMANCE_VERBOSE") != NULL);
    struct replay_result sum = {0};
    for (size_t i = 0; i < sizeof(files) / sizeof(*files); i++) {
        char name[16], path[1024];
        snprintf(name, sizeof(name), "%.*s", (int)strcspn(files[i], "-"), files[i]);
        const bool optional = scene_is_optional(name);
        if (optional && !with_optional)
            continue;
        if (!find_path(files[i], optional, path, sizeof(path))) {
            cr_assert(optional, "%s is missing", path);
            fprintf(stderr, "%s: skipped, its recording is not here\n", files[i]);
            with_optional = false;
            continue;
        }
        struct replay_result result;
        cr_assert(replay_file(replay, name, path, &result));
        fprintf(stderr, "%-34s %4u exchanges, %4u matched, %3u with exceptions, %3u failed\n",
                files[i], result.exchanges, result.matched, result.excepted, result.failed);
        sum.exchanges += result.exchanges;
        sum.matched += result.matched;
        sum.excepted += result.excepted;
        sum.failed += result.failed;
    }
    fprintf(stderr, "%u exchanges, %u matched, %u with exceptions, %u failed\n", sum.exchanges,
            sum.matched, sum.excepted, sum.failed);
    cr_expect_eq(sum.failed, 0);
    cr_expect_eq(replay_unused_exceptions(replay, with_optional), 0);
    replay_free(replay);
}

Test(conformance, recordings, .timeout = 600)
{
    print_exceptions();
    replay_all(true);
}

Test(conformance, recordings_of_the_repository_alone, .timeout = 600)
{
    replay_all(false);
}
