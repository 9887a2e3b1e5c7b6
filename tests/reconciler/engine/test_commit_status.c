/* How a revision fares is told for each cell and environment, when it changes, once. */
#include "config/base/json.h"
#include "config/base/text.h"
#include "reconciler/engine/commit_status.h"
#include "reconciler/engine/unit.h"
#include "tests/reconciler/engine/expect.h"

#include <criterion/criterion.h>

#include <stdlib.h>
#include <string.h>

TestSuite(commit_status, .timeout = 200);

/* "development pending 1; development success 1; ": what history says of a cell. */
static char *told(const struct world *world, const char *cell)
{
    struct text text;
    text_init(&text, 8192);
    json_t *history = engine_history(world->engine);
    const json_t *events = json_object_get(history, "events");
    for (size_t i = 0; i < json_array_size(events); i++) {
        const json_t *event = json_array_get(events, i), *data = json_object_get(event, "data");
        if (strcmp(json_text_or(json_object_get(event, "type"), ""), "commit-status") != 0 ||
            strcmp(json_text_or(json_object_get(event, "cell"), ""), cell) != 0)
            continue;
        text_format(&text, "%s %s %s; ", json_text_or(json_object_get(data, "environment"), ""),
                    json_text_or(json_object_get(data, "state"), ""),
                    json_text_or(json_object_get(data, "commit"), "") + 39);
    }
    json_decref(history);
    return text_take(&text);
}

static void expect_told(const struct world *world, const char *cell, const char *wanted)
{
    char *text = told(world, cell);
    cr_expect_str_eq(text, wanted);
    free(text);
}

/* What left for sinks, of shop. */
struct sink {
    struct text text;
};

static void watch(void *context, const struct effect *effect)
{
    struct sink *sink = context;
    if (effect->kind != EFFECT_COMMIT_STATUS ||
        strncmp(effect->as.commit_status.context, "celld/shop/", 11) != 0)
        return;
    cr_expect_neq(effect->as.commit_status.message[0], '\0');
    text_format(&sink->text, "%s %s %s; ", effect->as.commit_status.context + 11,
                effect->as.commit_status.state, effect->as.commit_status.revision + 39);
}

static void commit(struct world *world, int revision, const char *shop)
{
    repository_commit(world, revision, platform_large, "billing", "registry.example/billing:1",
                      NULL, "shop", shop, NULL, NULL);
    world_run(world, 1000);
}

#define FIRST "development pending 1; development success 1; testing pending 1; testing success 1; "

Test(commit_status, follows_a_revision_through_the_environments)
{
    struct sink sink;
    text_init(&sink.text, 8192);
    struct world_options options;
    world_options_default(&options);
    options.watch = watch;
    options.context = &sink;
    struct world *world = world_new(&options);
    commit(world, 1, "registry.example/shop:1");
    expect_condition(world, CONDITION_HELD);
    expect_told(world, "shop", FIRST);
    for (int i = 0; i < 2; i++) {
        world_command(world, "approve", json_pack("{s:b}", "all", 1), NULL);
        world_run(world, MINUTES(15));
    }
    expect_condition(world, CONDITION_CONVERGED);
    expect_told(world, "shop", FIRST "production pending 1; production success 1; ");
    cr_expect_str_eq(text_get(&sink.text), FIRST "production pending 1; production success 1; ");
    /* Another commit that says the same of it, and a restart: nothing to tell. */
    commit(world, 2, "registry.example/shop:1");
    world_kill(world);
    world_run(world, MINUTES(5));
    cr_expect_str_eq(text_get(&sink.text), FIRST "production pending 1; production success 1; ");
    expect_silence(world);
    world_free(world);
    text_fini(&sink.text);
}

static const char alone[] = PLATFORM_HEAD "  environments: [{name: development}]\n"
                                          "  phases: [{name: first, cells: [billing]}]\n";

Test(commit_status, tells_of_failures_and_of_manifests_that_cannot_be_used)
{
    struct world *world = repository_world();
    commit(world, 1, "registry.example/shop:1");
    expect_condition(world, CONDITION_HELD);
    commit(world, 2, "registry.example/broken:2");
    expect_condition(world, CONDITION_HELD);
    expect_told(world, "shop", FIRST "development pending 2; development failure 2; ");
    expect_silence(world);
    commit(world, 3, "raw:kind: Cell\nnonsense: true\nmetadata: {name: shop}\n");
    world_run(world, MINUTES(1));
    expect_told(world, "shop",
                FIRST "development pending 2; development failure 2; development failure 3; "
                      "testing failure 3; production failure 3; ");
    commit(world, 4, "registry.example/shop:4");
    expect_condition(world, CONDITION_HELD);
    expect_told(world, "shop",
                FIRST "development pending 2; development failure 2; development failure 3; "
                      "testing failure 3; production failure 3; development pending 4; "
                      "development success 4; testing pending 4; testing success 4; ");
    /* A cell that is gone leaves no row behind. */
    repository_commit(world, 5, alone, "billing", "registry.example/billing:1", NULL, NULL);
    world_run(world, MINUTES(5));
    for (size_t i = 0; i < world->row_count; i++)
        cr_expect_neq(strncmp(world->rows[i].key, "commit/shop/", 12), 0, "%s", world->rows[i].key);
    world_free(world);
}

Test(commit_status, is_neither_lost_nor_repeated_by_a_crash)
{
    uint64_t rows = 0, first = 0;
    for (uint64_t at = 0; at == 0 || at <= rows - first; at++) {
        struct world *world = repository_world();
        repository_commit(world, 1, platform_small, "shop", "registry.example/shop:1", NULL, NULL);
        expect_condition(world, CONDITION_CONVERGED);
        if (at == 0) {
            first = world->persists;
        } else {
            world->crash = at % 2 == 0 ? WORLD_CRASH_PERSISTED : WORLD_CRASH_UNPERSISTED;
            world->crash_at = first + at;
        }
        repository_commit(world, 2, platform_small, "shop", "registry.example/shop:2", NULL, NULL);
        world_run(world, 1000);
        expect_condition(world, CONDITION_CONVERGED);
        if (at == 0)
            rows = world->persists;
        expect_told(world, "shop",
                    "development pending 1; development success 1; development pending 2; "
                    "development success 2; ");
        char *differ = world_rows_differ(world);
        cr_expect_null(differ, "%s", differ);
        free(differ);
        world_free(world);
    }
}

/* A death came between the event and the row: there is no row, and what was told is not told again.
 */
Test(commit_status, what_was_told_without_a_row_has_none)
{
    struct engine *engine = engine_new(&engine_options_default);
    cr_assert_not_null(engine);
    struct unit *unit = unit_get(engine, "shop");
    json_t *event = json_pack("{s:s, s:s, s:{s:s, s:s, s:s}}", "type", "commit-status", "cell",
                              "shop", "data", "environment", "testing", "commit",
                              "0000000000000000000000000000000000000001", "state", "success");
    commit_status_told(engine, event);
    cr_assert_eq(unit->status_count, 1);
    cr_expect_eq(unit->statuses[0].state, COMMIT_SUCCESS);
    struct effect_list rows;
    cr_expect_eq(engine_rows(engine, &rows), 0);
    cr_expect_eq(rows.count, 0);
    effect_list_fini(&rows);
    commit_status_apply(engine, "shop", "testing", json_object_get(event, "data"));
    cr_expect_eq(engine_rows(engine, &rows), 0);
    cr_assert_eq(rows.count, 1);
    cr_expect_str_eq(rows.items[0].as.persist.key, "commit/shop/testing");
    effect_list_fini(&rows);
    json_decref(event);
    engine_free(engine);
}
