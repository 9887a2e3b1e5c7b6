/* Memory that runs out in the middle of a step: the engine says so, is built again from the journal
 * and comes to the same end; questions have no answer then, and change nothing. */
#include "tests/reconciler/engine/expect.h"
#include "tests/reconciler/scarcity.h"

#include <criterion/criterion.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>

TestSuite(scarcity, .timeout = 600);

/* Which allocation of which step fails: early ones as often as late ones. */
struct shortage {
    uint64_t state;
    uint64_t wait; /* steps until the next one */
    uint64_t failures, limit;
};

static uint64_t draw(struct shortage *shortage, uint64_t below)
{
    shortage->state ^= shortage->state << 13;
    shortage->state ^= shortage->state >> 7;
    shortage->state ^= shortage->state << 17;
    return (shortage->state >> 11) % below;
}

static int scarce_step(void *context, struct engine *engine, const struct engine_event *event,
                       struct effect_list *effects)
{
    struct shortage *shortage = context;
    if (shortage->failures >= shortage->limit || shortage->wait-- > 0)
        return engine_step(engine, event, effects);
    shortage->wait = draw(shortage, 20);
    scarcity_begin(draw(shortage, UINT64_C(1) << draw(shortage, 14)), draw(shortage, 2) == 0);
    const int status = engine_step(engine, event, effects);
    if (scarcity_end() > 0) {
        shortage->failures++;
    } else {
        shortage->wait = 0;
        cr_assert_eq(status, 0, "-ENOMEM without need");
    }
    return status;
}

static struct world *scarce_world(struct shortage *shortage, uint64_t seed, uint64_t limit)
{
    *shortage = (struct shortage){.state = seed * UINT64_C(0x9e3779b97f4a7c15) + 1, .limit = limit};
    struct world_options options;
    world_options_default(&options);
    options.step = scarce_step;
    options.context = shortage;
    return world_new(&options);
}

Test(scarcity, a_rollout_and_a_rollback_end_as_ever)
{
    const char *wish = getenv("SCARCITY_SEEDS");
    const uint64_t seeds = wish != NULL ? strtoull(wish, NULL, 10) : 8;
    for (uint64_t seed = 1; seed <= seeds; seed++) {
        struct shortage shortage;
        struct world *world = scarce_world(&shortage, seed, 200);
        repository_commit(world, 1, platform_small, "shop", "registry.example/shop:1", NULL, NULL);
        world_run(world, MINUTES(3));
        /* Its project gets a new release, too. */
        json_t *type = json_pack("{s:{s:{s:s}}}", "spec", "labels", "generation", "2");
        cr_assert(platform_tamper(world->platform, "clusterprojecttypes", NULL, "default", type,
                                  world_platform_now(world)));
        json_decref(type);
        world_run(world, MINUTES(1));
        repository_commit(world, 2, platform_small, "shop", "registry.example/broken:2",
                          "  rollout: {progressDeadline: 30s}\n", NULL);
        world_run(world, MINUTES(4));
        cr_expect_gt(shortage.failures, 20, "seed %u", (unsigned)seed);
        shortage.limit = 0;
        world_run(world, MINUTES(8));
        cr_expect_eq(engine_condition(world->engine), CONDITION_HELD, "seed %u", (unsigned)seed);
        expect_runs(world, "shop-api-a", "development", "registry.example/shop:1");
        expect_no_dangers(world);
        expect_silence(world);
        world_free(world);
    }
}
