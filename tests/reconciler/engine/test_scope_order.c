/* Who goes back with a component that failed, and in which order. */
#include "config/base/json.h"
#include "tests/reconciler/engine/scope_scene.h"

#include <criterion/criterion.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

TestSuite(scope_order, .timeout = 200);

#define PAUSED                                                                                     \
    "  rollout: {strategy: canary, steps: [{weight: 20, pause: true}], progressDeadline: 3m, "     \
    "rollback: {scope: cell}}\n"

/* --- who ----------------------------------------------------------------------------------------
 */

Test(scope_order, what_is_new_or_gone_in_the_revision_has_nothing_to_go_back_to)
{
    const struct part before[] = {{"base", "base:1", {NULL}},
                                  {"front", "front:1", {"base"}},
                                  {"same", "same:1", {NULL}},
                                  {"old", "old:1", {NULL}},
                                  {.name = NULL}};
    const struct part after[] = {{"base", "broken:2", {NULL}}, {"front", "front:2", {"base"}},
                                 {"same", "same:1", {NULL}},   {"late", "broken:1", {NULL}},
                                 {"new", "new:2", {NULL}},     {.name = NULL}};
    struct world *world = repository_world();
    scope_commit(world, 1, NULL, scope_cell("stock", SCOPE_CELL, before));
    expect_condition(world, CONDITION_CONVERGED);
    scope_commit(world, 2, NULL, scope_cell("stock", SCOPE_CELL, after));
    expect_condition(world, CONDITION_HELD);
    scope_runs(world, "base-a", "base:1");
    scope_runs(world, "front-a", "front:1");
    scope_runs(world, "same-a", "same:1");
    scope_runs(world, "new-a", "new:2");
    const int64_t at = scope_told_at(world, "rollback-scope", "base");
    cr_assert_geq(at, 0);
    const char *message =
        json_text_or(json_object_get(json_array_get(world->published, (size_t)at), "message"), "");
    cr_expect_not_null(strstr(message, "goes back too (front)"), "%s", message);
    expect_no_dangers(world);
    expect_silence(world);
    world_free(world);
}

Test(scope_order, what_came_with_another_revision_stays)
{
    static const char slow[] = "  rollout: {bake: 15m, progressDeadline: 3m}\n";
    struct world *world = repository_world();
    const struct part bad[] = {{"base", "broken:3", {NULL}}, {.name = NULL}};
    scope_commit(world, 1, scope_billing("billing:1", slow),
                 scope_cell("stock", SCOPE_PHASE, scope_good_base));
    expect_condition(world, CONDITION_CONVERGED);
    scope_commit(world, 2, scope_billing("billing:2", slow),
                 scope_cell("stock", SCOPE_PHASE, scope_good_base));
    world_run(world, MINUTES(5));
    scope_commit(world, 3, scope_billing("billing:2", slow), scope_cell("stock", SCOPE_PHASE, bad));
    world_run(world, MINUTES(6));
    cr_expect(world_published(world, "rolled-back", "stock"));
    cr_expect_not(world_published(world, "rollback-scope", "stock"));
    scope_runs(world, "billing-api-a", "billing:2");
    expect_no_dangers(world);
    world_free(world);
}

/* A person took it back already: it is on its way. */
Test(scope_order, what_is_on_its_way_back_already_is_left_alone)
{
    static const char brief[] = "  rollout: {bake: 4m, progressDeadline: 20m}\n";
    static const char phase[] = "  rollout: {progressDeadline: 20m, rollback: {scope: phase}}\n";
    struct world *world = repository_world();
    scope_commit(world, 1, scope_billing("billing:1", brief),
                 scope_cell("stock", phase, scope_good_base));
    expect_condition(world, CONDITION_CONVERGED);
    scope_commit(world, 2, scope_billing("billing:2", brief),
                 scope_cell("stock", phase, scope_bad_base));
    world_run(world, MINUTES(20) - 15000);
    bool ok = false;
    world_command(world, "rollback",
                  json_pack("{s:s, s:s}", "cell", "billing", "target", "development"), &ok);
    cr_expect(ok);
    world_run(world, MINUTES(2));
    cr_expect(world_published(world, "rolled-back", "stock"));
    cr_expect_not(world_published(world, "rollback-scope", "stock"));
    scope_runs(world, "billing-api-a", "billing:1");
    expect_no_dangers(world);
    world_free(world);
}

