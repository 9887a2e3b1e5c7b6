/* Events that nobody waits for, rows that say odd things of what was told, options at their edges:
 * the engine takes them and goes on. */
#include "config/base/json.h"
#include "reconciler/compile/compile.h"
#include "tests/reconciler/engine/expect.h"

#include <criterion/criterion.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

TestSuite(stray, .timeout = 600);

static void give(struct world *world, struct engine_event *event)
{
    struct effect_list effects;
    effect_list_init(&effects);
    event->now = world_now(world);
    cr_assert_eq(engine_step(world->engine, event, &effects), 0);
    engine_check_invariants(world->engine);
    effect_list_fini(&effects);
}

static struct world *converged(void)
{
    struct world *world = repository_world();
    repository_commit(world, 1, platform_small, "shop", "registry.example/shop:1", NULL, NULL);
    expect_condition(world, CONDITION_CONVERGED);
    return world;
}

Test(stray, answers_to_nothing_change_nothing)
{
    struct world *world = converged();
    const uint64_t version = engine_version(world->engine);
    struct engine_event answer = {.kind = EVENT_ANSWER};
    answer.as.answer.id = UINT64_MAX;
    answer.as.answer.status = 200;
    give(world, &answer);
    struct engine_event listed = {.kind = EVENT_LISTED};
    listed.as.listed.id = UINT64_MAX;
    listed.as.listed.complete = true;
    give(world, &listed);
    cr_expect_eq(engine_version(world->engine), version);
    expect_silence(world);
    world_free(world);
}

/* The other kind of answer to every request: lists as answers, answers as lists. */
struct swapper {
    enum engine_event_kind from;
    unsigned swapped;
};

static int swap(void *context, struct engine *engine, const struct engine_event *event,
                struct effect_list *effects)
{
    struct swapper *swapper = context;
    if (event->kind != swapper->from)
        return engine_step(engine, event, effects);
    swapper->swapped++;
    struct engine_event other = {.now = event->now};
    if (event->kind == EVENT_ANSWER) {
        other.kind = EVENT_LISTED;
        other.as.listed.id = event->as.answer.id;
    } else {
        other.kind = EVENT_ANSWER;
        other.as.answer.id = event->as.listed.id;
        other.as.answer.status = 200;
    }
    return engine_step(engine, &other, effects);
}

Test(stray, an_answer_of_the_other_kind_is_no_answer)
{
    static const enum engine_event_kind kinds[] = {EVENT_ANSWER, EVENT_LISTED};
    for (size_t i = 0; i < 2; i++) {
        struct swapper swapper = {.from = kinds[i]};
        struct world_options options;
        world_options_default(&options);
        options.step = swap;
        options.context = &swapper;
        struct world *world = world_new(&options);
        repository_commit(world, 1, platform_small, "shop", "registry.example/shop:1", NULL, NULL);
        world_run(world, MINUTES(5));
        cr_expect_gt(swapper.swapped, 0);
        cr_expect_neq(engine_condition(world->engine), CONDITION_CONVERGED);
        cr_expect(!platform_running(world->platform, "acme", "shop-api-a", "development").deployed);
        world_free(world);
    }
}

/* The search for a second binding, answered as if it were one object. */
static int swap_search(void *context, struct engine *engine, const struct engine_event *event,
                       struct effect_list *effects)
{
    const uint64_t *id = context;
    if (event->kind != EVENT_LISTED || event->as.listed.id != *id)
        return engine_step(engine, event, effects);
    struct engine_event other = {.kind = EVENT_ANSWER, .now = event->now};
    other.as.answer.id = *id;
    other.as.answer.status = 200;
    return engine_step(engine, &other, effects);
}

static void watch_search(void *context, const struct effect *effect)
{
    uint64_t *id = context;
    if (effect->kind == EFFECT_LIST && strstr(effect->as.list.path, "component=") != NULL)
        *id = effect->as.list.id;
}

