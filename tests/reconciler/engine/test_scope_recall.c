/* What holds while others are back with a component that failed, and until when. */
#include "config/base/json.h"
#include "reconciler/engine/scope.h"
#include "reconciler/engine/unit.h"
#include "tests/reconciler/engine/scope_scene.h"

#include <criterion/criterion.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

TestSuite(scope_recall, .timeout = 600);

/* --- until when ---------------------------------------------------------------------------------
 */

static struct world *gone_back(const char *scope)
{
    struct world *world = repository_world();
    scope_commit(world, 1, scope_billing("billing:1", SCOPE_QUICK),
                 scope_cell("stock", scope, scope_good));
    expect_condition(world, CONDITION_CONVERGED);
    scope_commit(world, 2, scope_billing("billing:2", SCOPE_QUICK),
                 scope_cell("stock", scope, scope_bad));
    expect_condition(world, CONDITION_HELD);
    scope_runs(world, "front-a", "front:1");
    cr_assert(world_has_rows(world, "recall/stock/base/development"));
    return world;
}

Test(scope_recall, the_others_come_again_when_the_failed_component_is_given_up)
{
    const struct part alone[] = {{"front", "front:2", {NULL}}, {.name = NULL}};
    struct world *world = gone_back(SCOPE_CELL);
    scope_commit(world, 3, scope_billing("billing:2", SCOPE_QUICK),
                 scope_cell("stock", SCOPE_CELL, alone));
    expect_condition(world, CONDITION_CONVERGED);
    scope_runs(world, "front-b", "front:2"); /* by another port now */
    cr_expect_not(world_has_rows(world, "recall/"));
    expect_silence(world);
    world_free(world);
}

Test(scope_recall, the_others_come_again_when_the_failed_cell_is_given_up)
{
    struct world *world = gone_back(SCOPE_PHASE);
    scope_runs(world, "billing-api-a", "billing:1");
    scope_commit(world, 3, scope_billing("billing:2", SCOPE_QUICK), NULL);
    world_run(world, MINUTES(5));
    scope_runs(world, "billing-api-a", "billing:2");
    cr_expect_not(world_has_rows(world, "recall/"));
    world_free(world);
}

Test(scope_recall, the_others_stay_back_while_nobody_knows_what_is_wanted_of_it)
{
    const struct part built[] = {
        {"base", NULL, {NULL}}, {"front", "front:2", {"base"}}, {.name = NULL}};
    struct world *world = gone_back(SCOPE_CELL);
    scope_commit(world, 3, scope_billing("billing:2", SCOPE_QUICK),
                 scope_cell("stock", SCOPE_CELL, built));
    world_run(world, MINUTES(5));
    scope_runs(world, "front-a", "front:1");
    cr_expect(world_has_rows(world, "recall/stock/base/development"));
    world_free(world);
}

/* After a restart the last good manifest is not at hand, and the newest cannot be read. */
Test(scope_recall, the_others_stay_back_while_its_manifest_cannot_be_read)
{
    struct world *world = gone_back(SCOPE_PHASE);
    scope_commit(world, 3, scope_billing("billing:2", SCOPE_QUICK), strdup("raw:nonsense"));
    for (size_t i = 0; i < world->row_count; i++) {
        if (strcmp(world->rows[i].key, "cell/stock") == 0)
            json_object_set_new(world->rows[i].value, "digest", json_string("another"));
    }
    world_kill(world);
    world_run(world, MINUTES(5));
    scope_runs(world, "billing-api-a", "billing:1");
    cr_expect(world_has_rows(world, "recall/stock/base/development"));
    expect_why(world, "billing", "development", "base of cell stock");
    world_free(world);
}