Test(scope_order, another_target_is_left_alone)
{
    static const char both[] =
        PLATFORM_HEAD "  environments: [{name: development}, {name: testing}]\n"
                      "  phases: [{name: first, cells: [stock]}]\n";
    struct world *world = repository_world();
    char *first = scope_cell("stock", SCOPE_CELL, scope_good),
         *second = scope_cell("stock", SCOPE_CELL, scope_bad);
    repository_commit(world, 1, both, "stock", first, NULL, NULL);
    world_run(world, 1000);
    expect_condition(world, CONDITION_CONVERGED);
    repository_commit(world, 2, both, "stock", second, NULL, NULL);
    world_run(world, 1000);
    expect_condition(world, CONDITION_HELD);
    scope_runs(world, "front-a", "front:1");
    expect_runs(world, "front-a", "testing", "registry.example/front:1");
    const int64_t at = scope_told_at(world, "rollback-scope", "base");
    cr_assert_geq(at, 0);
    const char *message =
        json_text_or(json_object_get(json_array_get(world->published, (size_t)at), "message"), "");
    cr_expect_not_null(strstr(message, "base failed on development: "), "%s", message);
    cr_expect_not_null(strstr(message, "(front)"), "%s", message);
    free(first);
    free(second);
    world_free(world);
}

/* It waits for the cell that failed: it does not begin any more. */
Test(scope_order, what_would_come_next_does_not_begin)
{
    struct world *world = repository_world();
    static const char after[] = "  dependsOn: [stock]\n" SCOPE_QUICK;
    scope_commit(world, 1, scope_billing("billing:1", after),
                 scope_cell("stock", SCOPE_PHASE, scope_good_base));
    expect_condition(world, CONDITION_CONVERGED);
    scope_commit(world, 2, scope_billing("billing:2", after),
                 scope_cell("stock", SCOPE_PHASE, scope_bad_base));
    expect_condition(world, CONDITION_HELD);
    scope_runs(world, "base-a", "base:1");
    scope_runs(world, "billing-api-a", "billing:1");
    cr_expect(world_published(world, "rollback-scope", "stock"));
    cr_expect_str_eq(world_node_state(world, "billing", "development"), "rolled-back");
    expect_why(world, "billing", "development", "base of cell stock");
    expect_silence(world);
    world_free(world);
}

/* It has another release to go back to, and what runs there is not what failed: it stays. */
Test(scope_order, what_would_come_next_does_not_go_back_instead)
{
    static const char after[] = "  dependsOn: [stock]\n" SCOPE_QUICK;
    struct world *world = repository_world();
    scope_commit(world, 1, scope_billing("billing:1", after),
                 scope_cell("stock", SCOPE_PHASE, scope_good_base));
    expect_condition(world, CONDITION_CONVERGED);
    scope_commit(world, 2, scope_billing("billing:2", after),
                 scope_cell("stock", SCOPE_PHASE, scope_good_base));
    expect_condition(world, CONDITION_CONVERGED);
    scope_commit(world, 3, scope_billing("billing:3", after),
                 scope_cell("stock", SCOPE_PHASE, scope_bad_base));
    expect_condition(world, CONDITION_HELD);
    scope_runs(world, "base-a", "base:1");
    scope_runs(world, "billing-api-a", "billing:2");
    expect_silence(world);
    world_free(world);
}

Test(scope_order, cells_that_are_gone_or_unchanged_are_no_part_of_it)
{
    static const char three[] = SCOPE_PLATFORM("billing, shop, stock");
    static const char two[] = SCOPE_PLATFORM("billing, stock");
    struct world *world = repository_world();
    char *first = scope_cell("stock", SCOPE_PHASE, scope_good_base),
         *second = scope_cell("stock", SCOPE_PHASE, scope_bad_base);
    repository_commit(world, 1, three, "stock", first, NULL, "billing", "registry.example/b:1",
                      NULL, "shop", "registry.example/shop:1", NULL, NULL);
    world_run(world, 1000);
    expect_condition(world, CONDITION_CONVERGED);
    bool ok = false;
    world_command(world, "suspend", json_pack("{s:s}", "cell", "shop"),
                  &ok); /* it is not removed, then */
    repository_commit(world, 2, two, "stock", second, NULL, "billing", "registry.example/b:1", NULL,
                      NULL);
    world_run(world, MINUTES(6));
    cr_expect(world_published(world, "rolled-back", "stock"));
    cr_expect_not(world_published(world, "rollback-scope", "stock"));
    scope_runs(world, "billing-api-a", "b:1");
    free(first);
    free(second);
    world_free(world);
}

/* Without the policy of its newest content nobody knows how far it would reach. */
Test(scope_order, an_attempt_whose_manifest_has_moved_on_goes_back_alone)
{
    const struct part built[] = {
        {"base", NULL, {NULL}}, {"front", "front:2", {"base"}}, {.name = NULL}};
    struct world *world = repository_world();
    scope_commit(world, 1, NULL, scope_cell("stock", SCOPE_CELL, scope_good));
    expect_condition(world, CONDITION_CONVERGED);
    scope_commit(world, 2, NULL, scope_cell("stock", SCOPE_CELL, scope_bad));
    world_run(world, MINUTES(1));
    scope_commit(world, 3, NULL, scope_cell("stock", SCOPE_CELL, built));
    world_run(world, MINUTES(20));
    scope_runs(world, "base-a", "base:1");
    scope_runs(world, "front-a", "front:2");
    cr_expect_not(world_published(world, "rollback-scope", "stock"));
    expect_no_dangers(world);
    world_free(world);
}