Test(stray, a_search_that_was_not_answered_lets_nothing_be_made)
{
    uint64_t id = 0;
    struct world_options options;
    world_options_default(&options);
    options.step = swap_search;
    options.watch = watch_search;
    options.context = &id;
    struct world *world = world_new(&options);
    repository_commit(world, 1, platform_small, "shop", "registry.example/shop:1", NULL, NULL);
    world_run(world, MINUTES(5));
    cr_expect_neq(id, 0);
    json_t *binding =
        platform_object(world->platform, "releasebindings", "acme", "shop-api-a-development");
    cr_expect_null(binding);
    json_decref(binding);
    world_free(world);
}

/* --- rows ---------------------------------------------------------------------------------------
 */

static void restore(struct world *world, const char *key, const char *value)
{
    json_t *parsed = value == NULL ? NULL : json_loads(value, 0, NULL);
    struct engine_event event = {.kind = EVENT_RESTORE};
    event.as.restore.key = key;
    event.as.restore.value = parsed;
    give(world, &event);
    json_decref(parsed);
}

Test(stray, odd_rows_of_what_was_told_are_survived)
{
    struct world *world = repository_world();
    static const struct {
        const char *key, *value;
    } rows[] = {
        {"commit/shop/development", NULL},
        {"commit/shop/development", "{\"commit\": \"c\", \"state\": \"success\"}"},
        {"commit/shop/testing", "{\"commit\": \"c\", \"state\": \"nonsense\"}"},
        {"commit/shop/mars", NULL},
        {"commit/shop/development", NULL},
        {"event/1", "{\"type\": \"commit-status\", \"data\": {\"environment\": \"testing\"}}"},
        {"event/2", "{\"type\": \"commit-status\", \"cell\": \"shop\"}"},
        {"event/3", "{\"type\": \"commit-status\", \"cell\": \"nobody\", \"data\": "
                    "{\"environment\": \"testing\"}}"},
        {"gate/shop/testing/approval", "{\"digests\": \"d\", \"state\": \"passed\"}"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        restore(world, rows[i].key, rows[i].value);
    json_t *gates = engine_gates(world->engine);
    cr_expect_eq(json_array_size(json_object_get(gates, "gates")), 1);
    json_decref(gates);
    restore(world, "gate/shop/testing/approval", NULL);
    gates = engine_gates(world->engine);
    cr_expect_eq(json_array_size(json_object_get(gates, "gates")), 0);
    json_decref(gates);
    repository_commit(world, 1, platform_small, "shop", "registry.example/shop:1", NULL, NULL);
    expect_condition(world, CONDITION_CONVERGED);
    world_free(world);
}

/* --- options ------------------------------------------------------------------------------------
 */

Test(stray, an_engine_keeps_one_event_at_least)
{
    struct world_options options;
    world_options_default(&options);
    options.engine.events_kept = 0;
    struct world *world = world_new(&options);
    repository_commit(world, 1, platform_small, "shop", "registry.example/shop:1", NULL, NULL);
    expect_condition(world, CONDITION_CONVERGED);
    json_t *history = engine_history(world->engine);
    cr_expect_eq(json_array_size(json_object_get(history, "events")), 1);
    json_decref(history);
    world_free(world);
}

Test(stray, credentials_that_are_too_large_make_no_engine)
{
    char *large = malloc((size_t)2 << 20);
    cr_assert_not_null(large);
    memset(large, 'x', ((size_t)2 << 20) - 1);
    large[((size_t)2 << 20) - 1] = '\0';
    const struct compile_credential rows[] = {{.name = large, .digest = "d"},
                                              {.name = "n", .digest = large},
                                              {.name = "n", .digest = "d"}};
    for (size_t i = 0; i < 3; i++) {
        struct engine_options options = engine_options_default;
        options.credentials = &rows[i];
        options.credential_count = 1;
        struct engine *engine = engine_new(&options);
        cr_expect_eq(engine != NULL, i == 2);
        engine_free(engine);
    }
    free(large);
}