/* Rows that nobody would write: they end, and move nothing. */
Test(scope_recall, rows_about_nobody_end)
{
    static const char *const rows[][2] = {
        {"recall/ghost/base/development", "{\"digest\": \"d\", \"revision\": \"r\"}"},
        {"recall/stock/ghost/development", "{\"members\": 7}"},
        {"recall/stock/base/mars", "{\"members\": [{\"cell\": \"stock\"}]}"},
        {"recall/billing/billing-api/development",
         "{\"digest\": \"d\", \"members\": [7, {\"cell\": \"stock\", \"component\": \"front\", "
         "\"digest\": \"d\"}]}"},
    };
    struct world *world = gone_back(SCOPE_CELL);
    const struct part fixed[] = {
        {"base", "base:3", {NULL}}, {"front", "front:2", {"base"}}, {.name = NULL}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        world->rows = reallocarray(world->rows, world->row_count + 1, sizeof *world->rows);
        world->row_capacity = world->row_count + 1;
        world->rows[world->row_count++] = (struct world_row){
            .sequence = ++world->sequence,
            .key = strdup(rows[i][0]),
            .value = json_loads(rows[i][1], 0, NULL),
        };
    }
    world_kill(world);
    world_run(world, MINUTES(2));
    cr_expect(world_has_rows(world, "recall/stock/base/development"), "that one is about somebody");
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        cr_expect_not(world_has_rows(world, rows[i][0]), "%s", rows[i][0]);
    scope_runs(world, "front-a", "front:1");
    expect_silence(world);
    scope_commit(world, 3, scope_billing("billing:2", SCOPE_QUICK),
                 scope_cell("stock", SCOPE_CELL, fixed));
    expect_condition(world, CONDITION_CONVERGED);
    cr_expect_not(world_has_rows(world, "recall/"));
    world_free(world);
}

/* --- while they go back -------------------------------------------------------------------------
 */

/* What waits for its image has nothing that could go back. */
Test(scope_recall, what_is_not_built_yet_is_no_part_of_it)
{
    const struct part after[] = {
        {"base", "broken:2", {NULL}}, {"front", NULL, {"base"}}, {.name = NULL}};
    struct world *world = repository_world();
    scope_commit(world, 1, NULL, scope_cell("stock", SCOPE_CELL, scope_good));
    expect_condition(world, CONDITION_CONVERGED);
    scope_commit(world, 2, NULL, scope_cell("stock", SCOPE_CELL, after));
    world_run(world, MINUTES(6));
    cr_expect(world_published(world, "rolled-back", "stock"));
    cr_expect_not(world_published(world, "rollback-scope", "stock"));
    scope_runs(world, "base-a", "base:1");
    scope_runs(world, "front-a", "front:1");
    expect_no_dangers(world);
    world_free(world);
}

/* A person takes the failed component back one further: the others stay where they are. */
Test(scope_recall, the_others_stay_back_while_the_failed_one_goes_back_further)
{
    const struct part parts[][3] = {
        {{"base", "base:1", {NULL}}, {"front", "front:1", {"base"}}, {.name = NULL}},
        {{"base", "base:2", {NULL}}, {"front", "front:2", {"base"}}, {.name = NULL}},
        {{"base", "broken:3", {NULL}}, {"front", "front:3", {"base"}}, {.name = NULL}}};
    struct world *world = repository_world();
    for (int i = 0; i < 3; i++) {
        scope_commit(world, i + 1, NULL, scope_cell("stock", SCOPE_CELL, parts[i]));
        expect_condition(world, i < 2 ? CONDITION_CONVERGED : CONDITION_HELD);
    }
    scope_runs(world, "base-a", "base:2");
    scope_runs(world, "front-a", "front:2");
    bool ok = false;
    world_command(
        world, "rollback",
        json_pack("{s:s, s:s, s:s}", "cell", "stock", "component", "base", "target", "development"),
        &ok);
    cr_expect(ok);
    world_run(world, 5000);
    cr_expect(world_has_rows(world, "recall/stock/base/development"));
    expect_condition(world, CONDITION_HELD);
    scope_runs(world, "base-a", "base:1");
    scope_runs(world, "front-a", "front:2");
    cr_expect(world_has_rows(world, "recall/stock/base/development"));
    expect_no_dangers(world);
    expect_silence(world);
    world_free(world);
}

