/* kill -9 at any effect and any event: the same end, no duplicate, nothing lost. */
#include "tests/reconciler/engine/expect.h"

#include <criterion/criterion.h>

#include <stdlib.h>
#include <string.h>

TestSuite(kill, .timeout = 3000);

static void play(struct world *world)
{
    repository_commit(world, 1, platform_small, "shop", "registry.example/shop:1", NULL, NULL);
    world_run(world, MINUTES(3));
    repository_commit(world, 2, platform_small, "shop", "registry.example/broken:2",
                      "  rollout: {progressDeadline: 30s}\n", NULL);
    world_run(world, MINUTES(4));
}

/* The end that every run has to come to. */
static void expect_end(struct world *world, const char *point, uint64_t at)
{
    world_run(world, MINUTES(6));
    cr_expect_eq(engine_condition(world->engine), CONDITION_HELD, "%s %u", point, (unsigned)at);
    const struct platform_running running =
        platform_running(world->platform, "acme", "shop-api-a", "development");
    cr_expect(running.ready > 0 && running.ready == running.wanted, "%s %u: %d/%d", point,
              (unsigned)at, running.ready, running.wanted);
    cr_expect_str_eq(running.image, "registry.example/shop:1", "%s %u", point, (unsigned)at);
    const struct platform_dangers dangers = platform_danger(world->platform);
    const struct platform_dangers none = {0};
    cr_expect(memcmp(&dangers, &none, sizeof none) == 0, "%s %u is dangerous", point, (unsigned)at);
    json_t *quarantine = engine_quarantine(world->engine);
    cr_expect_eq(json_array_size(json_object_get(quarantine, "entries")), 1, "%s %u", point,
                 (unsigned)at);
    json_decref(quarantine);
    char *differ = world_rows_differ(world);
    cr_expect_null(differ, "%s %u: journal and engine differ in %s", point, (unsigned)at, differ);
    free(differ);
}

/* Some points of the run, spread over its length; with KILL_POINTS=all in the environment every one
 * (the simulation does them all, too). */
static void kill_everywhere(bool effects)
{
    struct world *whole = repository_world();
    play(whole);
    expect_end(whole, "whole", 0);
    const uint64_t count = effects ? whole->effects : whole->events;
    world_free(whole);
    const char *wish = getenv("KILL_POINTS");
    const uint64_t step = wish != NULL && strcmp(wish, "all") == 0 ? 1 : count / 50 + 1;
    for (uint64_t at = 1 + step / 2; at < count; at += step) {
        struct world *world = repository_world();
        if (effects)
            world->kill_at_effect = at;
        else
            world->kill_at_event = at;
        play(world);
        expect_end(world, effects ? "effect" : "event", at);
        world_free(world);
    }
}

Test(kill, at_effects)
{
    kill_everywhere(true);
}

Test(kill, at_events)
{
    kill_everywhere(false);
}

Test(kill, restored_rows_give_the_same_status)
{
    struct world *world = repository_world();
    repository_commit(world, 1, platform_large, "billing", "registry.example/billing:1", NULL,
                      "shop", "registry.example/shop:1", NULL, NULL);
    expect_condition(world, CONDITION_HELD);
    json_t *before = engine_cell_status(world->engine, "shop", world_now(world));
    const uint64_t writes = world->writes;
    world_kill(world);
    world_run(world, MINUTES(2));
    json_t *after = engine_cell_status(world->engine, "shop", world_now(world));
    cr_expect_eq(world->writes, writes, "a restart writes nothing");
    for (size_t i = 0; i < 4; i++) {
        const json_t *a = json_array_get(json_object_get(before, "targets"), i);
        const json_t *b = json_array_get(json_object_get(after, "targets"), i);
        static const char *const same[] = {"state", "wait", "digest", "healthy", "release_digest"};
        for (size_t k = 0; k < sizeof same / sizeof *same; k++)
            cr_expect(json_equal(json_object_get(a, same[k]), json_object_get(b, same[k])), "%s",
                      same[k]);
    }
    json_decref(before);
    json_decref(after);
    world_free(world);
}