/* --- in which order -----------------------------------------------------------------------------
 */

Test(scope_order, cells_go_back_in_reverse_order_of_their_dependencies)
{
    static const char head[] = "  dependsOn: [billing]\n" SCOPE_PHASE;
    struct world *world = repository_world();
    scope_commit(world, 1, scope_billing("billing:1", SCOPE_QUICK),
                 scope_cell("stock", head, scope_good));
    expect_condition(world, CONDITION_CONVERGED);
    scope_commit(world, 2, scope_billing("billing:2", SCOPE_QUICK),
                 scope_cell("stock", head, scope_bad));
    expect_condition(world, CONDITION_HELD);
    scope_runs(world, "base-a", "base:1");
    scope_runs(world, "front-a", "front:1");
    scope_runs(world, "billing-api-a", "billing:1");
    const int64_t front = scope_told_at(world, "rollout-promoted", "front");
    const int64_t billing = scope_told_at(world, "rollout-started", "billing-api");
    cr_expect_lt(front, billing, "%d %d", (int)front, (int)billing);
    expect_no_dangers(world);
    expect_silence(world);
    world_free(world);
}

/* "mid" is no part of "front-mid": names that only look alike do not order anything. */
Test(scope_order, attempts_under_way_are_stopped_from_the_front_on)
{
    static const char *const heads[] = {
        PAUSED, "  rollout: {bake: 20m, progressDeadline: 3m, rollback: {scope: cell}}\n"};
    const struct part before[] = {{"base", "base:1", {NULL}},
                                  {"mid", "mid:1", {"base"}},
                                  {"mid-way", "way:1", {NULL}},
                                  {"front", "front:1", {"mid-way"}},
                                  {.name = NULL}};
    const struct part after[] = {{"base", "broken:2", {NULL}},
                                 {"mid", "mid:2", {"base"}},
                                 {"mid-way", "way:2", {NULL}},
                                 {"front", "front:2", {"mid-way", "mid"}},
                                 {.name = NULL}};
    for (size_t i = 0; i < 2; i++) {
        struct world *world = repository_world();
        scope_commit(world, 1, NULL, scope_cell("stock", SCOPE_CELL, before));
        expect_condition(world, CONDITION_CONVERGED);
        scope_commit(world, 2, NULL, scope_cell("stock", heads[i], after));
        world_run(world, MINUTES(2));
        scope_runs(world, i == 0 ? "front-b" : "front-a", "front:2");
        expect_condition(world, CONDITION_HELD);
        scope_runs(world, "base-a", "base:1");
        scope_runs(world, "mid-a", "mid:1");
        scope_runs(world, "mid-way-a", "way:1");
        scope_runs(world, "front-a", "front:1");
        const int64_t front = scope_told_at(world, "rolled-back", "front");
        cr_expect_lt(scope_told_at(world, "rollback-started", "front"),
                     scope_told_at(world, "rollback-started", "mid"));
        cr_expect_geq(front, 0);
        expect_why(world, "stock", "development", "base");
        expect_no_dangers(world);
        expect_silence(world);
        world_free(world);
    }
}

/* Each needs all the others: who is first cannot matter, and does not take for ever. */
Test(scope_order, a_circle_goes_back_all_the_same)
{
    const struct part first[] = {{"base", "base:1", {NULL}}, {"a", "a:1", {NULL}},
                                 {"b", "b:1", {NULL}},       {"c", "c:1", {NULL}},
                                 {"d", "d:1", {NULL}},       {.name = NULL}};
    const struct part before[] = {{"base", "base:1", {NULL}},    {"a", "a:1", {"b", "c", "d"}},
                                  {"b", "b:1", {"a", "c", "d"}}, {"c", "c:1", {"a", "b", "d"}},
                                  {"d", "d:1", {"a", "b", "c"}}, {.name = NULL}};
    const struct part after[] = {{"base", "broken:2", {NULL}},  {"a", "a:2", {"b", "c", "d"}},
                                 {"b", "b:2", {"a", "c", "d"}}, {"c", "c:2", {"a", "b", "d"}},
                                 {"d", "d:2", {"a", "b", "c"}}, {.name = NULL}};
    struct world *world = repository_world();
    scope_commit(world, 1, NULL, scope_cell("stock", SCOPE_CELL, first));
    expect_condition(world, CONDITION_CONVERGED);
    scope_commit(world, 2, NULL, scope_cell("stock", SCOPE_CELL, before));
    expect_condition(world, CONDITION_CONVERGED);
    scope_commit(world, 3, NULL, scope_cell("stock", SCOPE_CELL, after));
    world_run(world, MINUTES(2));
    scope_runs(world, "d-a", "d:2");
    expect_condition(world, CONDITION_HELD);
    scope_runs(world, "a-a", "a:1");
    scope_runs(world, "d-a", "d:1");
    expect_no_dangers(world);
    expect_silence(world);
    world_free(world);
}
