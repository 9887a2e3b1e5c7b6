/* Operators' words in odd moments: each is answered, and what they do is written down. */
#include "config/base/json.h"
#include "tests/reconciler/engine/expect.h"

#include <criterion/criterion.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

TestSuite(orders, .timeout = 600);

static const char *say(struct world *world, const char *verb, const char *arguments, bool *ret_ok)
{
    const json_t *reply = world_command(world, verb, json_loads(arguments, 0, NULL), ret_ok);
    return json_text_or(json_object_get(reply, "message"), "no answer");
}

static void commit(struct world *world, int revision, const char *image)
{
    repository_commit(world, revision, platform_small, "shop", image, NULL, NULL);
}

Test(orders, before_the_first_look_there_is_nothing_to_order)
{
    struct world *world = repository_world();
    commit(world, 1, "registry.example/shop:1");
    bool ok = true;
    cr_expect_str_eq(
        say(world, "rollback", "{\"cell\": \"shop\", \"target\": \"development\"}", &ok),
        "there is no such rollout of shop");
    cr_expect(!ok);
    expect_condition(world, CONDITION_CONVERGED);
    world_free(world);
}

/* Somebody mends what held a write: sync tries it again at once. */
Test(orders, sync_looks_at_everything_now)
{
    struct world_options options;
    world_options_default(&options);
    options.engine.list_interval = (struct duration){MINUTES(60)};
    struct world *world = world_new(&options);
    commit(world, 1, "registry.example/shop:1");
    expect_condition(world, CONDITION_CONVERGED);
    world_run(world, MINUTES(5));
    json_t *patch = json_pack("{s:{s:s}}", "spec", "releaseName", "other");
    expect_changed(world, "releasebindings", "acme", "shop-api-a-development", patch);
    world_run(world, MINUTES(1));
    cr_expect(!world_published(world, "drift-found", "shop"), "nobody looked yet");
    bool ok = false;
    cr_expect_str_eq(say(world, "sync", "{}", &ok),
                     "looking at the repository and the live state now");
    cr_expect(ok);
    cr_expect(world->fetch, "the repository was not asked");
    world_run(world, MINUTES(1));
    cr_expect(world_published(world, "drift-found", "shop"));
    expect_condition(world, CONDITION_CONVERGED);
    world_free(world);
}

/* The permission to carry out one plan ends with the next word about suspension. */
Test(orders, suspending_again_takes_the_applied_plan_back)
{
    static const char *const words[] = {"suspend", "resume"};
    for (size_t i = 0; i < 2; i++) {
        struct world *world = repository_world();
        commit(world, 1, "registry.example/shop:1");
        expect_condition(world, CONDITION_CONVERGED);
        bool ok = false;
        say(world, "suspend", "{}", &ok);
        commit(world, 2, "registry.example/shop:2");
        world_run(world, 1000);
        json_t *plan = engine_plan(world->engine, NULL, world_now(world));
        world_command(world, "apply", json_pack("{s:O}", "hash", json_object_get(plan, "hash")),
                      &ok);
        json_decref(plan);
        cr_expect(ok);
        cr_expect(world_has_row(world, "applied"));
        say(world, words[i], "{}", &ok);
        cr_expect(ok);
        cr_expect(!world_has_row(world, "applied"));
        world_run(world, MINUTES(3));
        expect_runs(world, "shop-api-a", "development",
                    i == 0 ? "registry.example/shop:1" : "registry.example/shop:2");
        world_free(world);
    }
}

#define FRUGAL(cells_)                                                                             \
    PLATFORM_HEAD "  prune: {budget: \"1%\", minimum: 1}\n"                                        \
                  "  environments: [{name: development}]\n"                                        \
                  "  phases: [{name: all, cells: [" cells_ "]}]\n"

/* Who applies a plan has seen what it removes. */
Test(orders, applying_a_plan_allows_its_removals)
{
    struct world *world = repository_world();
    repository_commit(world, 1, FRUGAL("shop, billing"), "shop", "registry.example/shop:1", NULL,
                      "billing", "registry.example/billing:1", NULL, NULL);
    expect_condition(world, CONDITION_CONVERGED);
    repository_commit(world, 2, FRUGAL("shop"), "shop", "registry.example/shop:1", NULL, NULL);
    world_run(world, MINUTES(3));
    expect_condition(world, CONDITION_HELD);
    json_t *plan = engine_plan(world->engine, NULL, world_now(world));
    bool ok = false;
    world_command(world, "apply", json_pack("{s:O}", "hash", json_object_get(plan, "hash")), &ok);
    json_decref(plan);
    cr_expect(ok);
    world_run(world, MINUTES(10));
    json_t *project = platform_object(world->platform, "projects", "acme", "acme-billing");
    cr_expect_null(project);
    json_decref(project);
    expect_runs(world, "shop-api-a", "development", "registry.example/shop:1");
    expect_no_dangers(world);
    world_free(world);
}

/* --- one word for several components ------------------------------------------------------------
 */

#define WORKER(name_, image_, more_)                                                               \
    "    - {name: " name_ ", type: worker, image: \"registry.example/" image_ "\"" more_ "}\n"
