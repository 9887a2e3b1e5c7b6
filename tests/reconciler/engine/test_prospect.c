/* What a rollout would do and could prove, told before it begins. */
#include "config/base/json.h"
#include "tests/reconciler/engine/traffic.h"

#include <criterion/criterion.h>

#include <string.h>

TestSuite(prospect, .timeout = 180);

Test(prospect, what_can_be_proven_is_told_before)
{
    struct traffic traffic = {.rate = 10, .base = 0.005};
    traffic_begin(&traffic, TRAFFIC_CANARY, "2");
    expect_condition(traffic.world, CONDITION_CONVERGED);
    const struct instant now = world_now(traffic.world);
    json_t *plan =
        engine_rollout(traffic.world->engine, "shop", "shop-api", "development", 10, now);
    cr_assert_not_null(plan);
    cr_expect_str_eq(
        json_text_or(json_object_get(plan, "sentence"), ""),
        "at 5 % of 10 requests a second, 5 % of bad requests can be ruled out in 2m24s");
    const json_t *prospects = json_object_get(plan, "prospects");
    cr_expect_eq(json_array_size(prospects), 3);
    cr_expect(json_is_null(json_object_get(plan, "measured")));
    json_decref(plan);
    plan = engine_rollout(traffic.world->engine, "shop", "shop-api", "development", 0, now);
    const double rate = json_number_value(json_object_get(plan, "requests_per_second"));
    cr_expect(rate > 9 && rate < 11, "%g", rate);
    cr_expect(json_is_string(json_object_get(plan, "measured")));
    json_decref(plan);
    cr_expect_null(engine_rollout(traffic.world->engine, "shop", "nothing", "development", 0, now));
    traffic_free(&traffic);
}

static json_t *ask(const struct world *world, const char *component, double rate)
{
    return engine_rollout(world->engine, "shop", component, "development", rate, world_now(world));
}

static const char *text_of(const json_t *object, const char *key)
{
    return json_text_or(json_object_get(object, key), "");
}

Test(prospect, each_strategy_says_what_it_could_prove)
{
    static const struct {
        const char *policy, *strategy;
        bool analysis, settings;
        size_t prospects, steps;
        int64_t weight; /* of the first prospect */
    } rows[] = {
        {"{strategy: rolling}", "rolling", false, false, 0, 0, 0},
        {TRAFFIC_BLUE_GREEN, "blue-green", true, true, 1, 0, 100},
        {TRAFFIC_CANARY, "canary", true, true, 3, 3, 5},
        {"{strategy: canary, steps: [{weight: 0, soak: 1m}, {weight: 10, soak: 1m, analysis: "
         "false}, {weight: 20, soak: 1m, analysis: true}], analysis: {metrics: [error-rate]}}",
         "canary", true, true, 1, 3, 20},
        {"{strategy: canary, steps: [{weight: 10, soak: 1m}], analysis: {provider: workflow, "
         "workflow: {name: smoke}}}",
         "canary", true, false, 0, 1, 0},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct traffic traffic = {.rate = 10};
        traffic_world(&traffic);
        traffic_commit(&traffic, 1, platform_small, "1", rows[i].policy);
        expect_condition(traffic.world, CONDITION_CONVERGED);
        json_t *shown = ask(traffic.world, "shop-api", 10);
        cr_assert_not_null(shown);
        cr_expect_str_eq(text_of(shown, "strategy"), rows[i].strategy);
        cr_expect_eq(json_is_true(json_object_get(shown, "analysis")), rows[i].analysis, "%zu", i);
        cr_expect_eq(json_is_object(json_object_get(shown, "settings")), rows[i].settings, "%zu",
                     i);
        const json_t *prospects = json_object_get(shown, "prospects");
        cr_expect_eq(json_array_size(prospects), rows[i].prospects, "%zu", i);
        cr_expect_eq(json_array_size(json_object_get(shown, "steps")), rows[i].steps, "%zu", i);
        cr_expect_eq(json_integer_value(json_object_get(json_array_get(prospects, 0), "weight")),
                     rows[i].weight, "%zu", i);
        cr_expect_eq(json_is_string(json_object_get(shown, "sentence")), rows[i].prospects > 0);
        cr_expect(json_is_null(json_object_get(shown, "message")));
        cr_expect_eq(json_integer_value(json_object_get(shown, "attempts")), 3);
        json_decref(shown);
        traffic_free(&traffic);
    }
}

/* Without traffic nothing can be proven in any time, and a soak may be too short for what can. */
Test(prospect, the_sentence_says_when_the_soak_is_too_short)
{
    struct traffic traffic = {.rate = 10};
    traffic_world(&traffic);
    traffic_commit(&traffic, 1, platform_small, "1", TRAFFIC_CANARY);
    expect_condition(traffic.world, CONDITION_CONVERGED);
    json_t *shown = ask(traffic.world, "shop-api", 0.1);
    const char *sentence = text_of(shown, "sentence");
    cr_expect_not_null(strstr(sentence, ", which is longer than the step's soak"), "%s", sentence);
    json_decref(shown);
    static const double nothing[] = {0, -1, 1e12};
    for (size_t i = 0; i < 3; i++) {
        shown = ask(traffic.world, "shop-api", nothing[i]);
        cr_expect(json_is_null(json_object_get(shown, "requests_per_second")), "%zu", i);
        cr_expect(json_is_null(json_object_get(shown, "sentence")), "%zu", i);
        const json_t *rows =
            json_object_get(json_array_get(json_object_get(shown, "prospects"), 0), "rows");
        cr_expect(json_is_null(json_object_get(json_array_get(rows, 0), "ms")), "%zu", i);
        json_decref(shown);
    }
    traffic_free(&traffic);
}

Test(prospect, a_first_release_and_one_without_an_image_have_prospects_too)
{
    struct world *world = repository_world();
    repository_commit(world, 1, platform_small, "shop",
                      "raw:apiVersion: celld.dev/v1\nkind: Cell\nmetadata: {name: shop}\nspec:\n"
                      "  rollout: " TRAFFIC_CANARY "\n  components:\n    - name: shop-api\n"
                      "      type: service\n      build: {workflow: {name: image}}\n"
                      "      endpoints: [{name: http, type: http, port: 80, visibility: "
                      "[namespace]}]\n",
                      NULL, NULL);
    world_run(world, MINUTES(1));
    json_t *shown = ask(world, "shop-api", 10);
    cr_assert_not_null(shown);
    cr_expect(json_is_true(json_object_get(shown, "first")));
    cr_expect(json_is_null(json_object_get(shown, "to")));
    cr_expect(json_is_true(json_object_get(shown, "analysis")));
    cr_expect_str_eq(text_of(shown, "message"),
                     "there is no stable release yet: all traffic goes to the first one once it "
                     "is ready");
    json_decref(shown);
    /* One that git does not name any more has none. */
    repository_commit(world, 2, platform_small, "shop",
                      "raw:apiVersion: celld.dev/v1\nkind: Cell\nmetadata: {name: shop}\nspec:\n"
                      "  components:\n    - {name: other, type: worker, image: r.example/o:1}\n",
                      NULL, NULL);
    world_run(world, MINUTES(1));
    cr_expect_null(ask(world, "shop-api", 10));
    world_free(world);
}
