/* How far a rollback reaches: the component, its cell, the cells of its phase. */
#include "config/base/json.h"
#include "tests/reconciler/engine/scope_scene.h"

#include <criterion/criterion.h>

#include <stdlib.h>
#include <string.h>

TestSuite(scope, .timeout = 200);

static const char platform[] = PLATFORM_HEAD "  environments: [{name: development}]\n"
                                             "  phases:\n"
                                             "    - {name: first, cells: [stock, billing]}\n"
                                             "    - {name: second, cells: [shop]}\n";

/* A cell of three: "<cell>-front" connects to "<cell>-mid", that to "<cell>-base". */
static char *trio(const char *cell, const char *base, const char *mid, const char *front,
                  const char *rollout)
{
    char *text = NULL;
    cr_assert_gt(
        asprintf(
            &text,
            "raw:apiVersion: celld.dev/v1\nkind: Cell\nmetadata: {name: %s}\n"
            "spec:\n  rollout: %s\n  components:\n"
            "    - {name: %s-base, type: service, image: \"registry.example/%s\",\n"
            "       endpoints: [{name: base, type: http, port: 8080, visibility: "
            "[namespace]}]}\n"
            "    - {name: %s-mid, type: service, image: \"registry.example/%s\",\n"
            "       endpoints: [{name: mid, type: http, port: 8081, visibility: "
            "[namespace]}],\n"
            "       connections: [{name: base, target: acme-%s, protocol: http, port: 8080}],\n"
            "       env: [{name: BASE, value: \"${CHOREO_CONNECTION_base}\"}]}\n"
            "    - {name: %s-front, type: service, image: \"registry.example/%s\",\n"
            "       endpoints: [{name: front, type: http, port: 8082, visibility: "
            "[external]}],\n"
            "       connections: [{name: mid, target: acme-%s, protocol: http, port: 8081}],\n"
            "       env: [{name: MID, value: \"${CHOREO_CONNECTION_mid}\"}]}\n",
            cell, rollout, cell, base, cell, mid, cell, cell, front, cell),
        0);
    return text;
}

static const char plain_shop[] = "registry.example/shop:1";

static void commit(struct world *world, int revision, char *stock, char *billing)
{
    repository_commit(world, revision, platform, "stock", stock, NULL, "billing",
                      billing == NULL ? "registry.example/billing:1" : billing, NULL, "shop",
                      plain_shop, NULL, NULL);
    free(stock);
    free(billing);
    world_run(world, 1000);
}

#define QUICK "{progressDeadline: 3m}"
#define CELL "{progressDeadline: 3m, rollback: {scope: cell}}"
#define PHASE "{progressDeadline: 3m, rollback: {scope: phase}}"

static struct world *standing(const char *rollout)
{
    struct world *world = repository_world();
    commit(world, 1, trio("stock", "base:1", "mid:1", "front:1", rollout),
           trio("billing", "base:1", "mid:1", "front:1", rollout));
    expect_condition(world, CONDITION_CONVERGED);
    return world;
}

Test(scope, of_a_component)
{
    struct world *world = standing(QUICK);
    commit(world, 2, trio("stock", "broken:2", "mid:2", "front:2", QUICK),
           trio("billing", "base:1", "mid:1", "front:1", QUICK));
    expect_condition(world, CONDITION_HELD);
    scope_runs(world, "stock-base-a", "base:1");
    scope_runs(world, "stock-mid-a", "mid:2");
    scope_runs(world, "stock-front-a", "front:2");
    expect_silence(world);
    world_free(world);
}

Test(scope, of_a_cell_goes_back_in_reverse_order_and_comes_again_with_the_fix)
{
    struct world *world = standing(CELL);
    commit(world, 2, trio("stock", "broken:2", "mid:2", "front:2", CELL),
           trio("billing", "base:2", "mid:1", "front:1", CELL));
    world_run(world, MINUTES(2));
    scope_runs(world, "stock-mid-a", "mid:2");
    scope_runs(world, "stock-front-a", "front:2");
    expect_condition(world, CONDITION_HELD);
    scope_runs(world, "stock-base-a", "base:1");
    scope_runs(world, "stock-mid-a", "mid:1");
    scope_runs(world, "stock-front-a", "front:1");
    scope_runs(world, "billing-base-a", "base:2");
    cr_expect(world_published(world, "rollback-scope", "stock"));
    cr_expect_lt(scope_told_at(world, "rollout-promoted", "stock-front"),
                 scope_told_at(world, "rollout-started", "stock-mid"));
    cr_expect_str_eq(world_node_state(world, "stock", "development"), "rolled-back");
    expect_why(world, "stock", "development", "stock-base");
    expect_no_dangers(world);
    expect_silence(world);
    /* Only the failed content is condemned. */
    json_t *quarantine = engine_quarantine(world->engine);
    cr_expect_eq(json_array_size(json_object_get(quarantine, "entries")), 1);
    json_decref(quarantine);
    world_kill(world);
    expect_condition(world, CONDITION_HELD);
    scope_runs(world, "stock-mid-a", "mid:1");
    commit(world, 3, trio("stock", "base:3", "mid:2", "front:2", CELL),
           trio("billing", "base:2", "mid:1", "front:1", CELL));
    expect_condition(world, CONDITION_CONVERGED);
    scope_runs(world, "stock-base-a", "base:3");
    scope_runs(world, "stock-mid-a", "mid:2");
    scope_runs(world, "stock-front-a", "front:2");
    expect_no_dangers(world);
    expect_silence(world);
    world_free(world);
}