#define CELL(components_)                                                                          \
    "raw:apiVersion: celld.dev/v1\nkind: Cell\nmetadata: {name: shop}\nspec:\n  "                  \
    "components:\n" components_

static void commit_cell(struct world *world, int revision, const char *cell)
{
    repository_commit(world, revision, platform_small, "shop", cell, NULL, NULL);
    world_run(world, 1000);
}

#define SHORT ", rollout: {progressDeadline: 30s}"
#define LONG ", rollout: {progressDeadline: 40m}"

/* Asked for all of them, the one under way answers, then one that is held, then one that has
 * something to go back to. */
Test(orders, the_component_that_it_means_most_to_answers)
{
    struct world *world = repository_world();
    platform_image_rule(world->platform, "*slow*", PLATFORM_IMAGE_SLOW, MINUTES(30));
    commit_cell(world, 1,
                CELL(WORKER("a", "a:1", "") WORKER("b", "b:1", "") WORKER("c", "c:1", SHORT)
                         WORKER("d", "d:1", LONG) WORKER("e", "e:1", "")));
    expect_condition(world, CONDITION_CONVERGED);
    bool ok = true;
    say(world, "rollback", "{\"cell\": \"shop\", \"target\": \"development\"}", &ok);
    cr_expect(!ok, "nobody has anything to go back to");
    commit_cell(world, 2,
                CELL(WORKER("a", "a:1", "") WORKER("b", "b:2", "") WORKER("c", "c:1", SHORT)
                         WORKER("d", "d:1", LONG) WORKER("e", "e:1", "")));
    expect_condition(world, CONDITION_CONVERGED);
    commit_cell(world, 3,
                CELL(WORKER("a", "a:1", "") WORKER("b", "b:2", "") WORKER("c", "broken:3", SHORT)
                         WORKER("d", "slow:3", LONG) WORKER("e", "e:1", "")));
    world_run(world, MINUTES(4));
    const char *answer =
        say(world, "rollout-pause", "{\"cell\": \"shop\", \"target\": \"development\"}", &ok);
    cr_expect(ok, "%s", answer);
    world_free(world);
}

Test(orders, components_that_git_dropped_take_no_orders)
{
    struct world *world = repository_world();
    commit_cell(world, 1, CELL(WORKER("a", "a:1", "") WORKER("b", "b:1", "")));
    expect_condition(world, CONDITION_CONVERGED);
    commit_cell(world, 2, CELL(WORKER("b", "b:2", "")));
    world_run(world, MINUTES(5));
    bool ok = false;
    const char *answer =
        say(world, "rollback", "{\"cell\": \"shop\", \"target\": \"development\"}", &ok);
    cr_expect(ok, "%s", answer);
    cr_expect_str_eq(say(world, "rollback",
                         "{\"cell\": \"shop\", \"target\": \"development\", \"component\": \"a\"}",
                         &ok),
                     "there is no such rollout of shop");
    world_run(world, MINUTES(3));
    expect_runs(world, "b", "development", "registry.example/b:1");
    world_free(world);
}

Test(orders, several_quarantines_are_lifted_at_once)
{
    struct world *world = repository_world();
    commit_cell(world, 1, CELL(WORKER("a", "a:1", SHORT) WORKER("b", "b:1", SHORT)));
    expect_condition(world, CONDITION_CONVERGED);
    commit_cell(world, 2, CELL(WORKER("a", "broken:2", SHORT) WORKER("b", "broken:3", SHORT)));
    expect_condition(world, CONDITION_HELD);
    bool ok = false;
    cr_expect_str_eq(say(world, "quarantine", "{\"clear\": true, \"cell\": \"shop\"}", &ok),
                     "2 lifted");
    cr_expect(ok);
    bool told = false;
    for (size_t i = 0; i < json_array_size(world->published); i++) {
        const json_t *event = json_array_get(world->published, i);
        told = told || strcmp(json_text_or(json_object_get(event, "message"), ""),
                              "2 quarantine entries lifted by ada") == 0;
    }
    cr_expect(told);
    world_free(world);
}

/* The socket knows who speaks; where it does not, the record says so. */
Test(orders, a_word_without_a_name_is_an_operators)
{
    struct world *world = repository_world();
    commit(world, 1, "registry.example/shop:1");
    expect_condition(world, CONDITION_CONVERGED);
    json_t *arguments = json_pack("{s:s}", "cell", "shop");
    struct engine_event event = {.kind = EVENT_COMMAND, .now = world_now(world)};
    event.as.command.id = 77;
    event.as.command.verb = "suspend";
    event.as.command.arguments = arguments;
    struct effect_list effects;
    effect_list_init(&effects);
    cr_assert_eq(engine_step(world->engine, &event, &effects), 0);
    bool told = false;
    for (size_t i = 0; i < effects.count; i++)
        told = told || (effects.items[i].kind == EFFECT_PUBLISH &&
                        strcmp(effects.items[i].as.publish.message,
                               "shop was suspended by an operator") == 0);
    cr_expect(told);
    effect_list_fini(&effects);
    json_decref(arguments);
    world_free(world);
}