/* The one that counts need not be the first that is named. */
Test(scope_recall, every_cell_that_one_depends_on_is_looked_at)
{
    static const char head[] = "  dependsOn: [accounts, billing]\n" SCOPE_PHASE;
    struct world *world = repository_world();
    for (int i = 1; i <= 2; i++) {
        char *billing = scope_billing(i == 1 ? "billing:1" : "billing:2", SCOPE_QUICK);
        char *stock = scope_cell("stock", SCOPE_PHASE, i == 1 ? scope_good_base : scope_bad_base);
        const struct part parts[] = {{"front", i == 1 ? "front:1" : "front:2", {NULL}},
                                     {.name = NULL}};
        char *shop = scope_cell("shop", head, parts);
        repository_commit(world, i, SCOPE_PLATFORM("accounts, billing, shop, stock"), "accounts",
                          "registry.example/accounts:1", NULL, "billing", billing, NULL, "shop",
                          shop, NULL, "stock", stock, NULL, NULL);
        free(billing);
        free(stock);
        free(shop);
        world_run(world, 1000);
        expect_condition(world, i == 1 ? CONDITION_CONVERGED : CONDITION_HELD);
    }
    scope_runs(world, "front-a", "front:1");
    scope_runs(world, "billing-api-a", "billing:1");
    cr_expect_lt(scope_told_at(world, "rollout-promoted", "front"),
                 scope_told_at(world, "rollout-started", "billing-api"));
    expect_no_dangers(world);
    expect_silence(world);
    world_free(world);
}

/* Its traffic is on the old release again: what it needs may follow while it bakes. */
Test(scope_recall, what_bakes_its_way_back_holds_up_nobody)
{
    static const char bakes[] =
        "  rollout: {bake: 1m, progressDeadline: 4m, rollback: {scope: cell}}\n";
    struct world *world = repository_world();
    scope_commit(world, 1, NULL, scope_cell("stock", bakes, scope_good_chain));
    expect_condition(world, CONDITION_CONVERGED);
    scope_commit(world, 2, NULL, scope_cell("stock", bakes, scope_bad_chain));
    expect_condition(world, CONDITION_HELD);
    scope_runs(world, "front-a", "front:1");
    scope_runs(world, "mid-a", "mid:1");
    scope_runs(world, "base-a", "base:1");
    cr_expect(world_published(world, "rollback-scope", "stock"));
    expect_no_dangers(world);
    expect_silence(world);
    world_free(world);
}

/* A new release beside the old one that never got traffic: what it needs goes back at once. */
Test(scope_recall, what_has_no_traffic_yet_holds_up_nobody)
{
    static const char beside[] =
        "  rollout: {strategy: canary, steps: [{weight: 20, soak: 30m}], progressDeadline: 3m, "
        "rollback: {scope: cell}}\n";
    const struct part after[] = {{"base", "broken:2", {NULL}},
                                 {"mid", "mid:2", {"base"}},
                                 {"front", "slow:2", {"mid"}},
                                 {.name = NULL}};
    struct world *world = repository_world();
    platform_image_rule(world->platform, "*slow:2", PLATFORM_IMAGE_SLOW, MINUTES(3) - 5000);
    scope_commit(world, 1, NULL, scope_cell("stock", SCOPE_CELL, scope_good_chain));
    expect_condition(world, CONDITION_CONVERGED);
    scope_commit(world, 2, NULL, scope_cell("stock", beside, after));
    expect_condition(world, CONDITION_HELD);
    scope_runs(world, "front-a", "front:1");
    scope_runs(world, "mid-a", "mid:1");
    scope_runs(world, "base-a", "base:1");
    expect_no_dangers(world);
    expect_silence(world);
    world_free(world);
}

