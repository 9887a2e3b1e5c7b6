/* Questions in any situation: they have an answer, change nothing, and survive the want of memory.
 */
#include "config/base/json.h"
#include "config/base/packed.h"
#include "tests/reconciler/engine/expect.h"
#include "tests/reconciler/engine/meddle.h"
#include "tests/reconciler/scarcity.h"

#include <criterion/criterion.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

TestSuite(questions, .timeout = 600);

static const char *const cells[] = {"shop", "billing", "nobody"};
static const char *const targets[] = {NULL,         "development",   "testing",
                                      "production", "production-eu", "mars"};
#define CELLS (sizeof cells / sizeof *cells)
#define TARGETS (sizeof targets / sizeof *targets)

/* One question by its number; owned, NULL also when there is no such thing. *ret_last = it was the
 * last one. */
static json_t *ask(const struct world *world, size_t number, bool *ret_last)
{
    const struct engine *engine = world->engine;
    const struct instant now = world_now(world);
    *ret_last = false;
    switch (number) {
    case 0:
        return engine_status(engine, now);
    case 1:
        return engine_plan(engine, NULL, now);
    case 2:
        return engine_quarantine(engine);
    case 3:
        return engine_history(engine);
    case 4:
        return engine_gates(engine);
    case 5:
        return engine_diff(engine, NULL);
    case 6:
        return packed_open(engine_event(engine, 1));
    case 7:
        return packed_open(engine_event(engine, UINT64_MAX));
    case 8:
        return world->set == NULL ? json_null() : engine_plan(engine, world->set, now);
    default:
        break;
    }
    number -= 9;
    if (number < CELLS)
        return engine_cell_status(engine, cells[number], now);
    number -= CELLS;
    if (number < CELLS)
        return engine_diff(engine, cells[number]);
    number -= CELLS;
    if (number < CELLS * TARGETS)
        return engine_render(engine, cells[number % CELLS], targets[number / CELLS]);
    number -= CELLS * TARGETS;
    if (number < CELLS) {
        const struct engine_rollouts_of of = {.cell = cells[number]};
        return engine_rollouts(engine, &of, now);
    }
    number -= CELLS;
    if (number < CELLS * TARGETS) {
        char component[32];
        snprintf(component, sizeof component, "%s-api", cells[number % CELLS]);
        const char *target = targets[number / CELLS];
        return engine_rollout(engine, cells[number % CELLS], component,
                              target == NULL ? "" : target, 10, now);
    }
    number -= CELLS * TARGETS;
    *ret_last = number + 1 >= CELLS * TARGETS;
    struct text text;
    text_init(&text, 4096);
    const int status =
        engine_why(engine, cells[number % CELLS], targets[number / CELLS], now, &text);
    json_t *answer = status == -ENOMEM ? NULL : json_string(text_get(&text));
    text_fini(&text);
    return answer;
}

/* All of them, twice: the same answers. With `scarce`, also while each of the first allocations,
 * and some of the later ones, fails. */
static void ask_all(const struct world *world, bool scarce)
{
    const uint64_t version = engine_version(world->engine);
    bool last = false;
    for (size_t number = 0; !last; number++) {
        json_t *first = ask(world, number, &last), *second = ask(world, number, &last);
        cr_expect((first == NULL && second == NULL) || json_equal(first, second), "question %zu",
                  number);
        json_decref(second);
        uint64_t failed = scarce;
        for (uint64_t spared = 0; failed > 0; spared += 1 + spared / 24) {
            scarcity_begin(spared, spared % 2 == 0);
            bool ignored = false;
            json_t *answer = ask(world, number, &ignored);
            failed = scarcity_end();
            json_decref(answer);
        }
        json_decref(first);
    }
    cr_expect_eq(engine_version(world->engine), version);
    char *differ = world_rows_differ(world);
    cr_expect_null(differ, "%s", differ);
    free(differ);
}

static void ask_while(struct world *world, int64_t ms, bool scarce)
{
    const int64_t until = world->now_ms + ms;
    for (uint64_t events = 0; world_step(world, until); events++) {
        if (events % 97 == 0)
            ask_all(world, false);
    }
    ask_all(world, scarce);
}

