/* Memory that runs out in the middle of a step: the engine says so, is built again from the journal
 * and comes to the same end; questions have no answer then, and change nothing. */
#include "tests/reconciler/engine/traffic.h"
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

static uint64_t seeds(uint64_t usual)
{
    const char *wish = getenv("SCARCITY_SEEDS");
    return wish != NULL ? strtoull(wish, NULL, 10) : usual;
}

static void begin(struct shortage *shortage, uint64_t seed, uint64_t limit)
{
    *shortage = (struct shortage){.state = seed * UINT64_C(0x9e3779b97f4a7c15) + 1, .limit = limit};
}

static struct world *scarce_world(struct shortage *shortage, uint64_t seed, uint64_t limit)
{
    begin(shortage, seed, limit);
    struct world_options options;
    world_options_default(&options);
    options.step = scarce_step;
    options.context = shortage;
    return world_new(&options);
}

Test(scarcity, a_rollout_and_a_rollback_end_as_ever)
{
    for (uint64_t seed = 1; seed <= seeds(8); seed++) {
        struct shortage shortage;
        struct world *world = scarce_world(&shortage, seed, 200);
        repository_commit(world, 1, platform_small, "shop", "registry.example/shop:1", NULL, NULL);
        world_run(world, MINUTES(3));
        /* Its project gets a new release, too. */
        json_t *type = json_pack("{s:{s:{s:s}}}", "spec", "labels", "generation", "2");
        expect_changed(world, "clusterprojecttypes", NULL, "default", type);
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

/* No window is judged twice, and no bad release passes, however often the engine begins anew. */
Test(scarcity, a_judge_comes_to_its_verdict_as_ever)
{
    static const struct {
        const char *policy, *tag, *state;
    } rows[] = {
        {TRAFFIC_CANARY_WITH("metrics: [error-rate, latency]"), "bad", "held"},
        {TRAFFIC_CANARY_WITH("metrics: [error-rate, latency]"), "2", "idle"},
        {TRAFFIC_BLUE_GREEN, "2", "idle"},
    };
    for (uint64_t seed = 1; seed <= seeds(6); seed++) {
        struct shortage shortage;
        begin(&shortage, seed, 0);
        struct traffic traffic = {
            .rate = 10, .base = 0.005, .bad = 0.1, .step = scarce_step, .step_context = &shortage};
        const char *policy = rows[seed % 3].policy;
        traffic_begin(&traffic, policy, rows[seed % 3].tag);
        shortage.limit = 200;
        world_run(traffic.world, MINUTES(30));
        cr_expect_gt(shortage.failures, 20, "seed %u", (unsigned)seed);
        shortage.limit = 0;
        traffic_until(&traffic, "development", rows[seed % 3].state, MINUTES(60));
        cr_expect_eq(traffic_quarantines(&traffic), seed % 3 == 0, "seed %u", (unsigned)seed);
        expect_no_dangers(traffic.world);
        expect_silence(traffic.world);
        traffic_free(&traffic);
    }
}

Test(scarcity, what_goes_back_together_does_so_as_ever)
{
    static const char cell[] =
        "raw:apiVersion: celld.dev/v1\nkind: Cell\nmetadata: {name: shop}\nspec:\n"
        "  rollout: {progressDeadline: 1m, rollback: {scope: cell}}\n  components:\n"
        "    - {name: base, type: service, image: \"r.example/%s\",\n"
        "       endpoints: [{name: http, type: http, port: 8080, visibility: [namespace]}]}\n"
        "    - {name: front, type: service, image: \"r.example/front:%d\",\n"
        "       endpoints: [{name: http, type: http, port: 8081, visibility: [namespace]}],\n"
        "       connections: [{name: base, target: acme-shop, protocol: http, port: 8080}],\n"
        "       env: [{name: BASE, value: \"${CHOREO_CONNECTION_base}\"}]}\n";
    for (uint64_t seed = 1; seed <= seeds(6); seed++) {
        struct shortage shortage;
        struct world *world = scarce_world(&shortage, seed, 0);
        char text[2048];
        snprintf(text, sizeof text, cell, "base:1", 1);
        repository_commit(world, 1, platform_small, "shop", text, NULL, NULL);
        expect_condition(world, CONDITION_CONVERGED);
        snprintf(text, sizeof text, cell, "broken:2", 2);
        repository_commit(world, 2, platform_small, "shop", text, NULL, NULL);
        world_run(world, 50000);
        shortage.limit = 100;
        world_run(world, MINUTES(10));
        cr_expect_gt(shortage.failures, 20, "seed %u", (unsigned)seed);
        shortage.limit = 0;
        expect_condition(world, CONDITION_HELD);
        expect_runs(world, "base-a", "development", "r.example/base:1");
        expect_runs(world, "front-a", "development", "r.example/front:1");
        expect_no_dangers(world);
        expect_silence(world);
        world_free(world);
    }
}

Test(scarcity, a_workflow_judges_as_ever)
{
    static const char policy[] =
        "{strategy: canary, steps: [{weight: 5, soak: 1m}, {weight: 50, soak: 1m}], bake: 1m, "
        "analysis: {provider: workflow, workflow: {name: smoke}}}";
    for (uint64_t seed = 1; seed <= seeds(4); seed++) {
        struct shortage shortage;
        begin(&shortage, seed, 0);
        struct traffic traffic = {.rate = 10, .step = scarce_step, .step_context = &shortage};
        struct world *world = traffic_world(&traffic);
        expect_created(world, "/api/v1/clusterworkflows",
                       "{\"metadata\":{\"name\":\"smoke\"},\"spec\":{\"runTemplate\":{}}}");
        traffic_commit(&traffic, 1, platform_small, "1", policy);
        expect_condition(world, CONDITION_CONVERGED);
        traffic_commit(&traffic, 2, platform_small, "2", policy);
        shortage.limit = 150;
        world_run(world, MINUTES(10));
        cr_expect_gt(shortage.failures, 20, "seed %u", (unsigned)seed);
        shortage.limit = 0;
        expect_condition(world, CONDITION_CONVERGED);
        expect_runs(world, "shop-api-b", "development", "registry.example/shop:2");
        expect_no_dangers(world);
        expect_silence(world);
        traffic_free(&traffic);
    }
}