/* Newer content is on its way, and git wants what went back again: that does not stay. */
Test(scope_recall, what_went_back_does_not_come_again_while_another_attempt_is_under_way)
{
    const struct part newer[] = {
        {"base", "broken:2", {NULL}}, {"front", "front:3", {"base"}}, {.name = NULL}};
    struct world *world = gone_back(SCOPE_CELL);
    platform_image_rule(world->platform, "*front:3", PLATFORM_IMAGE_SLOW, MINUTES(1));
    scope_commit(world, 3, scope_billing("billing:2", SCOPE_QUICK),
                 scope_cell("stock", SCOPE_CELL, newer));
    world_run(world, 20000);
    cr_expect(world_has_rows(world, "recall/stock/base/development"));
    scope_commit(world, 4, scope_billing("billing:2", SCOPE_QUICK),
                 scope_cell("stock", SCOPE_CELL, scope_bad));
    expect_condition(world, CONDITION_HELD);
    char *why = world_why(world, "stock", "development");
    cr_expect_not_null(strstr(why, "base"), "%s", why);
    free(why);
    json_t *front = platform_object(world->platform, "workloads", "acme", "front-a");
    cr_expect_not_null(front);
    json_decref(front);
    cr_expect(world_has_rows(world, "recall/stock/base/development"));
    expect_no_dangers(world);
    expect_silence(world);
    world_free(world);
}

/* A row that names others beside those who are there: they are passed over. */
Test(scope_recall, members_that_nobody_knows_are_passed_over)
{
    static const char more[] =
        "[{\"cell\": \"ghost\", \"component\": \"x\", \"digest\": \"d\"},"
        " {\"cell\": \"stock\", \"component\": \"front\", \"digest\": \"another\"},"
        " {\"cell\": \"stock\", \"component\": \"old\", \"digest\": \"d\"},"
        " {\"cell\": \"billing\", \"component\": \"billing-api\", \"digest\": \"d\"}]";
    const struct part before[] = {{"base", "base:1", {NULL}},
                                  {"mid", "mid:1", {"base"}},
                                  {"front", "front:1", {"mid"}},
                                  {"old", "old:1", {NULL}},
                                  {.name = NULL}};
    struct world *world = repository_world();
    scope_commit(world, 1, scope_billing("billing:1", SCOPE_QUICK),
                 scope_cell("stock", SCOPE_CELL, before));
    expect_condition(world, CONDITION_CONVERGED);
    bool ok = false;
    scope_commit(world, 2, scope_billing("billing:1", SCOPE_QUICK),
                 scope_cell("stock", SCOPE_CELL, scope_bad_chain));
    while (!world_has_rows(world, "recall/stock/base/development"))
        cr_assert(world_step(world, world->now_ms + MINUTES(10)));
    for (size_t i = 0; i < world->row_count; i++) {
        if (strcmp(world->rows[i].key, "recall/stock/base/development") != 0)
            continue;
        json_t *members = json_loads(more, 0, NULL);
        json_array_extend(members, json_object_get(world->rows[i].value, "members"));
        ok = json_object_set_new(world->rows[i].value, "members", members) == 0;
    }
    cr_assert(ok);
    world_kill(world);
    expect_condition(world, CONDITION_HELD);
    scope_runs(world, "base-a", "base:1");
    scope_runs(world, "mid-a", "mid:1");
    scope_runs(world, "front-a", "front:1");
    scope_runs(world, "billing-api-a", "billing:1");
    cr_expect_lt(scope_told_at(world, "rollout-promoted", "front"),
                 scope_told_at(world, "rollout-started", "mid"));
    expect_no_dangers(world);
    expect_silence(world);
    world_free(world);
}

/* --- who is meant -------------------------------------------------------------------------------
 */

static struct track *track_named(const struct world *world, const char *cell, const char *component)
{
    struct track *track = unit_track_find(world->engine, cell, component, "development");
    cr_assert_not_null(track);
    return track;
}

