/* Git changes its mind about what is built, or cannot be read: what is forgotten, what is kept, and
 * which tree goes before which. */
#include "tests/reconciler/engine/building.h"
#include "tests/reconciler/engine/expect.h"
#include "tests/reconciler/engine/meddle.h"

#include <criterion/criterion.h>

#include <stdlib.h>
#include <string.h>

TestSuite(build_change, .timeout = 600);

Test(build_change, what_is_not_built_any_more_leaves_no_row)
{
    static const char *const others[] = {
        "registry.example/shop:9",
        BUILDING_HEAD BUILDING_WORKER("front", BUILDING_IMAGE("front:1")),
        NULL, /* the cell is gone */
    };
    static const char platform[] = PLATFORM_HEAD "  prune: {budget: \"90%\", minimum: 100}\n"
                                                 "  environments: [{name: development}]\n"
                                                 "  phases: [{name: a, cells: [billing]}]\n";
    for (size_t i = 0; i < sizeof others / sizeof *others; i++) {
        struct world *world = building_built();
        cr_assert(world_has_row(world, "build/shop/shop-api"));
        if (others[i] == NULL)
            repository_commit(world, 2, platform, "billing", "registry.example/b:1", NULL, NULL);
        else
            repository_commit(world, 2, platform_small, "shop", others[i], NULL, NULL);
        world_run(world, MINUTES(5));
        cr_expect(!world_has_row(world, "build/shop/shop-api"), "%zu", i);
        cr_expect_eq(building_posts(world), 1);
        expect_silence(world);
        world_free(world);
    }
}

Test(build_change, what_never_began_is_forgotten_without_a_trace)
{
    struct world *world = building_world();
    building_commit(world, 1, NULL);
    world_run(world, MINUTES(1));
    cr_expect(!world_has_row(world, "build/shop/shop-api"));
    building_commit_cell(world, 2,
                         BUILDING_HEAD BUILDING_WORKER("shop-api", BUILDING_IMAGE("shop:9")));
    expect_condition(world, CONDITION_CONVERGED);
    expect_runs(world, "shop-api", "development", "registry.example/shop:9");
    cr_expect_eq(building_runs(world), 0);
    world_free(world);
}

/* A revision that is not all known takes nothing back; what it says of the component counts. */
Test(build_change, parts_that_cannot_be_read_keep_the_row)
{
    static const struct manifest_problem problem = {"cells/billing", "this is a symbolic link"};
    struct meddler meddler;
    const struct meddling items[] = {
        {"GET", "/workflowruns/", 1, MEDDLE_ALWAYS, ANSWER_NOT_SENT, 0, NULL, false},
        {.method = NULL}};
    struct world *world = meddle_world(&meddler, items);
    building_add_workflow(world, NULL);
    building_commit(world, 1, &building_first);
    building_await(world, BUILDING_RUN_1);
    world->good = manifest_set_unref(world->good);
    world->set = manifest_set_unref(world->set);
    world->problems = &problem;
    world->problem_count = 1;
    building_commit_cell(world, 2,
                         BUILDING_HEAD BUILDING_WORKER("shop-api", BUILDING_IMAGE("shop:9")));
    meddler.items[0].times = 0;
    world_run(world, MINUTES(3));
    cr_expect(world_has_row(world, "build/shop/shop-api"));
    expect_runs(world, "shop-api", "development", "registry.example/shop:9");
    world->problem_count = 0;
    building_commit_cell(world, 3,
                         BUILDING_HEAD BUILDING_WORKER("shop-api", BUILDING_IMAGE("shop:9")));
    world_run(world, MINUTES(1));
    cr_expect(!world_has_row(world, "build/shop/shop-api"));
    cr_expect_eq(building_posts(world), 1);
    world_free(world);
}

Test(build_change, a_cell_that_cannot_be_read_keeps_the_tree_that_was_wanted)
{
    struct world *world = building_built();
    world->trees = &building_second;
    building_commit_cell(world, 2, "raw:kind: Cell\nnonsense: true\nmetadata: {name: shop}\n");
    world_run(world, MINUTES(3));
    cr_expect_eq(building_runs(world), 1);
    cr_expect(world_has_row(world, "build/shop/shop-api"));
    expect_runs(world, "shop-api-a", "development", "registry.example/shop:1");
    building_commit(world, 3, &building_second);
    cr_expect(building_until(world, CONDITION_CONVERGED, "registry.example/shop:2", MINUTES(9)));
    cr_expect_eq(building_runs(world), 2);
    world_free(world);
}

