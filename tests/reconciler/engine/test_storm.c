/* Faults at random, kills at random, revisions in between; when they stop, all comes right. */
#include "tests/reconciler/engine/expect.h"

#include <criterion/criterion.h>

#include <stdlib.h>
#include <string.h>

TestSuite(storm, .timeout = 600);

struct storm {
    uint64_t random;
    bool blows;
};

static uint64_t draw(struct storm *storm, uint64_t below)
{
    storm->random ^= storm->random << 13;
    storm->random ^= storm->random >> 7;
    storm->random ^= storm->random << 17;
    return storm->random % below;
}

static enum world_fate fate(void *context, const struct world_request *request)
{
    struct storm *storm = context;
    (void)request;
    if (!storm->blows || draw(storm, 8) != 0)
        return WORLD_ARRIVES;
    return (enum world_fate)(1 + draw(storm, 3));
}

static void blow(struct world *world, struct storm *storm, int revision)
{
    char billing[64], shop[64];
    snprintf(billing, sizeof billing, "registry.example/%s:%d",
             draw(storm, 4) == 0 ? "broken" : "billing", revision);
    snprintf(shop, sizeof shop, "registry.example/shop:%d", revision);
    repository_commit(world, revision, platform_large, "billing", billing,
                      "  rollout: {progressDeadline: 1m}\n", "shop", shop, NULL, NULL);
    for (int i = 0; i < 4; i++) {
        world_run(world, (int64_t)draw(storm, 40000));
        if (draw(storm, 2) == 0)
            world->kill_at_event = world->events + 1 + draw(storm, 200);
        if (draw(storm, 3) == 0)
            world_kill(world);
    }
    world_command(world, "approve", json_pack("{s:b}", "all", 1), NULL);
}

Test(storm, after_it_all_comes_right)
{
    const char *wish = getenv("STORMS");
    const uint64_t seeds = wish == NULL ? 12 : strtoull(wish, NULL, 10);
    for (uint64_t seed = 1; seed <= seeds; seed++) {
        struct storm storm = {seed * UINT64_C(0x9e3779b97f4a7c15), true};
        struct world_options options;
        world_options_default(&options);
        options.platform.conflict_percent = 20;
        options.fate = fate;
        options.context = &storm;
        struct world *world = world_new(&options);
        for (int revision = 1; revision <= 4; revision++)
            blow(world, &storm, revision);
        storm.blows = false;
        world->kill_at_event = 0;
        repository_commit(world, 9, platform_large, "billing", "registry.example/billing:9", NULL,
                          "shop", "registry.example/shop:9", NULL, NULL);
        for (int i = 0; i < 6; i++) {
            world_run(world, MINUTES(4));
            world_command(world, "approve", json_pack("{s:b}", "all", 1), NULL);
        }
        char *why = world_why(world, "shop", NULL), *other = world_why(world, "billing", NULL);
        cr_expect_eq(engine_condition(world->engine), CONDITION_CONVERGED, "seed %u: %s; %s",
                     (unsigned)seed, why, other);
        free(why);
        free(other);
        expect_runs(world, "shop-api-a", "production-eu", "registry.example/shop:9");
        expect_runs(world, "billing-api-a", "production", "registry.example/billing:9");
        expect_no_dangers(world);
        expect_silence(world);
        world_free(world);
    }
}