Test(questions, before_and_while_a_repository_is_read)
{
    struct world *world = repository_world();
    ask_all(world, true);
    world_repository_failed(world, "Unreachable");
    ask_all(world, true);
    repository_commit(world, 1, "nonsense: true\n", "shop", "raw:nonsense", NULL, NULL);
    ask_while(world, 1000, true);
    repository_commit(world, 2, platform_small, "shop", "raw:nonsense", NULL, NULL);
    ask_while(world, MINUTES(1), true);
    repository_commit(world, 3, platform_small, "shop", "registry.example/shop:1", NULL, NULL);
    ask_while(world, MINUTES(3), true);
    world_free(world);
}

Test(questions, while_two_cells_go_through_three_environments)
{
    struct world *world = repository_world();
    repository_commit(world, 1, platform_large, "billing", "registry.example/billing:1", NULL,
                      "shop", "registry.example/shop:1", NULL, NULL);
    ask_while(world, MINUTES(3), false);
    ask_while(world, MINUTES(5), true);
    bool ok = false;
    world_command(world, "approve", json_pack("{s:b}", "all", 1), &ok);
    ask_while(world, MINUTES(5), false);
    world_command(world, "approve", json_pack("{s:b}", "all", 1), &ok);
    ask_while(world, MINUTES(5), false);
    repository_commit(world, 2, platform_large, "billing", "registry.example/billing:2", NULL,
                      "shop", "registry.example/broken:2", "  rollout: {progressDeadline: 30s}\n",
                      NULL);
    ask_while(world, MINUTES(6), true);
    repository_commit(world, 3, platform_large, "billing", "raw:nonsense", NULL, NULL);
    ask_while(world, MINUTES(4), true);
    world_command(world, "suspend", json_object(), &ok);
    repository_commit(world, 4, platform_large, "billing", "registry.example/billing:4", NULL,
                      "shop", "registry.example/shop:4", NULL, NULL);
    ask_while(world, MINUTES(2), true);
    world_command(world, "resume", json_object(), &ok);
    ask_while(world, MINUTES(8), false);
    expect_no_dangers(world);
    world_free(world);
}

/* The control plane does not let celld look, or shows things that are not as they were written. */
Test(questions, while_the_control_plane_is_difficult)
{
    static const struct {
        const char *what;
        struct meddling items[3];
    } cases[] = {
        {"no list of projects", {{"LIST", "/projects", 0, 1000, ANSWER_RECEIVED, 403, NULL, true}}},
        {"no project is made", {{"POST", "/projects", 0, 1000, ANSWER_RECEIVED, 403, "{}", true}}},
        {"projects are refused",
         {{"POST", "/projects", 0, 1000, ANSWER_RECEIVED, 422, "{}", true}}},
        {"components are refused",
         {{"POST", "/components", 0, 1000, ANSWER_RECEIVED, 422, "{}", true}}},
        {"environments are refused",
         {{"POST", "/environments", 0, 1000, ANSWER_RECEIVED, 400, "{}", true}}},
        {"no release is generated",
         {{"POST", "generate-release", 0, 1000, ANSWER_RECEIVED, 500, "{}", true}}},
        {"bindings are refused",
         {{"POST", "/releasebindings", 0, 1000, ANSWER_RECEIVED, 422, "{}", true}}},
        {"project bindings are refused",
         {{"POST", "/projectreleasebindings", 0, 1000, ANSWER_RECEIVED, 422, "{}", true}}},
        {"trees cannot be read", {{"GET", "/tree", 0, 1000, ANSWER_RECEIVED, 500, "{}", true}}},
        {"the answers are lost", {{"POST", "", 0, 1000, ANSWER_UNKNOWN, 0, NULL, true}}},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct meddler meddler;
        struct world *world = meddle_world(&meddler, cases[i].items);
        repository_commit(world, 1, platform_small, "shop", "registry.example/shop:1", NULL, NULL);
        ask_while(world, MINUTES(3), true);
        cr_expect_gt(meddler.replaced, 0, "%s", cases[i].what);
        cr_expect_neq(engine_condition(world->engine), CONDITION_CONVERGED, "%s", cases[i].what);
        expect_no_dangers(world);
        meddler.items[0].times = 0;
        cr_expect(world_run_until(world, CONDITION_CONVERGED, MINUTES(60)), "%s", cases[i].what);
        world_free(world);
    }
}