static void add_row(struct world *world, const char *key, json_t *value)
{
    world->rows = reallocarray(world->rows, world->row_count + 1, sizeof *world->rows);
    cr_assert_not_null(world->rows);
    world->row_capacity = world->row_count + 1;
    world->rows[world->row_count++] =
        (struct world_row){.sequence = ++world->sequence, .key = strdup(key), .value = value};
}

/* After a restart nothing is known of who lived where until a revision says it. */
Test(build_change, rows_of_unknown_cells_wait_for_a_revision_that_is_all_known)
{
    static const struct manifest_problem problem = {"", "the tree cannot be read"};
    struct world *world = building_built();
    add_row(world, "build/ghost/api", json_pack("{s:s, s:s}", "tree", "t", "state", "failed"));
    world->good = manifest_set_unref(world->good);
    world->set = manifest_set_unref(world->set);
    world_kill(world);
    const struct world_file none[] = {{"README.md", ""}};
    repository_commit_files(world, 2, none, 0); /* not even a platform */
    world_run(world, MINUTES(1));
    cr_expect(world_has_row(world, "build/ghost/api"));
    world->problems = &problem;
    world->problem_count = 1;
    repository_commit(world, 3, platform_small, "billing", "registry.example/b:1", NULL, NULL);
    world_run(world, MINUTES(1));
    cr_expect(world_has_row(world, "build/ghost/api"));
    cr_expect(world_has_row(world, "build/shop/shop-api"));
    world->problem_count = 0;
    building_commit(world, 4, &building_first);
    expect_condition(world, CONDITION_CONVERGED);
    cr_expect(!world_has_row(world, "build/ghost/api"));
    cr_expect(world_has_row(world, "build/shop/shop-api"));
    cr_expect_eq(building_runs(world), 1);
    world_free(world);
}

Test(build_change, a_new_tree_goes_before_an_older_run)
{
    struct world *world = building_world();
    platform_workflow_pace(world->platform, "*", MINUTES(3), 0);
    building_commit(world, 1, &building_first);
    building_await(world, BUILDING_RUN_1);
    building_commit(world, 2, &building_second);
    cr_expect_eq(engine_condition(world->engine), CONDITION_WORKING);
    building_await(world, BUILDING_RUN_2);
    world_run(world, 30000);
    expect_why(world, "shop", "development", "is being built: run " BUILDING_RUN_2);
    building_announce(world, BUILDING_RUN_1, "registry.example/shop:1");
    building_announce(world, BUILDING_RUN_2, "registry.example/shop:2");
    expect_condition(world, CONDITION_CONVERGED);
    expect_runs(world, "shop-api-a", "development", "registry.example/shop:2");
    cr_expect_eq(building_runs(world), 2);
    world_free(world);
}

Test(build_change, a_failed_tree_says_nothing_of_the_next)
{
    struct world *world = building_world();
    platform_workflow_rule(world->platform, BUILDING_RUN_1, "Failed");
    building_commit(world, 1, &building_first);
    expect_condition(world, CONDITION_HELD);
    world_run(world, MINUTES(1));
    building_commit(world, 2, &building_second);
    cr_expect(building_until(world, CONDITION_CONVERGED, "registry.example/shop:2", MINUTES(9)));
    expect_runs(world, "shop-api-a", "development", "registry.example/shop:2");
    world_free(world);
}

Test(build_change, a_source_that_vanishes_leaves_the_image)
{
    struct world *world = building_built();
    building_commit(world, 2, NULL);
    world_run(world, MINUTES(2));
    expect_runs(world, "shop-api-a", "development", "registry.example/shop:1");
    char *why = world_why(world, "shop", "development");
    cr_expect_null(strstr(why, "cannot be built"), "%s", why);
    free(why);
    expect_silence(world);
    world_free(world);
}

/* An image that turns out bad is the rollout's matter, not the build's. */
Test(build_change, a_bad_image_is_explained_by_its_rollout)
{
    struct world *world = building_built();
    building_commit(world, 2, &building_second);
    cr_expect(building_until(world, CONDITION_HELD, "registry.example/broken:2", MINUTES(60)));
    expect_runs(world, "shop-api-a", "development", "registry.example/shop:1");
    char *why = world_why(world, "shop", "development");
    cr_expect_null(strstr(why, "build"), "%s", why);
    free(why);
    cr_expect_eq(building_runs(world), 2);
    world_free(world);
}