Test(scope, of_a_phase_takes_the_other_cells_back)
{
    struct world *world = standing(PHASE);
    commit(world, 2, trio("stock", "broken:2", "mid:1", "front:1", PHASE),
           trio("billing", "base:2", "mid:1", "front:1", PHASE));
    expect_condition(world, CONDITION_HELD);
    scope_runs(world, "stock-base-a", "base:1");
    scope_runs(world, "billing-base-a", "base:1");
    cr_expect_str_eq(world_node_state(world, "billing", "development"), "rolled-back");
    expect_why(world, "billing", "development", "stock-base of cell stock");
    expect_silence(world);
    /* A person lifts the quarantine: all of it is tried again, and goes back again. */
    bool ok = false;
    world_command(world, "quarantine-clear", json_pack("{s:s}", "cell", "stock"), &ok);
    cr_expect(ok);
    world_run(world, MINUTES(1));
    expect_condition(world, CONDITION_HELD);
    scope_runs(world, "billing-base-a", "base:1");
    expect_silence(world);
    /* Newer content of its own does not wait for the other. */
    commit(world, 3, trio("stock", "broken:2", "mid:1", "front:1", PHASE),
           trio("billing", "base:3", "mid:1", "front:1", PHASE));
    world_run(world, MINUTES(3));
    scope_runs(world, "billing-base-a", "base:3");
    expect_no_dangers(world);
    world_free(world);
}

Test(scope, what_is_under_way_is_stopped)
{
    static const char paused[] =
        "{strategy: canary, steps: [{weight: 20, pause: true}], progressDeadline: 3m, "
        "rollback: {scope: cell}}";
    struct world *world = standing(paused);
    commit(world, 2, trio("stock", "broken:2", "mid:2", "front:1", paused),
           trio("billing", "base:1", "mid:1", "front:1", paused));
    world_run(world, MINUTES(2));
    expect_runs(world, "stock-mid-b", "development", "registry.example/mid:2");
    expect_condition(world, CONDITION_HELD);
    scope_runs(world, "stock-mid-a", "mid:1");
    cr_expect(!platform_running(world->platform, "acme", "stock-mid-b", "development").deployed);
    expect_why(world, "stock", "development", "stock-base");
    expect_no_dangers(world);
    expect_silence(world);
    /* With the fix what was stopped comes again. */
    commit(world, 3, trio("stock", "base:3", "mid:2", "front:1", paused),
           trio("billing", "base:1", "mid:1", "front:1", paused));
    world_run(world, MINUTES(3));
    expect_runs(world, "stock-mid-b", "development", "registry.example/mid:2");
    expect_no_dangers(world);
    world_free(world);
}

Test(scope, what_may_not_go_back_stays_and_is_told)
{
    struct world *world = repository_world();
    const char *forbidden = "{progressDeadline: 3m, rollback: {scope: phase, forbidden: true}}";
    commit(world, 1, trio("stock", "base:1", "mid:1", "front:1", PHASE),
           trio("billing", "base:1", "mid:1", "front:1", forbidden));
    expect_condition(world, CONDITION_CONVERGED);
    commit(world, 2, trio("stock", "broken:2", "mid:1", "front:1", PHASE),
           trio("billing", "base:2", "mid:1", "front:1", forbidden));
    expect_condition(world, CONDITION_HELD);
    scope_runs(world, "stock-base-a", "base:1");
    scope_runs(world, "billing-base-a", "base:2");
    world_free(world);
}

/* Killed after each row and at each write of it: the same end. */
Test(scope, survives_a_crash_anywhere)
{
    uint64_t first = 0, last = 0;
    for (uint64_t at = 0; at == 0 || at <= last - first; at += 13) {
        struct world *world = standing(CELL);
        commit(world, 2, trio("stock", "broken:2", "mid:2", "front:1", CELL),
               trio("billing", "base:1", "mid:1", "front:1", CELL));
        world_run(world, MINUTES(2));
        if (at == 0)
            first = world->effects;
        else
            world->kill_at_effect = first + at;
        expect_condition(world, CONDITION_HELD);
        if (at == 0)
            last = world->effects;
        world->kill_at_effect = 0;
        scope_runs(world, "stock-base-a", "base:1");
        scope_runs(world, "stock-mid-a", "mid:1");
        cr_expect_str_eq(world_node_state(world, "stock", "development"), "rolled-back");
        expect_no_dangers(world);
        expect_silence(world);
        world_free(world);
    }
}
