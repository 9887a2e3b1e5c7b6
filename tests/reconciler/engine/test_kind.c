/* A component that becomes one of another kind, and components that go and come back. */
#include "config/base/json.h"
#include "tests/reconciler/engine/expect.h"

#include <criterion/criterion.h>

#include <stdlib.h>
#include <string.h>

TestSuite(kind, .timeout = 600);

#define CELL_OF(component)                                                                         \
    "raw:apiVersion: celld.dev/v1\nkind: Cell\nmetadata: {name: shop}\nspec:\n  components:\n"     \
    "    - name: api\n" component
#define SERVICE(tag)                                                                               \
    CELL_OF("      type: service\n      image: registry.example/shop:" tag "\n"                    \
            "      endpoints: [{name: http, type: http, port: 80, visibility: [external]}]\n")
#define WORKER(tag) CELL_OF("      type: worker\n      image: registry.example/shop:" tag "\n")

static const struct {
    const char *what, *before, *after, *later, *slot;
} cases[] = {
    {"service to worker", SERVICE("1"), WORKER("2"), SERVICE("3"), "api-a"},
    {"worker to service", WORKER("1"), SERVICE("2"), WORKER("3"), "api"},
};

Test(kind, what_runs_goes_on_until_git_goes_back_or_renames_it)
{
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct world *world = repository_world();
        repository_commit(world, 1, platform_small, "shop", cases[i].before, NULL, NULL);
        expect_condition(world, CONDITION_CONVERGED);
        repository_commit(world, 2, platform_small, "shop", cases[i].after, NULL, NULL);
        for (int life = 0; life < 2; life++) {
            expect_condition(world, CONDITION_HELD);
            world_run(world, MINUTES(30));
            expect_runs(world, cases[i].slot, "development", "registry.example/shop:1");
            expect_why(world, "shop", "development", "cells/shop/cell.yaml:6:13: it cannot change");
            cr_expect_not(world_published(world, "prune-started", NULL), "%s", cases[i].what);
            world_kill(world);
        }
        repository_commit(world, 3, platform_small, "shop", cases[i].later, NULL, NULL);
        expect_condition(world, CONDITION_CONVERGED);
        expect_runs(world, cases[i].slot, "development", "registry.example/shop:3");
        expect_no_dangers(world);
        world_free(world);
    }
}

#define THREE                                                                                      \
    SERVICE("1")                                                                                   \
    "    - name: other\n      type: service\n      image: registry.example/other:1\n"              \
    "      endpoints: [{name: http, type: http, port: 80, visibility: [external]}]\n"              \
    "    - {name: work, type: worker, image: \"registry.example/work:1\"}\n"

/* At any moment of their removal. */
Test(kind, what_is_wanted_again_while_it_is_removed_comes_back)
{
    for (int moment = 0; moment < 24; moment++) {
        struct world *world = repository_world();
        repository_commit(world, 1, platform_small, "shop", THREE, NULL, NULL);
        expect_condition(world, CONDITION_CONVERGED);
        repository_commit(world, 2, platform_small, "shop", SERVICE("1"), NULL, NULL);
        world_run(world, INT64_C(700) * moment);
        repository_commit(world, 3, platform_small, "shop", THREE, NULL, NULL);
        if (moment % 2 == 1)
            world_kill(world);
        expect_condition(world, CONDITION_CONVERGED);
        expect_runs(world, "api-a", "development", "registry.example/shop:1");
        expect_runs(world, "other-a", "development", "registry.example/other:1");
        expect_runs(world, "work", "development", "registry.example/work:1");
        expect_no_dangers(world);
        world_free(world);
    }
}
