/* What a rollout would do and could prove, told before it begins. */
#include "config/base/json.h"
#include "tests/reconciler/engine/traffic.h"

#include <criterion/criterion.h>

#include <string.h>

TestSuite(prospect, .timeout = 600);

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

/* While windows are counted their own rate is told, and when the last of them ended. */
Test(prospect, what_is_being_measured_is_told_as_it_is)
{
    struct traffic traffic = {.rate = 10, .base = 0.005};
    traffic_begin(&traffic, TRAFFIC_CANARY, "2");
    struct world *world = traffic.world;
    traffic_until(&traffic, "development", "step", MINUTES(10));
    world_run(world, MINUTES(2));
    json_t *shown = ask(world, "shop-api", 0);
    const double rate = json_number_value(json_object_get(shown, "requests_per_second"));
    cr_expect(rate > 9 && rate < 11, "%g", rate);
    cr_expect(json_is_string(json_object_get(shown, "measured")));
    cr_expect_str_eq(json_text_or(json_at(shown, "rollout", "state", NULL), ""), "step");
    json_decref(shown);
    traffic_free(&traffic);
}

/* What was measured on one target says nothing of another. */
Test(prospect, the_rate_of_another_target_is_not_taken)
{
    static const char two[] =
        PLATFORM_HEAD "  environments: [{name: development}, {name: testing}]\n"
                      "  phases: [{name: first, cells: [shop]}]\n";
    struct traffic traffic = {.rate = 10, .base = 0.005};
    struct world *world = traffic_world(&traffic);
    traffic_commit(&traffic, 1, two, "1", TRAFFIC_CANARY);
    expect_condition(world, CONDITION_CONVERGED);
    traffic_commit(&traffic, 2, two, "2", TRAFFIC_CANARY);
    while (!world_published(world, "rollout-promoted", "shop") ||
           json_is_null(json_object_get(traffic_rollout(&traffic, "development"), "outcome")))
        cr_assert(world_step(world, MINUTES(60)));
    json_t *here =
        engine_rollout(world->engine, "shop", "shop-api", "development", 0, world_now(world));
    json_t *there =
        engine_rollout(world->engine, "shop", "shop-api", "testing", 0, world_now(world));
    cr_expect(json_is_null(json_object_get(there, "requests_per_second")));
    cr_expect(json_is_null(json_object_get(there, "measured")));
    json_decref(here);
    json_decref(there);
    expect_condition(world, CONDITION_CONVERGED);
    here = engine_rollout(world->engine, "shop", "shop-api", "development", 0, world_now(world));
    cr_expect_gt(json_number_value(json_object_get(here, "requests_per_second")), 9);
    json_decref(here);
    traffic_free(&traffic);
}

/* An event of the journal whose time cannot be read: the number counts, the time is not known. */
Test(prospect, a_rate_of_an_unknown_time_is_told_without_one)
{
    struct traffic traffic = {.rate = 10, .base = 0.005};
    traffic_begin(&traffic, TRAFFIC_CANARY, "2");
    struct world *world = traffic.world;
    expect_condition(world, CONDITION_CONVERGED);
    unsigned spoiled = 0;
    for (size_t i = 0; i < world->row_count; i++) {
        if (strncmp(world->rows[i].key, "event/", 6) == 0)
            spoiled += json_object_set_new(world->rows[i].value, "time", json_string("?")) == 0;
    }
    cr_assert_gt(spoiled, 0);
    world_kill(world);
    world_run(world, MINUTES(1));
    json_t *shown = ask(world, "shop-api", 0);
    cr_expect_gt(json_number_value(json_object_get(shown, "requests_per_second")), 9);
    cr_expect(json_is_null(json_object_get(shown, "measured")));
    json_decref(shown);
    traffic_free(&traffic);
}

/* A limit of its own that the manifest gives a metric is told beside the usual one. */
Test(prospect, the_limits_of_each_metric_are_told)
{
    struct traffic traffic = {.rate = 10};
    struct world *world = traffic_world(&traffic);
    traffic_commit(&traffic, 1, platform_small, "1",
                   TRAFFIC_CANARY_WITH("metrics: [{name: error-rate, threshold: \"0.05\"}]"));
    expect_condition(world, CONDITION_CONVERGED);
    json_t *shown = ask(world, "shop-api", 10);
    const json_t *metric = json_array_get(json_object_get(shown, "metrics"), 0);
    cr_expect_str_eq(text_of(metric, "name"), "error-rate");
    cr_expect_eq(json_number_value(json_object_get(metric, "guard")), 0.05);
    cr_expect_gt(json_number_value(json_object_get(metric, "bad_limit")), 0);
    json_decref(shown);
    traffic_free(&traffic);
}
