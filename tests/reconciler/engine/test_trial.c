/* Releases that are judged by what metrics say of them. */
#include "config/base/json.h"
#include "tests/reconciler/engine/traffic.h"

#include <criterion/criterion.h>

#include <stdlib.h>
#include <string.h>

TestSuite(trial, .timeout = 120);

#define CANARY                                                                                     \
    "{strategy: canary, steps: [{weight: 5, soak: 5m}, {weight: 20, soak: 3m}, {weight: 50, "      \
    "soak: 2m}], bake: 2m, progressDeadline: 5m, analysis: {provider: prometheus, metrics: "       \
    "[error-rate]}}"

static double number(const json_t *value, const char *a, const char *b)
{
    return json_number_value(json_at(value, a, b, NULL));
}

/* A good first release, with nothing to compare it with. */
static void begin(struct traffic *traffic, const char *policy)
{
    traffic_world(traffic);
    traffic_commit(traffic, 1, platform_small, "1", policy);
    expect_condition(traffic->world, CONDITION_CONVERGED);
    cr_assert_eq(traffic->windows, 0, "there was nothing to compare");
}

Test(trial, a_good_release_is_let_pass)
{
    struct traffic traffic = {.rate = 10, .base = 0.005};
    begin(&traffic, CANARY);
    traffic_commit(&traffic, 2, platform_small, "2", CANARY);
    expect_condition(traffic.world, CONDITION_CONVERGED);
    const json_t *baked = traffic_event(&traffic, "rollout-baked");
    const json_t *analysis = json_at(baked, "data", "analysis", NULL);
    cr_expect_str_eq(json_text_or(json_object_get(analysis, "verdict"), ""), "pass");
    cr_expect_gt(number(analysis, "requests", "canary"), 500);
    cr_expect_eq(
        json_is_true(json_object_get(traffic_rollout(&traffic, "development"), "unproven")), false);
    expect_runs(traffic.world, "shop-api-b", "development", "registry.example/shop:2");
    expect_no_dangers(traffic.world);
    expect_silence(traffic.world);
    traffic_free(&traffic);
}
