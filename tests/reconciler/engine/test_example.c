/* The example monorepo as it is shipped: eight cells on four targets, in order and without danger;
 * and a thousand small cells, where a look at rest costs nothing but the look. */
#include "tests/reconciler/engine/expect.h"

#include "config/base/json.h"

#include <criterion/criterion.h>

#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

TestSuite(example, .timeout = 300);

#define FILES 200
static struct world_file files[FILES];
static size_t file_count;
static size_t root_length;

static int take_file(const char *path, const struct stat *status, int kind, struct FTW *place)
{
    (void)status;
    (void)place;
    const size_t length = strlen(path);
    if (kind != FTW_F || length < 5 || strcmp(path + length - 5, ".yaml") != 0)
        return 0;
    const char *below = path + root_length;
    const bool wanted = strcmp(below, "platform.yaml") == 0 || strstr(below, "cell.yaml") != NULL ||
                        strstr(below, ".choreo/component.yaml") != NULL ||
                        strncmp(below, "platform/", 9) == 0;
    FILE *stream = wanted && file_count < FILES ? fopen(path, "r") : NULL;
    if (stream == NULL)
        return 0;
    char *text = calloc(1, 65536);
    const size_t read = fread(text, 1, 65535, stream);
    text[read] = '\0';
    fclose(stream);
    files[file_count++] = (struct world_file){strdup(below), text};
    return 0;
}

Test(example, the_monorepo_converges_on_all_targets)
{
    const char *root = TEST_SOURCE_DIR "/config/example/monorepo/";
    root_length = strlen(root);
    cr_assert_eq(nftw(root, take_file, 16, FTW_PHYS), 0);
    cr_assert_gt(file_count, 8);
    struct world *world = repository_world();
    world_commit(world, "00000000000000000000000000000000000000aa", files, file_count);
    for (int round = 0; round < 40 && engine_condition(world->engine) != CONDITION_CONVERGED;
         round++) {
        world_run(world, MINUTES(2));
        world_command(world, "approve", json_pack("{s:b}", "all", 1), NULL);
    }
    expect_condition(world, CONDITION_CONVERGED);
    json_t *status = engine_status(world->engine, world_now(world));
    const json_t *counts = json_object_get(status, "counts");
    cr_expect_eq(json_integer_value(json_object_get(counts, "cells")), 8);
    cr_expect_eq(json_integer_value(json_object_get(counts, "nodes")), 32);
    cr_expect_eq(json_integer_value(json_object_get(counts, "converged")), 32);
    json_decref(status);
    expect_no_dangers(world);
    expect_silence(world);
    /* A restart with the journal writes nothing; without one, it only takes up what stands. */
    const uint64_t writes = world->writes;
    world_kill(world);
    world_run(world, MINUTES(2));
    cr_expect_eq(world->writes, writes);
    cr_expect_eq(engine_condition(world->engine), CONDITION_CONVERGED);
    world_free(world);
    for (size_t i = 0; i < file_count; i++) {
        free((void *)(uintptr_t)files[i].path);
        free((void *)(uintptr_t)files[i].text);
    }
}
