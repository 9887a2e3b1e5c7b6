/* From a push to a converged control plane, against the model. */
#include "config/base/json.h"
#include "tests/reconciler/engine/repository.h"

#include <criterion/criterion.h>

#include <stdlib.h>
#include <string.h>

#define MINUTES(n) (INT64_C(60000) * (n))

static void expect_no_dangers(const struct world *world)
{
    const struct platform_dangers dangers = platform_danger(world->platform);
    const struct platform_dangers none = {0};
    cr_expect(
        memcmp(&dangers, &none, sizeof none) == 0,
        "ns %u dup %u live %u env %u missing %u unready %u taken %u prb %u over %u dangling %u "
        "terminating %u foreign %u double %u",
        dangers.namespace_destroyed, dangers.duplicate_binding, dangers.livelock_entered,
        dangers.environment_deleted, dangers.weight_to_missing, dangers.weight_to_unready,
        dangers.route_taken, dangers.binding_without_prb, dangers.release_overwritten,
        dangers.dangling_reference, dangers.terminating_used, dangers.foreign_erased,
        dangers.double_rollout);
}

static void expect_converged(struct world *world)
{
    if (world_run_until(world, CONDITION_CONVERGED, MINUTES(20)))
        return;
    json_t *status = engine_status(world->engine, world_now(world));
    char *text = json_dumps(status, JSON_INDENT(1));
    json_t *log = world->published;
    char *events = json_dumps(log, JSON_INDENT(1));
    cr_assert_fail("not converged: %s\n%s", text, events);
}

Test(converge, one_cell_with_one_component, .timeout = 60)
{
    struct world *world = repository_world();
    repository_commit(world, 1, platform_small, "shop", "registry.example/shop:1", NULL, NULL);
    expect_converged(world);
    const struct platform_running running =
        platform_running(world->platform, "acme", "shop-api-a", "development");
    cr_expect(running.deployed);
    cr_expect_str_eq(running.image, "registry.example/shop:1");
    cr_expect_gt(running.ready, 0);
    expect_no_dangers(world);
    char *differ = world_rows_differ(world);
    cr_expect_null(differ, "%s", differ);
    /* Converged is silent. */
    const uint64_t writes = world->writes;
    world_run(world, MINUTES(10));
    cr_expect_eq(world->writes, writes);
    world_free(world);
}