/* A mark stands as long as its row and its component do. */
Test(scope_recall, a_mark_goes_with_its_row_and_its_component)
{
    struct world *world = gone_back(SCOPE_CELL);
    struct engine *engine = world->engine;
    struct track *front = track_named(world, "stock", "front");
    const struct component *manifest = front->manifest;
    cr_assert(front->recalled);
    front->manifest = NULL;
    scope_refresh(engine);
    cr_expect_not(front->recalled, "git gave it up");
    front->manifest = manifest;
    scope_refresh(engine);
    cr_expect(front->recalled);
    scope_apply(engine, "stock", "base", "development", NULL);
    cr_expect_eq(engine->recall_count, 0);
    scope_refresh(engine);
    cr_expect_not(front->recalled, "nothing is recalled any more");
    cr_expect_not(engine->recall_dirty);
    world_free(world);
}

/* The reason is that of the recall on the same target. */
Test(scope_recall, the_reason_is_that_of_its_own_target)
{
    struct world *world = gone_back(SCOPE_CELL);
    struct engine *engine = world->engine;
    json_t *row = scope_row(&engine->recalls[0]);
    scope_apply(engine, "billing", "billing-api", "testing", row);
    scope_apply(engine, "stock", "base", "development", row);
    json_decref(row);
    cr_assert_eq(engine->recall_count, 2);
    cr_assert_str_eq(engine->recalls[0].target, "testing");
    const char *reason = scope_reason(engine, track_named(world, "stock", "front"));
    cr_expect_not_null(strstr(reason, "base of cell stock"), "%s", reason);
    world_free(world);
}

/* Another attempt is under way than the one that went back: it is not stopped for that. */
Test(scope_recall, an_attempt_at_other_content_is_not_stopped)
{
    struct world *world = gone_back(SCOPE_CELL);
    struct track *front = track_named(world, "stock", "front");
    front->rollout.has_next = true;
    snprintf(front->rollout.next.deployment_digest, sizeof front->rollout.next.deployment_digest,
             "another");
    cr_expect_not(scope_cancels(world->engine, front));
    memcpy(front->rollout.next.deployment_digest, front->content.deployment_digest,
           sizeof front->rollout.next.deployment_digest);
    cr_expect(scope_cancels(world->engine, front));
    world_free(world);
}

/* What depends on it goes first, as long as that has traffic on what is to go. */
Test(scope_recall, what_has_traffic_holds_up_what_it_depends_on)
{
    static const char after[] = "  dependsOn: [stock]\n" SCOPE_QUICK;
    struct world *world = repository_world();
    scope_commit(world, 1, scope_billing("billing:1", after),
                 scope_cell("stock", SCOPE_PHASE, scope_good));
    expect_condition(world, CONDITION_CONVERGED);
    scope_commit(world, 2, scope_billing("billing:2", after),
                 scope_cell("stock", SCOPE_PHASE, scope_bad));
    while (!world_has_rows(world, "recall/stock/base/development"))
        cr_assert(world_step(world, world->now_ms + MINUTES(10)));
    struct track *front = track_named(world, "stock", "front"),
                 *billing = track_named(world, "billing", "billing-api");
    cr_assert(front->recalled && billing->recalled);
    front->rollout.has_next = front->rollout.returning = false;
    memcpy(front->rollout.stable.deployment_digest, front->content.deployment_digest,
           sizeof front->rollout.stable.deployment_digest);
    struct rollout *rollout = &billing->rollout;
    rollout->has_next = true;
    rollout->stable_slot = 'a';
    rollout->next_slot = 'b';
    memcpy(rollout->next.deployment_digest, billing->content.deployment_digest,
           sizeof rollout->next.deployment_digest);
    rollout->weight = 20;
    cr_expect_not(scope_undoes(world->engine, front));
    rollout->weight = 0;
    cr_expect(scope_undoes(world->engine, front), "it never got any");
    /* Nor does a cell of which nobody knows what it depends on. */
    rollout->weight = 20;
    struct cell *cell = billing->unit->cell;
    billing->unit->cell = NULL;
    cr_expect(scope_undoes(world->engine, front));
    billing->unit->cell = cell;
    world_free(world);
}
