/* The example monorepo as it is shipped: eight cells on four targets, in order and without danger;
 * and a thousand small cells, where a look at rest costs nothing but the look. */
#include "config/base/json.h"
#include "tests/reconciler/engine/expect.h"

#include <criterion/criterion.h>

#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

TestSuite(example, .timeout = 600);

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

/* --- many cells ---------------------------------------------------------------------------------
 */

static struct world *world_of(size_t cells)
{
    struct world_options options;
    world_options_default(&options);
    options.engine.parallel_nodes = 64;
    options.engine.parallel_requests = 32;
    struct world *world = world_new(&options);
    struct world_file *many = calloc(cells + 1, sizeof *many);
    char *platform = NULL;
    size_t length = 0;
    FILE *stream = open_memstream(&platform, &length);
    fputs(PLATFORM_HEAD "  environments: [{name: development}, {name: testing}]\n"
                        "  phases: [{name: all, cells: [",
          stream);
    for (size_t i = 0; i < cells; i++)
        fprintf(stream, "%sc%zu", i == 0 ? "" : ", ", i);
    fputs("]}]\n", stream);
    fclose(stream);
    many[0] = (struct world_file){"platform.yaml", platform};
    for (size_t i = 0; i < cells; i++) {
        char name[32], path[64];
        snprintf(name, sizeof name, "c%zu", i);
        snprintf(path, sizeof path, "cells/c%zu/cell.yaml", i);
        many[i + 1] =
            (struct world_file){strdup(path), cell_text(name, "registry.example/x:1", NULL)};
    }
    world_commit(world, "00000000000000000000000000000000000000bb", many, cells + 1);
    for (size_t i = 0; i < cells; i++) {
        free((void *)(uintptr_t)many[i + 1].path);
        free((void *)(uintptr_t)many[i + 1].text);
    }
    free(platform);
    free(many);
    return world;
}

/* CELLS in the environment asks for another number than this, and for the figures. */
Test(example, many_cells_at_rest_cost_only_the_look)
{
    const char *wish = getenv("CELLS");
    const size_t cells = wish == NULL ? 40 : strtoul(wish, NULL, 10);
    struct world *world = world_of(cells);
    const clock_t start = clock();
    expect_condition(world, CONDITION_CONVERGED);
    const clock_t converged = clock();
    const uint64_t writes = world->writes, events = world->events;
    const struct platform_counts before = platform_count(world->platform);
    world_run(world, MINUTES(5));
    const clock_t end = clock();
    const struct platform_counts after = platform_count(world->platform);
    cr_expect_eq(world->writes, writes);
    /* Eight kinds and a few objects that no list shows, ten times, whatever the number of cells
     * (but for their pages). */
    cr_expect_leq(after.reads + after.lists - before.reads - before.lists,
                  10 * (20 + 8 * (cells * 8 / 100 + 1)));
    if (wish != NULL)
        fprintf(stderr,
                "%zu cells: converged in %.1f s of CPU, %.0f s simulated; %u events; idle pass "
                "%.1f ms\n",
                cells, (double)(converged - start) / CLOCKS_PER_SEC, (double)world->now_ms / 1000,
                (unsigned)events, (double)(end - converged) * 1000 / CLOCKS_PER_SEC / 10);
    world_free(world);
}
